"""select: the objects of the image that carry a concept."""

import torch
from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import LIMIT, from_log_probability
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Concept, ObjectSet


@module("select")
class Select(nn.Module):
    """The objects of the image that carry a concept.

    ``p[i] = P(concept | object i)``: a filter of all objects, in one call.

    Source: select of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), over probabilities.
    Cost: reads the concept's attribute of every object of the image.
    """

    def forward(self, scene: SceneGraph, concept: Concept) -> ObjectSet:
        mask = scene.mask
        return torch.where(mask, from_log_probability(scene.concept(concept, asked=mask)), -LIMIT)

    @staticmethod
    def exact(scene: ExactScene, concept: int) -> int:
        return scene.fitting(concept, scene.everything)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 2 * LOGARITHM * sizes.objects
