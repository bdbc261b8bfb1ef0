"""count: how many objects a set has."""

import torch
from torch import nn

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import conjunction
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Count, ObjectSet


@module("count")
class CountObjects(nn.Module):
    """How many objects a set has.

    The Poisson-binomial distribution over 0..N of independent memberships, by adding one object at a time:
    ``P(n) <- P(n) * (1 - p[i]) + P(n - 1) * p[i]``; not a sum rounded.

    Source: the recursion of Chen and Liu 1997 (Statistica Sinica 7, section 2), method 1; its use here is ours.
    Cost: no facets.
    """

    def forward(self, scene: SceneGraph, members: ObjectSet) -> Count:
        log_odds = conjunction(members, scene.presence)
        mask = scene.mask
        present, absent = log_odds.sigmoid() * mask, torch.where(mask, (-log_odds).sigmoid(), 1.0)
        numbers = torch.ones_like(present[:, :1])
        nothing = torch.zeros_like(numbers)
        for one, none in zip(present.split(1, dim=1), absent.split(1, dim=1), strict=True):
            numbers = torch.cat([numbers * none, nothing], dim=1) + torch.cat([nothing, numbers * one], dim=1)
        return numbers

    @staticmethod
    def exact(scene: ExactScene, members: int) -> int:
        return members.bit_count()

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (CONJUNCTION + 2 * LOGARITHM) * sizes.objects + 3 * sizes.objects * (sizes.objects + 1) // 2
