"""Sampling: random questions that make sense, from a domain's attributes and relations."""

from collections.abc import Collection, Sequence
from random import Random

from nmn.domain import Domain
from nmn.parser.generation.description import (
    COMPARISONS,
    COUNT,
    EQUAL,
    EXIST,
    QUERY,
    SAME_THING,
    Alike,
    Base,
    Both,
    Either,
    Question,
    Related,
    Things,
)
from nmn.program import Concept

_WEIGHTS = {COUNT: 24, EXIST: 22, QUERY: 26, EQUAL: 11, SAME_THING: 3, **dict.fromkeys(COMPARISONS, 5)}
_NEEDS = {
    COUNT: ("scene", "count"),
    EXIST: ("scene", "exist"),
    QUERY: ("scene", "unique", "query"),
    EQUAL: ("scene", "unique", "query", "equal"),
    SAME_THING: ("scene", "unique", "equal_object"),
    **{each: ("scene", "count", each) for each in COMPARISONS},
}
_DEEPEST = 9  # sets inside one another
_MOST_SETS = 12  # in one question
_PLAIN = 0.32  # chance that the outermost set has no base
_JOINED, _JOINED_INSIDE = 0.26, 0.13  # chance that a base joins several conditions, in the outermost set and in others
_DEEPER = 0.45  # chance that a thing within others is itself described by another thing
_NOUN = 0.58  # chance that a set has a noun of its own
_NUMBERS, _OFTEN = (0, 1, 2, 3), (28, 40, 22, 10)  # of other values, and how often
_THREE = 0.15  # chance that three parts are joined instead of two
_COMPOSED = (0.13, 0.04)  # chances that a set is composed of several conditions or sets on purpose, by its depth
_CHAIN = (3, 4, 4, 5)  # things, each described by the next
_SHARED = 0.15  # chance that two conditions are about one thing


class QuestionSampler:
    """Draws questions.

    Args:
        domain: Gives values and relations.
        concepts: Those that have words.
        attributes: Those that have words.
        relations: Those that have words.
        operations: Names of the operations that may be called.
    """

    def __init__(
        self,
        domain: Domain,
        *,
        concepts: Collection[Concept],
        attributes: Collection[str],
        relations: Sequence[str],
        operations: Collection[str],
    ) -> None:
        self.relations = tuple(relations) if {"relate", "unique"} <= set(operations) else ()
        by_attribute: dict[str, list[Concept]] = {}
        for concept in concepts if "filter" in operations else ():
            by_attribute.setdefault(concept.attribute, []).append(concept)
        self.values = [by_attribute[each.name] for each in domain.attributes if each.name in by_attribute]
        self.named = frozenset(concept for values in self.values for concept in values)
        self.order = domain.attribute_ids
        nouns = {each.name for each in domain.attributes if each.values_are == "nouns"}
        self.nouns = [each for each in self.values if each[0].attribute in nouns]
        self.others = [each for each in self.values if each[0].attribute not in nouns]
        self.asked = [each.name for each in domain.attributes if each.name in attributes]
        self.compared = [each.name for each in domain.attributes if each.exclusive and each.name in attributes]
        self.likenesses = self.compared if {"same", "unique"} <= set(operations) else []
        self.joins = [each for each in (Either, Both) if {Either: "union", Both: "intersect"}[each] in operations]
        self.kinds = [
            each
            for each in _WEIGHTS
            if all(name in operations for name in _NEEDS[each])
            and (each != EQUAL or self.compared)
            and (each != QUERY or self.asked)
        ]
        self.weights = [_WEIGHTS[each] for each in self.kinds]

    def question(self, random: Random) -> Question:
        """A random question."""
        return self.of_kind(self.kind(random), random)

    def kind(self, random: Random) -> str:
        """The operation of a random question."""
        return random.choices(self.kinds, self.weights)[0]

    def attribute(self, kind: str, random: Random) -> str | None:
        """What a random question of a kind asks for or compares, if such questions do."""
        attributes = self.asked if kind == QUERY else self.compared if kind == EQUAL else []
        return random.choice(attributes) if attributes else None

    def of_kind(self, kind: str, random: Random, attribute: str | None = None) -> Question:
        """A random question of a kind, about an attribute if one is given."""
        return _Draw(self, random).question(kind, attribute or self.attribute(kind, random))

    def thing(self, random: Random) -> Things:
        """A set that stands for a single thing."""
        return _Draw(self, random).things(1, one=True)


