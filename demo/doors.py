"""Doors: of all that gradio's server offers, what the page needs can be reached, and nothing else.

It would also take files, fetch other servers' pages, and keep records of runs.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from nmn.demo.body_limit import Receive, Send

OPEN = (
    "/",
    "/config",
    "/theme.css",
    "/favicon.ico",
    "/manifest.json",
    "/robots.txt",
    "/gradio_api/theme.css",
    "/gradio_api/component_server",
    "/gradio_api/startup-events",
    "/gradio_api/app_id",
)
"""Paths that can be asked for, with a slash behind them or without."""

OPEN_FOLDERS = ("/assets/", "/static/", "/svelte/", "/pwa_icon/", "/gradio_api/heartbeat/")
"""Beginnings of paths that can be asked for."""


class Doors:
    """ASGI middleware that answers 404 to every path that the page does not need.

    Args:
        app: What answers the others.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and _is_open(_path(scope))):
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"there is nothing here"})
        else:
            await send({"type": "websocket.close", "code": 1000})


def _path(scope: MutableMapping[str, Any]) -> str:
    return str(scope.get("path", "")).removeprefix(str(scope.get("root_path") or "").rstrip("/"))


def _is_open(path: str) -> bool:
    return (path.rstrip("/") or "/") in OPEN or (path.startswith(OPEN_FOLDERS) and ".." not in path)
