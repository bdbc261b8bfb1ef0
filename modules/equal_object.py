"""equal_object: whether two objects are the same one."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import from_odds
from nmn.registry import module
from nmn.types import Bool, Object


@module("equal_object")
class EqualObject(nn.Module):
    """Whether two objects are the same one.

    ``P = sum_i o1[i] * o2[i]``

    Source: equal_object of CLEVR (Johnson et al. 2017, section 3), for independent objects.
    Cost: no facets.
    """

    def forward(self, first: Object, second: Object) -> Bool:
        one, other = first.exp(), second.exp()
        return from_odds((one * other).sum(-1), (one * (1.0 - other)).sum(-1))

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int) -> bool:
        return first == second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (2 * LOGARITHM + 5) * sizes.objects + 2 * LOGARITHM
