"""A workbench over the sample images, and, for browsers, the page as `nmn demo` serves it."""

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from nmn.demo.workbench import Workbench

STARTS_WITHIN = 400  # s, on a busy machine

# Runs the command line with every address noted that it connects to.
WATCHED = """
import socket, sys
connect, notes = socket.socket.connect, open(sys.argv[1], "a", buffering=1)
def watched(self, address):
    notes.write(f"{address[0] if isinstance(address, tuple) else address}\\n")
    return connect(self, address)
socket.socket.connect = watched
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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[Served]:
    """`nmn demo`, in a process of its own."""
    if find_spec("gradio") is None:
        pytest.skip("needs the extra 'demo': pip install 'nmn-engine[demo]'")
    folder = tmp_path_factory.mktemp("served")
    port = free_port()
    command = [sys.executable, "-P", "-c", WATCHED, str(folder / "connections"), "--port", str(port)]
    environment = {**os.environ, "PYTHONSAFEPATH": "1", "PYTHONWARNINGS": "ignore"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/", process, folder / "log")
            yield Served(f"http://127.0.0.1:{port}/", port, folder / "connections")
        finally:
            process.terminate()
            process.wait(20)


def wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise AssertionError(log.read_text())
