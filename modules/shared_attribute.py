"""common: which attribute two objects have in common."""

import torch
from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, NotOne
from nmn.logic import POSSIBLE, log_or_least
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import AttributeName, Object, Presupposition

_TINY = 1e-30


@module("common")
class Common(nn.Module):
    """Which attribute two objects have in common, taking for granted that they are two and that it is one.

    ``q[k] = sum_ij o1[i] * o2[j] * s[k, i, j] * prod_{l != k} (1 - s[l, i, j])`` over ``i != j``, where ``s[k, i, j]`` is the
    probability that both carry one value of attribute k; ``P(k) = q[k] / sum(q)``, and what is taken for granted holds with
    ``sum(q)``. The attributes are those that the domain compares objects by.

    Source: common of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), over probabilities; "exactly one" is ours.
    Cost: reads these attributes of every object that may be meant.
    """

    def forward(self, scene: SceneGraph, first: Object, second: Object) -> tuple[AttributeName, Presupposition]:
        asked = (first > POSSIBLE) | (second > POSSIBLE)
        numbers = scene.store.domain.comparable_ids
        shared = torch.stack([scene.shared(number, asked) for number in numbers], dim=1)
        differing = 1.0 - shared
        alone = [
            shared[:, place] * torch.cat([differing[:, :place], differing[:, place + 1 :]], dim=1).prod(1)
            for place in range(len(numbers))
        ]
        objects = shared.shape[-1]
        apart = 1.0 - torch.eye(objects, dtype=shared.dtype, device=shared.device)
        pairs = first.exp().unsqueeze(2) * second.exp().unsqueeze(1) * apart
        weights = (torch.stack(alone, dim=1) * pairs.unsqueeze(1)).sum((2, 3))
        found = weights.new_zeros(len(weights), len(scene.store.domain.attributes))
        total = weights.sum(-1)
        named = (weights + _TINY) / (weights + _TINY).sum(-1, keepdim=True)
        places = torch.tensor(numbers, device=weights.device)
        return found.index_copy(1, places, named), log_or_least(total.clamp_max(1.0))

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int) -> int:
        shared = scene.in_common(first, second)
        if first == second or len(shared) != 1:
            raise NotOne
        return shared[0]

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 4 * sizes.objects**2 * sizes.concepts + (LOGARITHM + 4) * sizes.objects
