"""RememberedPerceiver: a staged perceiver whose every look was taken before."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from nmn.domain import Domain
from nmn.perceiver import Glance, Rows, Staged
from nmn.policies.outcomes import Outcome


class RememberedPerceiver:
    """Gives the outcomes of looks that were kept. A :class:`nmn.perceiver.Staged`; its images are outcomes.

    Args:
        perceiver: Whose looks they are: what can be looked at, and what it costs.
    """

    def __init__(self, perceiver: Staged) -> None:
        self.perceiver = perceiver

    @property
    def domain(self) -> Domain:
        """What can be spoken of."""
        return self.perceiver.domain

    @property
    def pathways(self) -> Mapping[str, tuple[str, ...]]:
        """What each pathway tells."""
        return self.perceiver.pathways

    def load(self, image: Any) -> Any:
        """The outcome itself."""
        return image

    def glance(self, images: Sequence[Outcome]) -> Glance:
        """What a glance gave."""
        shape = (len(images), max([0, *(len(each.presence) for each in images)]))
        presence, mask = torch.zeros(shape), torch.zeros(shape, dtype=torch.bool)
        for row, each in enumerate(images):
            presence[row, : len(each.presence)] = torch.from_numpy(each.presence)
            mask[row, : len(each.presence)] = True
        boxes = torch.full((*shape, 4), torch.nan)
        return Glance(presence, mask, boxes, torch.zeros(*shape, 0), tuple(images))

    def read(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """[rows, values] raw logits of the glance."""
        return self._gathered(glance, rows, lambda outcome: outcome.logits[attribute])

    def circumstances(self, glance: Glance) -> Tensor:
        """[images, objects, 2]."""
        found = torch.zeros(*glance.mask.shape, 2)
        for row, each in enumerate(glance.details):
            found[row, : len(each.presence)] = torch.from_numpy(each.circumstances)
        return found

    def prepare(self, glance: Glance, rows: Rows) -> None:
        """Nothing is left to do."""

    def look(self, glance: Glance, pathway: str, rows: Rows) -> Mapping[str, Tensor]:
        """What looks reported."""
        told = self.pathways[pathway]
        return {name: self._gathered(glance, rows, lambda outcome, name=name: outcome.reports[name]) for name in told}

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """[rows, values] log-probabilities that looks reported."""
        return self._gathered(glance, rows, lambda outcome: outcome.reports[attribute])

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """[rows, objects] log-odds."""
        number, width = self.domain.relation_ids[self.domain.relation(relation).name], glance.mask.shape[1]
        found = torch.zeros(len(rows), width)
        for row, (image, index) in enumerate(zip(rows.images.tolist(), rows.objects.tolist(), strict=True)):
            known = torch.from_numpy(glance.details[image].relations[number, index])
            found[row, : len(known)] = known
        return found

    def glance_cost(self, images: int) -> int:
        """That of the perceiver, as all costs."""
        return self.perceiver.glance_cost(images)

    def look_cost(self, pathway: str) -> int:
        """FLOPs."""
        return self.perceiver.look_cost(pathway)

    def read_cost(self, attribute: str) -> int:
        """FLOPs."""
        return self.perceiver.read_cost(attribute)

    def attribute_cost(self, attribute: str) -> int:
        """FLOPs."""
        return self.perceiver.attribute_cost(attribute)

    def relation_cost(self, relation: str, objects: int) -> int:
        """FLOPs."""
        return self.perceiver.relation_cost(relation, objects)

    def _gathered(self, glance: Glance, rows: Rows, part: Any) -> Tensor:
        pairs = zip(rows.images.tolist(), rows.objects.tolist(), strict=True)
        parts = [torch.from_numpy(part(glance.details[image])[index : index + 1]) for image, index in pairs]
        return torch.cat(parts) if parts else torch.zeros(0)
