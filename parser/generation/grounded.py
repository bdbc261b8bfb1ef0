"""Grounded: questions that make sense on one scene, as CLEVR's generator makes them.

Everything taken for granted holds: "the red cube" is there, and once. Nothing said is idle: a relation, a likeness or one of
several conditions or alternatives always changes the set that it stands in. What is asked for is not given away.

Source: the checks of CLEVR's generator (Johnson et al. 2017, arXiv:1612.06890, appendix B: ill-posed and degenerate
questions); drawing a description from the object that it is to describe is ours, and wastes little.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from random import Random

from nmn.domain import Domain
from nmn.exact.scene import ExactScene, objects_of
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
from nmn.parser.generation.sampling import QuestionSampler
from nmn.program import Concept

_TRIES, _MOST_DRAWS = 6, 60  # for one description, and for all of a question
_TRIES_OF_A_FORM = 4
_TOO_PLAIN = 0.95  # chance that "how many things are there?" is not asked after all
_OF_AN_OBJECT = 0.7  # chance that a set that is counted is described after an object that is there
_SAME = 0.5  # chance that what is asked to be the same is


class Unsuitable(Exception):
    """A draw that makes no sense on the scene. Never leaves the generator."""


class GroundedSampler:
    """Draws questions on one scene.

    Args:
        sampler: Gives the forms of questions.
        domain: Gives attributes and relations.
        scene: What is there.
    """

    def __init__(self, sampler: QuestionSampler, domain: Domain, scene: ExactScene) -> None:
        self.sampler = sampler
        self.domain = domain
        self.scene = scene
        self.objects = objects_of(scene.everything)
        self.values = {
            each: [domain.concepts[scene.value(domain.attribute_ids[each], index)][1] for index in self.objects]
            for each in sampler.compared
        }
        self._alone: dict[str | None, tuple[int, ...]] = {}

    def subjects(self, form: Things, barred: str | None) -> tuple[int, ...]:
        """Objects that a description of a form could fit alone: without a base, those of which all values are no other's."""
        if form.base is not None:
            return self.objects
        found = self._alone.get(barred)
        if found is None:
            said = [tuple(values[i] for name, values in self.values.items() if name != barred) for i in self.objects]
            found = self._alone[barred] = tuple(i for i in self.objects if said.count(said[i]) == 1)
        return found

    def question(self, random: Random, kind: str, attribute: str | None = None) -> Question:
        """A random question of a kind. Raises: Unsuitable when none was found, as on an empty scene."""
        if not self.objects:
            raise Unsuitable
        form = self.sampler.of_kind(kind, random, attribute)
        # Long questions fail more often; drawing again for one form keeps them from becoming rare.
        for _ in range(_TRIES_OF_A_FORM):
            with suppress(Unsuitable):
                return self.like(form, random)
        raise Unsuitable

    def like(self, form: Question, random: Random) -> Question:
        """A question of the form of another. Raises: Unsuitable."""
        kind, ground = form.operation, _Ground(self, random)
        if kind in (COUNT, EXIST):
            things = ground.set_like(form.sides[0])
            if things == Things() and random.random() < _TOO_PLAIN:
                raise Unsuitable
            return replace(form, sides=(things,))
        if kind in COMPARISONS:
            sides = ground.set_like(form.sides[0]), ground.set_like(form.sides[1])
            if sides[0] == sides[1] or not ground.members(sides[0]) | ground.members(sides[1]):
                raise Unsuitable
            return replace(form, sides=sides)
        if kind == QUERY:
            subject = ground.subject(form.sides[0], form.attribute)
            return replace(form, sides=(ground.one_like(form.sides[0], subject, barred=form.attribute),))
        assert kind in (EQUAL, SAME_THING)
        return replace(form, sides=ground.two(form))


