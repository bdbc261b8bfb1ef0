"""Asked: questions on their way to an answer, with the readings that they run by.

**Execution-guided choice** (Wang et al. 2018, arXiv:1807.03100): of the readings of one question, those that fail on the
image are dropped; here, where nothing is all or nothing, each is weighed by the probability that what it takes for granted
holds there. Most questions are asked of images that they fit, so by Bayes' rule the weight of a reading is its confidence times
that probability, and a little more for questions about what is not there.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, NmnError
from nmn.parse import Parse, Parser, Readings, parse_many
from nmn.program import Program
from nmn.registry import Registry
from nmn.trace import MISTAKEN, Answer

MOST_CANDIDATES = 4
"""Readings of one question that are run to choose among them."""

LEAST_CANDIDATE = 0.01
"""A reading that is less likely than this is not run to see whether it fits."""


@dataclass(frozen=True)
class Asked:
    """A program to run, or a question with the readings to choose from, the likeliest first."""

    question: str | None
    programs: tuple[Program, ...]
    readings: Readings = ()

    def answer(self, found: Sequence[Answer]) -> Answer:
        """The answer of the question, given those of its programs."""
        if self.question is None:
            return found[0]
        number, reading = (0, self.readings[0]) if len(found) == 1 else _fitting(self.readings, found)
        answer = found[number].asked(self.question, reading)
        return answer if reading.known else answer.unknown()


Question: TypeAlias = str | Program


@dataclass(frozen=True)
class Reader:
    """Makes programs of questions.

    Attributes:
        parser: Reads them.
        domain: What its programs speak of.
        registry: The operations that they may call.
        execution_guided: Whether a question with several readings runs by each of them.
    """

    parser: Parser
    domain: Domain
    registry: Registry
    execution_guided: bool

    def read(self, questions: Sequence[Question | NmnError]) -> list[Asked | NmnError]:
        """Read questions together; programs are checked, and errors keep their place."""
        texts = [each for each in questions if isinstance(each, str)]
        found = iter(parse_many(self.parser, texts) if texts else ())
        return [self._one(each, next(found) if isinstance(each, str) else ()) for each in questions]

    def _one(self, question: Question | NmnError, found: Readings | InputError) -> Asked | NmnError:
        if isinstance(question, NmnError):
            return question
        if isinstance(found, InputError):
            return found
        try:
            if isinstance(question, Program):
                check(question, self.domain, self.registry)
                return Asked(None, (question,))
            readings = self._candidates(found)
            for reading in readings:
                check(reading.program, self.domain, self.registry)
        except InputError as error:
            return error
        return Asked(question, tuple(reading.program for reading in readings), readings)

    def _candidates(self, readings: Readings) -> Readings:
        if not self.execution_guided:
            return readings[:1]
        likely = [reading for reading in readings[1:MOST_CANDIDATES] if reading.confidence >= LEAST_CANDIDATE]
        return (readings[0], *likely)


def _fitting(readings: Readings, found: Sequence[Answer]) -> tuple[int, Parse]:
    """The reading that is likeliest given that it was asked of this image, and its number."""
    weights = [
        reading.confidence * (MISTAKEN + (1 - MISTAKEN) * answer.granted)
        for reading, answer in zip(readings, found, strict=True)
    ]
    total = sum(weights)
    if total <= 0:
        return 0, readings[0]
    number = weights.index(max(weights))
    mass = sum(reading.confidence for reading in readings)
    return number, replace(readings[number], confidence=min(1.0, weights[number] / total * mass))
