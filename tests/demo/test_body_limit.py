"""Body limit: too large a request is refused whether or not it says how large it is."""

import asyncio
from typing import Any

import pytest

from nmn.demo.body_limit import BodyLimit


def status(chunks: list[bytes], headers: list[tuple[bytes, bytes]], largest: int = 100) -> tuple[int, int]:
    """The status of the answer, and how many bytes the page has read."""
    read = 0

    async def page(scope: Any, receive: Any, send: Any) -> None:
        nonlocal read
        more = True
        while more:
            message = await receive()
            read += len(message["body"])
            more = message["more_body"]
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sent: list[dict[str, Any]] = []
    left = list(chunks)

    async def receive() -> dict[str, Any]:
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(BodyLimit(page, largest)({"type": "http", "headers": headers}, receive, send))
    assert [each["type"] for each in sent] == ["http.response.start", "http.response.body"]
    return int(sent[0]["status"]), read


def test_small_bodies_pass() -> None:
    assert status([b"a" * 60, b"b" * 40], [(b"content-length", b"100")]) == (200, 100)


def test_large_bodies_are_refused_unread() -> None:
    assert status([b"a" * 101], [(b"content-length", b"101")]) == (413, 0)


def test_bodies_that_lie_about_their_length_are_cut_off() -> None:
    assert status([b"a" * 60] * 1000, [(b"content-length", b"60")]) == (413, 60)


def test_bodies_of_no_stated_length_are_cut_off() -> None:
    assert status([b"a" * 60] * 1000, []) == (413, 60)


@pytest.mark.parametrize("length", [b"-1", b"many", b"1e9", b""])
def test_lengths_that_are_no_numbers_are_refused(length: bytes) -> None:
    assert status([b"a"], [(b"content-length", length)]) == (413, 0)
