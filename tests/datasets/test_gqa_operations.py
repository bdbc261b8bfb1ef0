"""All 138 operations of GQA run on the smallest scene graphs that each of their answers implies, on both back ends."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gqa_answers import Case, answered
from gqa_graphs import smallest_graph

from nmn.datasets.gqa import read_scene_graphs
from nmn.domain import Domain
from nmn.parser.gqa import OPERATIONS, PAIRS, import_program

GQA = Domain.load("gqa")
Call = tuple[str, str, list[int]]

DOG: Call = ("select", "dog (1)", [])
CAT: Call = ("select", "cat (2)", [])
SPELLED = {"": "other", "type": "name"}
"""The attribute whose values are taken where a call names no category, or names it otherwise."""


def two_values(category: str) -> tuple[str, str]:
    if SPELLED.get(category, category) == "name":
        return "dog", "cat"
    attribute = GQA.attribute(SPELLED.get(category, category).lower())
    first = attribute.values[0]
    below = attribute.included.get(first, ())  # of a value and one that implies it, both would hold
    return first, next(each for each in attribute.values[1:] if each not in below)


def relations() -> Iterator[tuple[str, list[Call]]]:
    for direction in ("s", "o"):
        yield "yes", [DOG, ("relate", f"man,wearing,{direction} (3)", [0]), ("exist", "?", [1])]
        yield "no", [DOG, ("relate", f"man,wearing,{direction} (3)", [0]), ("exist", "?", [1])]
        yield "no", [DOG, ("relate", f"man,wearing,{direction} (-)", [0]), ("exist", "?", [1])]
        yield "yes", [DOG, ("verify rel", f"hat,wearing,{direction} (3)", [0])]
        yield "no", [DOG, ("verify rel", f"hat,wearing,{direction} (3)", [0])]
        for answer in ("left", "right"):
            options = "to the left of|to the right of"
            yield answer, [DOG, ("choose rel", f"cat,{options},{direction} (2)", [0])]
    yield "cat", [DOG, ("relate", "animal,same color,_ (2)", [0]), ("query", "name", [1])]


def of_one(operation: str, category: str) -> Iterator[tuple[str, list[Call]]]:
    first, second = two_values(category)
    start: Call = ("select", "animal (1)", [])
    if operation.startswith("filter"):
        for argument in (first, f"not({first})"):
            yield from ((answer, [start, (operation, argument, [0]), ("exist", "?", [1])]) for answer in ("yes", "no"))
    elif operation.startswith("verify"):
        yield from ((answer, [start, (operation, first, [0])]) for answer in ("yes", "no") if category != "type")
        yield "yes", [("select", f"{first} (1)" if category == "type" else "animal (1)", []), (operation, first, [0])]
    else:
        yield from ((answer, [start, (operation, f"{first}|{second}", [0])]) for answer in (first, second))


def of_two(operation: str) -> Iterator[tuple[str, list[Call]]]:
    if operation == "common":
        answers: tuple[str, ...] = GQA.comparable
    else:
        answers = ("yes", "no") if operation in PAIRS else ("dog", "cat")
    yield from ((answer, [DOG, CAT, (operation, "", [0, 1])]) for answer in answers)


def claims(operation: str) -> Iterator[tuple[str, list[Call]]]:
    for one, other in ((True, True), (True, False), (False, True), (False, False)):
        holds = all((one, other)) if operation == "and" else any((one, other))
        calls: list[Call] = [
            ("select", f"dog ({1 if one else '-'})", []),
            ("exist", "?", [0]),
            ("select", f"cat ({2 if other else '-'}) ", []),
            ("exist", "?", [2]),
            (operation, "", [1, 3]),
        ]
        yield "yes" if holds else "no", calls


def sets(operation: str) -> Iterator[tuple[str, list[Call]]]:
    dogs: Call = ("select", "dog (1,2)", [])
    yield from ((answer, [dogs, (operation, "color", [0])]) for answer in ("yes", "no"))
    yield "yes" if operation == "same" else "no", [dogs, (operation, "type", [0])]


def records(operation: str) -> Iterator[tuple[str, list[Call]]]:
    """An answer and the calls of a record, for each way in which an operation can answer."""
    category = operation.partition(" ")[2]
    if operation in ("relate", "verify rel", "choose rel"):
        yield from ((answer, calls) for answer, calls in relations() if any(each[0] == operation for each in calls))
    elif operation in ("select", "exist"):
        yield "yes", [DOG, ("exist", "?", [0])]
        yield "no", [("select", "dog (-)", []), ("exist", "?", [0])]
    elif operation == "query":
        for attribute in GQA.attributes:
            name = "animal" if attribute.name == "name" else "dog"
            answer = "cat" if attribute.name == "name" else attribute.values[0]
            yield answer, [("select", f"{name} (1)", []), ("query", attribute.name, [0])]
    elif operation in ("and", "or"):
        yield from claims(operation)
    elif operation in ("same", "different"):
        yield from sets(operation)
    elif operation in PAIRS or operation == "common" or category in dict(GQA.comparatives):
        yield from of_two(operation)
    else:
        yield from of_one(operation, category)


def test_every_operation_gives_every_answer_that_it_can(tmp_path: Path) -> None:
    found: dict[str, dict[str, Any]] = {}
    for operation in sorted(OPERATIONS):
        for answer, calls in records(operation):
            semantic = [{"operation": name, "argument": words, "dependencies": reads} for name, words, reads in calls]
            assert operation in [each["operation"] for each in semantic]
            found[f"{len(found)} {operation}: {answer}"] = {
                "question": operation,
                "answer": answer,
                "semantic": semantic,
            }
    graphs = {key: smallest_graph(record, GQA) for key, record in found.items()}
    path = tmp_path / "graphs.json"
    path.write_text(json.dumps(graphs))
    scenes = read_scene_graphs(path, GQA, thirds=True)
    assert len({record["question"] for record in found.values()}) == 138
    cases = {
        key: Case(record, scenes[key], import_program(record["semantic"], GQA, where=key))
        for key, record in found.items()
    }
    answered(cases, GQA)
