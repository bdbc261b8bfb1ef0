"""A workbench over the sample images, and, for browsers, the page as `nmn demo` serves it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from serving import free_port, wait_for
from watched_page import Watched, answered

from nmn.demo.workbench import Workbench

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)

# Runs the command line with every address noted that it connects to, and every name that it looks up.
WATCHED = """
import socket, sys
notes = open(sys.argv[1], "a", buffering=1)
class Watched(socket.socket):
    def connect(self, address):
        noted(address)
        return super().connect(address)
    def connect_ex(self, address):
        noted(address)
        return super().connect_ex(address)
    def sendto(self, *arguments):
        noted(arguments[-1])
        return super().sendto(*arguments)
def noted(address):
    if address:
        notes.write(f"{address[0] if isinstance(address, tuple) else address}\\n")
def looked_up(host, *arguments, find=socket.getaddrinfo, **named):
    noted(host)
    return find(host, *arguments, **named)
socket.socket, socket.getaddrinfo = Watched, looked_up
sys.argv = ["nmn", "demo", *sys.argv[2:]]
from nmn.cli import main
main()
"""


@pytest.fixture(scope="session")
def workbench() -> Workbench:
    return Workbench.ready()


@dataclass(frozen=True)
class Served:
    """A page that is being served.

    Attributes:
        address: Where.
        port: Its port.
        connections: File of the addresses that the server has connected to.
    """

    address: str
    port: int
    connections: Path


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Served]:
    """`nmn demo`, in a process of its own."""
    if find_spec("gradio") is None:
        pytest.skip("needs the extra 'demo': pip install 'nmn-engine[demo]'")
    folder = tmp_path_factory.mktemp("served")
    port = free_port()
    command = [sys.executable, "-P", "-c", WATCHED, str(folder / "connections"), "--port", str(port)]
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore", "PYTHONFAULTHANDLER": "1"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/", process, folder / "log")
            yield Served(f"http://127.0.0.1:{port}/", port, folder / "connections")
        finally:
            process.terminate()
            process.wait(20)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    if CHROMIUM is None:
        pytest.skip("needs a browser: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright: make setup installs it")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any, served: Any, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """The page, up and answered; it must not complain, nor ask for anything elsewhere."""
    options = {"viewport": {"width": 1440, "height": 1000}, "accept_downloads": True, **getattr(request, "param", {})}
    context = chromium.new_context(**options)
    watched = Watched.of(context.new_page())
    watched.page.goto(served.address)
    answered(watched.page)
    yield watched
    assert not watched.problems
    context.close()
