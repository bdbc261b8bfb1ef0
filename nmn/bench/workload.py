"""Workload: images with their questions' programs, and batches of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nmn.perceiver import Glance, Perceiver
from nmn.program import Program
from nmn.scenes import Scene


@dataclass(frozen=True)
class Workload:
    """What is run: images with their questions' programs.

    Attributes:
        perceiver: Gives the facets; its heads are trained in the training step.
        glances: One image each.
        programs: For each image, its questions' programs.
        answers: The right answers, likewise.
        trained: Parameters of the perceiver that a training step gives gradients to.
        scenes: The same images as described scenes, for the exact rules; empty where there are none.
    """

    perceiver: Perceiver
    glances: tuple[Glance, ...]
    programs: tuple[tuple[Program, ...], ...]
    answers: tuple[tuple[str, ...], ...]
    trained: tuple[Tensor, ...]
    scenes: tuple[Scene, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Some questions to run together: for each its program, the position of its image, and its answer."""

    glance: Glance
    single: tuple[Glance, ...]
    programs: tuple[Program, ...]
    images: tuple[int, ...]
    answers: tuple[str, ...]
    scenes: tuple[Scene, ...]

    @staticmethod
    def of(workload: Workload, size: int, per_image: int) -> "Batch":
        """``size`` questions, ``per_image`` on each image; images come round again when they run out.

        An image that comes again is another image to all designs, with other questions of its own where it has them.
        """
        programs: list[Program] = []
        images: list[int] = []
        answers: list[str] = []
        chosen: list[int] = []
        while len(programs) < size:
            turn, source = divmod(len(chosen), len(workload.glances))
            every = len(workload.programs[source])
            for question in range(min(per_image, size - len(programs))):
                number = (turn * per_image + question) % every
                programs.append(workload.programs[source][number])
                answers.append(workload.answers[source][number])
                images.append(len(chosen))
            chosen.append(source)
        single = tuple(workload.glances[source] for source in chosen)
        scenes = tuple(workload.scenes[source] for source in chosen) if workload.scenes else ()
        return Batch(joined(single), single, tuple(programs), tuple(images), tuple(answers), scenes)


def joined(glances: Sequence[Glance]) -> Glance:
    """Glances of single images as one, padded to the widest."""
    widest = max(glance.mask.shape[1] for glance in glances)

    def padded(values: Tensor) -> Tensor:
        room = values.new_zeros((1, widest - values.shape[1], *values.shape[2:]))
        return torch.cat([values, room], dim=1)

    fields = ("presence", "mask", "boxes", "features")
    details = tuple(detail for glance in glances for detail in glance.details)
    presence, mask, boxes, features = (torch.cat([padded(getattr(each, name)) for each in glances]) for name in fields)
    return Glance(presence, mask, boxes, features, details)
