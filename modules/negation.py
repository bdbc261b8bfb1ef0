"""not: whether a claim does not hold."""

from torch import nn

from nmn.cost import Sizes
from nmn.exact.scene import ExactScene
from nmn.registry import module
from nmn.types import Bool


@module("not")
class Not(nn.Module):
    """Whether a claim does not hold.

    ``P <- 1 - P``

    Source: not of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3).
    Cost: no facets.
    """

    def forward(self, claim: Bool) -> Bool:
        return -claim

    @staticmethod
    def exact(scene: ExactScene, claim: bool) -> bool:
        return not claim

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 1
