"""New compositions: forty families, none of them in any file of CLEVR, all of them read by the grammar."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from compositions import FAMILIES, QUESTIONS_OF_EACH, Family

from nmn.check import check
from nmn.datasets.clevr import read_questions
from nmn.domain import Domain
from nmn.parser.clevr import import_program
from nmn.parser.english import EnglishParser
from nmn.parser.generation.structure import structure
from nmn.registry import default_registry

CLEVR = Domain.load("clevr")
PARSER = EnglishParser(CLEVR)
REGISTRY = default_registry()
MOST_CALLS = 25

each_family = pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])


@each_family
def test_the_grammar_reads_every_composition_in_one_way(family: Family) -> None:
    questions = list(family.questions(CLEVR))
    assert len({question.text for question in questions}) == QUESTIONS_OF_EACH
    for question in questions:
        (parse,) = PARSER.parse(question.text)
        assert parse.program.canonical() == question.program, question.text


@each_family
def test_programs_are_well_typed_and_of_a_size_that_can_be_learnt(family: Family) -> None:
    for question in family.questions(CLEVR):
        assert check(question.program, CLEVR, REGISTRY)
        assert len(question.program.nodes) <= MOST_CALLS


def test_there_are_forty_families_and_no_two_share_a_structure() -> None:
    owners: dict[str, str] = {}
    for family in FAMILIES:
        for name in {structure(question.program, REGISTRY) for question in family.questions(CLEVR)}:
            assert owners.setdefault(name, family.name) == family.name
    assert len(FAMILIES) == len(set(owners.values())) == 40


def test_questions_are_the_same_every_time() -> None:
    for family in FAMILIES[:3]:
        assert list(family.questions(CLEVR)) == list(family.questions(CLEVR))
        assert list(family.questions(CLEVR)) != list(family.questions(CLEVR, seed=1))


@pytest.mark.slow
def test_no_file_of_questions_holds_one_of_these_structures(shared_data: Path) -> None:
    ours = {structure(question.program, REGISTRY) for family in FAMILIES for question in family.questions(CLEVR, 200)}
    theirs: set[str] = set()
    for path in sorted(shared_data.glob("clevr_*/**/*.json")):
        records = json.loads(path.read_text(encoding="utf-8"))
        for record in records.get("questions", ()) if isinstance(records, dict) else ():
            if "program" in record:
                theirs.add(structure(import_program(record["program"], CLEVR, where=str(path)), REGISTRY))
    assert theirs
    assert not ours & theirs


@pytest.mark.slow
def test_the_written_file_holds_all_structures(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "compositions.json"
    command = [sys.executable, "-P", str(root / "benchmarks" / "parser_accuracy.py"), "--write-compositions", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    questions = read_questions(path)
    assert len(questions) >= 40 * 200
    assert len({question.question_index for question in questions}) == len(questions)
