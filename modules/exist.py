"""exist: whether a set has any object."""

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import from_log_probability
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Bool, ObjectSet


@module("exist")
class Exist(nn.Module):
    """Whether a set has any object.

    ``P = 1 - prod(1 - p[i])``

    Source: exist of CLEVR (Johnson et al. 2017, section 3), for independent memberships.
    Cost: no facets.
    """

    def forward(self, scene: SceneGraph, members: ObjectSet) -> Bool:
        absent = logsigmoid(-from_log_probability(logsigmoid(members) + scene.log_presence))
        return -from_log_probability(torch.where(scene.mask, absent, 0.0).sum(-1))

    @staticmethod
    def exact(scene: ExactScene, members: int) -> bool:
        return members != 0

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (CONJUNCTION + LOGARITHM + 1) * sizes.objects + 2 * LOGARITHM
