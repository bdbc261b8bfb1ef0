"""GQA's semantic programs: real records, every operation, and what a wrong record is told."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.parser.gqa import CATEGORIES, OPERATIONS, import_program
from nmn.parser.gqa_export import export_program
from nmn.parser.text import parse_program
from nmn.registry import default_registry

GQA = Domain.load("gqa")
REGISTRY = default_registry()


def call(operation: str, argument: str = "", *dependencies: int) -> dict[str, Any]:
    return {"operation": operation, "argument": argument, "dependencies": list(dependencies)}


DOG = call("select", "dog (12)")


def text(*calls: dict[str, Any]) -> str:
    imported = import_program(list(calls), GQA, where="question 7")
    check(imported.program, GQA, REGISTRY, answers=False)
    return imported.program.text


def plain(record: list[dict[str, Any]]) -> list[tuple[str, list[int], str]]:
    """A record without what spaces and other keys it has."""
    return [(each["operation"], each["dependencies"], " ".join(each["argument"].split())) for each in record]


def records(folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name in ("val_balanced_tail_questions", "train_examples_50", "photo_questions"):
        found = json.loads((folder / f"{name}.json").read_text())
        for key, record in found.items() if isinstance(found, dict) else ((str(r["question_id"]), r) for r in found):
            yield f"{name}, question {key}", record["semantic"]


def test_every_real_record_is_imported_checked_and_given_back(shared_data: Path) -> None:
    number = 0
    for where, record in records(shared_data / "gqa"):
        imported = import_program(record, GQA, where=where)
        check(imported.program, GQA, REGISTRY)
        written = export_program(imported, GQA)
        assert plain(written) == plain(record), where
        assert import_program(written, GQA, where=where) == imported
        assert parse_program(imported.program.text, REGISTRY).program == imported.program
        number += 1
    assert number == 1358 + 50 + 17


def examples() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """One record for each of the 138 operations."""
    for operation in sorted(OPERATIONS):
        verb, _, category = operation.partition(" ")
        last = {
            "select": [call("select", "dog (12)")],
            "relate": [DOG, call("relate", "man,wearing,o (-)", 0)],
            "verify rel": [DOG, call("verify rel", "hat,wearing,o (-)", 0)],
            "choose rel": [DOG, call("choose rel", "cat,on|under,s (3)", 0)],
            "query": [DOG, call("query", "name", 0)],
            "exist": [DOG, call("exist", "?", 0)],
            "same": [DOG, call("same", "type", 0)],
            "different": [DOG, call("different", "type", 0)],
        }.get(operation)
        if last is None and verb in ("and", "or"):
            last = [DOG, call("exist", "?", 0), call("select", "cat (3)"), call("exist", "?", 2), call(verb, "", 1, 3)]
        elif last is None and (verb in ("same", "different", "common") or category in dict(GQA.comparatives)):
            last = [DOG, call("select", "cat (3)"), call(operation, "", 0, 1)]
        elif last is None:
            name = {"": "other", "type": "name"}.get(category, category.lower())
            first, second = (GQA.attribute(name).values * 2)[:2]
            last = [DOG, call(operation, f"{first}|{second}" if verb == "choose" else first, 0)]
        yield operation, last


@pytest.mark.parametrize(("operation", "record"), list(examples()))
def test_every_operation_is_imported_checked_and_given_back(operation: str, record: list[dict[str, Any]]) -> None:
    imported = import_program(record, GQA, where="question 7")
    check(imported.program, GQA, REGISTRY, answers=False)
    written = export_program(imported, GQA)
    assert import_program(written, GQA, where="question 7") == imported
    assert written == record


def test_the_operations_are_those_of_the_data_set(shared_data: Path) -> None:
    path = shared_data.parent / "VOCABULARIES.json"
    if not path.is_file():
        pytest.skip(f"needs {path.name} beside the data")
    assert set(json.loads(path.read_text())["gqa_raw_ops"]) == OPERATIONS
    assert all("" in names for names in CATEGORIES.values())


def test_programs_read_as_they_should() -> None:
    assert text(DOG, call("relate", "person,to the left of,s (3)", 0), call("query", "face expression", 1)) == (
        'query["face expression"](unique(filter(relate(unique(select(name=dog)), "to the left of"), name=person)))'
    )
    assert text(DOG, call("filter color", "not(dark brown)", 0), call("exist", "?", 1)) == (
        'exist(filter_not(select(name=dog), color="dark brown"))'
    )
    assert text(DOG, call("select", "cat"), call("choose less healthy", "", 0, 1)) == (
        "query[name](compare(unique(select(name=dog)), unique(select(name=cat)), other=unhealthy))"
    )
    assert text(DOG, call("select", "cat"), call("different color", "", 0, 1)) == (
        "not(equal[color](query[color](unique(select(name=dog))), query[color](unique(select(name=cat)))))"
    )
    assert text(DOG, call("relate", "_,same color,_", 0), call("exist", "?", 1)) == (
        "exist(same[color](unique(select(name=dog))))"
    )


def test_an_object_that_two_calls_read_is_one_node() -> None:
    shared = import_program(
        [DOG, call("verify color", "black", 0), call("verify size", "small ", 0), call("and", "", 1, 2)], GQA, where="7"
    )
    assert sum(node.operation == "unique" for node in shared.program.nodes) == 1


def test_mentions_are_kept_beside_the_program() -> None:
    record = [DOG, call("relate", "_,wearing,o (823323)", 0), call("query", "name", 1)]
    imported = import_program(record, GQA, where="question 7")
    heads = {imported.program.nodes[node].operation: mention for node, mention in imported.mentions.items()}
    assert heads == {"select": "12", "relate_inverse": "823323"}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "no program"),
        ("select", "no program"),
        (["select"], "call 0: malformed call"),
        ([call("selekt", "dog")], "unknown operation.*did you mean 'select'"),
        ([{"operation": "select", "dependencies": []}], "'argument' must be a string"),
        ([call("select", "dogg (1)")], "unknown word.*did you mean 'dog'"),
        ([call("select", "dog", 0)], "only earlier calls"),
        ([DOG, call("query", "colour scheme", 0)], "unknown word: gqa has no attribute"),
        ([DOG, call("filter color", "blu", 0)], "did you mean 'blue'"),
        ([DOG, call("filter", "grasy", 0)], "'grassy'"),
        ([DOG, call("relate", "man,waering,s", 0)], "did you mean 'wearing'"),
        ([DOG, call("relate", "man,wearing", 0)], "'name,relation,direction'"),
        ([DOG, call("relate", "man,wearing,x", 0)], "'s' or 'o'"),
        ([DOG, call("choose color", "red", 0)], "two that differ"),
        ([DOG, call("choose color", "red|red", 0)], "two that differ"),
        ([DOG, call("and", "", 0, 0)], "gives a set of objects, not yes or no"),
        ([DOG, call("and", "", 0)], "needs 2, not 1"),
        ([DOG, call("common", "", 0)], "needs 2, not 1"),
    ],
)
def test_a_wrong_record_is_told_where_and_what(record: Any, message: str) -> None:
    with pytest.raises(ProgramError, match=message) as caught:
        import_program(record, GQA, where="question 7")
    assert str(caught.value).startswith("question 7")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "program",
    [
        "count(scene())",
        "exist(filter(select(name=dog), name=cat))",
        "verify(unique(union(select(name=dog), select(name=cat))), color=red)",
        "not(exist(select(name=dog)))",
        "query[color](compare(unique(select(name=dog)), unique(select(name=cat)), size=large))",
        "query[name](compare(unique(select(name=dog)), unique(select(name=cat)), color=red))",
        "equal[name](query[name](unique(select(name=dog))), query[name](unique(select(name=cat))))",
    ],
)
def test_what_gqa_cannot_say_is_not_exported(program: str) -> None:
    from nmn.parser.gqa import Imported

    with pytest.raises(ProgramError, match="is no call of GQA's"):
        export_program(Imported(parse_program(program, REGISTRY).program), GQA)
