"""PossibleScene: an image of which every facet is the set of values that it may still have.

=================  ==================================================================
values             a bit mask of concepts' ids in the domain's layout
a claim            a bit mask: bit 0 that it may be false, bit 1 that it may be true
a set of objects   two bit masks of objects: certainly in, possibly in
=================  ==================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

_Entry = TypeVar("_Entry")

PRESENCE_FACET, ATTRIBUTE_FACET, RELATION_FACET = "presence", "attribute", "relation"

NO_BIT, YES_BIT = 1, 2
"""A claim that is false; one that is true. Both together are a claim of which nothing is known."""

Set = tuple[int, int]
"""Objects that are certainly in, and those that are possibly in; the latter hold the former."""


class Facet(NamedTuple):
    """Something about an image that may be in doubt.

    Attributes:
        kind: PRESENCE_FACET, ATTRIBUTE_FACET or RELATION_FACET.
        number: Of the attribute or relation; 0 for presence.
        object: Which it is about; of a relation the anchor.
        other: Of a relation the object that may stand in it to the anchor; else 0.
    """

    kind: str
    number: int
    object: int
    other: int = 0


@dataclass(frozen=True, slots=True)
class PossibleScene:
    """What may be in an image.

    Its completions choose a value for every facet, each for itself, except that inverse relations agree. Where something
    about an object that is not there is asked for, nothing depends on it.

    Attributes:
        objects: How many there may be.
        there: The set of all objects.
        must: For each concept, the objects that certainly carry it.
        may: Likewise, possibly.
        values: For each attribute and object, the concepts that it may have.
        related_must: For each relation and anchor, the objects that certainly stand in it to the anchor; presence apart.
        related_may: Likewise, possibly; never the anchor.
        inverses: For each relation, the one that holds the other way round in every completion, if there is one.
    """

    objects: int
    there: Set
    must: tuple[int, ...]
    may: tuple[int, ...]
    values: tuple[tuple[int, ...], ...]
    related_must: tuple[tuple[int, ...], ...]
    related_may: tuple[tuple[int, ...], ...]
    inverses: tuple[int | None, ...]

    def options(self, facet: Facet) -> int:
        """What a facet may be: a mask of concepts, or of a claim."""
        if facet.kind == PRESENCE_FACET:
            return _claim(self.there, facet.object)
        if facet.kind == ATTRIBUTE_FACET:
            return self.values[facet.number][facet.object]
        row = self.related_must[facet.number][facet.object], self.related_may[facet.number][facet.object]
        return _claim(row, facet.other)

    def narrowed(self, facet: Facet, options: int) -> "PossibleScene":
        """The scene with fewer options for one facet, and for the inverse of a relation."""
        if facet.kind == PRESENCE_FACET:
            return replace(self, there=_narrowed(self.there, facet.object, options))
        if facet.kind == ATTRIBUTE_FACET:
            return self._with_values(facet.number, facet.object, options)
        found = self._with_relation(facet.number, facet.object, facet.other, options)
        inverse = self.inverses[facet.number]
        return found if inverse is None else found._with_relation(inverse, facet.other, facet.object, options)

    def _with_values(self, attribute: int, subject: int, options: int) -> "PossibleScene":
        bit, before = 1 << subject, self.values[attribute][subject]
        must, may = list(self.must), list(self.may)
        for concept in bits(before & ~options):
            must[concept] &= ~bit
            may[concept] &= ~bit
        if options & (options - 1) == 0 and options:
            must[options.bit_length() - 1] |= bit
        row = _changed(self.values[attribute], subject, options)
        values = _changed(self.values, attribute, row)
        return replace(self, must=tuple(must), may=tuple(may), values=values)

    def _with_relation(self, relation: int, anchor: int, other: int, options: int) -> "PossibleScene":
        row = self.related_must[relation][anchor], self.related_may[relation][anchor]
        must, may = _narrowed(row, other, options)
        return replace(
            self,
            related_must=_changed(self.related_must, relation, _changed(self.related_must[relation], anchor, must)),
            related_may=_changed(self.related_may, relation, _changed(self.related_may[relation], anchor, may)),
        )


def bits(mask: int) -> list[int]:
    """The numbers of the bits of a mask, rising."""
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def _claim(members: Set, index: int) -> int:
    must, may = members
    return NO_BIT * (not must >> index & 1) | YES_BIT * (may >> index & 1)


def _narrowed(members: Set, index: int, options: int) -> Set:
    must, may = members
    bit = 1 << index
    return must | (bit if options == YES_BIT else 0), may & ~(bit if options == NO_BIT else 0)


def _changed(row: Sequence[_Entry], place: int, entry: _Entry) -> tuple[_Entry, ...]:
    return (*row[:place], entry, *row[place + 1 :])
