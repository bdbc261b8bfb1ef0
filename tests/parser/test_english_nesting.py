"""English questions, the law of nesting: conditions within conditions, joined wherever "both" and "either" say so, in any
question; the program is built beside the text, by hand."""

from collections.abc import Callable
from random import Random

import pytest
from phrasing import Condition, Noun, Question, Writer, both, compare_counts, count, either, exist, query, same_value

from nmn.domain import Domain
from nmn.parser.english import EnglishParser

CLEVR = Domain.load("clevr")
PARSER = EnglishParser(CLEVR)


def one(write: Writer, depth: int) -> Condition:
    anchor = noun(write, depth - 1)
    return write.random.choice((write.placed, write.like))(anchor)


def condition(write: Writer, depth: int) -> Condition:
    if depth <= 0 or write.random.random() < 0.5:
        return one(write, depth)
    first, second = (one(write, depth - 1) for _ in range(2))
    return write.random.choice((both, either))(first, second)


def noun(write: Writer, depth: int) -> Noun:
    kind = write.random.random()
    if depth <= 0 or kind < 0.3:
        return write.noun()
    if kind < 0.8:
        return write.thing(condition(write, depth - 1))
    found = write.is_one_of(write.noun(), noun(write, depth - 1))
    word = write.random.choice(CLEVR.nouns)
    return Noun(f"{word} that is {found.singular}", f"{word}s that are {found.plural}", found.members)


KINDS: dict[str, Callable[[Writer, int], Question]] = {
    "count": lambda write, depth: count(write, condition(write, depth)),
    "exist": lambda write, depth: exist(write, noun(write, depth)),
    "query": lambda write, depth: query(write, noun(write, depth), write.attribute()),
    "same value": lambda write, depth: same_value(write, noun(write, depth), noun(write, depth), write.attribute()),
    "compare counts": lambda write, depth: compare_counts(write, noun(write, depth), noun(write, depth)),
}


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", KINDS)
def test_nested_and_joined_conditions_are_read(kind: str, depth: int) -> None:
    for seed in range(40):
        question = KINDS[kind](Writer(Random(f"{kind} {seed}"), CLEVR), depth)
        assert PARSER.parse(question.text)[0].program.canonical() == question.program, question.text
