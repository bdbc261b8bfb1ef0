"""ScenePerceiver: a scene that is already described, by an annotation or by somebody's detector, seen as a perceiver."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log, nan

import torch
from torch import Tensor
from torch.special import log_ndtr

from nmn.domain import Domain
from nmn.errors import SceneError
from nmn.logic import LIMIT
from nmn.perceiver import Glance, Rows
from nmn.scenes import Scene


@dataclass(frozen=True)
class Noise:
    """How far a detector's scenes are off.

    Attributes:
        attribute: Probability that an attribute's value is wrong, spread evenly over the others.
        coordinate: Standard deviation of a coordinate along axis 0 and axis 1, in the scene's units.
    """

    attribute: float = 0.01
    coordinate: tuple[float, float] = (0.09, 0.13)


@dataclass(frozen=True)
class ScenePerceiver:
    """Gives what scenes say. Annotated scenes are certain; predicted ones carry ``noise``.

    Relations of predicted scenes are the probability that a difference of two coordinates, each with a normal error,
    exceeds the domain's margin.

    Attributes:
        domain: What the scenes speak of.
        noise: Error of predicted scenes. The default deviations are those of the detector behind ns-vqa's published
            scenes, whose median errors are 0.06 and 0.09.
    """

    domain: Domain
    noise: Noise = Noise()

    def load(self, image: Scene) -> Scene:
        """The scene itself. Raises: SceneError when it is none."""
        if not isinstance(image, Scene):
            raise SceneError(f"a described scene is needed, not {type(image).__name__}")
        return image

    def glance(self, images: Sequence[Scene]) -> Glance:
        """Lay scenes out as tensors.

        Features are attribute ids, two coordinates, whether it is predicted, which values it has of attributes of which
        several may hold, and its rows of the relations.
        """
        objects = max(1, *(len(scene.objects) for scene in images)) if images else 1
        shape = (len(images), objects)
        presence, mask = torch.full(shape, -LIMIT), torch.zeros(shape, dtype=torch.bool)
        boxes = torch.full((*shape, 4), nan)
        width = _start_of_relations(self.domain) + len(self.domain.relations) * objects
        features = torch.zeros((*shape, width))
        for position, scene in enumerate(images):
            for index in range(len(scene.objects)):
                self._describe(scene, index, features[position, index], objects)
                presence[position, index] = _log_odds(scene.objects[index].presence)
                mask[position, index] = True
                box = scene.objects[index].box
                if box is not None:
                    boxes[position, index] = torch.tensor(box)
        return Glance(presence, mask, boxes, features)

    def _describe(self, scene: Scene, index: int, row: Tensor, objects: int) -> None:
        attributes = self.domain.attributes
        found = scene.objects[index].attributes
        plane = scene.plane[index] if scene.plane is not None else (nan, nan)
        values = [attribute.index(found[attribute.name]) if attribute.exclusive else 0 for attribute in attributes]
        row[: len(attributes) + 3] = torch.tensor([*values, *plane, float(scene.predicted)])
        for name, begin in _starts_of_values(self.domain):
            for value in scene.objects[index].several.get(name, ()):
                row[begin + self.domain.attribute(name).index(value)] = 1.0
        first = _start_of_relations(self.domain)
        for number, relation in enumerate(self.domain.relations):
            start = first + number * objects
            for other in scene.relations[relation.name][index]:
                row[start + other] = 1.0

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """[rows, values] log-probabilities."""
        found = glance.features[rows.images, rows.objects]
        number = self.domain.attribute_ids[attribute]
        values = len(self.domain.attributes[number].values)
        predicted = found[:, len(self.domain.attributes) + 2, None] > 0
        doubt = torch.where(predicted, self.noise.attribute, 0.0)
        first = dict(_starts_of_values(self.domain)).get(attribute)
        if first is not None:
            carried = found[:, first : first + values] > 0
            return torch.where(carried, torch.log1p(-doubt), doubt.log().clamp_min(-LIMIT))
        right = torch.arange(values, device=found.device) == found[:, number, None].long()
        other = (doubt / max(values - 1, 1)).log().clamp_min(-LIMIT)
        return torch.where(right, torch.log1p(-doubt), other)

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """[rows, objects] log-odds."""
        found = glance.features[rows.images, rows.objects]
        start, relations = len(self.domain.attributes), _start_of_relations(self.domain)
        # Features were laid out for the widest scene; the glance may since have been cut down to narrower ones.
        width = (glance.features.shape[2] - relations) // len(self.domain.relations)
        first = relations + self.domain.relation_ids[relation] * width
        stated = (found[:, first : first + glance.mask.shape[1]] * 2 - 1) * LIMIT
        declared = self.domain.relation(relation)
        if declared.axis is None:
            return stated
        along = glance.features[rows.images, :, start + declared.axis]
        difference = (along - found[:, start + declared.axis, None]) * declared.sign
        deviation = self.noise.coordinate[declared.axis] * 2**0.5
        measured = (difference - declared.margin) / deviation
        return torch.where(found[:, start + 2, None] > 0, log_ndtr(measured) - log_ndtr(-measured), stated)

    def glance_cost(self, images: int) -> int:
        """Nothing is computed."""
        return 0

    def attribute_cost(self, attribute: str) -> int:
        """Nothing is computed."""
        return 0

    def relation_cost(self, relation: str, objects: int) -> int:
        """Nothing is computed."""
        return 0


@lru_cache(maxsize=32)
def _starts_of_values(domain: Domain) -> tuple[tuple[str, int], ...]:
    """Attributes of which several values may hold, and the feature that says whether the first does."""
    starts, start = [], len(domain.attributes) + 3
    for attribute in domain.attributes:
        if not attribute.exclusive:
            starts.append((attribute.name, start))
            start += len(attribute.values)
    return tuple(starts)


@lru_cache(maxsize=32)
def _start_of_relations(domain: Domain) -> int:
    """The feature that says whether the first object is the first relation of this one."""
    several = sum(len(attribute.values) for attribute in domain.attributes if not attribute.exclusive)
    return len(domain.attributes) + 3 + several


def _log_odds(probability: float) -> float:
    if probability <= 0.0 or probability >= 1.0:
        return LIMIT if probability >= 1.0 else -LIMIT
    return log(probability) - log(1.0 - probability)
