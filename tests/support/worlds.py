"""Random scenes, certain and uncertain, for the tests."""

from dataclasses import dataclass
from random import Random

import torch
from torch import Tensor

from nmn.domain import Domain
from nmn.perceiver import Glance, Rows
from nmn.scenes import Scene, SceneObject, related


def random_scene(random: Random, domain: Domain, objects: int | None = None) -> Scene:
    """A scene with random attributes and places."""
    number = random.randint(0, 8) if objects is None else objects
    things = tuple(
        SceneObject({attribute.name: random.choice(attribute.values) for attribute in domain.attributes})
        for _ in range(number)
    )
    plane = tuple((random.uniform(-3, 3), random.uniform(-3, 3)) for _ in range(number))
    relations = {relation.name: related(relation, plane) for relation in domain.relations}
    return Scene(0, None, things, relations, plane)


@dataclass(frozen=True)
class Facts:
    """The uncertain facts of one image, as a detector might give them."""

    presence: Tensor  # [objects] log-odds
    attributes: dict[str, Tensor]  # name -> [objects, values] log-probabilities
    relations: dict[str, Tensor]  # name -> [objects, objects] log-odds


def random_facts(seed: int, domain: Domain, objects: int, *, dtype=torch.float32, sureness: float = 2.0) -> Facts:
    """Facts drawn from a seed."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) * sureness

    attributes = {each.name: draw(objects, len(each.values)).log_softmax(-1) for each in domain.attributes}
    relations = {each.name: draw(objects, objects) for each in domain.relations}
    return Facts(draw(objects) + sureness, attributes, relations)


@dataclass(frozen=True)
class FactPerceiver:
    """Gives facts; counts what it is asked."""

    domain: Domain
    facts: tuple[Facts, ...]
    asked: list[tuple[str, int]]

    def load(self, image):
        return image

    def glance(self, images) -> Glance:
        chosen = [self.facts[image] for image in images]
        objects = max(1, *(len(each.presence) for each in chosen)) if chosen else 1
        dtype = chosen[0].presence.dtype if chosen else torch.float32
        presence = torch.full((len(chosen), objects), -16.0, dtype=dtype)
        mask = torch.zeros((len(chosen), objects), dtype=torch.bool)
        for row, each in enumerate(chosen):
            presence[row, : len(each.presence)] = each.presence
            mask[row, : len(each.presence)] = True
        features = torch.tensor(list(images)).view(-1, 1, 1).expand(-1, objects, 1)
        boxes = torch.full((len(chosen), objects, 4), float("nan"), dtype=dtype)
        return Glance(presence, mask, boxes, features)

    def _of(self, glance: Glance, rows: Rows) -> list[tuple[Facts, int]]:
        images = glance.features[rows.images, rows.objects, 0].tolist()
        return [(self.facts[image], row) for image, row in zip(images, rows.objects.tolist(), strict=True)]

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        self.asked.append((attribute, len(rows)))
        return torch.stack([facts.attributes[attribute][row] for facts, row in self._of(glance, rows)])

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        self.asked.append((relation, len(rows)))
        width = glance.mask.shape[1]
        found = [facts.relations[relation][row] for facts, row in self._of(glance, rows)]
        return torch.stack([torch.nn.functional.pad(each, (0, width - len(each))) for each in found])

    def glance_cost(self, images: int) -> int:
        return 0

    def attribute_cost(self, attribute: str) -> int:
        return 1

    def relation_cost(self, relation: str, objects: int) -> int:
        return objects