class _Draw:
    """One question in the making: what is left of its size."""

    def __init__(self, of: QuestionSampler, random: Random) -> None:
        self.of = of
        self.random = random
        self.chance = random.random
        self.sets = _MOST_SETS

    def question(self, kind: str, attribute: str | None) -> Question:
        if kind in (COUNT, EXIST):
            return Question(kind, (self.things(0),))
        if kind == QUERY:
            return Question(kind, (self.things(0, without=attribute, one=True),), attribute)
        if kind == EQUAL:
            return Question(kind, self.two(attribute, one=True), attribute)
        return Question(kind, self.two(None, one=kind == SAME_THING))

    def two(self, attribute: str | None, *, one: bool) -> tuple[Things, Things]:
        """Two sets to compare, which are not said to be the same."""
        first, second = (self.things(1, without=attribute, one=one) for _ in range(2))
        return first, self.things(1, without=attribute, one=one) if first == second else second

    def things(self, depth: int, *, without: str | None = None, one: bool = False) -> Things:
        """A set; one that stands for a single thing says something of it."""
        self.sets -= 1
        chance = self.chance()
        plain = _PLAIN if depth == 0 else 1 - _DEEPER
        base: Base | None = None
        if depth < len(_COMPOSED) and self.chance() < _COMPOSED[depth]:
            base = self.composed()
        elif depth < _DEEPEST and self.sets > 0 and chance > plain:
            base = self.base(depth, single=self.chance() >= (_JOINED_INSIDE if depth > 1 else _JOINED))
        barred = {without} if without is not None and not self.chance() < 0.03 else set()
        if isinstance(base, Alike):
            barred.add(base.attribute)
        values = self.some_values(barred, at_least=1 if base is None and (one or depth) and self.chance() < 0.97 else 0)
        return Things(values, base)

    def some_values(self, barred: set[str], *, at_least: int) -> tuple[Concept, ...]:
        of, random = self.of, self.random
        nouns = [each for each in of.nouns if each[0].attribute not in barred]
        others = [each for each in of.others if each[0].attribute not in barred]
        chosen = [random.choice(nouns)] if nouns and self.chance() < _NOUN else []
        number = min(random.choices(_NUMBERS, _OFTEN)[0], len(others))
        if not number and not chosen and at_least:
            chosen = [random.choice(nouns)] if nouns and not (others and self.chance() < 0.5) else []
            number = min(1, len(others)) if not chosen else 0
        chosen += others if number == len(others) else random.sample(others, number)
        chosen.sort(key=lambda values: of.order[values[0].attribute])
        return tuple([values[int(self.chance() * len(values))] for values in chosen])

    def base(self, depth: int, *, single: bool) -> Base | None:
        if not single and self.of.joins:
            join = self.random.choice(self.of.joins)
            return self.either(depth) if join is Either else self.both(depth)
        return self.condition(depth)

    def condition(self, depth: int, anchor: Things | None = None) -> Base | None:
        of = self.of
        likeness = bool(of.likenesses) and (not of.relations or self.chance() < 0.27)
        if likeness:
            attribute = self.random.choice(of.likenesses)
            return Alike(attribute, anchor or self.things(depth + 1, without=attribute, one=True))
        if of.relations:
            return Related(self.random.choice(of.relations), anchor or self.things(depth + 1, one=True))
        return None

    def conditions(self, depth: int, number: int) -> list[Base]:
        first = self.condition(depth)
        if first is None:
            return []
        found = [first]
        for _ in range(number - 1):
            anchor = first.anchor if isinstance(first, Related | Alike) and self.chance() < _SHARED else None
            another = self.condition(depth, anchor)
            if another is not None and another not in found:
                found.append(another)
        return found

    def number_joined(self, depth: int) -> tuple[int, int]:
        """How many parts are joined, and their depth; three are simple ones, as English can hardly say others."""
        return (3, _DEEPEST) if self.chance() < _THREE else (2, depth)

    def both(self, depth: int) -> Base | None:
        number, depth = self.number_joined(depth)
        found = self.conditions(depth + 1, number)
        if found and self.chance() < 0.1 and Either in self.of.joins:
            found[-1] = self.either(depth + 1) or found[-1]
        return Both(tuple(found)) if len(found) > 1 else found[0] if found else None

    def either(self, depth: int) -> Base | None:
        number, depth = self.number_joined(depth)
        kind = self.chance()
        if kind < 0.3:
            parts = [Things((), each) for each in self.conditions(depth + 1, number)]
        elif kind < 0.5 and len(self.of.values) > 0:
            parts = [Things((each,)) for each in self.alternatives(number)]
        else:
            parts = [self.things(depth + 1, one=True) for _ in range(number)]
        parts = list(dict.fromkeys(parts))
        return Either(tuple(parts)) if len(parts) > 1 else parts[0].base if parts else None

    def composed(self) -> Base | None:
        """What would hardly ever be drawn by chance: many conditions or alternatives about plain things, or a long chain."""
        ways = [self.chain, self.mixed] if self.of.relations else [self.mixed]
        if Both in self.of.joins:
            ways += [self.joined, self.likeness_and_place]
        if Either in self.of.joins:
            ways += [self.union, self.union]
        return self.random.choice(ways)()

    def plain_thing(self) -> Things:
        """One without a base, described by a few words."""
        return Things(self.things(_DEEPEST, one=True).values[-2:])

    def chain(self) -> Base:
        """Things each beside the next."""
        thing = self.plain_thing()
        for _ in range(self.random.choice(_CHAIN) - 1):
            values = self.some_values(set(), at_least=self.chance() < 0.9)
            thing = Things(values[-2:], Related(self.random.choice(self.of.relations), thing))
        return Related(self.random.choice(self.of.relations), thing)

    def joined(self) -> Base | None:
        """Two or three conditions."""
        if Both not in self.of.joins:
            return self.condition(_DEEPEST)
        found = self.conditions(_DEEPEST, self.random.choice((2, 3, 3)))
        return Both(tuple(found)) if len(found) > 1 else found[0] if found else None

    def likeness_and_place(self) -> Base | None:
        """A likeness to one thing and a place beside another, or the same one, in any order."""
        if not (self.of.likenesses and self.of.relations):
            return self.joined()
        attribute = self.random.choice(self.of.likenesses)
        depth = _DEEPEST - (self.chance() < 0.3)
        like = self.things(depth, without=attribute, one=True)
        beside = like if self.chance() < 0.5 else self.things(depth, one=True)
        found: list[Related | Alike | Either | Both] = [
            Related(self.random.choice(self.of.relations), beside),
            Alike(attribute, like),
        ]
        self.random.shuffle(found)
        return Both(tuple(found))

    def union(self) -> Base | None:
        """Two sets or three, plain or described by one condition or more."""
        parts = [self.part() for _ in range(self.random.choice((2, 3, 3)))]
        parts = list(dict.fromkeys(parts))
        return Either(tuple(parts)) if len(parts) > 1 else parts[0].base

    def part(self) -> Things:
        chance = self.chance()
        if chance < 0.45:
            return self.plain_thing()
        base = self.joined() if chance > 0.75 else self.condition(_DEEPEST)
        return Things(() if self.chance() < 0.6 else self.plain_thing().values, base)

    def mixed(self) -> Base | None:
        """A condition about a thing that is itself described by several, or by alternatives."""
        base = self.either(_DEEPEST - 1) if self.chance() < 0.5 and Either in self.of.joins else self.joined()
        return self.condition(0, Things(self.plain_thing().values, base))

    def alternatives(self, number: int) -> list[Concept]:
        values = self.random.choice(self.of.values)
        return self.random.sample(values, min(number, len(values)))
