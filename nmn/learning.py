"""Learning: fit what sees and what reasons to answers alone, through the executor.

The log-probability of an answer is a differentiable function of what a perceiver sees and of the weights of the modules
that run (:func:`nmn.decode.log_likelihood`), so neither needs any label but the answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from nmn.decode import log_likelihood
from nmn.errors import InputError
from nmn.executor import Modules, execute
from nmn.perceiver import Perceiver
from nmn.planner import Planner
from nmn.program import Program
from nmn.scene import FacetStore


@dataclass(frozen=True)
class Lesson:
    """A question on an image, with its answer.

    Attributes:
        image: What the perceiver's ``load`` gave.
        program: The question's checked program.
        answer: The right answer.
    """

    image: Any
    program: Program
    answer: str


@dataclass(frozen=True)
class LearningConfig:
    """How to learn.

    Attributes:
        steps: Batches.
        batch_size: Lessons in one.
        rate: Learning rate at its peak; it falls to nothing along half a cosine.
        decay: Weight decay.
        seed: Of the order of lessons.
    """

    steps: int = 1000
    batch_size: int = 64
    rate: float = 3e-3
    decay: float = 1e-4
    seed: int = 0


def learn(
    lessons: Sequence[Lesson],
    perceiver: Perceiver,
    modules: Modules,
    config: LearningConfig | None = None,
    *,
    advance: Callable[[int, float], None] = lambda step, loss: None,
) -> None:
    """Fit the weights of a perceiver and of modules to answers, in place.

    Args:
        lessons: What to learn from.
        perceiver: What sees; is fitted where it is an ``nn.Module``.
        modules: What reasons; those with weights are fitted.
        config: How to learn.
        advance: Told each step and its loss: the mean of minus the log-probability of the answers.

    Raises: InputError when there is nothing to learn from, or nothing that could learn.
    """
    how = LearningConfig() if config is None else config
    parts = [each for each in (perceiver, modules) if isinstance(each, nn.Module)]
    weights = [weight for part in parts for weight in part.parameters() if weight.requires_grad]
    if not lessons:
        raise InputError("there are no lessons to learn from")
    if not weights:
        raise InputError(f"neither {type(perceiver).__name__} nor any module has weights that could learn")
    planner = Planner(perceiver.domain, modules.registry)
    optimizer = torch.optim.AdamW(weights, lr=how.rate, weight_decay=how.decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, how.rate, total_steps=how.steps)
    order = torch.Generator().manual_seed(how.seed)
    for part in parts:
        part.train()
    for step in range(how.steps):
        drawn = torch.randint(len(lessons), (how.batch_size,), generator=order).tolist()
        loss = -likelihood([lessons[each] for each in drawn], perceiver, modules, planner).mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        advance(step + 1, float(loss.detach()))
    for part in parts:
        part.eval()


def likelihood(lessons: Sequence[Lesson], perceiver: Perceiver, modules: Modules, planner: Planner) -> Tensor:
    """[lessons] log-probability of the answers, differentiable."""
    store = FacetStore.look(perceiver, [lesson.image for lesson in lessons])
    plan = planner.plan([lesson.program for lesson in lessons], list(range(len(lessons))))
    return log_likelihood(execute(plan, store, modules, ahead=True), [lesson.answer for lesson in lessons])
