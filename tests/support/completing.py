"""Random possible scenes, and random completions of them, as exact rules read scenes."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from random import Random

from nmn.domain import Domain
from nmn.possible.building import from_coordinates, from_masks, inverses, possible_scene
from nmn.possible.scene import NO_BIT, PRESENCE_FACET, YES_BIT, Facet, PossibleScene, bits


@dataclass(frozen=True)
class Completion:
    """A :class:`nmn.exact.ExactScene`, object for object that of a possible scene."""

    domain: Domain
    everything: int
    values: tuple[tuple[int, ...], ...]  # concept, by attribute and object
    relations: tuple[tuple[int, ...], ...]  # by relation and anchor

    def fitting(self, concept: int, members: int) -> int:
        row = self.values[self.domain.concept_attributes[concept]]
        return sum(1 << each for each in bits(members) if row[each] == concept)

    def value(self, attribute: int, subject: int) -> int:
        return self.values[attribute][subject]

    def related(self, relation: int, anchor: int) -> int:
        return self.relations[relation][anchor] & self.everything

    def in_common(self, first: int, second: int) -> tuple[int, ...]:
        return tuple(
            each for each in self.domain.comparable_ids if self.values[each][first] == self.values[each][second]
        )


def random_possible_scene(random: Random, domain: Domain, objects: int, doubt: float) -> PossibleScene:
    """A scene whose facets are each in doubt with a probability; relations are any that there may be."""

    def options(first: int, end: int) -> int:
        known = 1 << random.randrange(first, end)
        while random.random() < doubt:
            known |= 1 << random.randrange(first, end)
        return known

    def claim() -> int:
        return NO_BIT | YES_BIT if random.random() < doubt else random.choice([NO_BIT, YES_BIT, YES_BIT])

    values = [[options(*domain.span(each.name)) for _ in range(objects)] for each in domain.attributes]
    rows = []
    for _ in domain.relations:
        claims = [[claim() if one != other else NO_BIT for other in range(objects)] for one in range(objects)]
        rows.append(
            [tuple(sum(1 << i for i, c in enumerate(row) if test(c)) for test in (_sure, _maybe)) for row in claims]
        )
    for number, inverse in enumerate(inverses(domain)):
        if inverse is not None and inverse > number:
            rows[inverse] = [
                tuple(sum(1 << j for j, row in enumerate(rows[number]) if row[part] >> i & 1) for part in (0, 1))
                for i in range(objects)
            ]
    return from_masks(domain, [claim() for _ in range(objects)], values, rows)


def random_completion(random: Random, domain: Domain, scene: PossibleScene) -> Completion:
    """Every facet one of what it may be, the same for a relation and its inverse."""
    everything = scene.there[0] | random.getrandbits(64) & scene.there[1]
    values = tuple(tuple(random.choice(bits(options)) for options in row) for row in scene.values)
    relations = [
        [must | random.getrandbits(64) & may for must, may in zip(*rows, strict=True)]
        for rows in zip(scene.related_must, scene.related_may, strict=True)
    ]
    return Completion(domain, everything, values, _agreeing(scene, relations))


def all_completions(domain: Domain, scene: PossibleScene) -> Iterator[Completion]:
    """Every completion there is."""
    presence = [scene.there[0] | sum(chosen) for chosen in product(*_either(scene.there))]
    values = [[bits(options) for options in row] for row in scene.values]
    rows = [
        [must | sum(chosen) for chosen in product(*_either((must, may)))]
        for row in zip(scene.related_must, scene.related_may, strict=True)
        for must, may in zip(*row, strict=True)
    ]
    flat = [options for row in values for options in row]
    count, relations = scene.objects, len(scene.related_must)
    for everything, chosen, related in product(presence, product(*flat), product(*rows)):
        table = [list(related[number * count : (number + 1) * count]) for number in range(relations)]
        agreeing = _agreeing(scene, table)
        if agreeing == tuple(map(tuple, table)):
            parts = tuple(chosen[number * count : (number + 1) * count] for number in range(len(values)))
            yield Completion(domain, everything, parts, agreeing)


def random_bounds(random: Random, domain: Domain, objects: int, width: float) -> list[list[tuple[float, float]]]:
    """Bounds of coordinates, by axis and object."""
    axes = 1 + max((each.axis or 0) for each in domain.relations)
    middles = [[random.uniform(-3, 3) for _ in range(objects)] for _ in range(axes)]
    return [[(m - random.uniform(0, width), m + random.uniform(0, width)) for m in row] for row in middles]


def on_a_plane(
    random: Random, domain: Domain, scene: PossibleScene, bounds: list[list[tuple[float, float]]]
) -> Completion:
    """A completion whose relations follow from coordinates within bounds."""
    places = [[random.choice([low, high, random.uniform(low, high)]) for low, high in row] for row in bounds]
    exactly = from_coordinates(domain, [[(each, each) for each in row] for row in places])
    free = random_completion(random, domain, scene)
    relations = tuple(tuple(must for must, _ in exactly[each.name]) for each in domain.relations)
    return Completion(domain, free.everything, free.values, relations)


def with_bounds(domain: Domain, scene: PossibleScene, bounds: list[list[tuple[float, float]]]) -> PossibleScene:
    """A scene whose relations follow from bounds of coordinates."""
    values = {
        each.name: [[domain.concepts[concept][1] for concept in bits(options)] for options in row]
        for each, row in zip(domain.attributes, scene.values, strict=True)
    }
    presence = [scene.options(Facet(PRESENCE_FACET, 0, index)) for index in range(scene.objects)]
    return possible_scene(domain, presence, values, from_coordinates(domain, bounds))


def _sure(claim: int) -> bool:
    return claim == YES_BIT


def _maybe(claim: int) -> bool:
    return claim & YES_BIT != 0


def _either(members: tuple[int, int]) -> list[tuple[int, ...]]:
    must, may = members
    return [(0, 1 << each) for each in bits(may & ~must)]


def _agreeing(scene: PossibleScene, relations: list[list[int]]) -> tuple[tuple[int, ...], ...]:
    for number, inverse in enumerate(scene.inverses):
        if inverse is not None and inverse > number:
            relations[inverse] = [
                sum(1 << anchor for anchor, row in enumerate(relations[number]) if row >> other & 1)
                for other in range(scene.objects)
            ]
    return tuple(tuple(row) for row in relations)
