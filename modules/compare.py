"""compare: the one of two objects that carries a concept."""

import torch
from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, NotOne
from nmn.logic import ABSENT, POSSIBLE, log_or_least
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Concept, Object, Presupposition


@module("compare")
class Compare(nn.Module):
    """The one of two objects that carries a concept, taking for granted that one does.

    ``q[i] = sum_j (o1[i] * o2[j] + o2[i] * o1[j]) * a[i] * (1 - a[j])`` over ``j != i``, with ``a`` the probability of the
    concept; the object is ``q / sum(q)``, and what is taken for granted holds with ``sum(q)``.

    Source: choose larger, choose younger... of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), where an
    attribute's end of the scale is the concept.
    Cost: reads the concept's attribute of every object that may be meant.
    """

    def forward(
        self, scene: SceneGraph, first: Object, second: Object, concept: Concept
    ) -> tuple[Object, Presupposition]:
        fits = scene.concept(concept, asked=(first > POSSIBLE) | (second > POSSIBLE))
        carries, lacks = fits.exp(), -fits.expm1()
        one, other = first.exp(), second.exp()
        # The object itself is left out before the sum, so that no digits are lost.
        apart = 1.0 - torch.eye(fits.shape[1], dtype=fits.dtype, device=fits.device)
        against_other = torch.matmul(other * lacks, apart)
        against_one = torch.matmul(one * lacks, apart)
        weight = carries * (one * against_other + other * against_one)
        total = log_or_least(weight.sum(-1))
        found = log_or_least(weight) - total.unsqueeze(-1)
        return torch.where(scene.mask, found, ABSENT), total

    @staticmethod
    def exact(scene: ExactScene, first: int, second: int, concept: int) -> int:
        one, other = (scene.fitting(concept, 1 << each) != 0 for each in (first, second))
        if one == other:
            raise NotOne
        return first if one else second

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return 4 * sizes.objects**2 + (5 * LOGARITHM + 8) * sizes.objects + LOGARITHM
