"""The training loop: resumable exactly, because every random choice follows from the seed and the step."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np
import torch

from nmn.domain import Domain
from nmn.perception.augment import AugmentConfig, augment
from nmn.perception.data import Batch, Subset, epoch_order
from nmn.perception.heads import Perception
from nmn.perception.losses import LossConfig, losses
from nmn.perception.network_config import NetworkConfig
from nmn.perception.occlusion import RoundShape
from nmn.perception.optimisation import Ahead, Optimisation
from nmn.perception.processes import mine
from nmn.perception.proposals import ProposalConfig
from nmn.perception.report import Report, evaluate
from nmn.perception.settings import read_settings
from nmn.perception.starting import begin

STATISTICS = 16  # images that the normalisation of finished weights is measured on


@dataclass(frozen=True)
class TrainingConfig:
    """How to train. Steps are optimiser steps."""

    steps: int = 8000
    batch_size: int = 16
    rate: float = 2e-3
    last_rate: float = 1e-5
    warmup: int = 300  # steps
    decay: float = 0.02  # weight decay, of matrices and kernels
    clip: float = 5.0  # greatest gradient norm
    average: float = 0.999  # share of the old weights that the running average keeps a step
    mirror_until: float = 0.85  # share of the run after which images are no longer mirrored: the light tells the camera
    evaluate_every: int = 1000  # steps
    save_every: int = 250  # steps
    seed: int = 0
    half: bool = True  # bfloat16 in the convolutions
    network: NetworkConfig = field(default_factory=NetworkConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    proposals: ProposalConfig = field(default_factory=ProposalConfig)

    def rate_at(self, step: int) -> float:
        """Learning rate of a step."""
        return cosine(step, self.steps, self.warmup, self.rate, self.last_rate)


def cosine(step: int, steps: int, warmup: int, rate: float, last: float) -> float:
    """Learning rate of a step: linear warm-up, then half a cosine."""
    if step < warmup:
        return rate * (step + 1) / warmup
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return last + (rate - last) * 0.5 * (1 + math.cos(math.pi * done))


def configure(settings: Mapping[str, str], file: Path | None = None) -> TrainingConfig:
    """The training config of a YAML file, if any, with some values changed; ``augment.mirror`` reaches into a part.

    Raises: InputError for an unknown key or a value of another type.
    """
    return read_settings(TrainingConfig, file, settings)


@dataclass(frozen=True)
class Progress:
    """What one step reports."""

    step: int  # steps done
    losses: Mapping[str, float]
    rate: float
    images_per_second: float
    report: Report | None = None


class Trainer:
    """Model, running average and optimiser of one run.

    Args:
        config: How to train.
        domain: Its attributes are the heads.
        train: Images to train on.
        tune: Images to watch; None for none.
        device: Where to run, as torch names it.
        prepare_ahead: Whether the next batch is made in a thread beside the step; it is the same batch either way.
    """

    def __init__(
        self,
        config: TrainingConfig,
        domain: Domain,
        train: Subset,
        tune: Subset | None = None,
        *,
        device: str = "cpu",
        prepare_ahead: bool = False,
    ) -> None:
        self.config, self.domain, self.train, self.tune = config, domain, train, tune
        self.device = torch.device(device)
        self._ball = RoundShape.of(domain, config.augment.ball) if config.augment.occlude > 0 else None
        torch.manual_seed(config.seed)
        sizes = {attribute.name: len(attribute.values) for attribute in domain.attributes}
        self.model = Perception(config.network, sizes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        targets = [train.whole.targets[row] for row in train.rows]
        centres = torch.from_numpy(np.concatenate([target.centres for target in targets]))
        coordinates = torch.from_numpy(np.concatenate([target.coordinates for target in targets]))
        told = ~coordinates.isnan().any(1)
        if told.any():
            self.model.fit_base(centres[told], coordinates[told])
        self.model.to(self.device)
        self.optimisation = Optimisation(
            self.model, rate=config.rate, decay=config.decay, keep=config.average, clip=config.clip
        )
        self._batches = Ahead(self.batch, beside=prepare_ahead)
        self._order: tuple[int, list[int]] = (-1, [])

    @property
    def step(self) -> int:
        """Steps done."""
        return self.optimisation.step

    @property
    def average(self) -> Perception:
        """The model with the running average of the weights."""
        return cast(Perception, self.optimisation.average)

    def batch(self, step: int) -> Batch:
        """The augmented batch of a step."""
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        mirrored = step < self.config.mirror_until * self.config.steps
        strengths = self.config.augment if mirrored else replace(self.config.augment, mirror=0.0)
        return augment(self.train.batch(self._positions(step)), strengths, generator, self._ball)

    def _positions(self, step: int) -> list[int]:
        size = self.config.batch_size
        positions = []
        for place in range(step * size, (step + 1) * size):
            if self._order[0] < 0 or place // len(self._order[1]) != self._order[0]:
                length = sum(self.train.whole.repeats[row] for row in self.train.rows)
                epoch = place // length
                self._order = (epoch, epoch_order(self.train, self.config.seed, epoch))
            positions.append(self._order[1][place % len(self._order[1])])
        return positions

    def advance(self) -> dict[str, float]:
        """Do one step; returns the parts of its loss."""
        config, step = self.config, self.step
        batch = self._batches.take(step)
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 - step - 1)
        part = mine(len(batch.images))
        nudges = config.loss.nudges(batch, generator)[part].to(self.device)
        batch = batch.part(part).to(self.device)
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.half):
            maps = self.model.network(batch.images)
        parts = losses(self.model, maps, batch, config.loss, nudges)
        return self.optimisation.advance(parts, config.rate_at(step))

    def evaluate(self) -> Report | None:
        """Report of the averaged weights on the tuning images."""
        if self.tune is None:
            return None
        return evaluate(self.average, self.tune, self.config.proposals)

    def run(self, folder: Path, on_step: Callable[[Progress], None]) -> None:
        """Train to the end, saving ``last`` and ``best`` checkpoints in a folder; an interrupt saves first."""
        folder.mkdir(parents=True, exist_ok=True)
        best = -1.0
        try:
            while self.step < self.config.steps:
                started = time.perf_counter()
                parts = self.advance()
                speed = self.config.batch_size / (time.perf_counter() - started)
                ended = self.step == self.config.steps
                report = self.evaluate() if ended or self.step % self.config.evaluate_every == 0 else None
                on_step(Progress(self.step, parts, self.config.rate_at(self.step - 1), speed, report))
                if report is not None and report.exact_share >= best:
                    best = report.exact_share
                    self.save(folder / "best.safetensors")
                if ended or self.step % self.config.save_every == 0:
                    self.save(folder / "last.safetensors")
        except KeyboardInterrupt:
            self.save(folder / "last.safetensors")
            raise

    def save(self, path: Path) -> None:
        """Write all state to one file, atomically."""
        self.optimisation.save(path, self.domain, asdict(self.config))

    def begin(self, folder: Path | None) -> tuple[str, ...]:
        """Begin with finished weights, of another domain perhaps; None for those that ship with the package.

        Returns: Names of the heads that begin anew.

        Raises: WeightsError when there are none; InputError when they are of other sizes.
        """
        images = self.train.batch(range(min(len(self.train), STATISTICS))).images
        self.model.cpu()
        anew = begin(self.model, self.domain, folder, images)
        self.model.to(self.device)
        self.average.load_state_dict(self.model.state_dict())
        return anew

    def load(self, path: Path, *, anew: bool = False) -> None:
        """Continue from a checkpoint; ``anew`` counts steps from 0 again.

        Raises: WeightsError when it is missing, broken or of another domain or size.
        """
        self.optimisation.load(path, self.domain)
        if anew:
            self.optimisation.step = 0
