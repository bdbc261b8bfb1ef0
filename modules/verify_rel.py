"""verify_rel: whether any of some objects stands in a relation to an object."""

from torch import nn

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import POSSIBLE, any_related, conjunction
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Bool, Object, ObjectSet, Relation


@module("verify_rel")
class VerifyRelation(nn.Module):
    """Whether any of some objects stands in a relation to an object.

    ``P = sum_i o[i] * (1 - prod_j(1 - p[j] * r[i, j]))``, with ``r[i, i] = 0``.

    Source: verify rel of GQA with direction "s" (Hudson and Manning 2019, arXiv:1902.09506, section 3.3).
    Cost: reads the relation's row of every object that may be the anchor.
    """

    def forward(self, scene: SceneGraph, anchor: Object, others: ObjectSet, relation: Relation) -> Bool:
        rows = scene.relation(relation, asked=anchor > POSSIBLE)
        return any_related(anchor, conjunction(others, scene.presence), rows, scene.mask)

    @staticmethod
    def exact(scene: ExactScene, anchor: int, others: int, relation: int) -> bool:
        return others & scene.related(relation, anchor) != 0

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (CONJUNCTION + LOGARITHM + 2) * sizes.objects**2 + (CONJUNCTION + 4 * LOGARITHM) * sizes.objects
