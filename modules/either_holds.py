"""or: whether at least one of two claims holds."""

from torch import nn

from nmn.cost import CONJUNCTION, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import disjunction
from nmn.registry import module
from nmn.types import Bool


@module("or")
class Or(nn.Module):
    """Whether at least one of two claims holds.

    ``P = P1 + P2 - P1 * P2``

    Source: or of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), for independent claims.
    Cost: no facets.
    """

    def forward(self, first: Bool, second: Bool) -> Bool:
        return disjunction(first, second)

    @staticmethod
    def exact(scene: ExactScene, first: bool, second: bool) -> bool:
        return first or second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return CONJUNCTION
