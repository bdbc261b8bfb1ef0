"""and: whether both of two claims hold."""

from torch import nn

from nmn.cost import CONJUNCTION, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import conjunction
from nmn.registry import module
from nmn.types import Bool


@module("and")
class And(nn.Module):
    """Whether both of two claims hold.

    ``P = P1 * P2``

    Source: and of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), for independent claims.
    Cost: no facets.
    """

    def forward(self, first: Bool, second: Bool) -> Bool:
        return conjunction(first, second)

    @staticmethod
    def exact(scene: ExactScene, first: bool, second: bool) -> bool:
        return first and second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return CONJUNCTION
