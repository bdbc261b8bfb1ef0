"""Belief: what is thought of the objects of one image while looks at it are chosen."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from nmn.domain import Domain
from nmn.exact.scene import objects_of
from nmn.perceiver import PRESENCE
from nmn.worlds.tables import Table, enter

Numbers = NDArray[np.float64]

CERTAIN = 1e-9
"""Doubt of what a look has reported: it is what is asked about."""


class Belief:
    """The facets of one image as the probabilities of what looks would report. A :class:`nmn.worlds.tables.Facets`.

    Attributes:
        chances: By attribute, [objects, values]; by PRESENCE, [objects].
        looked: The facets that looks have told: (object, name).
        kept: Probability that no facet has a value that was left out as negligible.
        attribute_of: The attribute of each concept.
        comparable: The attributes that objects are compared by.

    Args:
        domain: What can be said of objects.
        chances: What looks would report: [objects] of PRESENCE, [objects, values] by attribute, for those that programs read.
        relations: [relations, objects, objects] bool; the glance alone tells them, so no look changes them.
        tolerance: Doubt of a facet up to which it is settled.
    """

    def __init__(
        self,
        domain: Domain,
        chances: Mapping[str, Numbers],
        relations: NDArray[np.bool_],
        tolerance: float,
    ) -> None:
        self.domain = domain
        self.tolerance = tolerance
        self.chances: dict[str, Numbers] = dict(chances)
        self.looked: set[tuple[int, str]] = set()
        self.attribute_of: Sequence[int] = domain.concept_attributes
        self.comparable: Sequence[int] = domain.comparable_ids
        self._relations = relations
        self._rows: dict[tuple[int, int], Table] = {}
        self.renew()

    @property
    def objects(self) -> int:
        """How many the glance proposes."""
        return len(self.chances[PRESENCE])

    def renew(self) -> None:
        """Take note of what looks have told."""
        self.kept = 1.0
        self._presence: Table | None = None
        self._attributes: dict[int, Table] = {}
        self._rows.clear()

    @property
    def presence(self) -> Table:
        """Whether each object is there (1) or not (0)."""
        if self._presence is None:
            self._presence = Table()
            for index, chance in enumerate(self.chances[PRESENCE].tolist()):
                self._enter(self._presence, index, {1: chance, 0: 1.0 - chance})
        return self._presence

    @property
    def everything(self) -> int:
        """The objects that may be there."""
        return self.presence.known & ~self.presence.settled.get(0, 0)

    def told(self, name: str, objects: Sequence[int], report: Numbers) -> None:
        """Take what looks report: probabilities [objects, values] of an attribute, [objects] of PRESENCE.

        What is asked about is the report itself, so it is certain then.
        """
        if name == PRESENCE:
            self.chances[name][objects] = np.where(report > 0.5, 1.0 - CERTAIN, CERTAIN)
        elif name in self.chances:
            sure = np.zeros_like(report)
            sure[np.arange(len(report)), report.argmax(1)] = 1.0
            self.chances[name][objects] = sure
        self.looked.update((each, name) for each in objects)

    def attribute(self, attribute: int, members: int) -> Table:
        """An attribute's table, with at least ``members`` known."""
        table = self._attributes.get(attribute)
        if table is None:
            table = self._attributes[attribute] = Table()
        missing = members & ~table.known
        if missing:
            name = self.domain.attributes[attribute].name
            first, _ = self.domain.span(name)
            chances = self.chances[name]
            for index in objects_of(missing):
                row = chances[index].tolist()
                self._enter(table, index, {first + place: each for place, each in enumerate(row)})
        return table

    def relation(self, relation: int, anchor: int) -> Table:
        """An anchor's row of a relation."""
        table = self._rows.get((relation, anchor))
        if table is None:
            holds = self.related(relation, anchor)
            others = self.everything & ~(1 << anchor)
            table = self._rows[relation, anchor] = Table(others, {1: holds & others, 0: others & ~holds})
        return table

    def related(self, relation: int, anchor: int) -> int:
        """The objects that stand in a relation to an anchor, there or not."""
        found = 0
        for other in np.flatnonzero(self._relations[relation, anchor]).tolist():
            found |= 1 << other
        return found & ~(1 << anchor)

    def _enter(self, table: Table, index: int, chances: Mapping[int, float]) -> None:
        self.kept *= enter(table, index, chances, self.tolerance)
