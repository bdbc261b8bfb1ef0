"""nmn new: what it writes passes its own tests at once, and bad names and places are refused in one line."""

import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

KINDS = ("module", "domain", "dataset", "parser")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One package of each kind, written by the command, in a folder of their own."""
    from nmn import cli

    folder = tmp_path_factory.mktemp("new")
    for kind in KINDS:
        sys_argv, sys.argv = sys.argv, ["nmn", "new", kind, f"my_{kind}", "--into", str(folder)]
        try:
            assert cli._status() == 0
        finally:
            sys.argv = sys_argv
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_package_passes_its_own_tests_at_once(written: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, since starting another takes longer than all that it would run."""
    monkeypatch.syspath_prepend(written / f"my_{kind}")
    path = written / f"my_{kind}" / "tests" / f"test_my_{kind}.py"
    spec = spec_from_file_location(f"written_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    tests = module_from_spec(spec)
    spec.loader.exec_module(tests)
    names = [name for name in dir(tests) if name.startswith("test_")]
    assert len(names) == 2
    for name in names:
        getattr(tests, name)()


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_has_what_a_package_needs(written: Path, kind: str) -> None:
    folder = written / f"my_{kind}"
    assert {"README.md", "pyproject.toml", f"nmn_my_{kind}/__init__.py", f"tests/test_my_{kind}.py"} <= {
        path.relative_to(folder).as_posix() for path in folder.rglob("*")
    }
    left = [path for path in folder.rglob("*") if path.is_file() and "$" in path.read_text(encoding="utf-8")]
    assert not [path for path in left if path.suffix != ".pyc"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_package_is_linted_as_ours_are(written: Path, kind: str) -> None:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--line-length", "120", "--select", "E,F,B", "."]
    done = subprocess.run(command, cwd=written / f"my_{kind}", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_a_folder_that_is_there_is_left_alone(nmn: Any, tmp_path: Path) -> None:
    (tmp_path / "darker").mkdir()
    nmn("new", "module", "darker", "--into", tmp_path).refused("is there already")
    assert not list((tmp_path / "darker").iterdir())
    nmn("new", "module", "darker", "--into", tmp_path / "nowhere").refused("is no folder")


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("module", "filter", "already, in nmn.modules.filter"),
        ("domain", "clevr", "a domain 'clevr' already"),
        ("module", "MyModule", "did you mean 'my_module'"),
        ("parser", "two-words", "did you mean 'two_words'"),
        ("dataset", "class", "no word of Python's"),
        ("dataset", "../away", "did you mean 'away'"),
        ("parser", "1st", "did you mean 'st'"),
        ("parser", "x" * 41, "at most 40 characters"),
        ("domain", "", "is no name"),
    ],
)
def test_a_bad_name_is_refused(nmn: Any, tmp_path: Path, kind: str, name: str, message: str) -> None:
    nmn("new", kind, name, "--into", tmp_path).refused(message)
    assert not list(tmp_path.iterdir())


def test_help_teaches(nmn: Any) -> None:
    shown = nmn("new", "--help").out
    for word in (*KINDS, "pip install --editable", "pytest"):
        assert word in shown
