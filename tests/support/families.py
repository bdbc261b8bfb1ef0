"""Families of questions: a name, a line about it, and a function that writes as many as are asked for."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from phrasing import Question, Writer

from nmn.domain import Domain

QUESTIONS_OF_EACH = 25


@dataclass(frozen=True)
class Family:
    """A kind of composition.

    Attributes:
        name: Of the function that writes it.
        description: One line.
        make: Writes a question.
    """

    name: str
    description: str
    make: Callable[[Random, Domain], Question]

    def questions(self, domain: Domain, number: int = QUESTIONS_OF_EACH, *, seed: int = 0) -> Iterator[Question]:
        """Different questions, always the same ones for a seed."""
        random = Random(f"{self.name} {seed}")
        seen: set[str] = set()
        while len(seen) < number:
            question = self.make(random, domain)
            if question.text not in seen:
                seen.add(question.text)
                yield question


FAMILIES: list[Family] = []


def family(write: Callable[[Writer], Question]) -> Callable[[Writer], Question]:
    """Register a family; its docstring describes it."""

    def make(random: Random, domain: Domain) -> Question:
        return write(Writer(random, domain))

    FAMILIES.append(Family(write.__name__, str(write.__doc__), make))
    return write
