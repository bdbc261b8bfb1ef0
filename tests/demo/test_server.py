"""The page's server: it listens here alone, gives away no file, and stands many requests and large ones."""

import http.client
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from nmn.demo.body_limit import LARGEST_BODY

pytestmark = pytest.mark.browser

LISTENING = "0A"  # in /proc/net/tcp


def get(port: int, path: str) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()


def call(port: int, component: int, function: str, data: Any) -> tuple[int, Any]:
    """Call one of the page's functions as a browser does."""
    body = json.dumps({"component_id": component, "fn_name": function, "session_hash": "test", "data": data})
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("POST", "/gradio_api/component_server", body, {"content-type": "application/json"})
        response = connection.getresponse()
        text = response.read()
    return response.status, json.loads(text) if response.status == 200 else text


@pytest.fixture(scope="module")
def component(served: Any) -> int:
    """Number of the part of the page that has the functions."""
    config = json.loads(get(served.port, "/config")[1])
    return next(int(each["id"]) for each in config["components"] if each["props"].get("elem_id") == "workbench")


def test_it_listens_on_this_machine_alone(served: Any) -> None:
    table = Path("/proc/net/tcp")
    if not table.exists():
        pytest.skip("needs /proc/net/tcp")
    rows = [line.split() for line in table.read_text().splitlines()[1:]]
    places = {
        row[1].split(":")[0] for row in rows if row[3] == LISTENING and int(row[1].split(":")[1], 16) == served.port
    }
    assert places == {f"{int.from_bytes(socket.inet_aton('127.0.0.1'), 'little'):08X}"}


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=../../../../etc/passwd",
        "/gradio_api/file=pyproject.toml",
        "/file=/etc/passwd",
        "/static/../../../../etc/passwd",
        "/assets/..%2f..%2f..%2fetc/passwd",
        "/gradio_api/file=%2fetc%2fpasswd",
        "/theme.css/../../etc/passwd",
    ],
)
def test_no_file_is_given_away(served: Any, path: str) -> None:
    status, body = get(served.port, path)
    assert status >= 400 or b"<!doctype html>" in body[:200].lower()
    assert b"root:" not in body
    assert b"[build-system]" not in body


@pytest.mark.parametrize("path", ["upload", "run/predict", "queue/join", "process_recording", "vibe-edit", "cancel"])
def test_nothing_but_the_page_can_be_used(served: Any, path: str) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)) as connection:
        connection.request("POST", f"/gradio_api/{path}", b"{}", {"content-type": "application/json"})
        assert connection.getresponse().status == 404


@pytest.mark.parametrize("path", ["proxy=https://example.org/", "deep_link", "info", "openapi.json", "runs"])
def test_it_fetches_and_tells_nothing_else(served: Any, path: str) -> None:
    assert get(served.port, f"/gradio_api/{path}")[0] == 404


def test_too_large_a_request_is_refused_unread(served: Any) -> None:
    with socket.create_connection(("127.0.0.1", served.port), timeout=30) as connection:
        head = f"POST /gradio_api/component_server HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n"
        connection.sendall(head.encode())
        assert b" 413 " in connection.recv(200)


def test_fifty_requests_at_once(served: Any, component: int) -> None:
    asked = {"image": "CLEVR_val_000042", "question": "How many spheres are there?"}
    with ThreadPoolExecutor(50) as pool:
        replies = list(pool.map(lambda _: call(served.port, component, "ask", asked), range(50)))
    assert {status for status, _ in replies} == {200}
    assert len({reply["answer"] for _, reply in replies}) == 1


@pytest.mark.parametrize("sent", [None, [], 3, "x", {"image": {"a": []}}, {"image": "x" * 10_000}, {"beside": {}}])
def test_nothing_that_is_sent_breaks_it(served: Any, component: int, sent: Any) -> None:
    for function in ("ask", "check", "menu", "upload", "download"):
        status, reply = call(served.port, component, function, sent)
        assert status == 200, reply
        assert reply["error"]["message"]


def test_only_the_pages_own_functions_can_be_called(served: Any, component: int) -> None:
    for function in ("__init__", "postprocess", "get_config", "nothing"):
        assert call(served.port, component, function, {})[0] == 404