class _Ground:
    """One question in the making."""

    def __init__(self, of: GroundedSampler, random: Random) -> None:
        self.of = of
        self.scene = of.scene
        self.random = random
        self.draws = 0

    def subject(self, form: Things, barred: str | None, other: int | None = None) -> int:
        """An object to describe, not the other one, but as often as not one with the other's value. Raises: Unsuitable."""
        found = [each for each in self.of.subjects(form, barred) if each != other]
        if other is not None and barred is not None and self.random.random() < _SAME:
            values = self.of.values[barred]
            found = [each for each in found if values[each] == values[other]]
        if not found:
            raise Unsuitable
        return self.random.choice(found)

    def two(self, form: Question) -> tuple[Things, Things]:
        """Two things to compare; they differ, unless it is asked whether they are the same."""
        first = self.subject(form.sides[0], form.attribute)
        second = first
        if form.operation == EQUAL or self.random.random() >= _SAME:
            second = self.subject(form.sides[1], form.attribute, first)
        sides = (
            self.one_like(form.sides[0], first, barred=form.attribute),
            self.one_like(form.sides[1], second, barred=form.attribute),
        )
        if sides[0] == sides[1]:
            raise Unsuitable
        return sides

    def one_like(self, form: Things, subject: int, *, barred: str | None = None) -> Things:
        """A description, of the form of another, that fits one object and no other one."""
        for _ in range(_TRIES):
            self.draw()
            with suppress(Unsuitable):
                base = self.base_like(form.base, subject, barred)
                found = self.narrowed(base, subject, len(form.values), barred)
                if found is not None:
                    return found
            if form.base is None:
                break
        raise Unsuitable

    def draw(self) -> None:
        """Count a draw, so that a question that cannot be does not take forever."""
        self.draws += 1
        if self.draws > _MOST_DRAWS:
            raise Unsuitable

    def narrowed(self, base: Base | None, subject: int, wanted: int, barred: str | None) -> Things | None:
        """The base with as many values of an object as it takes for the object alone to fit."""
        attributes = [each for each in self.of.values if each != barred and not _gives_away(base, each)]
        self.random.shuffle(attributes)
        members = self.members_of(base)
        values: list[Concept] = []
        for attribute in attributes:
            if len(values) >= wanted and members == 1 << subject:
                break
            concept = Concept(attribute, self.of.values[attribute][subject])
            if concept in self.of.sampler.named:
                values.append(concept)
                members = self.fitting(concept, members)
        found = Things(self.ordered(values), base)
        return found if members == 1 << subject and self.says_something(found) else None

    def set_like(self, form: Things) -> Things:
        """A set of the form of another, in which nothing is idle; it may be empty."""
        for _ in range(_TRIES):
            self.draw()
            subject = self.random.choice(self.of.objects)
            try:
                base = self.base_like(form.base, subject, None)
            except Unsuitable:
                continue
            values = form.values
            if self.random.random() < _OF_AN_OBJECT:
                of_subject = (
                    Concept(each.attribute, self.of.values[each.attribute][subject])
                    for each in form.values
                    if each.attribute in self.of.values
                )
                values = tuple(each for each in of_subject if each in self.of.sampler.named)
            values = tuple(each for each in values if not _gives_away(base, each.attribute))
            found = Things(values, base)
            if self.says_something(found):
                return found
        raise Unsuitable

    def base_like(self, form: Base | None, subject: int, barred: str | None) -> Base | None:
        """A base of the form of another that holds of an object."""
        if form is None:
            return None
        if isinstance(form, Related):
            return self.related_like(form, subject)
        if isinstance(form, Alike):
            return self.alike_like(form, subject, barred)
        if isinstance(form, Both):
            parts = [self.base_like(each, subject, barred) for each in form.parts]
            found: Both | Either = Both(tuple(each for each in parts if each is not None))
        else:
            # One of the alternatives holds of the object, the others are about any.
            held = self.random.randrange(len(form.parts))
            found = Either(
                tuple(
                    self.part_like(each, subject if place == held else self.random.choice(self.of.objects))
                    for place, each in enumerate(form.parts)
                )
            )
        if not self.all_needed(found):
            raise Unsuitable
        return found

    def part_like(self, form: Things, subject: int) -> Things:
        base = self.base_like(form.base, subject, None)
        attributes = [each.attribute for each in form.values if each.attribute in self.of.values]
        values = [Concept(each, self.of.values[each][subject]) for each in attributes if not _gives_away(base, each)]
        found = Things(tuple(each for each in values if each in self.of.sampler.named), base)
        if found == Things() or not self.says_something(found):
            raise Unsuitable
        return found

    def related_like(self, form: Related, subject: int) -> Related:
        domain, bit = self.of.domain, 1 << subject
        pairs = [
            (relation, anchor)
            for relation in self.of.sampler.relations
            for anchor in self.of.subjects(form.anchor, None)
            if anchor != subject and self.scene.related(domain.relation_ids[relation], anchor) & bit
        ]
        if not pairs:
            raise Unsuitable
        relation, anchor = self.random.choice(pairs)
        return Related(relation, self.one_like(form.anchor, anchor))

    def alike_like(self, form: Alike, subject: int, barred: str | None) -> Alike:
        pairs = [
            (attribute, anchor)
            for attribute in self.of.sampler.likenesses
            if attribute != barred
            for anchor in self.of.subjects(form.anchor, attribute)
            if anchor != subject and self.of.values[attribute][anchor] == self.of.values[attribute][subject]
        ]
        if not pairs:
            raise Unsuitable
        attribute, anchor = self.random.choice(pairs)
        return Alike(attribute, self.one_like(form.anchor, anchor, barred=attribute))

    def says_something(self, things: Things) -> bool:
        """Whether the base of a set changes it: "the red cube left of the ball" is idle where one cube is red."""
        if things.base is None:
            return True
        return self.members(things) != self.members(Things(things.values))

    def all_needed(self, base: Both | Either) -> bool:
        """Whether every condition, or every alternative, changes what all together stand for."""
        if len(base.parts) < 2 or len(set(base.parts)) < len(base.parts):
            return False
        whole = self.members_of(base)
        fewer: Iterator[Base] = (
            replace(base, parts=base.parts[:place] + base.parts[place + 1 :])  # type: ignore[arg-type]
            for place in range(len(base.parts))
        )
        return all(self.members_of(each) != whole for each in fewer)

    def ordered(self, values: list[Concept]) -> tuple[Concept, ...]:
        order = self.of.sampler.order
        return tuple(sorted(values, key=lambda each: order[each.attribute]))

    def members(self, things: Things) -> int:
        """The set, a bit an object."""
        members = self.members_of(things.base)
        for concept in things.values:
            members = self.fitting(concept, members)
        return members

    def fitting(self, concept: Concept, members: int) -> int:
        return self.scene.fitting(self.of.domain.concept_id(concept.attribute, concept.value), members)

    def members_of(self, base: Base | None) -> int:
        if base is None:
            return self.scene.everything
        if isinstance(base, Related):
            return self.scene.related(self.of.domain.relation_ids[base.relation], self.only(base.anchor))
        if isinstance(base, Alike):
            anchor = self.only(base.anchor)
            value = Concept(base.attribute, self.of.values[base.attribute][anchor])
            return self.fitting(value, self.scene.everything) & ~(1 << anchor)
        found = self.members(base.parts[0]) if isinstance(base, Either) else self.members_of(base.parts[0])
        for part in base.parts[1:]:
            found = found | self.members(part) if isinstance(part, Things) else found & self.members_of(part)
        return found

    def only(self, things: Things) -> int:
        members = self.members(things)
        if members.bit_count() != 1:
            raise Unsuitable
        return members.bit_length() - 1


def _gives_away(base: Base | None, attribute: str) -> bool:
    """Whether a value of an attribute is idle beside a likeness in it."""
    if isinstance(base, Both):
        return any(_gives_away(each, attribute) for each in base.parts)
    return isinstance(base, Alike) and base.attribute == attribute
