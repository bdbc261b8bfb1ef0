"""union: the objects of either of two sets."""

from torch import nn

from nmn.cost import CONJUNCTION, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import disjunction
from nmn.registry import module
from nmn.types import ObjectSet


@module("union")
class Union(nn.Module):
    """The objects of either of two sets.

    ``p[i] = p1[i] + p2[i] - p1[i] * p2[i]``

    Source: union of CLEVR (Johnson et al. 2017, section 3), for independent memberships.
    Cost: no facets.
    """

    def forward(self, first: ObjectSet, second: ObjectSet) -> ObjectSet:
        return disjunction(first, second)

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int) -> int:
        return first | second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return CONJUNCTION * sizes.objects
