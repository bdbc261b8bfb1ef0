"""The command line in this process, as if typed in the repository's root."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


def no_such_number(name: str) -> NoReturn:
    raise AssertionError(f"{name} is not JSON")


@dataclass(frozen=True)
class Done:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """Standard output as one JSON value, without NaN or infinity."""
        return json.loads(self.out, parse_constant=no_such_number)

    def refused(self, *words: str, code: int = 2, lines: int = 1) -> None:
        """It was refused in so many lines that hold some words, and nothing else was printed."""
        shown = self.err.splitlines()
        assert self.code == code, (self.code, self.out, self.err)
        assert len(shown) == lines, self.err
        assert shown[0].startswith("nmn: ")
        assert "Traceback" not in self.err
        assert all(line.isprintable() for line in shown)
        assert not self.out.strip()
        for word in words:
            assert word in self.err


Command = Callable[..., Done]


@pytest.fixture
def nmn(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Command:
    """Runs a command line and gives what it left."""
    from nmn import cli

    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["nmn", *map(str, arguments)])
        capsys.readouterr()
        code = cli._status()
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return call


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, Any], Path]:
    """Writes a file of text, bytes or JSON and gives its path."""

    def call(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return call
