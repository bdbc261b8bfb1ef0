"""Scene: what is in an image, as a data set's annotation or a detector says it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from nmn.domain import Relation

Related: TypeAlias = tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class SceneObject:
    """One object.

    Attributes:
        attributes: Attribute to value, for every attribute of the domain of which an object has exactly one.
        several: Attribute to values, for those of which any number may hold; none where one is left out.
        coordinates: In the world, in the data set's units; None where unknown.
        pixel: Column, row and depth of its centre in the image; None where unknown.
        box: x0, y0, x1, y1 in pixels; None where unknown.
        presence: Probability that it is there at all, 0 to 1.
    """

    attributes: Mapping[str, str] = field(hash=False)
    coordinates: tuple[float, float, float] | None = None
    pixel: tuple[float, float, float] | None = None
    box: tuple[float, float, float, float] | None = None
    presence: float = 1.0
    several: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Scene:
    """One image's objects and the relations between them.

    Attributes:
        image_index: The image's number in its data set; gaps between numbers are usual.
        image_filename: Name of the image file; None where unknown.
        objects: In the order of the file.
        relations: ``relations[name][i]`` are the objects that are ``name`` of object i, in rising order, without i.
        plane: Each object's coordinates on the ground plane's axes 0 and 1 (see :class:`nmn.domain.Relation`), in the
            data set's units; None where unknown.
        predicted: Whether a detector wrote it: then attributes, coordinates and relations carry its noise.
    """

    image_index: int
    image_filename: str | None
    objects: tuple[SceneObject, ...]
    relations: Mapping[str, Related] = field(hash=False)
    plane: tuple[tuple[float, float], ...] | None = None
    predicted: bool = False


def related(relation: Relation, plane: Sequence[tuple[float, float]]) -> Related | None:
    """For each object, those that stand in a relation to it, by coordinates; None if the relation has no axis.

    An object is ``relation`` of an anchor when its coordinate on the relation's axis, times the sign, exceeds the
    anchor's by more than the margin.
    """
    axis = relation.axis
    if axis is None:
        return None
    along = [point[axis] * relation.sign for point in plane]
    return tuple(
        tuple(j for j, other in enumerate(along) if j != i and other - anchor > relation.margin)
        for i, anchor in enumerate(along)
    )
