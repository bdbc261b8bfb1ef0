"""filter: keep the objects that carry a concept."""

from torch import nn
from torch.nn.functional import logsigmoid

from nmn.cost import CONJUNCTION, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import LIMIT, from_log_probability
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Concept, ObjectSet


@module("filter")
class Filter(nn.Module):
    """Keep the objects that carry a concept.

    ``p[i] <- p[i] * P(concept | object i)``

    Source: Filter of NS-CL (Mao et al. 2019, arXiv:1904.12584, section 3.2), with the product for its minimum.
    Cost: reads the concept's attribute of every object that may be a member.
    """

    def forward(self, scene: SceneGraph, members: ObjectSet, concept: Concept) -> ObjectSet:
        fits = scene.concept(concept, asked=members > -LIMIT)
        return from_log_probability(logsigmoid(members) + fits)

    @staticmethod
    def exact(scene: ExactScene, members: int, concept: int) -> int:
        return scene.fitting(concept, members)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return CONJUNCTION * sizes.objects
