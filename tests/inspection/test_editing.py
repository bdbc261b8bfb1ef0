"""Editing: whatever is offered is well typed and another program."""

import pytest

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError
from nmn.inspection.editing import ASK, CHANGE, DELETE, INSERT, OPERATION, WRAP, Edit, edits
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import default_registry

REGISTRY = default_registry()


def program(text: str) -> Program:
    return parse_program(text, REGISTRY).program


def offered(text: str, node: int, clevr: Domain, sort: str) -> dict[str, Edit]:
    return {edit.label: edit for edit in edits(program(text), node, clevr, REGISTRY) if edit.sort == sort}


def test_every_edit_of_every_node_is_well_typed(clevr: Domain, programs: list[Program]) -> None:
    for each in [one for one in programs if len(one.nodes) < 14][:4]:
        for node in range(len(each.nodes)):
            for edit in edits(each, node, clevr, REGISTRY):
                check(edit.program, clevr, REGISTRY)
                assert edit.program != each
                assert 0 <= edit.node < len(edit.program.nodes)


COUNT = "count(filter(scene(), color=red))"


def test_a_concept_can_be_changed(clevr: Domain) -> None:
    found = offered(COUNT, 1, clevr, CHANGE)
    assert len(found) == len(clevr.concepts) - 1
    assert found["color=blue"].program.text == "count(filter(scene(), color=blue))"
    assert next(iter(found)).startswith("color=")


def test_an_attribute_is_changed_wherever_its_values_go(clevr: Domain) -> None:
    one, other = (
        "query[color](unique(filter(scene(), shape=cube)))",
        "query[color](unique(filter(scene(), shape=sphere)))",
    )
    found = offered(f"equal[color]({one}, {other})", 3, clevr, CHANGE)
    assert set(found) == {"[size]", "[material]", "[shape]"}
    assert found["[size]"].program.text.count("[size]") == 3


def test_a_node_can_be_deleted(clevr: Domain) -> None:
    assert [edit.program.text for edit in offered(COUNT, 1, clevr, DELETE).values()] == ["count(scene())"]
    relation = "count(relate(unique(filter(scene(), color=red)), left))"
    assert "count(filter(scene(), color=red))" in [
        each.program.text for each in offered(relation, 3, clevr, DELETE).values()
    ]


def test_a_filter_or_a_hop_can_be_inserted(clevr: Domain) -> None:
    found = offered(COUNT, 1, clevr, INSERT)
    assert found["filter shape=cube"].program.text == "count(filter(scene(), color=red, shape=cube))"
    assert found["unique, then relate left"].program.text == "count(relate(unique(filter(scene(), color=red)), left))"


def test_the_operation_can_be_another_of_the_same_inputs(clevr: Domain) -> None:
    assert "exist" in offered(COUNT, 2, clevr, OPERATION)


def test_an_answer_can_be_wrapped(clevr: Domain) -> None:
    found = offered("exist(scene())", 1, clevr, INSERT)
    assert found["not"].program.text == "not(exist(scene()))"


def test_a_step_can_be_wrapped_with_another_one(clevr: Domain) -> None:
    both = "count(union(filter(scene(), color=red), filter(scene(), shape=cube)))"
    found = offered(both, 1, clevr, WRAP)
    assert found["intersect with #3 filter shape=cube"].program.text == (
        "let a = filter(scene(), shape=cube); count(union(intersect(filter(scene(), color=red), a), a))"
    )
    counts = f"less_than({COUNT}, count(filter(scene(), shape=cube)))"
    assert "greater_than with #2 count" in offered(counts, 5, clevr, WRAP)
    assert not offered(counts, 6, clevr, WRAP)


def test_something_else_can_be_asked_about_a_node(clevr: Domain) -> None:
    found = offered(COUNT, 1, clevr, ASK)
    assert found["exist"].program.text == "exist(filter(scene(), color=red))"
    assert found["unique, then query[size]"].program.text == "query[size](unique(filter(scene(), color=red)))"


def test_a_node_that_there_is_not_is_refused(clevr: Domain) -> None:
    with pytest.raises(InputError, match="numbered 0 to 2"):
        edits(program(COUNT), 3, clevr, REGISTRY)
