"""Perceiver: what looks at images, first at a glance, then at what is asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from nmn.domain import Domain

PRESENCE = "presence"
"""The facet of being an object at all, beside a domain's attributes and relations."""


@dataclass(frozen=True)
class Rows:
    """Objects that something is asked of, one a row.

    Attributes:
        images: [rows] int64, position of the image in the glance.
        objects: [rows] int64, position of the object in its image.
    """

    images: Tensor
    objects: Tensor

    def __len__(self) -> int:
        return int(self.images.shape[0])


@dataclass(frozen=True)
class Glance:
    """What a first look at a batch of images gives.

    Attributes:
        presence: [images, objects] log-odds that a proposal is an object.
        mask: [images, objects] bool, False where the row is padding.
        boxes: [images, objects, 4] x0, y0, x1, y1 in pixels of the image as given; NaN where unknown.
        features: [images, objects, channels], for the perceiver's own looks.
        details: One an image, likewise; none where the features are all that it needs.
    """

    presence: Tensor
    mask: Tensor
    boxes: Tensor
    features: Tensor
    details: tuple[Any, ...] = ()


class Perceiver(Protocol):
    """Looks at images. A result never depends on what else is in the batch."""

    @property
    def domain(self) -> Domain:
        """What it can speak of."""
        ...

    def load(self, image: Any) -> Any:
        """Make an image ready to be glanced at, such as by reading its file; may run in another thread.

        Raises: InputError when it cannot be used.
        """
        ...

    def glance(self, images: Sequence[Any]) -> Glance:
        """First look at whole images. Raises: InputError when one cannot be used."""
        ...

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """[rows, values] log-probabilities of an attribute's values."""
        ...

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """[rows, objects] log-odds that each object of the image is ``relation`` of the row's object."""
        ...

    def glance_cost(self, images: int) -> int:
        """FLOPs of a glance, two for a multiply-add."""
        ...

    def attribute_cost(self, attribute: str) -> int:
        """FLOPs of one row of an attribute."""
        ...

    def relation_cost(self, relation: str, objects: int) -> int:
        """FLOPs of one anchor's row of a relation over this many objects."""
        ...


class Staged(Perceiver, Protocol):
    """A perceiver whose stages can be left out: a glance alone, then looks through pathways at single objects.

    Its glance gives raw log-odds of presence. A look tells what the whole perceiver reports, so that with all looks taken
    nothing is different; ``look_attribute`` takes one.
    """

    @property
    def pathways(self) -> Mapping[str, tuple[str, ...]]:
        """What each pathway tells: names of attributes, or PRESENCE."""
        ...

    def read(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """[rows, values] raw logits of an attribute from the glance alone."""
        ...

    def circumstances(self, glance: Glance) -> Tensor:
        """[images, objects, 2] how large an object is seen (a logarithm), and how much of it is covered, 0 to 1."""
        ...

    def prepare(self, glance: Glance, rows: Rows) -> None:
        """Do all that looks at objects need whatever their pathway, such as cutting crops; what is done is kept."""
        ...

    def look(self, glance: Glance, pathway: str, rows: Rows) -> Mapping[str, Tensor]:
        """[rows, values] log-probabilities by attribute, [rows] log-odds of PRESENCE; rows stand image by image."""
        ...

    def look_cost(self, pathway: str) -> int:
        """FLOPs of one look at one object."""
        ...

    def read_cost(self, attribute: str) -> int:
        """FLOPs of one row of an attribute from the glance alone."""
        ...
