"""query: an attribute's value of an object."""

import torch
from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import POSSIBLE
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Attribute, Object, Value


@module("query")
class Query(nn.Module):
    """An attribute's value of an object.

    ``P(v) = sum_i o[i] * a[i, v]``

    Source: Query of NS-CL (Mao et al. 2019, arXiv:1904.12584, section 3.2).
    Cost: reads the attribute of every object that may be meant.
    """

    def forward(self, scene: SceneGraph, subject: Object, attribute: Attribute) -> Value:
        values = scene.attribute(attribute, asked=subject > POSSIBLE)
        return torch.bmm(subject.exp().unsqueeze(1), values).squeeze(1)

    @staticmethod
    def exact(scene: ExactScene, subject: int, attribute: int) -> int:
        return scene.value(attribute, subject)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (3 + LOGARITHM) * sizes.objects * sizes.concepts + LOGARITHM * sizes.objects
