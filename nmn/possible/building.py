"""Building possible scenes: from sets of values, from probabilities, from coordinates within bounds."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nmn.domain import Domain
from nmn.errors import SceneError, nearest
from nmn.possible.scene import NO_BIT, YES_BIT, PossibleScene, Set, bits

Claims = Sequence[int]
"""For each object, whether it is there: NO_BIT, YES_BIT, or both."""

UNKNOWN = NO_BIT | YES_BIT

Chances = NDArray[np.float64]

Relation = Sequence[Set]
"""For each anchor, the objects that certainly and possibly stand in a relation to it."""


def possible_scene(
    domain: Domain,
    presence: Claims,
    values: Mapping[str, Sequence[Collection[str]]],
    relations: Mapping[str, Relation],
) -> PossibleScene:
    """A scene of which sets of values are known.

    Attributes and relations that are left out are not known at all. Relations with an axis follow from coordinates, so
    what must hold of them is completed by their inverses and by transitivity, and what cannot is struck out.

    Args:
        domain: What can be said of objects.
        presence: For each object.
        values: For each object the values that it may have, by attribute.
        relations: By name.

    Raises:
        SceneError: when something has no value left, or is none of the domain.
    """
    count = len(presence)
    for name in {*values} - {*domain.attribute_ids}:
        raise SceneError(f"{domain.name} has no attribute {name!r}{nearest(name, domain.attribute_ids)}")
    for name in {*relations} - {*domain.relation_ids}:
        raise SceneError(f"{domain.name} has no relation {name!r}{nearest(name, domain.relation_ids)}")
    masks = [_masks(domain, each.name, values.get(each.name), count) for each in domain.attributes]
    rows = [relations.get(each.name) or _unknown(count) for each in domain.relations]
    return from_masks(domain, presence, masks, completed(domain, rows, count))


def from_masks(
    domain: Domain, presence: Claims, values: Sequence[Sequence[int]], relations: Sequence[Relation]
) -> PossibleScene:
    """A scene from bit masks: of concepts for each attribute and object, of objects for each relation and anchor.

    Raises: SceneError when something has no value left.
    """
    must, may = [0] * len(domain.concepts), [0] * len(domain.concepts)
    for attribute, row in enumerate(values):
        for index, options in enumerate(row):
            if not options:
                raise SceneError(f"object {index} is left without a {domain.attributes[attribute].name}")
            for concept in bits(options):
                may[concept] |= 1 << index
            if options & (options - 1) == 0:
                must[options.bit_length() - 1] |= 1 << index
    sure = possible = 0
    for index, claim in enumerate(presence):
        if claim not in (NO_BIT, YES_BIT, UNKNOWN):
            raise SceneError(f"object {index} is neither there nor not there")
        sure |= (claim == YES_BIT) << index
        possible |= (claim != NO_BIT) << index
    return PossibleScene(
        len(presence),
        (sure, possible),
        tuple(must),
        tuple(may),
        tuple(tuple(row) for row in values),
        tuple(tuple(each for each, _ in row) for row in relations),
        tuple(tuple(each for _, each in row) for row in relations),
        inverses(domain),
    )


def from_chances(
    domain: Domain,
    presence: Chances,
    attributes: Mapping[str, Chances],
    relations: Mapping[str, Chances],
    *,
    least: float,
) -> PossibleScene:
    """A scene of prediction sets: of each facet all values of a probability above ``least``, and its likeliest one.

    Args:
        domain: What can be said of objects.
        presence: [objects] probabilities.
        attributes: [objects, values], by name; those that are left out are not known at all.
        relations: [anchors, objects] that the object stands in the relation to the anchor, by name; likewise.
        least: The threshold; :func:`nmn.promise.risk.largest_threshold` finds one that covers what is promised.

    Raises: SceneError.
    """
    count = len(presence)
    masks = []
    for each in domain.attributes:
        first, end = domain.span(each.name)
        table = attributes.get(each.name)
        if table is None:
            masks.append([(1 << end) - (1 << first)] * count)
        else:
            kept = (table > least) | (table == table.max(1, keepdims=True))
            masks.append([row << first for row in _packed(kept)])
    rows = []
    for relation in domain.relations:
        table = relations.get(relation.name)
        rows.append(_unknown(count) if table is None else _claimed(table, least))
    if any(must != may for name in relations for must, may in rows[domain.relation_ids[name]]):
        rows = completed(domain, rows, count)
    yes, no = (presence > least) | (presence >= 0.5), (1.0 - presence > least) | (presence < 0.5)
    return from_masks(domain, (yes * YES_BIT + no * NO_BIT).tolist(), masks, rows)


def _claimed(table: Chances, least: float) -> Relation:
    """For each anchor what certainly and possibly stands in a relation to it."""
    others = ~np.eye(len(table), dtype=bool)
    may, may_not = (table > least) | (table >= 0.5), (1.0 - table > least) | (table < 0.5)
    return list(zip(_packed(~may_not & others), _packed(may & others), strict=True))


def _packed(rows: NDArray[np.bool_]) -> list[int]:
    """[rows, bits] as one integer a row."""
    return [int.from_bytes(row, "little") for row in np.packbits(rows, axis=1, bitorder="little")]


def from_coordinates(domain: Domain, bounds: Sequence[Sequence[tuple[float, float]]]) -> Mapping[str, Relation]:
    """The relations with an axis, of objects whose coordinates are known within bounds.

    Args:
        domain: Has the axes and the margin.
        bounds: For each axis and object, the least and the greatest coordinate.
    """
    found: dict[str, Relation] = {}
    for relation in domain.relations:
        if relation.axis is None:
            continue
        along = [sorted((low * relation.sign, high * relation.sign)) for low, high in bounds[relation.axis]]
        found[relation.name] = [
            _row([_exceeds(other, anchor, relation.margin) for other in along], index)
            for index, anchor in enumerate(along)
        ]
    return found


def completed(domain: Domain, rows: Sequence[Relation], count: int) -> list[Relation]:
    """Relations with an axis, with what follows from the others: inverses agree, both ways, and what must hold is transitive.

    Raises: SceneError when they contradict one another.
    """
    found = [list(row) for row in rows]
    everything = (1 << count) - 1
    for number, inverse in enumerate(inverses(domain)):
        if inverse is None or inverse < number:
            continue
        must = [each for each, _ in found[number]]
        may = [each for _, each in found[number]]
        for anchor in range(count):
            for other in range(count):
                must[anchor] |= (found[inverse][other][0] >> anchor & 1) << other
                may[anchor] &= ~((~found[inverse][other][1] >> anchor & 1) << other)
        _close(must, may, everything)
        for anchor in range(count):
            if must[anchor] & ~may[anchor]:
                raise SceneError(f"what is known of {domain.relations[number].name!r} contradicts itself")
        found[number] = list(zip(must, may, strict=True))
        found[inverse] = [(_column(must, each), _column(may, each)) for each in range(count)]
    return [tuple(row) for row in found]


def inverses(domain: Domain) -> tuple[int | None, ...]:
    """For each relation with an axis its inverse along that axis; None for others, which need not agree."""
    found: list[int | None] = []
    for relation in domain.relations:
        inverse = None if relation.inverse is None else domain.relation(relation.inverse)
        agrees = (
            inverse is not None
            and relation.axis is not None
            and (inverse.axis, inverse.sign, inverse.margin) == (relation.axis, -relation.sign, relation.margin)
        )
        found.append(domain.relation_ids[inverse.name] if inverse is not None and agrees else None)
    return tuple(found)


def _close(must: list[int], may: list[int], everything: int) -> None:
    """Transitivity, and that nothing stands in a relation both ways; in place."""
    changed = True
    while changed:
        changed = False
        for anchor, members in enumerate(must):
            beyond = members
            for each in bits(members):
                beyond |= must[each]
            left = may[anchor] & ~(1 << anchor)
            for each in bits(everything & ~(1 << anchor)):
                # What is further along than ``each`` is further along than the anchor, too, if ``each`` is; and nothing
                # may be that is not beyond something nearer.
                if must[each] >> anchor & 1 or must[each] & ~may[anchor]:
                    left &= ~(1 << each)
            if beyond != must[anchor] or left != may[anchor]:
                must[anchor], may[anchor], changed = beyond, left, True


def _column(rows: Sequence[int], index: int) -> int:
    return sum(1 << anchor for anchor, row in enumerate(rows) if row >> index & 1)


def _masks(domain: Domain, name: str, given: Sequence[Collection[str]] | None, count: int) -> list[int]:
    first, end = domain.span(name)
    if given is None:
        return [(1 << end) - (1 << first)] * count
    if len(given) != count:
        raise SceneError(f"{name} is given for {len(given)} objects of {count}")
    return [sum({1 << domain.concept_id(name, value) for value in each}) for each in given]


def _unknown(count: int) -> Relation:
    everything = (1 << count) - 1
    return [(0, everything & ~(1 << anchor)) for anchor in range(count)]


def _row(claims: Sequence[int], anchor: int) -> Set:
    others = ~(1 << anchor)
    must = sum(1 << index for index, claim in enumerate(claims) if claim == YES_BIT)
    may = sum(1 << index for index, claim in enumerate(claims) if claim & YES_BIT)
    return must & others, may & others


def _exceeds(other: Sequence[float], anchor: Sequence[float], margin: float) -> int:
    """Whether one coordinate exceeds another by more than the margin."""
    return YES_BIT * (other[1] - anchor[0] > margin) | NO_BIT * (not other[0] - anchor[1] > margin)
