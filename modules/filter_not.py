"""filter_not: keep the objects that do not carry a concept."""

from torch import nn

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import POSSIBLE, conjunction, from_log_probability
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Concept, ObjectSet


@module("filter_not")
class FilterNot(nn.Module):
    """Keep the objects that do not carry a concept.

    ``p[i] <- p[i] * (1 - P(concept | object i))``

    Source: filter with ``not(...)`` of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), over probabilities.
    Cost: reads the concept's attribute of every object that may be a member.
    """

    def forward(self, scene: SceneGraph, members: ObjectSet, concept: Concept) -> ObjectSet:
        fits = scene.concept(concept, asked=members > POSSIBLE)
        return conjunction(members, -from_log_probability(fits))

    @staticmethod
    def exact(scene: ExactScene, members: int, concept: int) -> int:
        return members & ~scene.fitting(concept, members)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (CONJUNCTION + 2 * LOGARITHM) * sizes.objects
