"""verify: whether an object carries a concept."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import POSSIBLE, from_odds
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Bool, Concept, Object


@module("verify")
class Verify(nn.Module):
    """Whether an object carries a concept.

    ``P = sum_i o[i] * P(concept | object i)``

    Source: verify of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), over probabilities.
    Cost: reads the concept's attribute of every object that may be meant.
    """

    def forward(self, scene: SceneGraph, subject: Object, concept: Concept) -> Bool:
        fits = scene.concept(concept, asked=subject > POSSIBLE)
        chosen = subject.exp()
        return from_odds((chosen * fits.exp()).sum(-1), (chosen * -fits.expm1()).sum(-1))

    @staticmethod
    def exact(scene: ExactScene, subject: int, concept: int) -> bool:
        return scene.fitting(concept, 1 << subject) != 0

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (3 * LOGARITHM + 4) * sizes.objects + 2 * LOGARITHM
