"""choose_rel: which of two relations an object stands in to another."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, NotOne
from nmn.logic import POSSIBLE, one_of_two
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Choice, Object, Presupposition, Relation


@module("choose_rel")
class ChooseRelation(nn.Module):
    """Which of two relations holds of two objects, taking for granted that one does.

    ``P(first) = q1 / (q1 + q2)``, with ``q1 = sum_ij o[i] * s[j] * r1[i, j] * (1 - r2[i, j])`` and ``q2`` likewise; what is
    taken for granted holds with ``q1 + q2``.

    Source: choose rel of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), over probabilities.
    Cost: reads both relations' rows of every object that may be the anchor.
    """

    def forward(
        self, scene: SceneGraph, subject: Object, anchor: Object, first: Relation, second: Relation
    ) -> tuple[Choice, Presupposition]:
        asked = anchor > POSSIBLE
        one, other = scene.relation(first, asked), scene.relation(second, asked)
        pairs = anchor.exp().unsqueeze(2) * subject.exp().unsqueeze(1)
        return one_of_two(
            (pairs * one.sigmoid() * (-other).sigmoid()).sum((1, 2)),
            (pairs * other.sigmoid() * (-one).sigmoid()).sum((1, 2)),
        )

    @staticmethod
    def exact(scene: ExactScene, subject: int, anchor: int, first: int, second: int) -> int:
        one, other = (scene.related(relation, anchor) >> subject & 1 for relation in (first, second))
        if one == other:
            raise NotOne
        return 0 if one else 1

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (4 * LOGARITHM + 7) * sizes.objects**2 + 2 * LOGARITHM * sizes.objects + 2 * LOGARITHM
