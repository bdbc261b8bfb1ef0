"""greater_than: whether the first of two numbers is the greater."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import less
from nmn.registry import module
from nmn.types import Bool, Count


@module("greater_than")
class GreaterThan(nn.Module):
    """Whether the first of two numbers is the greater.

    ``P = sum_n P1(n) * P2(m < n)``

    Source: greater_than of CLEVR (Johnson et al. 2017, section 3), for independent numbers.
    Cost: no facets.
    """

    def forward(self, first: Count, second: Count) -> Bool:
        return less(second, first)

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int) -> bool:
        return first > second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 7 * (sizes.objects + 1) + 2 * LOGARITHM
