"""What policies are held against: looks at random, and an oracle that knows which looks matter."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from zlib import crc32

import numpy as np

from nmn.domain import Domain
from nmn.exact.compiled import Compiled
from nmn.perceiver import PRESENCE
from nmn.policies.looks import Look, Pending
from nmn.policies.outcomes import Outcome

MOST = 3  # looks that the oracle tries together before it takes all that report something else


@dataclass(frozen=True)
class RandomLooks:
    """Takes looks at random, among those at what programs read.

    Attributes:
        mean: How many an image, in the mean.
        seed: Of the draws; an image always gets the same.
    """

    mean: float
    seed: int = 0

    def choose(self, image: Pending) -> list[Look]:
        """All at once, in the first round."""
        if image.rounds:
            return []
        names = frozenset[str]().union(*image.attributes) | {PRESENCE}
        looks = [Look(index, pathway) for pathway in image.pathways_of(names) for index in range(image.belief.objects)]
        random = np.random.default_rng([self.seed, crc32(image.belief.chances[PRESENCE].tobytes())])
        number = min(len(looks), int(random.poisson(self.mean)))
        return [looks[place] for place in random.choice(len(looks), number, replace=False)] if number else []


@dataclass
class Values:
    """An image of which everything is decided. A :class:`nmn.exact.ExactScene`.

    Attributes:
        domain: What can be said of objects.
        presence: [objects] whether each is there.
        values: [objects] the place of each one's value, by attribute.
        relations: [relations, objects, objects] whether the second stands in the relation to the first.
    """

    domain: Domain
    presence: list[bool]
    values: Mapping[str, list[int]]
    relations: "np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]"
    everything: int = field(init=False)

    def __post_init__(self) -> None:
        self.everything = sum(1 << index for index, each in enumerate(self.presence) if each)

    def value(self, attribute: int, subject: int) -> int:
        """The concept that is an object's value of an attribute."""
        name = self.domain.attributes[attribute].name
        return self.domain.span(name)[0] + self.values[name][subject]

    def fitting(self, concept: int, members: int) -> int:
        """Those of ``members`` that carry a concept."""
        attribute = self.domain.concept_attributes[concept]
        objects = [index for index in range(len(self.presence)) if members >> index & 1]
        return sum(1 << index for index in objects if self.value(attribute, index) == concept)

    def related(self, relation: int, anchor: int) -> int:
        """The objects that stand in a relation to ``anchor``; never itself."""
        found = np.flatnonzero(self.relations[relation, anchor]).tolist()
        return sum(1 << index for index in found if index != anchor) & self.everything

    def in_common(self, first: int, second: int) -> tuple[int, ...]:
        """The attributes of which two objects share a value."""
        return tuple(each for each in self.domain.comparable_ids if self.value(each, first) == self.value(each, second))


@dataclass(frozen=True)
class Oracle:
    """Takes the fewest looks that give a question the answer that all looks give it; for remembered outcomes only."""

    def choose(self, image: Pending) -> list[Look]:
        """All at once, in the first round."""
        if image.rounds:
            return []
        pathways = {name: pathway for pathway, told in image.pathways.items() for name in told}
        surprises = [named for named in _surprises(image, image.detail) if named[1] in pathways]
        chosen: list[tuple[int, str]] = []
        for compiled in image.questions:
            if compiled is not None and surprises:
                chosen += _needed(image, compiled, surprises)
        return list(dict.fromkeys(Look(index, pathways[name]) for index, name in chosen))


def _surprises(image: Pending, outcome: Outcome) -> list[tuple[int, str]]:
    """The facets of which a look reports something else than the glance shows."""
    chances = image.belief.chances
    found = [(index, PRESENCE) for index in np.flatnonzero((chances[PRESENCE] > 0.5) != outcome.reported).tolist()]
    for name in frozenset[str]().union(*image.attributes) & frozenset(outcome.reports):
        other = chances[name].argmax(1) != outcome.reports[name].argmax(1)
        found += [(index, name) for index in np.flatnonzero(other).tolist()]
    return sorted(found)


def _needed(image: Pending, compiled: Compiled, surprises: list[tuple[int, str]]) -> list[tuple[int, str]]:
    wanted = compiled.answer(_scene(image, surprises))
    for number in range(min(MOST, len(surprises)) + 1):
        for some in combinations(surprises, number):
            if compiled.answer(_scene(image, list(some))) == wanted:
                return list(some)
    return surprises


def _scene(image: Pending, looked: list[tuple[int, str]]) -> Values:
    """The image as the glance shows it, but for some facets as looks report them."""
    belief, outcome = image.belief, image.detail
    presence = (belief.chances[PRESENCE] > 0.5).tolist()
    values = {name: each.argmax(1).tolist() for name, each in belief.chances.items() if name != PRESENCE}
    for index, name in looked:
        if name == PRESENCE:
            presence[index] = bool(outcome.reported[index])
        else:
            values[name][index] = int(outcome.reports[name][index].argmax())
    return Values(belief.domain, presence, values, outcome.relations > 0)
