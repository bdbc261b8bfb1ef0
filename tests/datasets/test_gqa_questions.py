"""Questions on three real scene graphs, written and answered by hand from their annotation.

``gqa_questions.json`` holds them as GQA's records. Image 2375429 was looked at, too: a horse before a white building.
"""

import json
from pathlib import Path

from gqa_answers import Case, answered

from nmn.datasets.gqa import read_questions, read_scene_graphs
from nmn.domain import Domain
from nmn.parser.gqa import CATEGORIES, import_program
from nmn.parser.gqa_export import export_program

GQA = Domain.load("gqa")
PATH = Path(__file__).parent / "gqa_questions.json"

NORMALISED = {
    "select", "relate", "filter", "query", "verify", "verify rel", "choose", "choose rel", "exist", "and", "or", "same",
    "different", "same two", "different two", "compare", "common",
}  # fmt: skip
"""The 17 operations that GQA's 138 are, their categories taken away."""


def normalised(operation: str) -> str:
    verb, _, category = operation.partition(" ")
    if operation in ("verify rel", "choose rel"):
        return operation
    if verb == "choose" and category not in CATEGORIES["choose"]:
        return "compare"
    return f"{verb} two" if verb in ("same", "different") and category else verb


def test_every_question_is_answered_right_by_both_back_ends(shared_data: Path) -> None:
    graphs = read_scene_graphs(shared_data / "gqa" / "scene_graphs.json", GQA, thirds=True)
    found = {
        key: Case(record, graphs[record["imageId"]], import_program(record["semantic"], GQA, where=f"question {key}"))
        for key, record in json.loads(PATH.read_text()).items()
    }
    answered(found, GQA)


def test_there_are_enough_and_of_every_operation() -> None:
    questions = read_questions(PATH)
    assert len(questions) >= 60
    assert {each.image for each in questions.values()} == {"2375429", "2336498", "2315892"}
    used = {normalised(call["operation"]) for each in questions.values() for call in each.program or ()}
    assert used == NORMALISED
    assert len({each.text for each in questions.values()}) == len(questions)


def test_their_programs_are_given_back() -> None:
    for key, question in read_questions(PATH).items():
        imported = import_program(question.program, GQA, where=key)
        assert import_program(export_program(imported, GQA), GQA, where=key) == imported
