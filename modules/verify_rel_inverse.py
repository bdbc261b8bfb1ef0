"""verify_rel_inverse: whether an object stands in a relation to any of some objects."""

from torch import nn

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, objects_of
from nmn.logic import any_related, conjunction
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Bool, Object, ObjectSet, Relation


@module("verify_rel_inverse")
class VerifyRelationInverse(nn.Module):
    """Whether an object stands in a relation to any of some objects.

    ``P = sum_i o[i] * (1 - prod_j(1 - p[j] * r[j, i]))``, with ``r[i, i] = 0``.

    Source: verify rel of GQA with direction "o" (Hudson and Manning 2019, arXiv:1902.09506, section 3.3).
    Cost: reads the relation's row of every object of the image.
    """

    def forward(self, scene: SceneGraph, anchor: Object, others: ObjectSet, relation: Relation) -> Bool:
        rows = scene.relation(relation, asked=scene.mask).transpose(1, 2)
        return any_related(anchor, conjunction(others, scene.presence), rows, scene.mask)

    @staticmethod
    def exact(scene: ExactScene, anchor: int, others: int, relation: int) -> bool:
        return any(scene.related(relation, other) >> anchor & 1 for other in objects_of(others & ~(1 << anchor)))

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (CONJUNCTION + LOGARITHM + 2) * sizes.objects**2 + (CONJUNCTION + 4 * LOGARITHM) * sizes.objects
