"""Training of the focus pathways on crops, resumable as that of the glance is."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nmn.domain import Domain
from nmn.perception.data import Subset
from nmn.perception.focus import PLACE, Focus, FocusConfig
from nmn.perception.focus_data import FocusBatch, Objects, draw
from nmn.perception.focus_pixels import ShakeConfig
from nmn.perception.optimisation import Ahead, Optimisation
from nmn.perception.processes import counted, mine
from nmn.perception.proposed import Proposed
from nmn.perception.targets import UNKNOWN
from nmn.perception.training import cosine

WATCH_BATCH = 256  # crops
STILL = ShakeConfig(
    wild=0,
    hide=0,
    mirror=0,
    mix=0,
    sharpened=0,
    noisy=0,
    brightness=0,
    contrast=0,
    channel=0,
)
"""Boxes shaken as in training, with nothing put in front and pixels as they are."""


@dataclass(frozen=True)
class FocusTrainingConfig:
    """How to train. Steps are optimiser steps."""

    focus: FocusConfig
    steps: int = 6000
    batch_size: int = 128  # crops
    rate: float = 2e-3
    last_rate: float = 1e-5
    warmup: int = 200  # steps
    decay: float = 0.05
    clip: float = 5.0
    average: float = 0.998
    save_every: int = 250  # steps
    seed: int = 0
    half: bool = True  # bfloat16 in the networks
    crowded: int = 2  # how much more often an epoch shows objects that others overlap
    width: int = 480  # px of the frame
    height: int = 320  # px of the frame
    shake: ShakeConfig = field(default_factory=ShakeConfig)

    @property
    def frame(self) -> tuple[int, int]:
        """Width and height of the frame, px."""
        return self.width, self.height


def focus_losses(model: Focus, batch: FocusBatch, attributes: tuple[str, ...]) -> dict[str, Tensor]:
    """The parts of the loss by pathway and attribute."""
    parts: dict[str, Tensor] = {}
    seen, told = batch.crops.rows(slice(batch.objects)), batch.labels[: batch.objects]
    for name in model.names:
        if name == PLACE:
            odds = model.look(name, batch.crops)[PLACE][:, 0]
            wrong = functional.binary_cross_entropy_with_logits(odds, batch.present.float(), reduction="none")
            parts[PLACE] = (wrong * batch.placed).sum() / counted(batch.placed.sum())
            continue
        for attribute, logits in model.look(name, seen).items():
            labels = told[:, attributes.index(attribute)]
            known = counted((labels != UNKNOWN).sum())
            wrong = functional.cross_entropy(logits, labels, ignore_index=UNKNOWN, reduction="sum")
            parts[attribute] = wrong / known
    return parts


class FocusTrainer:
    """Pathways, running average and optimiser of one run.

    Args:
        config: How to train.
        domain: Its attributes are told.
        train: Images to train on, at the frame's full resolution.
        tune: Images to watch, likewise; None for none.
        proposed: What a glance proposes on the images to train on; None for none.
        prepare_ahead: Whether the next batch is made in a thread beside the step; it is the same batch either way.
    """

    def __init__(
        self,
        config: FocusTrainingConfig,
        domain: Domain,
        train: Subset,
        tune: Subset | None = None,
        *,
        proposed: Proposed | None = None,
        prepare_ahead: bool = False,
    ) -> None:
        self.config, self.domain = config, domain
        self.objects = Objects.of(train, config.crowded, proposed)
        self.watched = None if tune is None else Objects.of(tune)
        self.attributes = tuple(attribute.name for attribute in domain.attributes)
        torch.manual_seed(config.seed)
        sizes = {attribute.name: len(attribute.values) for attribute in domain.attributes}
        self.model = Focus(config.focus, sizes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimisation = Optimisation(
            self.model, rate=config.rate, decay=config.decay, keep=config.average, clip=config.clip
        )
        self._batches = Ahead(self.batch, beside=prepare_ahead)
        self._order: tuple[int, np.ndarray[Any, np.dtype[np.int64]]] = (-1, np.zeros(0, np.int64))

    def batch(self, step: int) -> FocusBatch:
        """This process's part of the crops of a step."""
        config, size = self.config, self.config.batch_size
        length = int(self.objects.repeats.sum())
        chosen = []
        for place in range(step * size, (step + 1) * size):
            if place // length != self._order[0]:
                epoch = place // length
                self._order = (epoch, self.objects.order(np.random.default_rng([config.seed, epoch])))
            chosen.append(int(self._order[1][place % length]))
        seed = config.seed * 1_000_003 + step
        numbers, crop = np.asarray(chosen), config.focus.crop
        whole = draw(self.objects, numbers, config.frame, crop, config.shake, seed, half=config.half)
        return whole.rows(mine(whole.objects), mine(size - whole.objects))

    @property
    def step(self) -> int:
        """Steps done."""
        return self.optimisation.step

    @property
    def average(self) -> Focus:
        """The networks with the running average of the weights."""
        return cast(Focus, self.optimisation.average)

    def advance(self) -> dict[str, float]:
        """Do one step; returns the parts of its loss."""
        config, step = self.config, self.step
        batch = self._batches.take(step)
        self.model.train()
        torch.manual_seed(config.seed * 1_000_003 + step)  # of dropout
        with torch.autocast("cpu", torch.bfloat16, enabled=config.half):
            parts = focus_losses(self.model, batch, self.attributes)
        rate = cosine(step, config.steps, config.warmup, config.rate, config.last_rate)
        return self.optimisation.advance(parts, rate)

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Shares of the watched objects that the averaged pathways read right, by attribute, from shaken boxes."""
        if self.watched is None:
            return {}
        right: dict[str, int] = {}
        known: dict[str, int] = {}
        for start in range(0, len(self.watched), WATCH_BATCH):
            chosen = np.arange(start, min(start + WATCH_BATCH, len(self.watched)))
            for absent in (0.0, 1.0):
                shake = replace(STILL, absent=absent)
                batch = draw(self.watched, chosen, self.config.frame, self.config.focus.crop, shake, start)
                for name in self.average.names if absent == 0 else (PLACE,):
                    for about, read in self.average.look(name, batch.crops).items():
                        labels = batch.labels[:, self.attributes.index(about)] if about != PLACE else batch.present
                        hit = (read[:, 0] > 0) == labels if about == PLACE else read.argmax(1) == labels
                        counts = batch.placed if about == PLACE else labels != UNKNOWN
                        right[about] = right.get(about, 0) + int((hit & counts).sum())
                        known[about] = known.get(about, 0) + int(counts.sum())
        return {about: right[about] / max(1, known[about]) for about in right}

    def run(self, path: Path, on_step: Callable[[int, dict[str, float], float], None]) -> None:
        """Train to the end, saving to a checkpoint; an interrupt saves first.

        Args:
            path: The checkpoint.
            on_step: Called with the steps done, the loss's parts and the crops a second.
        """
        config = self.config
        try:
            while self.step < config.steps:
                started = time.perf_counter()
                losses = self.advance()
                on_step(self.step, losses, config.batch_size / (time.perf_counter() - started))
                if self.step == config.steps or self.step % config.save_every == 0:
                    self.save(path)
        except KeyboardInterrupt:
            self.save(path)
            raise

    def save(self, path: Path) -> None:
        """Write all state to one file, atomically."""
        self.optimisation.save(path, self.domain, asdict(self.config))

    def load(self, path: Path, *, anew: bool = False) -> None:
        """Continue from a checkpoint; ``anew`` counts steps from 0 again.

        Raises: WeightsError when it is missing, broken or of another domain or size.
        """
        self.optimisation.load(path, self.domain)
        if anew:
            self.optimisation.step = 0
