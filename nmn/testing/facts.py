"""Random scenes, certain and uncertain, to hold parts to laws with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

import torch
from torch import Tensor
from torch.nn.functional import pad

from nmn.domain import Domain
from nmn.logic import LIMIT
from nmn.perceiver import Glance, Rows
from nmn.scenes import Related, Scene, SceneObject, related

EDGES = 0.3
"""How often a relation without an axis holds between two random objects."""


def random_scene(random: Random, domain: Domain, objects: int | None = None) -> Scene:
    """A certain scene with random attributes and places; of up to eight objects if their number is not given."""
    number = random.randint(0, 8) if objects is None else objects
    exclusive = [attribute for attribute in domain.attributes if attribute.exclusive]
    things = tuple(
        SceneObject({attribute.name: random.choice(attribute.values) for attribute in exclusive}) for _ in range(number)
    )
    plane = tuple((random.uniform(-3, 3), random.uniform(-3, 3)) for _ in range(number))
    several = [attribute for attribute in domain.attributes if not attribute.exclusive]
    if several:
        drawn = (
            {each.name: tuple(v for v in each.values if random.random() < EDGES) for each in several} for _ in things
        )
        things = tuple(replace(each, several=values) for each, values in zip(things, drawn, strict=True))
    return Scene(0, None, things, _relations(random, domain, plane), plane)


def _relations(random: Random, domain: Domain, plane: Sequence[tuple[float, float]]) -> dict[str, Related]:
    """By place where a relation has an axis, else at random; inverses agree."""
    found: dict[str, Related] = {}
    everyone = range(len(plane))
    for relation in domain.relations:
        rows = related(relation, plane)
        if rows is None and relation.inverse in found:
            back = found[relation.inverse]
            rows = tuple(tuple(j for j in everyone if i in back[j]) for i in everyone)
        elif rows is None:
            rows = tuple(tuple(j for j in everyone if j != i and random.random() < EDGES) for i in everyone)
        found[relation.name] = rows
    return found


@dataclass(frozen=True)
class Facts:
    """The uncertain facts of one image, as a detector might give them.

    Attributes:
        presence: [objects] log-odds.
        attributes: Name to [objects, values] log-probabilities.
        relations: Name to [objects, objects] log-odds.
    """

    presence: Tensor
    attributes: dict[str, Tensor]
    relations: dict[str, Tensor]

    def reordered(self, order: Tensor) -> "Facts":
        """The same facts of the same objects in another order."""
        return Facts(
            self.presence[order],
            {name: values[order] for name, values in self.attributes.items()},
            {name: values[order][:, order] for name, values in self.relations.items()},
        )


def random_facts(
    seed: int, domain: Domain, objects: int, *, dtype: torch.dtype = torch.float32, sureness: float = 2.0
) -> Facts:
    """Facts drawn from a seed; the more sureness, the fewer doubts."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) * sureness

    attributes = {
        each.name: draw(objects, len(each.values)).log_softmax(-1)
        if each.exclusive
        else torch.nn.functional.logsigmoid(draw(objects, len(each.values)))
        for each in domain.attributes
    }
    relations = {each.name: draw(objects, objects) for each in domain.relations}
    return Facts(draw(objects) + sureness, attributes, relations)


@dataclass(frozen=True)
class FactPerceiver:
    """Gives facts. A :class:`nmn.perceiver.Perceiver` whose images are numbers.

    Attributes:
        domain: What the facts are about.
        facts: Those of each image.
        asked: Takes what is looked at, and of how many objects.
    """

    domain: Domain
    facts: tuple[Facts, ...]
    asked: list[tuple[str, int]]

    def load(self, image: int) -> int:
        """The number itself."""
        return image

    def glance(self, images: Sequence[int]) -> Glance:
        """Presence of the images' objects; the features say which image it is."""
        chosen = [self.facts[image] for image in images]
        objects = max(1, *(len(each.presence) for each in chosen)) if chosen else 1
        dtype = chosen[0].presence.dtype if chosen else torch.float32
        presence = torch.full((len(chosen), objects), -LIMIT, dtype=dtype)
        mask = torch.zeros((len(chosen), objects), dtype=torch.bool)
        for row, each in enumerate(chosen):
            presence[row, : len(each.presence)] = each.presence
            mask[row, : len(each.presence)] = True
        features = torch.tensor(list(images)).view(-1, 1, 1).expand(-1, objects, 1)
        boxes = torch.full((len(chosen), objects, 4), float("nan"), dtype=dtype)
        return Glance(presence, mask, boxes, features)

    def _of(self, glance: Glance, rows: Rows) -> list[tuple[Facts, int]]:
        images = glance.features[rows.images, rows.objects, 0].tolist()
        return [(self.facts[int(image)], row) for image, row in zip(images, rows.objects.tolist(), strict=True)]

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """[rows, values] log-probabilities."""
        self.asked.append((attribute, len(rows)))
        return torch.stack([facts.attributes[attribute][row] for facts, row in self._of(glance, rows)])

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """[rows, objects] log-odds."""
        self.asked.append((relation, len(rows)))
        width = glance.mask.shape[1]
        found = [facts.relations[relation][row] for facts, row in self._of(glance, rows)]
        return torch.stack([pad(each, (0, width - len(each))) for each in found])

    def glance_cost(self, images: int) -> int:
        """Nothing is computed."""
        return 0

    def attribute_cost(self, attribute: str) -> int:
        """One, so that rows can be counted."""
        return 1

    def relation_cost(self, relation: str, objects: int) -> int:
        """One an object."""
        return objects
