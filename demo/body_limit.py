"""Body limit: requests that are too large are refused before anybody reads them whole."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from nmn.demo.gallery import LARGEST_UPLOAD

LARGEST_BODY = LARGEST_UPLOAD * 4 // 3 + 100_000  # bytes: an upload in base64, and a little around it

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class _TooLarge(Exception):
    """More has come than is allowed."""


class BodyLimit:
    """ASGI middleware that answers 413 to a body of more than so many bytes, whether or not its header says so.

    Args:
        app: What answers the others.
        largest: In bytes.
    """

    def __init__(self, app: Callable[..., Awaitable[None]], largest: int = LARGEST_BODY) -> None:
        self.app = app
        self.largest = largest

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        declared = dict(scope.get("headers") or []).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self.largest:
            await _refuse(send)
            return
        seen, answered = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.largest:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal answered
            answered = True
            await send(message)

        try:
            await self.app(scope, counted, noted)
        except _TooLarge:
            if not answered:
                await _refuse(send)


async def _refuse(send: Send) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": b"the request is too large"})
