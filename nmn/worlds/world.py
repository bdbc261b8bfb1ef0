"""World: one way to decide what is doubtful, found while a program runs in it."""

from typing import NamedTuple

from nmn.exact import NotOne
from nmn.exact.compiled import Compiled
from nmn.exact.scene import objects_of
from nmn.worlds.tables import Options, Tables

Facet = tuple[str, int, int, int]
"""What is decided: its kind, the attribute or relation, the object or anchor, the other object."""

_PRESENCE, _ATTRIBUTE, _RELATION = "presence", "attribute", "relation"


class Decided(NamedTuple):
    """A facet that a world has decided, and those it decided before."""

    facet: Facet
    value: int
    before: "Decided | None"


class Opening(NamedTuple):
    """Where a world decided a facet, and the place of another value among its options.

    Attributes:
        step: The step that read it.
        values: Of the nodes; those before the step are the new world's too.
        weight: Of what was decided before.
        before: What was decided before.
    """

    step: int
    values: list[int]
    weight: float
    before: Decided | None
    facet: Facet
    options: Options
    place: int

    def ratio(self) -> float:
        """How much less likely this value is than the one before it."""
        return self.options[self.place][1] / self.options[self.place - 1][1]

    def further(self) -> "Opening | None":
        """The opening for the next likeliest value."""
        return self._replace(place=self.place + 1) if self.place + 1 < len(self.options) else None


class World:
    """An :class:`nmn.exact.ExactScene` that decides doubtful facets as they are read, for the likeliest value.

    Attributes:
        weight: Probability of all that was decided, given what is settled.
        left_open: The next likeliest value of every facet that this world was first to decide.
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.everything = tables.everything
        self.weight = 1.0
        self.left_open: list[Opening] = []
        self._known: dict[Facet, int] = {}
        self._decided: Decided | None = None
        self._values: list[int] = []
        self._step = 0

    @staticmethod
    def resumed(tables: Tables, opening: Opening) -> "World":
        """The world that decides otherwise where another left an opening."""
        world = World(tables)
        value, chance = opening.options[opening.place]
        world.weight = opening.weight * chance
        world._step = opening.step
        world._values = opening.values[: opening.step]
        world._decided = Decided(opening.facet, value, opening.before)
        entry: Decided | None = world._decided
        while entry is not None:
            world._known[entry.facet] = entry.value
            entry = entry.before
        return world

    def run(self, compiled: Compiled, consumed: tuple[tuple[int, ...], ...]) -> str | None:
        """The answer in this world; None where something that the program takes for granted does not hold."""
        values = self._values
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
        doubtful = members & table.doubt
        found = members & table.settled.get(concept, 0)
        if doubtful:
            for index in objects_of(self._present(doubtful)):
                if self._decide((_ATTRIBUTE, attribute, index, 0), table.doubtful[index]) == concept:
                    found |= 1 << index
        return found

    def value(self, attribute: int, subject: int) -> int:
        """The concept that is an object's value of an attribute."""
        table = self.tables.attribute(attribute, 1 << subject)
        if table.doubt >> subject & 1:
            return self._decide((_ATTRIBUTE, attribute, subject, 0), table.doubtful[subject])
        return next(concept for concept, members in table.settled.items() if members >> subject & 1)

    def related(self, relation: int, anchor: int) -> int:
        """The objects that stand in a relation to ``anchor``; never itself."""
        table = self.tables.relation(relation, anchor)
        found = table.settled.get(1, 0)
        if table.doubt:
            for index in objects_of(self._present(table.doubt)):
                if self._decide((_RELATION, relation, anchor, index), table.doubtful[index]):
                    found |= 1 << index
        return found

    def _present(self, members: int) -> int:
        """Those of ``members`` that are there."""
        presence = self.tables.presence
        doubtful = members & presence.doubt
        if doubtful:
            for index in objects_of(doubtful):
                if not self._decide((_PRESENCE, 0, index, 0), presence.doubtful[index]):
                    members &= ~(1 << index)
        return members

    def _decide(self, facet: Facet, options: Options) -> int:
        value = self._known.get(facet)
        if value is None:
            value, chance = options[0]
            self.left_open.append(Opening(self._step, self._values, self.weight, self._decided, facet, options, 1))
            self.weight *= chance
            self._known[facet] = value
            self._decided = Decided(facet, value, self._decided)
        return value
