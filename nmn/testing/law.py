"""Law: what must hold of a part, and the advice that is given where it does not."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from nmn.errors import InputError, NmnError, nearest

Subject = TypeVar("Subject")

FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, NmnError, RuntimeError, TypeError, ValueError)
"""What the code under test may raise; anything else is no breach of a law."""


class LawBroken(AssertionError):
    """A part breaks a law.

    Attributes:
        law: Name of the law.
    """

    def __init__(self, message: str, law: str) -> None:
        super().__init__(message)
        self.law = law


class Breach(Exception):
    """What a law found.

    Args:
        given: The input, in words.
        found: What came out.
        wanted: What would be right.
    """

    def __init__(self, given: str, found: str, wanted: str) -> None:
        super().__init__(found)
        self.given, self.found, self.wanted = given, found, wanted


@dataclass(frozen=True)
class Law(Generic[Subject]):
    """A law.

    Attributes:
        name: What it is called.
        claim: What holds.
        advice: What most often is the matter where it does not.
        guide: The page that tells more.
        holds: Looks for a breach in a subject; raises Breach at the first.
    """

    name: str
    claim: str
    advice: str
    guide: str
    holds: Callable[[Subject], None]


def insist(
    laws: Sequence[Law[Subject]], subject: Subject, name: str, wanted: Iterable[str] | None = None
) -> tuple[str, ...]:
    """Hold a part to laws, in order.

    Args:
        laws: All that there are for parts of its kind.
        subject: What the laws look at.
        name: What the part is called.
        wanted: Names of the laws to hold it to; all if None.

    Returns: the names of the laws that it was held to.

    Raises:
        LawBroken: at the first law that does not hold.
        InputError: when there is no law of a name.
    """
    names = [law.name for law in laws]
    chosen = names if wanted is None else list(wanted)
    for each in chosen:
        if each not in names:
            raise InputError(f"no law {each!r}{nearest(each, names)}")
    for law in laws:
        if law.name in chosen:
            try:
                law.holds(subject)
            except Breach as breach:
                raise LawBroken(_advice(law, name, breach), law.name) from None
            except FAILURES as error:
                raised = Breach("see the traceback above", f"{type(error).__name__}: {error}", "no error")
                raise LawBroken(_advice(law, name, raised), law.name) from error
    return tuple(each for each in names if each in chosen)


def _advice(law: Law[Subject], name: str, breach: Breach) -> str:
    rows = (
        ("what holds", law.claim),
        ("given", breach.given),
        ("came out", breach.found),
        ("right would be", breach.wanted),
        ("advice", law.advice),
        ("more", law.guide),
    )
    return "\n".join([f"{name} breaks the law '{law.name}'", *(f"  {label + ':':<16}{text}" for label, text in rows)])
