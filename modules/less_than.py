"""less_than: whether the first of two numbers is the smaller."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import less
from nmn.registry import module
from nmn.types import Bool, Count


@module("less_than")
class LessThan(nn.Module):
    """Whether the first of two numbers is the smaller.

    ``P = sum_n P2(n) * P1(m < n)``

    Source: less_than of CLEVR (Johnson et al. 2017, section 3), for independent numbers.
    Cost: no facets.
    """

    def forward(self, first: Count, second: Count) -> Bool:
        return less(first, second)

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int) -> bool:
        return first < second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 7 * (sizes.objects + 1) + 2 * LOGARITHM
