"""The grammar keeps the laws of parsers, and one wrong parser for each law is caught by it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nmn.domain import Domain
from nmn.errors import InputError, QuestionError, Span
from nmn.parse import Parse, Readings
from nmn.parser.english import EnglishParser
from nmn.parser.links import ParserKind, default_parser, shipped_weights
from nmn.parser.spelling import SpellingParser
from nmn.parser.text import parse_program
from nmn.registry import default_registry
from nmn.testing import PARSER_LAWS, LawBroken, check_parser

QUESTIONS = {
    "How many cubes are there?": "count(filter(scene(), shape=cube))",
    "Is there a red ball?": "exist(filter(scene(), color=red, shape=sphere))",
}


def test_the_grammar_keeps_the_laws() -> None:
    parser = EnglishParser(Domain.load("clevr"))
    assert len(check_parser(parser, QUESTIONS, outside=["", "Who are you?"])) == len(PARSER_LAWS)


@pytest.mark.parametrize("kind", ["cascade", "neural"])
def test_the_others_keep_the_laws(kind: ParserKind) -> None:
    domain = Domain.load("clevr")
    if shipped_weights(domain) is None:
        pytest.skip("no weights of the neural parser ship")
    parser = default_parser(domain, kind=kind)
    check_parser(parser, QUESTIONS, outside=["", "Who are you?"])
    if kind == "neural":
        check_parser(parser.parser(parser.links[0]), QUESTIONS)


def test_the_parser_of_misspelled_questions_keeps_the_laws() -> None:
    parser = SpellingParser(EnglishParser(Domain.load("clevr")))
    misspelled = {"How many cubse are there?": QUESTIONS["How many cubes are there?"]}
    check_parser(parser, misspelled, outside=["", "Who are you?"])


def program(text: str) -> Any:
    return parse_program(text, default_registry()).program


@dataclass
class Wrong:
    """Knows the questions by heart, with one thing the matter."""

    spoil: Callable[[str, Parse, int], Readings] = lambda _question, right, _time: (right,)
    name: str = "by heart"
    asked: Any = field(default_factory=count)

    def parse(self, question: str) -> Readings:
        if question not in QUESTIONS:
            raise QuestionError("never heard of it", text=question)
        known = program(QUESTIONS[question])
        right = Parse(known, 1.0, (None,) * len(known.nodes), self.name, 0.0)
        return self.spoil(question, right, next(self.asked))


class Shuffled(Wrong):
    def parse_many(self, questions: Sequence[str]) -> list[Readings | QuestionError]:
        known = [question for question in questions if question in QUESTIONS]
        return [self.parse(question) for question in reversed(known)]


class Forgetful(Wrong):
    """Loads what it never saved."""

    def save_pretrained(self, folder: Path) -> None:
        pass

    @staticmethod
    def from_pretrained(folder: Path) -> "Wrong":
        return Wrong(another)


class Mute:
    name = "mute"


class Guessing(Wrong):
    def parse(self, question: str) -> Readings:
        return super().parse(question if question in QUESTIONS else next(iter(QUESTIONS)))


def ascending(_question: str, right: Parse, _time: int) -> Readings:
    return replace(right, confidence=0.2), right


def untyped(_question: str, right: Parse, _time: int) -> Readings:
    wrong = program("count(unique(scene()))")
    return (replace(right, program=wrong, spans=(None,) * len(wrong.nodes)),)


def too_long(question: str, right: Parse, _time: int) -> Readings:
    return (replace(right, spans=(Span(0, len(question) + 1),) * len(right.program.nodes)),)


def another(_question: str, right: Parse, _time: int) -> Readings:
    wrong = program("count(scene())")
    return (replace(right, program=wrong, spans=(None,) * len(wrong.nodes)),)


def moody(question: str, right: Parse, time: int) -> Readings:
    return (right,) if time % 2 else another(question, right, time)


@pytest.mark.parametrize(
    ("law", "wrong", "message"),
    [
        ("name", Wrong(name=""), "a word that traces"),
        ("ranked readings", Wrong(ascending), r"confidences \[0.2, 1.0\]"),
        ("well-typed programs", Wrong(untyped), "count needs an ObjectSet"),
        ("spans", Wrong(too_long), "a stretch within 0 and 25"),
        ("programs", Wrong(another), r"right would be: count\(filter"),
        ("the same again", Wrong(moody), "twice"),
        ("together is alone", Shuffled(), "one for each|among"),
        ("name", Mute(), "no method parse"),
        ("save and load", Forgetful(), "one that was saved and loaded"),
        ("outside", Guessing(), "QuestionError, or a guess"),
    ],
)
def test_a_parser_that_breaks_a_law_is_caught_by_it(law: str, wrong: Any, message: str) -> None:
    with pytest.raises(LawBroken, match=message) as caught:
        check_parser(wrong, QUESTIONS, laws=[law])
    assert caught.value.law == law


def test_every_law_of_parsers_is_broken_by_somebody() -> None:
    marks = test_a_parser_that_breaks_a_law_is_caught_by_it.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == {law.name for law in PARSER_LAWS}


def test_by_heart_keeps_the_laws() -> None:
    check_parser(Wrong(), QUESTIONS)


def test_a_question_is_needed() -> None:
    with pytest.raises(InputError, match="at least one question"):
        check_parser(Wrong(), [])
