"""same: the other objects that share an attribute's value with an object."""

import torch
from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import LIMIT, from_odds
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Attribute, Object, ObjectSet


@module("same")
class Same(nn.Module):
    """The other objects that share an attribute's value with an object.

    ``p[j] = sum_i o[i] * sum_v a[i, v] * a[j, v]`` over ``i != j``: never the object itself.

    Source: same of CLEVR (Johnson et al. 2017, section 3), over distributions.
    Cost: reads the attribute of every object of the image.
    """

    def forward(self, scene: SceneGraph, anchor: Object, attribute: Attribute) -> ObjectSet:
        mask = scene.mask
        values = scene.attribute(attribute, asked=mask)
        weight = anchor.exp()
        # The anchor's expected values, without what the object itself contributes to them.
        expected = torch.bmm(weight.unsqueeze(1), values) - weight.unsqueeze(2) * values
        yes = (expected * values).sum(-1)
        no = (expected * (1.0 - values)).sum(-1) + weight
        return torch.where(mask, from_odds(yes, no), -LIMIT)

    @staticmethod
    def exact(scene: ExactScene, anchor: int, attribute: int) -> int:
        return scene.fitting(scene.value(attribute, anchor), scene.everything & ~(1 << anchor))

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 9 * sizes.objects * sizes.concepts + 3 * LOGARITHM * sizes.objects
