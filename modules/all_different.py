"""all_different: whether the objects of a set differ in an attribute."""

from torch import nn

from nmn.cost import CONJUNCTION, LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, objects_of
from nmn.logic import agreement
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Attribute, Bool, ObjectSet


@module("all_different")
class AllDifferent(nn.Module):
    """Whether the objects of a set differ in an attribute.

    ``P = 1 - P(all_same)``; of three objects two may be alike, as in "are the animals of different kinds?".

    Source: different of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), over probabilities.
    Cost: reads the attribute of every object of the image.
    """

    def forward(self, scene: SceneGraph, members: ObjectSet, attribute: Attribute) -> Bool:
        values = scene.attribute(attribute, asked=scene.mask)
        return -agreement(members, scene.presence, values, scene.mask, scene.attribute_mask(attribute))

    @staticmethod
    def exact(scene: ExactScene, members: int, attribute: int) -> bool:
        return len({scene.value(attribute, each) for each in objects_of(members)}) > 1

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (
            (LOGARITHM + 4) * sizes.objects * sizes.concepts + CONJUNCTION * sizes.objects + LOGARITHM * sizes.concepts
        )
