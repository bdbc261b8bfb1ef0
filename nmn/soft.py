"""SoftBackend: programs over what a perceiver sees, by probabilities; any mix of programs and images in one batch."""

from collections.abc import Sequence
from copy import copy
from time import perf_counter
from typing import Any, Literal

import torch
from torch import Tensor

from nmn.decode import answer_of_loop, answers
from nmn.domain import Domain
from nmn.executor import Modules, execute
from nmn.loop import Looper
from nmn.perceiver import Glance, Perceiver
from nmn.planner import Planner
from nmn.program import Program
from nmn.registry import Registry
from nmn.scene import FacetStore
from nmn.trace import Answer

Policy = Literal["read", "lazy", "everything"]
"""Which facets are computed, and when.

``read``: those that programs read, of all objects of their images, before they run; few large calls.
``lazy``: those that programs read, of the objects that each step still needs, as it asks; least arithmetic.
``everything``: all of every object, before anything runs.
"""

PLANNED_FROM = 6
"""Fewer questions than this are run one call at a time: planning them would take longer than it saves."""

WIDEST = 1.5
"""Images run together when the one with the most objects has at most so many times the objects of the one with the fewest."""

FEW = 16
"""Images of up to this many objects run together whatever their numbers: padding them costs less than more calls."""


class SoftBackend:
    """Runs programs on images.

    Args:
        perceiver: Looks at the images.
        registry: The operations.
        policy: Which facets are computed, and when. A traced run is always ``lazy``, so that every node shows what it
            needs.
    """

    def __init__(self, perceiver: Perceiver, registry: Registry, *, policy: Policy = "read") -> None:
        self.perceiver = perceiver
        self.policy = policy
        self.modules = Modules(registry)
        self.planner = Planner(self.domain, registry)
        self.looper = Looper(self.domain, self.modules)

    def of(self, perceiver: Perceiver, policy: Policy) -> "SoftBackend":
        """The same modules and plans over another perceiver of the same domain, by another policy."""
        other = copy(self)
        other.perceiver, other.policy = perceiver, policy
        return other

    @property
    def domain(self) -> Domain:
        """What can be talked about."""
        return self.perceiver.domain

    def run(
        self, images: Sequence[Any], programs: Sequence[Program], positions: Sequence[int], *, trace: bool = False
    ) -> list[Answer]:
        """Answer programs.

        Args:
            images: What the perceiver looks at, each once.
            programs: Checked programs.
            positions: For each program, the position of its image.
            trace: Attach what ran to each answer.

        Raises: InputError when an image cannot be used.
        """
        found: list[Answer | None] = [None] * len(programs)
        with torch.no_grad():
            for members, glance in split_by_size(self.perceiver.glance(images)):
                place = {image: row for row, image in enumerate(members)}
                own = [index for index, position in enumerate(positions) if position in place]
                if own:
                    store = self.store(glance)
                    answered = self.answers(
                        [programs[index] for index in own], [place[positions[index]] for index in own], store, trace
                    )
                    for index, answer in zip(own, answered, strict=True):
                        found[index] = answer
        return [answer for answer in found if answer is not None]

    def store(self, glance: Glance) -> FacetStore:
        """The facets of glanced images, as far as the policy computes them in advance."""
        store = FacetStore.of(self.perceiver, glance)
        if self.policy == "everything":
            store.compute_everything()
        return store

    def answers(
        self, programs: Sequence[Program], images: Sequence[int], store: FacetStore, trace: bool = False
    ) -> list[Answer]:
        """Answer checked programs, each on the image of the store at its position."""
        ahead = self.policy == "read" and not trace
        if len(programs) < PLANNED_FROM:
            pairs = zip(programs, images, strict=True)
            runs = [self.looper.run(program, image, store, trace=trace, ahead=ahead) for program, image in pairs]
            return [answer_of_loop(run) for run in runs]
        started = perf_counter()
        plan = self.planner.plan(programs, images)
        planned = perf_counter() - started
        return answers(execute(plan, store, self.modules, trace=trace, ahead=ahead), planner_seconds=planned)


def split_by_size(glance: Glance) -> list[tuple[list[int], Glance]]:
    """Split images so that none is padded to the width of a much larger one: positions and their glance."""
    sizes = glance.mask.sum(1).tolist()
    order = sorted(range(len(sizes)), key=lambda image: sizes[image])
    parts: list[list[int]] = []
    for image in order:
        least = sizes[parts[-1][0]] if parts else 0
        if not parts or sizes[image] > max(FEW, WIDEST * least):
            parts.append([])
        parts[-1].append(image)
    if len(parts) <= 1:
        return [(list(range(len(sizes))), glance)] if sizes else []
    return [(sorted(part), _taken(glance, sorted(part), sizes[part[-1]])) for part in parts]


def _taken(glance: Glance, images: list[int], objects: int) -> Glance:
    """The glance of some images, as wide as they need. Objects that are not padding must stand first."""
    rows = torch.tensor(images, device=glance.mask.device)

    def take(values: Tensor) -> Tensor:
        return values.index_select(0, rows)[:, :objects]

    details = tuple(glance.details[image] for image in images) if glance.details else ()
    return Glance(take(glance.presence), take(glance.mask), take(glance.boxes), take(glance.features), details)
