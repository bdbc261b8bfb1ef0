"""Spelling: questions with slips of the keyboard, read by the grammar once their words are put right.

Every word that the grammar does not know is taken for the known words that are a slip or two away: a letter missing, too
many, wrong, or swapped with the next, or the space between two words left out. What the grammar reads of such a text is a
reading, the less likely the more was changed. So a question with a slip costs a millisecond, not a network.

Source: the noisy channel (Kernighan, Church and Gale 1990, "A spelling correction program based on a noisy channel model");
words are found by their deletions, as SymSpell does (Garbe 2012).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from heapq import nsmallest
from itertools import combinations, product
from math import prod
from time import perf_counter
from typing import Any

from nmn.errors import QuestionError, Span
from nmn.parse import Parse, Readings
from nmn.parser.english import EnglishParser
from nmn.parser.lexicon import check_readable
from nmn.program import Program

SLIP = 0.02
"""Probability of one slip in a word."""

OTHER, OTHER_LONG = 2e-3, 1e-4
"""Probability that a word that was meant as it stands is as near as that to a known one; of a long word that is less."""

_LONG = 8  # letters, from which a word may hold two slips
_SHORTEST = 3  # letters of a word that is put right
_MOST_WORDS = 4  # of a question that are put right
_MOST_EACH = 6  # known words that one word is taken for
_MOST_TEXTS = 16  # read for one question
_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True)
class Change:
    """A stretch of a question, what it is taken for, and how many slips away that is."""

    start: int
    end: int
    words: str
    slips: int


class SpellingParser:
    """Reads questions whose words are almost those of the grammar.

    Args:
        grammar: What reads them once they are put right.
        words: Further words that are spelled as they should be; a question with one of them is left to others.
    """

    name = "spelling"

    def __init__(self, grammar: EnglishParser, words: Collection[str] = ()) -> None:
        self.grammar = grammar
        self.words = frozenset(words)
        self.known = frozenset(word for word in grammar.lexicon.words if word.isalpha())
        self._longest = max(map(len, self.known))
        self._nearby: dict[str, set[str]] = defaultdict(set)
        for word in self.known:
            for left in _shortened(word, _slips_in(word)):
                self._nearby[left].add(word)
        self.nearest = lru_cache(maxsize=4096)(self._nearest)

    def __reduce__(self) -> tuple[Any, ...]:
        """Worker processes get the grammar and look up words anew."""
        return type(self), (self.grammar, self.words)

    def parse(self, question: str) -> Readings:
        """Readings of the question as it may have been meant to be written, the likeliest first.

        Raises: QuestionError when no word is strange, too many are, one is like no known word, or nothing that comes of it
            can be read.
        """
        check_readable(question)
        started = perf_counter()
        choices = [self._choices(found, question) for found in self._strange(question)]
        weights: dict[Program, float] = {}
        readings: dict[Program, Parse] = {}
        for changes in nsmallest(_MOST_TEXTS, product(*choices), key=_slips):
            text = _changed(question, changes)
            for reading in self._read(text):
                same = reading.program.canonical()
                weights[same] = weights.get(same, 0.0) + reading.confidence * SLIP ** _slips(changes)
                readings.setdefault(same, _moved(reading, changes))
        if not readings:
            raise QuestionError("no known words that are like its own make a question of it", text=question)
        scale = prod(map(_misspelled, choices)) / sum(weights.values())
        cost = perf_counter() - started
        ranked = sorted(readings, key=lambda program: -weights[program])
        return tuple(
            Parse(readings[each].program, weights[each] * scale, readings[each].spans, self.name, cost)
            for each in ranked
        )

    def _strange(self, question: str) -> list[re.Match[str]]:
        """The words that are not known. Raises: QuestionError when there are none, or too many."""
        found = [match for match in _WORD.finditer(question) if match.group().lower() not in self.known]
        if not found:
            raise QuestionError("no word is misspelled", text=question)
        proper = next((match for match in found if match.group().lower() in self.words), None)
        if proper is not None:
            span = Span(proper.start(), proper.end())
            raise QuestionError(f"{proper.group()!r} is not misspelled", text=question, span=span)
        if len(found) > _MOST_WORDS:
            span = Span(found[0].start(), found[-1].end())
            raise QuestionError(f"{len(found)} words are not known: too many to put right", text=question, span=span)
        return found

    def _choices(self, found: re.Match[str], question: str) -> list[Change]:
        """What a word may be. Raises: QuestionError when it is like no known word."""
        near = self.nearest(found.group().lower())
        if not near:
            span = Span(found.start(), found.end())
            raise QuestionError(f"{found.group()!r} is like no known word", text=question, span=span)
        return [Change(found.start(), found.end(), words, slips) for words, slips in near]

    def _nearest(self, word: str) -> tuple[tuple[str, int], ...]:
        """Known words, or two of them, that a word may be, with the slips between; fewest first."""
        if not _SHORTEST <= len(word) <= 2 * self._longest:
            return ()
        most = _slips_in(word)
        like = {known for left in _shortened(word, most) for known in self._nearby.get(left, ())}
        found = [(known, slips) for known in sorted(like) if (slips := distance(word, known)) <= most]
        parts = [(word[:place], word[place:]) for place in range(1, len(word))]
        found += [(f"{first} {second}", 1) for first, second in parts if {first, second} <= self.known]
        return tuple(sorted(found, key=lambda each: each[1])[:_MOST_EACH])

    def _read(self, text: str) -> Readings:
        try:
            return self.grammar.parse(text)
        except QuestionError:
            return ()


def distance(first: str, second: str) -> int:
    """Least number of slips between two words: letters missing, too many, wrong, or swapped with the next.

    Each stretch is changed at most once (optimal string alignment, Damerau 1964).
    """
    before: list[int] = []
    last = list(range(len(second) + 1))
    for row, letter in enumerate(first, 1):
        now = [row]
        for column, other in enumerate(second, 1):
            least = min(last[column] + 1, now[-1] + 1, last[column - 1] + (letter != other))
            if row > 1 and column > 1 and letter == second[column - 2] and first[row - 2] == other:
                least = min(least, before[column - 2] + 1)
            now.append(least)
        before, last = last, now
    return last[-1]


def _slips_in(word: str) -> int:
    return 1 + (len(word) >= _LONG)


def _shortened(word: str, most: int) -> Iterator[str]:
    """A word without any of its letters, up to so many: two words that are near have one of these in common."""
    for number in range(most + 1):
        for left_out in combinations(range(len(word)), number):
            yield "".join(letter for place, letter in enumerate(word) if place not in left_out)


def _misspelled(choices: Sequence[Change]) -> float:
    """Probability that a word is one of those that it is like, and not another that happens to be like them."""
    slip = SLIP ** min(change.slips for change in choices)
    other = OTHER_LONG if choices[0].end - choices[0].start >= _LONG else OTHER
    return slip / (slip + other)


def _slips(changes: Iterable[Change]) -> int:
    return sum(change.slips for change in changes)


def _changed(question: str, changes: Sequence[Change]) -> str:
    """The question with stretches replaced; they come in order."""
    pieces, at = [], 0
    for change in changes:
        pieces += [question[at : change.start], change.words]
        at = change.end
    return "".join([*pieces, question[at:]])


def _moved(reading: Parse, changes: Sequence[Change]) -> Parse:
    """A reading of the changed question with the stretches of the question as it stands."""
    spans = tuple(
        None if span is None else Span(_place(span.start, changes, end=False), _place(span.end, changes, end=True))
        for span in reading.spans
    )
    return Parse(reading.program, reading.confidence, spans, reading.link, reading.cost)


def _place(place: int, changes: Sequence[Change], *, end: bool) -> int:
    """Where a place of the changed question was; in a stretch that was replaced, its start or end."""
    longer = 0
    for change in changes:
        start = change.start + longer
        if place < start + (not end) or (end and place == start):
            break
        if place <= start + len(change.words) - (not end):
            return change.end if end else change.start
        longer += len(change.words) - (change.end - change.start)
    return place - longer
