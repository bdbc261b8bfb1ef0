"""What a parser gives: ranked readings of a question, and what was tried to read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

from nmn.errors import QuestionError, Span
from nmn.program import Program


@dataclass(frozen=True)
class Attempt:
    """One parser of a cascade that was asked to read a question.

    Attributes:
        link: Its name.
        cost: Time that it took, in seconds; of questions that were read together, an equal share.
        confidence: Probability that its likeliest reading is what was meant, 0 to 1; None if it has none.
        failure: Why it has no reading, in one line; None if it has one.
        span: The place in the question that the failure is about, if there is one.
    """

    link: str
    cost: float
    confidence: float | None = None
    failure: str | None = None
    span: Span | None = None

    def error(self, question: str) -> QuestionError | None:
        """Why there is no reading, with the place in the question."""
        return None if self.failure is None else QuestionError(self.failure, text=question, span=self.span)

    def to_json(self) -> dict[str, Any]:
        """``{"link", "seconds", "confidence", "failure", "span"}``."""
        span = None if self.span is None else [self.span.start, self.span.end]
        seen = {"link": self.link, "seconds": self.cost, "confidence": self.confidence}
        return {**seen, "failure": self.failure, "span": span}


@dataclass(frozen=True)
class Parse:
    """One reading of a question.

    Attributes:
        program: The program it stands for.
        confidence: Probability that this is what was meant, 0 to 1.
        spans: For each program node, the stretch of the question that it comes from, or None.
        link: Name of the parser that read it.
        cost: Time that the reading took, in seconds.
        known: Whether the confidence is enough to answer by it. Where it is not, the answer is "I don't know" and this
            the best guess.
        attempts: Each parser that was asked, in order; empty where there was but one to ask.
    """

    program: Program
    confidence: float
    spans: tuple[Span | None, ...]
    link: str
    cost: float
    known: bool = True
    attempts: tuple[Attempt, ...] = ()


Readings: TypeAlias = tuple[Parse, ...]
"""All readings of a question, the likeliest first; never empty."""


class Parser(Protocol):
    """Reads questions."""

    name: str

    def parse(self, question: str) -> Readings:
        """All readings of a question, the likeliest first; never empty.

        Raises: QuestionError, with a caret, when the question is outside the parser's language.
        """
        ...


@runtime_checkable
class BatchParser(Protocol):
    """A parser that reads many questions together faster than one by one."""

    def parse_many(self, questions: Sequence[str]) -> Sequence[Readings | QuestionError]:
        """For each question what ``parse`` gives, or the error that it raises.

        Raises: QuestionError instead, if it likes, where one question spoils the batch.
        """
        ...


def parse_many(parser: Parser, questions: Sequence[str]) -> Sequence[Readings | QuestionError]:
    """Read questions, together where the parser can: for each its readings, or why it has none."""
    if not questions:
        return []
    if len(questions) == 1 or not isinstance(parser, BatchParser):
        return [_try(parser, question) for question in questions]
    try:
        return parser.parse_many(questions)
    except QuestionError:  # halves, until the question that spoils the batch is alone
        middle = len(questions) // 2
        return [*parse_many(parser, questions[:middle]), *parse_many(parser, questions[middle:])]


def _try(parser: Parser, question: str) -> Readings | QuestionError:
    try:
        return parser.parse(question)
    except QuestionError as error:
        return error
