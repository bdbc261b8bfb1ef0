"""Doors: what the page needs can be reached; nothing else that gradio's server offers can."""

import asyncio
from typing import Any

import pytest

from nmn.demo.doors import Doors


def status(path: str, *, root: str = "", kind: str = "http") -> int:
    """The status of the answer: 200 from behind the door."""
    sent: list[dict[str, Any]] = []

    async def page(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def receive() -> dict[str, Any]:
        raise AssertionError("what is behind no door is not read")

    async def send(message: Any) -> None:
        sent.append(dict(message))

    asyncio.run(Doors(page)({"type": kind, "path": path, "root_path": root}, receive, send))
    return int(sent[0].get("status", 0))


@pytest.mark.parametrize(
    "path",
    ["/", "/config", "/assets/index.js", "/theme.css", "/gradio_api/component_server/", "/gradio_api/startup-events"],
)
def test_what_the_page_needs_can_be_reached(path: str) -> None:
    assert status(path) == 200
    assert status(f"/here{path}", root="/here") == 200


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/upload",
        "/gradio_api/proxy=https://example.org/x",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/deep_link",
        "/gradio_api/run/predict",
        "/gradio_api/queue/join",
        "/gradio_api/vibe-edit",
        "/gradio_api/runs",
        "/monitoring",
        "/login",
        "/static/../gradio_api/upload",
        "/assets/../config",
        "//gradio_api/upload",
        "/configuration",
    ],
)
def test_nothing_else_can(path: str) -> None:
    assert status(path) == 404


def test_there_are_no_sockets() -> None:
    assert status("/gradio_api/queue/join", kind="websocket") == 0
