"""Told: what is known of images after looks were chosen, as a perceiver that a traced run may ask.

So that a trace shows which node read what: each facet is given when it is first asked for, at the cost of the glance's own
reading of it; looks are told of apart.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from nmn.domain import Domain
from nmn.perceiver import Glance, Rows, Staged


class Told:
    """What is known of some images of a batch. A :class:`nmn.perceiver.Perceiver`.

    Args:
        perceiver: What saw them.
        known: Gives the log-probabilities [rows, values] of an attribute that is known, from rows of the batch.
        names: The attributes that are known.
        members: Positions in the batch of the images that are spoken of.
    """

    def __init__(
        self, perceiver: Staged, known: Callable[[str, Rows], Tensor], names: frozenset[str], members: Sequence[int]
    ) -> None:
        self.perceiver = perceiver
        self._known, self._names = known, names
        self._members = torch.tensor(members, dtype=torch.long)

    @property
    def domain(self) -> Domain:
        """The perceiver's."""
        return self.perceiver.domain

    def load(self, image: Any) -> Any:
        """As the perceiver does."""
        return self.perceiver.load(image)

    def glance(self, images: Sequence[Any]) -> Glance:
        """As the perceiver does."""
        return self.perceiver.glance(images)

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """What is known; by a closer look where nothing is."""
        if attribute not in self._names:
            return self.perceiver.look_attribute(glance, attribute, rows)
        return self._known(attribute, Rows(self._members.to(rows.images.device)[rows.images], rows.objects))

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """As the perceiver does."""
        return self.perceiver.look_relation(glance, relation, rows)

    def glance_cost(self, images: int) -> int:
        """The perceiver's."""
        return self.perceiver.glance_cost(images)

    def attribute_cost(self, attribute: str) -> int:
        """Of the glance alone; with a look where nothing is known."""
        known = attribute in self._names
        return self.perceiver.read_cost(attribute) if known else self.perceiver.attribute_cost(attribute)

    def relation_cost(self, relation: str, objects: int) -> int:
        """The perceiver's."""
        return self.perceiver.relation_cost(relation, objects)
