"""Tables: the facets of one image as probabilities in plain numbers, given, or asked of the store when first read."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import exp
from typing import Protocol

import torch

from nmn.exact.scene import objects_of
from nmn.scene import FacetStore

Options = tuple[tuple[int, float], ...]
"""Values and their probabilities, likeliest first."""

Part = tuple[Options, float]
"""Some of a facet's values, and how probable they are together."""


@lru_cache(maxsize=2**16)
def split(options: Options, value: int) -> tuple[Part, ...]:
    """A value apart from the others, the likelier part first; one part if it is not among them."""
    alone = tuple(option for option in options if option[0] == value)
    others = tuple(option for option in options if option[0] != value)
    parts = [(each, sum(chance for _, chance in each)) for each in (alone, others) if each]
    return tuple(sorted(parts, key=lambda part: -part[1]))


def single_values(options: Options) -> tuple[Part, ...]:
    """Every value apart."""
    return tuple(((option,), option[1]) for option in options)


@dataclass
class Table:
    """What is known of one attribute, or of one anchor's row of a relation.

    Attributes:
        known: Objects that the store was asked for.
        settled: For each value, the objects that surely have it.
        doubtful: For each other object that is known, its options.
        possible: For each value, the doubtful objects that may have it.
    """

    known: int = 0
    settled: dict[int, int] = field(default_factory=dict)
    doubtful: dict[int, Options] = field(default_factory=dict)
    possible: dict[int, int] = field(default_factory=dict)


class Facets(Protocol):
    """The facets of one image, as a world reads them."""

    @property
    def kept(self) -> float:
        """Probability that no facet has a value that was left out."""
        ...

    @property
    def everything(self) -> int:
        """The objects that may be there."""
        ...

    @property
    def presence(self) -> Table:
        """Whether each of them is (1) or not (0)."""
        ...

    @property
    def attribute_of(self) -> Sequence[int]:
        """The attribute of each concept."""
        ...

    @property
    def comparable(self) -> Sequence[int]:
        """The attributes that objects are compared by."""
        ...

    def attribute(self, attribute: int, members: int) -> Table:
        """An attribute's table, with at least ``members`` known."""
        ...

    def relation(self, relation: int, anchor: int) -> Table:
        """An anchor's row of a relation."""
        ...


def enter(table: Table, index: int, chances: Mapping[int, float], tolerance: float) -> float:
    """Note an object's probabilities, leaving out the least likely values that are negligible together.

    Returns: Probability of those that were not left out.
    """
    total = sum(chances.values())
    options = sorted(((value, chance / total) for value, chance in chances.items()), key=lambda option: -option[1])
    lost = 0.0
    while len(options) > 1 and lost + options[-1][1] <= tolerance:
        lost += options.pop()[1]
    bit = 1 << index
    table.known |= bit
    where = table.settled if len(options) == 1 else table.possible
    for value, _ in options:
        where[value] = where.get(value, 0) | bit
    if len(options) > 1:
        table.doubtful[index] = tuple((value, chance / (1.0 - lost)) for value, chance in options)
    return 1.0 - lost


class Tables:
    """The facets of one image as probabilities, asked of the store when they are first read.

    Attributes:
        tolerance: Doubt of a facet up to which it is settled.
        kept: Probability that no facet has a value that was left out.
        everything: The objects that may be there.
        presence: Whether each of them is (1) or not (0).
    """

    def __init__(self, store: FacetStore, image: int, tolerance: float) -> None:
        self.store = store
        self.image = image
        self.tolerance = tolerance
        self.kept = 1.0
        self.presence = Table()
        self.comparable: Sequence[int] = store.domain.comparable_ids
        self.attribute_of: Sequence[int] = store.domain.concept_attributes
        self._attributes = [Table() for _ in store.domain.attributes]
        self._relations: dict[tuple[int, int], Table] = {}
        there = store.glance.mask[image].nonzero()[:, 0].tolist()
        log_odds = store.presence[image].detach().tolist()
        for index in there:
            self._enter(self.presence, index, _claim(log_odds[index]))
        self.everything = self.presence.known & ~self.presence.settled.get(0, 0)

    def attribute(self, attribute: int, members: int) -> Table:
        """An attribute's table, with at least ``members`` known."""
        table = self._attributes[attribute]
        missing = members & ~table.known
        if missing:
            objects = list(objects_of(missing))
            self._make_sure(self.store.want_attributes, self.store.attributes_known, attribute, objects)
            first, end = self.store.domain.span(self.store.domain.attributes[attribute].name)
            rows = self.store.attributes[first:end, self.image, objects].detach().T.tolist()
            for index, row in zip(objects, rows, strict=True):
                self._enter(table, index, {first + place: exp(value) for place, value in enumerate(row)})
        return table

    def relation(self, relation: int, anchor: int) -> Table:
        """An anchor's row of a relation."""
        table = self._relations.get((relation, anchor))
        if table is None:
            table = self._relations[relation, anchor] = Table()
            self._make_sure(self.store.want_relations, self.store.relations_known, relation, [anchor])
            row = self.store.relations[relation, self.image, anchor].detach().tolist()
            for other in objects_of(self.everything & ~(1 << anchor)):
                self._enter(table, other, _claim(row[other]))
        return table

    def _make_sure(self, want: Callable[..., None], known: torch.Tensor, facet: int, objects: list[int]) -> None:
        """Have the store compute what it does not know."""
        flags = known[facet, self.image].tolist()
        if all(flags[index] for index in objects):
            return
        asked = torch.zeros_like(known[0, :1])
        asked[0, objects] = True
        one = torch.tensor([facet, self.image], device=known.device)
        with torch.no_grad():
            want(one[:1], one[1:], asked)

    def _enter(self, table: Table, index: int, chances: Mapping[int, float]) -> None:
        self.kept *= enter(table, index, chances, self.tolerance)


def _claim(log_odds: float) -> Mapping[int, float]:
    """Probabilities of yes (1) and no (0), neither of which loses digits."""
    smaller = exp(-abs(log_odds)) / (1 + exp(-abs(log_odds)))
    return {int(log_odds >= 0): 1 / (1 + exp(-abs(log_odds))), int(log_odds < 0): smaller}
