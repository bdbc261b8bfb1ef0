"""filter: keep the objects that carry a concept."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from nmn.cost import CONJUNCTION, Sizes
from nmn.exact.scene import ExactScene
from nmn.logic import POSSIBLE, bounded, from_bounded, from_log_probability
from nmn.registry import module
from nmn.scene import SceneGraph
from nmn.types import Concept, ObjectSet


@module("filter")
class Filter(nn.Module):
    """Keep the objects that carry a concept.

    ``p[i] <- p[i] * P(concept | object i)``

    Source: Filter of NS-CL (Mao et al. 2019, arXiv:1904.12584, section 3.2), with the product for its minimum.
    Cost: reads the concept's attribute of every object that may be a member.
    """

    def forward(self, scene: SceneGraph, members: ObjectSet, concept: Concept) -> ObjectSet:
        fits = scene.concept(concept, asked=members > POSSIBLE)
        return from_log_probability(logsigmoid(members) + fits)

    def forward_repeated(
        self, scenes: Sequence[SceneGraph], members: ObjectSet, concepts: Sequence[Tensor]
    ) -> ObjectSet:
        """Filter several times, each time the first rows only; the same values as so many calls, in half the work."""
        kept = logsigmoid(members)
        for scene, concept in zip(scenes, concepts, strict=True):
            rest = kept.shape[0] - concept.shape[0]
            first, others = kept.split_with_sizes([concept.shape[0], rest]) if rest else (kept, None)
            fitting = bounded(first + scene.concept(concept, asked=first > POSSIBLE))
            kept = fitting if others is None else torch.cat([fitting, others])
        return from_bounded(kept)

    @staticmethod
    def exact(scene: ExactScene, members: int, concept: int) -> int:
        return scene.fitting(concept, members)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return CONJUNCTION * sizes.objects
