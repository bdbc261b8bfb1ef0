"""What a parser gives: ranked readings of a question."""

from dataclasses import dataclass
from typing import Protocol

from nmn.errors import Span
from nmn.program import Program


@dataclass(frozen=True)
class Parse:
    """One reading of a question.

    Attributes:
        program: The program it stands for.
        confidence: Probability that this is what was meant, 0 to 1.
        spans: For each program node, the stretch of the question that it comes from, or None.
        link: Name of the parser that read it.
        cost: Time that the reading took, in seconds.
    """

    program: Program
    confidence: float
    spans: tuple[Span | None, ...]
    link: str
    cost: float


class Parser(Protocol):
    """Reads questions."""

    name: str

    def parse(self, question: str) -> tuple[Parse, ...]:
        """All readings of a question, the likeliest first; never empty.

        Raises: QuestionError, with a caret, when the question is outside the parser's language.
        """
        ...
