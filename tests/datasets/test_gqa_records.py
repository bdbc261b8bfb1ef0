"""GQA's real records, each answered on the smallest scene graph that it implies; and the other way round."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from gqa_answers import Case, answered
from gqa_graphs import Unsaid, smallest_graph

from nmn.datasets.gqa import read_scene_graphs
from nmn.domain import Domain
from nmn.parser.gqa import import_program

GQA = Domain.load("gqa")
FILES = ("val_balanced_tail_questions", "train_examples_50", "photo_questions")
EVERY = 11  # of the records, in the fast test

UNSAID = {
    "the words of a call fit another object that the record names, too": 16,
    "an object is related to itself": 5,
    "the answer is no value of the attribute that is asked for": 3,
    "which of two claims holds is not in the record": 1,
    "the record names another value of the attribute that is asked for, too": 1,
}
"""Why 26 of the 1,425 records imply no scene graph that their words can be answered on."""

LAST = {
    "query": 1193, "choose rel": 86, "choose color": 25, "exist": 18, "or": 12, "choose": 10, "verify rel": 11, "and": 9,
    "choose name": 9, "choose material": 5, "choose weather": 4, "choose vposition": 3, "verify color": 3,
    "choose hposition": 2, "choose place": 2, "choose location": 1, "choose size": 1, "choose height": 1, "same": 1,
    "verify hposition": 1, "verify pose": 1, "verify location": 1,
}  # fmt: skip
"""The records that do, by the operation that gives the answer."""


@cache
def records(folder: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name in FILES:
        value = json.loads((folder / f"{name}.json").read_text())
        pairs = value.items() if isinstance(value, dict) else ((str(each["question_id"]), each) for each in value)
        found |= {f"{name} {key}": record for key, record in pairs}
    return found


def turned(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The record with the answer that it does not have: no for yes, one option for the other."""
    last = record["semantic"][-1]
    if record["answer"] in ("yes", "no"):
        yield {**record, "answer": "no" if record["answer"] == "yes" else "yes"}
    elif last["operation"].startswith("choose") and last["operation"] != "choose rel":
        yield from ({**record, "answer": each} for each in last["argument"].split("|") if each != record["answer"])


def cases(found: Mapping[str, Mapping[str, Any]], folder: Path) -> tuple[dict[str, Case], Counter[str]]:
    """Of each record what can be answered, and why the others cannot."""
    graphs, reasons = {}, Counter[str]()
    for key, record in found.items():
        try:
            graphs[key] = smallest_graph(record, GQA)
        except Unsaid as reason:
            reasons[str(reason)] += 1
    path = folder / "graphs.json"
    path.write_text(json.dumps(graphs))
    scenes = read_scene_graphs(path, GQA, thirds=True)
    imported = {key: import_program(found[key]["semantic"], GQA, where=key) for key in graphs}
    return {key: Case(found[key], scenes[key], imported[key]) for key in graphs}, reasons


def test_some_real_records_are_answered_on_what_they_imply(shared_data: Path, tmp_path: Path) -> None:
    every = list(records(shared_data / "gqa").items())[::EVERY]
    found, _ = cases(dict(every), tmp_path)
    assert len(found) > 120
    answered(found, GQA)


@pytest.mark.slow
def test_every_real_record_that_implies_a_scene_graph_is_answered_on_it(shared_data: Path, tmp_path: Path) -> None:
    found, reasons = cases(records(shared_data / "gqa"), tmp_path)
    assert reasons == UNSAID
    assert Counter(each.operation for each in found.values()) == LAST
    answered(found, GQA)


def test_the_other_answer_implies_another_graph_that_gives_it(shared_data: Path, tmp_path: Path) -> None:
    real = records(shared_data / "gqa").items()
    other = {f"{key} turned": record for key, each in real for record in turned(each)}
    found, reasons = cases(other, tmp_path)
    assert len(found) > 90
    assert sum(reasons.values()) < 25
    answered(found, GQA)


def record(answer: str, *calls: tuple[str, str, list[int]]) -> dict[str, Any]:
    semantic = [{"operation": name, "argument": words, "dependencies": sources} for name, words, sources in calls]
    return {"answer": answer, "semantic": semantic}


def test_a_graph_holds_what_is_implied_and_nothing_else() -> None:
    worn = record(
        "red", ("select", "man (1)", []), ("relate", "_,wearing,o (2)", [0]), ("filter material", "not(wool)", [1]),
        ("query", "color", [2]),
    )  # fmt: skip
    graph = smallest_graph(worn, GQA)["objects"]
    assert graph["1"]["name"] == "man"
    assert graph["1"]["relations"] == [{"name": "wearing", "object": "2"}]
    assert (graph["2"]["name"], graph["2"]["attributes"], graph["2"]["relations"]) == ("thing", ["red"], [])
    absent = record("no", ("select", "man (1)", []), ("verify rel", "hat,wearing,o (-)", [0]))
    assert smallest_graph(absent, GQA)["objects"].keys() == {"1"}
    there = record("no", ("select", "man (1)", []), ("relate", "hat,wearing,o (2)", [0]), ("exist", "?", [1]))
    assert smallest_graph(there, GQA)["objects"]["1"]["relations"] == []
    called = record("poodle", ("select", "animal (1)", []), ("query", "name", [0]))
    assert smallest_graph(called, GQA)["objects"]["1"]["name"] == "poodle"
    assert smallest_graph(record("foggy", ("select", "scene", []), ("query", "weather", [0])), GQA)["objects"] == {}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (record("red", ("select", "dog (-)", []), ("query", "color", [0])), "names none"),
        (record("red", ("select", "dog (1,2)", []), ("query", "color", [0])), "names several"),
        (
            record("dog", ("select", "dog (1)", []), ("select", "cat (1)", []), ("choose older", "", [0, 1])),
            "none of the two",
        ),
        (record("yes", ("select", "dog (-)", []), ("exist", "?", [0])), "contradicts"),
        (record("red", ("select", "dog", []), ("query", "color", [0])), "names no objects"),
        (record("cat", ("select", "dog (1)", []), ("query", "name", [0])), "no kinds of one another"),
    ],
)
def test_what_a_record_leaves_open_is_said(broken: dict[str, Any], message: str) -> None:
    with pytest.raises(Unsaid, match=message):
        smallest_graph(broken, GQA)
