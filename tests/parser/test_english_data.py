"""English questions of real files: each gives the program that the file gives."""

import json
from pathlib import Path
from typing import Any

import pytest

from nmn.domain import Domain
from nmn.parser.clevr import import_program
from nmn.parser.english import EnglishParser

CLEVR = Domain.load("clevr")
PARSER = EnglishParser(CLEVR)
FILES = (
    "clevr_mini/train/CLEVR_questions.json",
    "clevr_mini/val/CLEVR_questions.json",
    "clevr_official/questions/CLEVR_train_generated.json",
    "clevr_official/questions/CLEVR_val_generated.json",
    "clevr_rendered/questions/CLEVR_val_questions.json",
    "clevr_rendered/questions/CLEVR_calib_questions.json",
    "clevr_rendered/questions/CLEVR_train_questions.json",
)
WITHOUT_PROGRAMS = "clevr_official/questions/CLEVR_val_questions.json"
SAMPLED_EVERY = 50


def questions(folder: Path, file: str) -> list[dict[str, Any]]:
    path = folder / file
    if not path.is_file():
        pytest.skip(f"needs {path}")
    found: list[dict[str, Any]] = json.loads(path.read_text())["questions"]
    return found


def check(found: list[dict[str, Any]]) -> None:
    for index, question in enumerate(found):
        given = import_program(question["program"], CLEVR, where=f"question {index}")
        best = PARSER.parse(question["question"])[0]
        assert best.program.canonical() == given.canonical(), question["question"]


@pytest.mark.parametrize("file", FILES)
def test_sampled_questions_give_their_programs(shared_data: Path, file: str) -> None:
    check(questions(shared_data, file)[::SAMPLED_EVERY])


@pytest.mark.slow
@pytest.mark.parametrize("file", FILES)
def test_all_questions_give_their_programs(shared_data: Path, file: str) -> None:
    check(questions(shared_data, file))


def test_official_questions_without_programs_are_read(shared_data: Path) -> None:
    for question in questions(shared_data, WITHOUT_PROGRAMS):
        assert PARSER.parse(question["question"])
