"""nmn ask --html: one file, or one line that says why not."""

import sys
from pathlib import Path

import pytest

from nmn import cli

SAMPLE = "demo/samples/CLEVR_val_000000.jpg"


def ask(monkeypatch: pytest.MonkeyPatch, root: Path, *arguments: object) -> int:
    monkeypatch.chdir(root)
    monkeypatch.setattr(sys, "argv", ["nmn", "ask", SAMPLE, *map(str, arguments)])
    return cli._status()


def test_a_page_is_written_beside_the_answer(
    monkeypatch: pytest.MonkeyPatch, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.html"
    assert ask(monkeypatch, root, "How many cubes are there?", "--html", page) == 0
    assert capsys.readouterr().out.startswith("How many cubes are there?\n1  confidence")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert [each.name for each in tmp_path.iterdir()] == ["page.html"]


@pytest.mark.parametrize(("target", "words"), [("missing/page.html", "there is no folder"), (".", "is a folder")])
def test_a_page_that_cannot_be_written_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
    root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    target: str,
    words: str,
) -> None:
    assert ask(monkeypatch, root, "How many cubes are there?", "--html", tmp_path / target) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert words in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_file_of_questions_is_refused(
    monkeypatch: pytest.MonkeyPatch, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "questions.txt"
    questions.write_text("How many cubes are there?\n", encoding="utf-8")
    assert ask(monkeypatch, root, questions, "--html", tmp_path / "page.html") == 2
    assert "one question" in capsys.readouterr().err
