"""equal_integer: whether two numbers are equal."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import from_odds
from nmn.registry import module
from nmn.types import Bool, Count


@module("equal_integer")
class EqualInteger(nn.Module):
    """Whether two numbers are equal.

    ``P = sum_n P1(n) * P2(n)``

    Source: equal_integer of CLEVR (Johnson et al. 2017, section 3), for independent numbers.
    Cost: no facets.
    """

    def forward(self, first: Count, second: Count) -> Bool:
        return from_odds((first * second).sum(-1), (first * (1.0 - second)).sum(-1))

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int) -> bool:
        return first == second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 5 * (sizes.objects + 1) + 2 * LOGARITHM
