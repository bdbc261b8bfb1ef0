"""Cascade: parsers in a row, cheapest first; a question moves on only when those before do not know.

Each link says how likely it is that its reading is what was meant. The first whose confidence reaches its threshold
answers; when none does, the answer is "I don't know" and the best reading of all is shown as a guess.

Source: IDK cascades (Wang, Luo, Crankshaw, Tumanov, Gonzalez, UAI 2018, arXiv:1706.00885), whose classifiers may say that
they do not know; thresholds are fitted by expected cost (:mod:`nmn.parser.cascade_calibration`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeAlias

from nmn.errors import QuestionError
from nmn.parse import Attempt, Parse, Parser, Readings, parse_many
from nmn.parser.lexicon import check_readable
from nmn.program import Program

ConfidenceMap: TypeAlias = Callable[[Sequence[Parse]], Sequence[float]]
"""The readings of one parser -> for each the probability that it is what was meant."""


def as_given(readings: Sequence[Parse]) -> Sequence[float]:
    """The confidence that the parser itself gives each reading."""
    return [reading.confidence for reading in readings]


@dataclass(frozen=True)
class Link:
    """One parser of a cascade.

    Attributes:
        name: What it is called in traces.
        load: Gives the parser; called when a question first gets to it.
        threshold: Confidence from which its reading is taken, 0 to 1.
        confidence: How likely each of its readings is what was meant.
    """

    name: str
    load: Callable[[], Parser]
    threshold: float = 0.0
    confidence: ConfidenceMap = as_given

    @staticmethod
    def of(parser: Parser, *, threshold: float = 0.0, confidence: ConfidenceMap = as_given) -> "Link":
        """The link of a parser that is there already."""
        return Link(parser.name, _Ready(parser), threshold, confidence)


@dataclass(frozen=True)
class _Ready:
    parser: Parser

    def __call__(self) -> Parser:
        return self.parser


class CascadeParser:
    """Reads questions by the first of several parsers that knows.

    Args:
        links: In the order in which they are asked; at least one, each by another name.
    """

    name = "cascade"

    def __init__(self, links: Sequence[Link]) -> None:
        if not links or len({link.name for link in links}) < len(links):
            raise ValueError("a cascade needs at least one link, and each its own name")
        self.links = tuple(links)
        self._loaded: dict[str, Parser] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """Worker processes load the parsers themselves."""
        return type(self), (self.links,)

    def parser(self, link: Link) -> Parser:
        """The parser of a link, loaded when first asked for. Raises: WeightsError and what else its loading does."""
        if link.name not in self._loaded:
            self._loaded[link.name] = link.load()
        return self._loaded[link.name]

    def parse(self, question: str) -> Readings:
        """The readings of the first link that knows, or else the best guesses of all links.

        Raises: QuestionError when no link has any reading: that of the first one.
        """
        found = self.parse_many([question])[0]
        if isinstance(found, QuestionError):
            raise found
        return found

    def parse_many(self, questions: Sequence[str]) -> list[Readings | QuestionError]:
        """For each question what :meth:`parse` gives; a link reads all that those before it did not know together."""
        states = [_State(question) for question in questions]
        waiting = [state for state in states if state.error is None]
        for link in self.links:
            if not waiting:
                break
            parser = self.parser(link)
            started = perf_counter()
            found = parse_many(parser, [state.question for state in waiting])
            share = (perf_counter() - started) / len(waiting)
            for state, each in zip(waiting, found, strict=True):
                state.add(link, each, share)
            waiting = [state for state in waiting if state.answered is None]
        return [state.outcome() for state in states]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A reading by a link, and how likely it is what was meant."""

    parse: Parse
    confidence: float
    link: str


class _State:
    """How far the reading of one question has come."""

    def __init__(self, question: str) -> None:
        self.question = question
        self.attempts: list[Attempt] = []
        self.guesses: list[_Reading] = []
        self.answered: list[_Reading] | None = None
        self.error: QuestionError | None = None  # what is known to be no question
        self.first: QuestionError | None = None
        try:
            check_readable(question)
        except QuestionError as error:
            self.error = error

    def add(self, link: Link, found: Readings | QuestionError, cost: float) -> None:
        """Note what a link made of the question."""
        if isinstance(found, QuestionError):
            self.first = found if self.first is None else self.first
            self.attempts.append(Attempt(link.name, cost, None, found.message, found.span))
            return
        given = link.confidence(found)
        readings = [_Reading(each, confidence, link.name) for each, confidence in zip(found, given, strict=True)]
        readings.sort(key=_doubt)
        self.attempts.append(Attempt(link.name, cost, readings[0].confidence))
        if readings[0].confidence >= link.threshold:
            self.answered = readings
        else:
            self.guesses += readings

    def outcome(self) -> Readings | QuestionError:
        """The readings, the likeliest first, or the error of the first link."""
        if self.error is not None:
            return self.error
        readings = _distinct(self.guesses) if self.answered is None else self.answered
        if not readings:
            assert self.first is not None
            return self.first
        known, attempts = self.answered is not None, tuple(self.attempts)
        return tuple(
            Parse(each.parse.program, each.confidence, each.parse.spans, each.link, each.parse.cost, known, attempts)
            for each in readings
        )


def _doubt(reading: _Reading) -> float:
    return -reading.confidence


def _distinct(guesses: Sequence[_Reading]) -> list[_Reading]:
    """The guesses of all links, the likeliest first; of those that mean the same, the likeliest."""
    best: dict[Program, _Reading] = {}
    for guess in sorted(guesses, key=_doubt):
        best.setdefault(guess.parse.program.canonical(), guess)
    return list(best.values())
