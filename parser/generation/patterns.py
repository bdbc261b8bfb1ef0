"""Patterns: wordings with choices and places to fill, kept in a data file and spoken in a random one of their forms.

A pattern holds words, ``{slot}`` places, ``(one|another)`` choices and ``[maybe]`` optional parts, nested at will. ``3: ``
before it makes it three times as likely.
"""

import re
import tomllib
from bisect import bisect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from itertools import accumulate
from random import Random
from typing import Any, TypeAlias

_WEIGHT = re.compile(r"(\d+): ")
_TOKEN = re.compile(r"[{}()\[\]|]|[^{}()\[\]|]+")
_CLOSES = {"(": ")", "[": "]"}


@dataclass(frozen=True)
class Slot:
    """A place to fill."""

    name: str


@dataclass(frozen=True)
class Choice:
    """One of several forms."""

    forms: "tuple[tuple[Piece, ...], ...]"


Piece: TypeAlias = str | Slot | Choice


@dataclass(frozen=True)
class Pattern:
    """A wording.

    Attributes:
        text: As it was written.
        pieces: What it consists of.
        slots: Names of all places in it.
        weight: How likely it is beside others.
    """

    text: str
    pieces: tuple[Piece, ...]
    slots: frozenset[str]
    weight: int

    @staticmethod
    def of(text: str) -> "Pattern":
        """Read a pattern. Raises: ValueError when a bracket is left open."""
        weighted = _WEIGHT.match(text)
        body = text[weighted.end() :] if weighted else text
        tokens = _TOKEN.findall(body)
        (pieces,), end = _forms(tokens, 0, "", body)
        if end != len(tokens):
            raise ValueError(f"pattern {body!r}: {tokens[end]!r} closes nothing")
        return Pattern(body, pieces, frozenset(_slots(pieces)), int(weighted[1]) if weighted else 1)

    def spoken(self, random: Random, fill: Callable[[str], str]) -> str:
        """One of its forms.

        Args:
            random: Chooses.
            fill: Gives the text of a slot.
        """
        said: list[str] = []
        _speak(self.pieces, random.random, fill, said)
        return "".join(said)


def _forms(tokens: Sequence[str], at: int, closing: str, text: str) -> tuple[tuple[tuple[Piece, ...], ...], int]:
    """Forms parted by "|" up to a closing bracket, and the place after it."""
    forms: list[list[Piece]] = [[]]
    while at < len(tokens):
        token = tokens[at]
        at += 1
        if token == closing:
            return tuple(map(tuple, forms)), at
        if token in _CLOSES:
            inner, at = _forms(tokens, at, _CLOSES[token], text)
            forms[-1].append(Choice(((), *inner) if token == "[" else inner))
        elif token == "{":
            forms[-1].append(Slot(tokens[at]))
            at += 2
        elif token == "|" and closing:
            forms.append([])
        else:
            forms[-1].append(token)
    if closing:
        raise ValueError(f"pattern {text!r}: {closing!r} is missing")
    return tuple(map(tuple, forms)), at


def _slots(pieces: Iterable[Piece]) -> Iterable[str]:
    for piece in pieces:
        if isinstance(piece, Slot):
            yield piece.name
        elif isinstance(piece, Choice):
            for form in piece.forms:
                yield from _slots(form)


def _speak(pieces: Sequence[Piece], chance: Callable[[], float], fill: Callable[[str], str], said: list[str]) -> None:
    for piece in pieces:
        kind = type(piece)
        if kind is str:
            said.append(piece)  # type: ignore[arg-type]
        elif kind is Slot:
            said.append(fill(piece.name))  # type: ignore[union-attr]
        else:
            forms = piece.forms  # type: ignore[union-attr]
            _speak(forms[int(chance() * len(forms))], chance, fill, said)


class Wordings:
    """Patterns for one purpose, of which those are taken whose slots can be filled.

    Args:
        patterns: All of them.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        self.patterns = [Pattern.of(each) for each in patterns]
        self._needs = frozenset(slot for each in self.patterns for slot in each.slots)
        self._fitting: dict[frozenset[str], tuple[list[Pattern], list[int]]] = {}

    def choose(self, random: Random, missing: frozenset[str] = frozenset()) -> Pattern | None:
        """A random pattern without a slot that is missing; None when there is none."""
        missing &= self._needs
        found = self._fitting.get(missing)
        if found is None:
            fitting = [each for each in self.patterns if not each.slots & missing]
            found = self._fitting[missing] = fitting, list(accumulate(each.weight for each in fitting))
        fitting, weights = found
        return fitting[bisect(weights, random.random() * weights[-1])] if fitting else None

    def say(self, random: Random) -> str:
        """A random pattern of those without slots."""
        pattern = self.choose(random)
        return "" if pattern is None else pattern.spoken(random, str)


def read_wordings(name: str) -> Mapping[str, Any]:
    """A data file of this package, as its tables."""
    text = (resources.files("nmn.parser.generation") / f"{name}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@lru_cache(maxsize=8)
def wordings(style: str) -> Mapping[str, Wordings]:
    """The patterns of a style by purpose: a kind of question, or a kind of clause."""
    table = read_wordings("wordings")[style]
    return {purpose: Wordings(patterns) for purpose, patterns in table.items()}
