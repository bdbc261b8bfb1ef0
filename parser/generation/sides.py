"""Sides: one place in several ways, "left of the cube", "with the cube to its right", "that the cube has to its left"."""

from collections.abc import Mapping
from random import Random

from nmn.parser.generation.description import Related
from nmn.parser.generation.names import Names

_SIDE_FIRST = 0.6  # chance of "to its left" where a relation has such a form, instead of "left of it"


def missing_sides(names: Names, base: Related) -> frozenset[str]:
    """Slots of a clause that a relation has no words for here, of those that :func:`turned` fills."""
    inverse = names.domain.relation(base.relation).inverse
    simple = base.anchor.base is None
    found = set() if names.sides[base.relation] and simple else {"beside"}
    if inverse is None or not simple or not names.relations[inverse].formal:
        found |= {"opposite", "inverse"}
    if not simple:
        found.add("reach")
    return frozenset(found)


def turned(slot: str, names: Names, random: Random, relation: str, agreeing: Mapping[str, str]) -> str:
    """A place seen from another side.

    Args:
        slot: ``opposite``: where the other thing is, seen from here, "to their right"; ``inverse``: the relation of the
            other thing to this one, "in front of"; ``reach``: where this is, seen from the other thing, "to its left".
        names: Words of the domain.
        random: Chooses.
        relation: Of this to the other thing.
        agreeing: Pronouns for this.
    """
    if slot == "reach":
        return beside(names, random, relation, "it", "its")
    inverse = names.domain.relation(relation).inverse
    assert inverse is not None
    if slot == "inverse":
        return random.choice(names.relations[inverse].formal)
    return beside(names, random, inverse, agreeing["them"], agreeing["their"])


def beside(names: Names, random: Random, relation: str, them: str, their: str) -> str:
    """A place beside what a pronoun stands for: "to its left", "behind it"."""
    sides = names.sides[relation]
    if sides and random.random() < _SIDE_FIRST:
        preposition, side = random.choice(sides)
        return f"{preposition} {their} {side}"
    return f"{random.choice(names.relations[relation].formal)} {them}"
