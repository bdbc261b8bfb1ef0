"""relate_inverse: the objects that an object stands in a relation to."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, objects_of
from nmn.logic import mixed
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Object, ObjectSet, Relation


@module("relate_inverse")
class RelateInverse(nn.Module):
    """The objects that an object stands in a relation to.

    ``p[j] = sum_i o[i] * r[j, i]``, with ``r[i, i] = 0``: of ``wearing`` what the object wears, where ``relate`` gives
    who wears it.

    Source: relate of GQA with direction "o" (Hudson and Manning 2019, arXiv:1902.09506, section 3.3).
    Cost: reads the relation's row of every object of the image.
    """

    def forward(self, scene: SceneGraph, anchor: Object, relation: Relation) -> ObjectSet:
        columns = scene.relation(relation, asked=scene.mask).transpose(1, 2)
        return mixed(anchor, columns)

    @staticmethod
    def exact(scene: ExactScene, anchor: int, relation: int) -> int:
        others = objects_of(scene.everything & ~(1 << anchor))
        return sum(1 << other for other in others if scene.related(relation, other) >> anchor & 1)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (4 + 2 * LOGARITHM) * sizes.objects**2 + 3 * LOGARITHM * sizes.objects
