"""The transcript of docs/guides/your-own.md, typed again in a fresh environment that reaches no network."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "guides" / "your-own.md"

pytestmark = pytest.mark.slow


def steps() -> list[tuple[str, list[str]]]:
    """Each command of the transcript with the lines that it prints; a heredoc is part of its command."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"```console\n(.*?)```", GUIDE.read_text(encoding="utf-8"), flags=re.DOTALL):
        lines = iter(block.splitlines())
        for line in lines:
            if not line.startswith("$ "):
                found[-1][1].append(line)
                continue
            command = [line.removeprefix("$ ")]
            if "<<'EOF'" in line:
                while command[-1] != "EOF":
                    command.append(next(lines))
            found.append(("\n".join(command), []))
    return found


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables under which commands are those of a new environment: nmn's wheel, and what it depends on from here."""
    folder = tmp_path_factory.mktemp("environment")
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "runs")
    shutil.copytree(ROOT, folder / "checkout", symlinks=True, ignore=left_out)
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PIP"))}
    variables |= {"PIP_NO_INDEX": "1", "HF_HUB_OFFLINE": "1", "COLUMNS": "120"}
    build = (sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, folder / "checkout")
    subprocess.run(build, cwd=folder, env=variables, capture_output=True, check=True)
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", folder / "venv"), check=True)
    place = folder / "venv" / "bin"
    (site,) = (folder / "venv" / "lib").glob("python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib"), encoding="utf-8")
    for tool in ("pip", "pytest"):
        script = place / tool
        script.write_text(f'#!/bin/sh\nexec "{place / "python"}" -m {tool} "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    (wheel,) = folder.glob("*.whl")
    install = (place / "pip", "install", "--quiet", "--no-deps", wheel)
    subprocess.run(install, env=variables, capture_output=True, check=True)
    return {**variables, "PATH": f"{place}{os.pathsep}{variables['PATH']}"}


def test_the_transcript_is_what_happens(environment: dict[str, str], tmp_path: Path) -> None:
    shutil.copy(ROOT / "demo" / "samples" / "CLEVR_val_000142.jpg", tmp_path / "photo.jpg")
    folder = tmp_path
    assert len(steps()) > 8
    for command, expected in steps():
        if command.startswith("cd "):
            folder = folder / command.removeprefix("cd ")
            continue
        done = subprocess.run(
            ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        shown = done.stdout + done.stderr
        refused = any(line.startswith("nmn: ") for line in expected)
        assert done.returncode == (2 if refused else 0), f"$ {command}\n{shown}"
        for line in expected:
            pattern = re.escape(line.rstrip()).replace(r"\.\.\.", ".*")
            assert re.search(rf"^{pattern}\s*$", shown, flags=re.MULTILINE), f"$ {command}\n{shown}\nlacks {line!r}"
