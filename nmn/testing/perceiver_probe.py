"""PerceiverProbe: a perceiver with images, what it sees of them, and the ways to look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from torch import Tensor

from nmn.perceiver import Glance, Perceiver, Rows


@dataclass(frozen=True)
class PerceiverProbe:
    """A perceiver with what it is tried on.

    Attributes:
        perceiver: What is held to the laws.
        images: Images that it can use.
        unusable: Something that is no image.
    """

    perceiver: Perceiver
    images: Sequence[Any]
    unusable: Any

    @cached_property
    def loaded(self) -> list[Any]:
        """The images, loaded."""
        return [self.perceiver.load(image) for image in self.images]

    @cached_property
    def glance(self) -> Glance:
        """At all images together."""
        return self.perceiver.glance(self.loaded)

    @cached_property
    def rows(self) -> Rows:
        """Every object of every image."""
        return rows_of(self.glance)

    @property
    def looks(self) -> "list[tuple[str, Callable[[Glance, str, Rows], Tensor]]]":
        """Every attribute and relation, with the method that looks at it."""
        domain = self.perceiver.domain
        found = [(each.name, self.perceiver.look_attribute) for each in domain.attributes]
        return found + [(each.name, self.perceiver.look_relation) for each in domain.relations]


def rows_of(glance: Glance) -> Rows:
    """Every object of a glance."""
    images, objects = glance.mask.nonzero(as_tuple=True)
    return Rows(images, objects)
