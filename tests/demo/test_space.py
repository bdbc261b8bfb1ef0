"""The folder as a Hugging Face Space: copied elsewhere, its app serves the page."""

import os
import shutil
import subprocess
import sys
import urllib.request
from importlib.util import find_spec
from pathlib import Path

import pytest
from serving import free_port, wait_for

pytestmark = pytest.mark.slow


def test_a_copy_of_the_folder_serves_the_page(root: Path, tmp_path: Path) -> None:
    if find_spec("gradio") is None:
        pytest.skip("needs the extra 'demo': pip install 'nmn-engine[demo]'")
    space = tmp_path / "space"
    shutil.copytree(root / "demo", space)
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"},
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "SPACE_ID": "somebody/nmn",
    }
    with (tmp_path / "log").open("w") as log:
        command = [sys.executable, "app.py"]
        process = subprocess.Popen(command, cwd=space, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/", process, tmp_path / "log")
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/config", timeout=60) as answer:
                assert b"wb-start" in answer.read()
        finally:
            process.terminate()
            process.wait(20)
