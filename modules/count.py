"""count: how many objects a set has."""

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import from_log_probability
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
        present = from_log_probability(logsigmoid(members) + scene.log_presence).sigmoid() * scene.mask
        numbers = torch.zeros_like(present[:, :1]).expand(-1, present.shape[1] + 1).clone()
        numbers[:, 0] = 1.0
        for chance in present.unsqueeze(-1).unbind(1):
            # What rolls round to 0 is the probability of a number that is not reached before the last object: 0.
            numbers = torch.lerp(numbers, numbers.roll(1, -1), chance)
        return numbers

    @staticmethod
    def exact(scene: ExactScene, members: int) -> int:
        return members.bit_count()

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (CONJUNCTION + 2 * LOGARITHM) * sizes.objects + 3 * sizes.objects * (sizes.objects + 1) // 2
