"""equal: whether two values of an attribute are the same."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import from_odds
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Attribute, Bool, Value


@module("equal")
class Equal(nn.Module):
    """Whether two values of an attribute are the same.

    ``P = sum_v P1(v) * P2(v)``

    Source: equal of CLEVR (Johnson et al. 2017, section 3), for independent values.
    Cost: no facets.
    """

    def forward(self, scene: SceneGraph, first: Value, second: Value, attribute: Attribute) -> Bool:
        differs = (1.0 - second) * scene.attribute_mask(attribute)
        return from_odds((first * second).sum(-1), (first * differs).sum(-1))

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int, attribute: int) -> bool:
        return first == second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 6 * sizes.concepts + 2 * LOGARITHM
