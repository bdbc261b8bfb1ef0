"""Survey: the likeliest worlds of one question, what they answer, and what a look would be worth to it.

The value of a set of looks S is how much surer of the answer one expects to be after them::

    value(S) = E[ sum_a p(a | z_S)^2 ] - sum_a p(a)^2

where z_S is what the looks report. It is never negative (Jensen), and 0 exactly where the reports say nothing about the answer.
A world leaves undecided what its answer does not depend on; given such a world, a facet has the probabilities that it has
among the values that are left of it. So the worlds that are enumerated once give the value of every look and of every pair.

Source: value of information (Howard 1966, IEEE Transactions on Systems Science and Cybernetics 2); with Brier's score as
the utility; the table of partial worlds is ours.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from nmn.exact.compiled import Compiled
from nmn.perceiver import PRESENCE
from nmn.policies.belief import Belief
from nmn.worlds import enumerate_worlds
from nmn.worlds.tables import Options
from nmn.worlds.world import PRESENCE_FACET, Facet

Numbers = NDArray[np.float64]
Named = tuple[int, str]
"""A facet that a look can tell: an object, and the name of an attribute or PRESENCE."""

MOST_WORLDS = 256
SHARE = 0.1  # of the tolerated doubt, that worlds which are not enumerated may weigh
PAIRED = 6  # facets of the greatest doubt that are also valued in pairs


@dataclass(frozen=True)
class Sure:
    """A question whose likeliest world alone is likely enough.

    Attributes:
        answer: In that world.
        doubt: Probability that the answer is another, at most.
    """

    answer: str | None
    doubt: float


@dataclass(frozen=True)
class Survey:
    """The worlds of a question that were looked into.

    Attributes:
        answers: Weight of each answer; that of None are worlds in which something taken for granted does not hold.
        codes: [worlds] which of the answers, in their order.
        weights: [worlds].
        decided: Of each world, what is left of the values of each facet that it decided.
    """

    answers: Mapping[str | None, float]
    codes: NDArray[np.int64]
    weights: Numbers
    decided: tuple[Mapping[Facet, Options], ...]
    belief: Belief

    @property
    def doubt(self) -> float:
        """Probability that the answer is another than the likeliest, or that there is none.

        Worlds that were not looked into count, and so do those in which something taken for granted does not hold.
        """
        known = (weight for answer, weight in self.answers.items() if answer is not None)
        return max(0.0, 1.0 - max(known, default=0.0))

    @property
    def likeliest(self) -> list[tuple[str | None, float]]:
        """Answers and their weights, the likeliest first."""
        return sorted(self.answers.items(), key=lambda entry: -entry[1])

    @cached_property
    def read(self) -> dict[Facet, Named]:
        """The doubtful facets that any of the worlds has decided, as they are looked at."""
        found: dict[Facet, Named] = {}
        for world in self.decided:
            for facet in world:
                if facet not in found:
                    name = PRESENCE if facet[0] == PRESENCE_FACET else self.belief.domain.attributes[facet[1]].name
                    found[facet] = (facet[2], name)
        return found

    def given(self, facet: Facet) -> Numbers:
        """[worlds, values] probability of each value of a facet in each world."""
        options = self._options(facet)
        places = {value: place for place, (value, _) in enumerate(options)}
        rows: dict[Options, Numbers] = {}
        table = np.empty((len(self.decided), len(options)))
        for number, world in enumerate(self.decided):
            left = world.get(facet, options)
            row = rows.get(left)
            if row is None:
                row = np.zeros(len(options))
                for value, chance in left:
                    row[places[value]] = chance
                rows[left] = row = row / row.sum()
            table[number] = row
        return table

    def unsure(self, facets: Sequence[Facet]) -> float:
        """Probability, at most, that any of these facets has another than its likeliest value."""
        return sum(1.0 - self._options(facet)[0][1] for facet in facets)

    def _options(self, facet: Facet) -> Options:
        kind, attribute, index, _ = facet
        table = self.belief.presence if kind == PRESENCE_FACET else self.belief.attribute(attribute, 1 << index)
        return table.doubtful[index]

    def values(self, looks: Mapping[int, Sequence[Facet]]) -> tuple[dict[int, float], dict[tuple[int, int], float]]:
        """What looks are worth, each for itself, and pairs of those that are worth most.

        Args:
            looks: For the number of a look, the doubtful facets that it tells, of those that were read.
        """
        count = len(self.answers)
        by_answer = np.zeros((count, len(self.codes)))
        by_answer[self.codes, np.arange(len(self.codes))] = self.weights
        mass = float(self.weights.sum())
        before = float((by_answer.sum(1) ** 2).sum()) / mass
        given = {number: _joint([self.given(facet) for facet in facets]) for number, facets in looks.items()}
        alone = {number: max(0.0, _gained(by_answer @ table) - before) for number, table in given.items()}
        best = sorted(given, key=lambda number: -alone[number])[:PAIRED]
        pairs: dict[tuple[int, int], float] = {}
        for place, first in enumerate(best):
            for second in best[place + 1 :]:
                joint = _joint([given[first], given[second]])
                pairs[min(first, second), max(first, second)] = max(0.0, _gained(by_answer @ joint) - before)
        return alone, pairs


def survey(compiled: Compiled, belief: Belief, doubt: float, most: int = MOST_WORLDS) -> Survey:
    """Look into the worlds of a question by falling weight, until the answer is sure enough or enough is known of its doubt."""
    answers: dict[str | None, float] = {}
    codes: dict[str | None, int] = {}
    numbers: list[int] = []
    weights: list[float] = []
    decided: list[Mapping[Facet, Options]] = []
    found = 0.0
    for answer, world in enumerate_worlds(compiled, belief):
        weight = world.weight
        answers[answer] = answers.get(answer, 0.0) + weight
        numbers.append(codes.setdefault(answer, len(codes)))
        weights.append(weight)
        decided.append(world.decided)
        found += weight
        if answer is not None and answers[answer] * belief.kept >= 1.0 - doubt:
            break  # sure enough already
        if len(weights) >= most or found * belief.kept >= 1.0 - SHARE * doubt:
            break
    kept = belief.kept
    scaled = {answer: weight * kept for answer, weight in answers.items()}
    return Survey(scaled, np.array(numbers), np.array(weights) * kept, tuple(decided), belief)


def _joint(tables: Sequence[Numbers]) -> Numbers:
    """[worlds, values of all] probabilities of every combination of values."""
    joint = tables[0]
    for table in tables[1:]:
        joint = (joint[:, :, None] * table[:, None, :]).reshape(len(joint), -1)
    return joint


def _gained(chances: Numbers) -> float:
    """Expected sum of squares of what is thought of the answer, from [answers, reports] joint probabilities."""
    total = chances.sum(0)
    square = (chances**2).sum(0)
    return float((square[total > 0] / total[total > 0]).sum())
