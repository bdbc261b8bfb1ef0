"""scene: all objects of the image."""

import torch
from torch import nn

from nmn.cost import Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import LIMIT
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import ObjectSet


@module("scene")
class Scene(nn.Module):
    """All objects of the image.

    ``p[i] = 1``: presence is held apart from membership and enters where a set is consumed.

    Source: scene of CLEVR (Johnson et al. 2017, section 3).
    Cost: none.
    """

    def forward(self, scene: SceneGraph) -> ObjectSet:
        presence = scene.presence
        return torch.where(scene.mask, torch.full_like(presence, LIMIT), -LIMIT)

    @staticmethod
    def exact(scene: ExactScene) -> int:
        return scene.everything

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 0
