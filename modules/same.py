"""same: the other objects that share an attribute's value with an object."""

import torch
from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, NotOne, objects_of
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
        others = 1.0 - torch.eye(values.shape[1], dtype=values.dtype, device=values.device)
        weight = anchor.exp().unsqueeze(1)
        rest = (1.0 - values) * scene.attribute_mask(attribute)[:, None]
        # Agreement and difference each for itself, and the object itself left out before the sum: no digits are lost.
        agree = torch.bmm(values, values.transpose(1, 2)) * others
        differ = torch.bmm(values, rest.transpose(1, 2)) * others
        yes = torch.bmm(weight, agree).squeeze(1)
        no = torch.bmm(weight, differ).squeeze(1) + weight.squeeze(1)
        return torch.where(mask, from_odds(yes, no), -LIMIT)

    @staticmethod
    def exact(scene: ExactScene, anchor: int, attribute: int) -> int:
        value = scene.value(attribute, anchor)
        # What carries the value may have another that implies it: a dog is an animal, but not the same.
        carriers = objects_of(scene.fitting(value, scene.everything & ~(1 << anchor)))
        return sum(1 << other for other in carriers if _has(scene, attribute, other, value))

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 4 * sizes.objects**2 * (sizes.concepts + 2) + (LOGARITHM + 2) * sizes.objects * sizes.concepts


def _has(scene: ExactScene, attribute: int, subject: int, value: int) -> bool:
    """Whether an object has this very value, and no other beside it."""
    try:
        return scene.value(attribute, subject) == value
    except NotOne:
        return False
