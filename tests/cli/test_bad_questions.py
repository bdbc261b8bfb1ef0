"""Questions that no parser reads, on the command line: one clear line and exit code 2, whatever they hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

BAD = {
    "spaces": ("   ", "the question is empty"),
    "control characters": ("How many \x1b[31m\a cubes are there?", "U+001B"),
    "right-to-left": ("How many \u202ecubes are there?", "RIGHT-TO-LEFT OVERRIDE"),
    "lone surrogate": ("How many \udcff cubes are there?", "U+DCFF"),
    "mixed scripts": ("How \u043cany cubes are there?", "CYRILLIC SMALL LETTER EM"),
    "many clauses": (
        "How many cubes are left of the cube" + " that is left of the cube" * 10_000,
        "at most 10,000 are read",
    ),
    "a megabyte": ("How many cubes are there? " * 40_000, "at most 10,000 are read"),
}


@pytest.mark.parametrize(("text", "message"), BAD.values(), ids=BAD)
@pytest.mark.parametrize("command", [("parse",), ("ask", "demo/samples/CLEVR_val_000000.jpg")], ids=["parse", "ask"])
def test_a_bad_question_is_refused(nmn: Callable[..., Any], command: tuple[str, ...], text: str, message: str) -> None:
    done = nmn(*command, text)
    done.refused(message, lines=len(done.err.splitlines()))
    assert len(done.err.splitlines()) in (1, 3)
    assert len(done.err) < 1000
    done.err.encode()


def test_bad_questions_of_a_file_are_refused_one_by_one(
    nmn: Callable[..., Any], write: Callable[[str, Any], Path], tmp_path: Path
) -> None:
    texts = [*(text for text, _ in BAD.values() if text.strip()), "How many cubes are there?", "\0"]
    file = write("questions.json", {"questions": [{"question": text, "image_index": 0} for text in texts]})
    done = nmn("parse", file, "--output", tmp_path / "programs.json", "--json")
    assert done.code == 1
    assert done.json() == {"questions": len(texts), "parsed": 1, "refused": [*range(len(texts) - 2), len(texts) - 1]}
