"""choose: which of two concepts an object carries."""

from torch import nn

from nmn.cost import LOGARITHM, Sizes
from nmn.exact.scene import ExactScene, NotOne
from nmn.logic import POSSIBLE, one_of_two
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Choice, Concept, Object, Presupposition


@module("choose")
class Choose(nn.Module):
    """Which of two concepts an object carries, taking for granted that it is one.

    ``P(first) = q1 / (q1 + q2)``, with ``q1 = sum_i o[i] * P(first and not second | object i)`` and ``q2`` likewise; what is
    taken for granted holds with ``q1 + q2``.

    Source: choose of GQA (Hudson and Manning 2019, arXiv:1902.09506, section 3.3), over probabilities.
    Cost: reads the concepts' attributes of every object that may be meant.
    """

    def forward(
        self, scene: SceneGraph, subject: Object, first: Concept, second: Concept
    ) -> tuple[Choice, Presupposition]:
        asked = subject > POSSIBLE
        one, other = scene.concept(first, asked).exp(), scene.concept(second, asked).exp()
        both = scene.both(first, second, asked)
        chosen = subject.exp()
        return one_of_two(
            (chosen * (one - both).clamp_min(0.0)).sum(-1), (chosen * (other - both).clamp_min(0.0)).sum(-1)
        )

    @staticmethod
    def exact(scene: ExactScene, subject: int, first: int, second: int) -> int:
        one, other = (scene.fitting(concept, 1 << subject) != 0 for concept in (first, second))
        if one == other:
            raise NotOne
        return 0 if one else 1

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return (3 * LOGARITHM + 8) * sizes.objects + (LOGARITHM + 4) * sizes.objects * sizes.concepts + 2 * LOGARITHM
