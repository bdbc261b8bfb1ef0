"""relate: the objects that stand in a relation to an object."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import POSSIBLE, mixed
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Object, ObjectSet, Relation


@module("relate")
class Relate(nn.Module):
    """The objects that stand in a relation to an object.

    ``p[j] = sum_i o[i] * r[i, j]``, with ``r[i, i] = 0``.

    Source: Relate of NS-CL (Mao et al. 2019, arXiv:1904.12584, section 3.2).
    Cost: reads the relation's row of every object that may be the anchor.
    """

    def forward(self, scene: SceneGraph, anchor: Object, relation: Relation) -> ObjectSet:
        rows = scene.relation(relation, asked=anchor > POSSIBLE)
        return mixed(anchor, rows)

    @staticmethod
    def exact(scene: ExactScene, anchor: int, relation: int) -> int:
        return scene.related(relation, anchor)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (4 + 2 * LOGARITHM) * sizes.objects**2 + 3 * LOGARITHM * sizes.objects
