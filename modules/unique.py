"""unique: the one object of a set."""

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, only
from nmn.logic import ABSENT, from_log_probability
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Object, ObjectSet, Presupposition


@module("unique")
class Unique(nn.Module):
    """The one object of a set, taking for granted that there is exactly one.

    ``o = softmax(log-odds)``, which is P(object | exactly one is a member); the presupposition is the probability of
    that condition, ``prod(1 - p) * sum(p / (1 - p))``.

    Source: the posterior is ours; unique of CLEVR (Johnson et al. 2017, section 3) is its hard limit.
    Cost: no facets.
    """

    def forward(self, scene: SceneGraph, members: ObjectSet) -> tuple[Object, Presupposition]:
        mask = scene.mask
        log_odds = from_log_probability(logsigmoid(members) + scene.log_presence)
        odds = torch.where(mask, log_odds, ABSENT)
        none = torch.where(mask, logsigmoid(-log_odds), 0.0).sum(-1)
        # Where nothing is in the image the sum of the odds is that of padding: as good as zero.
        exactly_one = (none + odds.logsumexp(-1)).clamp(ABSENT, 0.0)
        return torch.where(mask, odds.log_softmax(-1), ABSENT), exactly_one

    @staticmethod
    def exact(scene: ExactScene, members: int) -> int:
        return only(members)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (CONJUNCTION + 3 * LOGARITHM + 4) * sizes.objects
