"""Judging of parsers: when two programs mean the same, and what is made of readings."""

from dataclasses import dataclass

import pytest
from judging import Asked, by_row, confidence, judge, means_same, outside, ranked_under, read_all, suites
from phrasing import SCENE, Call

from nmn.domain import Domain
from nmn.errors import QuestionError
from nmn.parse import Parse
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import default_registry

CLEVR = Domain.load("clevr")
COUNT = Call("count", (SCENE,)).program()


def program(text: str) -> Program:
    return parse_program(text, default_registry()).program


CUBES, RED, BALLS = "filter(scene(), shape=cube)", "filter(scene(), color=red)", "filter(scene(), shape=sphere)"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("count(filter(scene(), color=red, shape=cube))", "count(filter(scene(), shape=cube, color=red))"),
        (f"count(intersect({CUBES}, {RED}))", "count(filter(scene(), color=red, shape=cube))"),
        (f"count(union({CUBES}, {RED}))", f"count(union({RED}, {CUBES}))"),
        (f"count(union(union({CUBES}, {RED}), {BALLS}))", f"count(union({CUBES}, union({RED}, {BALLS})))"),
        (
            f"exist(filter(union({CUBES}, {BALLS}), color=red))",
            f"exist(union(filter({CUBES}, color=red), filter({BALLS}, color=red)))",
        ),
        (f"less_than(count({CUBES}), count({RED}))", f"greater_than(count({RED}), count({CUBES}))"),
        (f"equal_integer(count({CUBES}), count({RED}))", f"equal_integer(count({RED}), count({CUBES}))"),
        ("count(intersect(select(dog), select(cat)))", "count(intersect(select(cat), select(dog)))"),
    ],
)  # fmt: skip
def test_order_changes_no_meaning(first: str, second: str) -> None:
    assert means_same(program(first), program(second))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (f"count({CUBES})", f"count({BALLS})"),
        (f"count({CUBES})", f"exist({CUBES})"),
        ("exist(select(dog))", "exist(select(cat))"),
        (f"count(union({CUBES}, {RED}))", f"count(intersect({CUBES}, {RED}))"),
        (f"less_than(count({CUBES}), count({RED}))", f"less_than(count({RED}), count({CUBES}))"),
        (f"count(relate(unique({CUBES}), left))", f"count(relate(unique({CUBES}), right))"),
        (f"count(same[color](unique({CUBES})))", f"count(same[size](unique({CUBES})))"),
    ],
)
def test_what_means_another_thing_is_told_apart(first: str, second: str) -> None:
    assert not means_same(program(first), program(second))


@dataclass
class Guessing:
    """A parser that reads everything as one program, and refuses what is empty."""

    sure: float
    name: str = "guessing"

    def parse(self, question: str) -> tuple[Parse, ...]:
        if not question:
            raise QuestionError("nothing is said", text=question)
        return (Parse(COUNT, self.sure, (None,), self.name, 0.001, known=self.sure >= 0.5),)


ASKED = [Asked("T", "a", "one", COUNT), Asked("T", "b", "", COUNT), Asked("Outside", "outside", "hello", None)]


def test_a_reading_is_judged_by_its_program() -> None:
    judged = judge(Guessing(0.9), ASKED)
    assert [each.right for each in judged] == [True, False, False]
    assert [each.known for each in judged] == [True, False, True]
    assert [confidence(each) for each in judged] == [0.9, 0.0, 0.9]
    assert by_row(judged, "T")["all"]["right"] == 0.5
    assert by_row(judged, "T")["b"]["right of known"] is None
    assert outside(judged)["does not know"] == 0
    assert outside(judge(Guessing(0.2), ASKED))["does not know"] == 1


class Batched(Guessing):
    """One that refuses a whole batch for one of its questions."""

    def parse_many(self, questions: list[str]) -> list[tuple[Parse, ...]]:
        return [self.parse(question) for question in questions]


def test_a_refused_batch_is_read_one_by_one() -> None:
    first, refused = read_all(Batched(0.9), ["one", ""])
    assert isinstance(first, tuple)
    assert isinstance(refused, QuestionError)


def test_ranks() -> None:
    assert ranked_under([0.1, 0.2], [0.5, 0.9]) == 1
    assert ranked_under([0.5], [0.5]) == 0.5
    assert ranked_under([0.9], [0.1, 0.95]) == 0.5


def test_all_suites_are_asked() -> None:
    asked = list(suites(CLEVR))
    assert {each.table for each in asked} == {"New compositions", "Noise", "Outside the domain"}
    assert len(asked) > 2300
