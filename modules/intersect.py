"""intersect: the objects of both of two sets."""

from torch import nn

from nmn.cost import CONJUNCTION, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import conjunction
from nmn.registry import module
from nmn.types import ObjectSet


@module("intersect")
class Intersect(nn.Module):
    """The objects of both of two sets.

    ``p[i] = p1[i] * p2[i]``

    Source: intersect of CLEVR (Johnson et al. 2017, section 3), for independent memberships.
    Cost: no facets.
    """

    def forward(self, first: ObjectSet, second: ObjectSet) -> ObjectSet:
        return conjunction(first, second)

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int) -> int:
        return first & second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return CONJUNCTION * sizes.objects
