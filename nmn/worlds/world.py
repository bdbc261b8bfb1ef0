"""World: one way to decide what is doubtful, found while a program runs in it."""

from collections.abc import Mapping
from typing import NamedTuple

from nmn.exact import NotOne
from nmn.exact.compiled import Compiled
from nmn.exact.scene import objects_of
from nmn.worlds.tables import Facets, Options, Part, single_values, split

Facet = tuple[str, int, int, int]
"""What is decided: its kind, the attribute or relation, the object or anchor, the other object."""

PRESENCE_FACET, ATTRIBUTE_FACET, RELATION_FACET = "presence", "attribute", "relation"


class Decided(NamedTuple):
    """What a world has left of a facet's values, and the decisions before this one."""

    facet: Facet
    left: Options
    before: "Decided | None"


class Opening(NamedTuple):
    """Where a world decided a facet, and the place of another part among the parts of its values.

    Attributes:
        step: The step that read it.
        values: Of the nodes; those before the step are the new world's too.
        weight: Of what was decided before, over the weight of all the parts.
        before: What was decided before.
        parts: The values that were told apart, likeliest first.
    """

    step: int
    values: list[int]
    weight: float
    before: Decided | None
    facet: Facet
    parts: tuple[Part, ...]
    place: int

    @property
    def ratio(self) -> float:
        """How much less likely this part is than the one before it."""
        return self.parts[self.place][1] / self.parts[self.place - 1][1]

    def further(self) -> "Opening | None":
        """The opening for the next likeliest part."""
        return self._replace(place=self.place + 1) if self.place + 1 < len(self.parts) else None


class World:
    """An :class:`nmn.exact.ExactScene` that decides doubtful facets as they are read, for what is likeliest.

    Attributes:
        everything: The objects that may be there.
        weight: Probability of all that was decided, given what is settled.
        left_open: The next likeliest part of every facet that this world was first to decide.
    """

    def __init__(self, tables: Facets) -> None:
        self.tables = tables
        self.everything = tables.everything
        self.weight = 1.0
        self.left_open: list[Opening] = []
        self._left: dict[Facet, Options] = {}
        self._decided: Decided | None = None
        self._values: list[int] = []
        self._step = 0

    @staticmethod
    def resumed(tables: Facets, opening: Opening) -> "World":
        """The world that decides otherwise where another left an opening."""
        world = World(tables)
        left, mass = opening.parts[opening.place]
        world.weight = opening.weight * mass
        world._step = opening.step
        world._values = opening.values[: opening.step]
        world._decided = Decided(opening.facet, left, opening.before)
        entry: Decided | None = world._decided
        while entry is not None:
            # A facet may have been decided more than once, each time more closely.
            world._left.setdefault(entry.facet, entry.left)
            entry = entry.before
        return world

    def run(self, compiled: Compiled) -> str | None:
        """The answer in this world; None where something that the program takes for granted does not hold."""
        values, consumed = self._values, compiled.consumed
        try:
            for index in range(self._step, len(compiled.steps)):
                self._step = index
                seen = values
                if consumed[index]:
                    seen = values.copy()
                    for source in consumed[index]:
                        seen[source] = self._present(values[source])
                values.append(compiled.step(index, self, seen))
        except NotOne:
            return None
        return compiled.words[values[-1]]

    def fitting(self, concept: int, members: int) -> int:
        """Those of ``members`` that carry a concept."""
        attribute = self.tables.attribute_of[concept]
        table = self.tables.attribute(attribute, members)
        doubtful = members & table.possible.get(concept, 0)
        found = members & table.settled.get(concept, 0)
        if doubtful:
            for index in objects_of(self._present(doubtful)):
                if self._holds((ATTRIBUTE_FACET, attribute, index, 0), table.doubtful[index], concept):
                    found |= 1 << index
        return found

    def value(self, attribute: int, subject: int) -> int:
        """The concept that is an object's value of an attribute."""
        table = self.tables.attribute(attribute, 1 << subject)
        options = table.doubtful.get(subject)
        if options is None:
            return next(concept for concept, members in table.settled.items() if members >> subject & 1)
        facet = (ATTRIBUTE_FACET, attribute, subject, 0)
        left = self._left.get(facet, options)
        return (left if len(left) == 1 else self._decide(facet, single_values(left)))[0][0]

    def related(self, relation: int, anchor: int) -> int:
        """The objects that stand in a relation to ``anchor``; never itself."""
        table = self.tables.relation(relation, anchor)
        found = table.settled.get(1, 0)
        doubtful = table.possible.get(1, 0)
        if doubtful:
            for index in objects_of(self._present(doubtful)):
                if self._holds((RELATION_FACET, relation, anchor, index), table.doubtful[index], 1):
                    found |= 1 << index
        return found

    def in_common(self, first: int, second: int) -> tuple[int, ...]:
        """The attributes of which two objects share a value, of those that the domain compares objects by."""
        return tuple(each for each in self.tables.comparable if self.value(each, first) == self.value(each, second))

    @property
    def decided(self) -> Mapping[Facet, Options]:
        """What it has left of the values of each facet that it has decided."""
        return self._left

    def _present(self, members: int) -> int:
        """Those of ``members`` that are there."""
        presence = self.tables.presence
        doubtful = members & presence.possible.get(1, 0)
        if doubtful:
            for index in objects_of(doubtful):
                if not self._holds((PRESENCE_FACET, 0, index, 0), presence.doubtful[index], 1):
                    members &= ~(1 << index)
        return members

    def _holds(self, facet: Facet, options: Options, value: int) -> bool:
        """Whether a facet has a value; what else it may have instead stays undecided."""
        left = self._left.get(facet, options)
        if len(left) > 1:
            parts = split(left, value)
            if len(parts) == 1:
                return False
            left = self._decide(facet, parts)
        return left[0][0] == value

    def _decide(self, facet: Facet, parts: tuple[Part, ...]) -> Options:
        left, mass = parts[0]
        weight = self.weight / sum([each for _, each in parts])
        self.left_open.append(Opening(self._step, self._values, weight, self._decided, facet, parts, 1))
        self.weight = weight * mass
        self._left[facet] = left
        self._decided = Decided(facet, left, self._decided)
        return left
