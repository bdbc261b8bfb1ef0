"""The training loop: resumable exactly, because every random choice follows from the seed and the step."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nmn.domain import Domain
from nmn.errors import InputError, WeightsError, nearest
from nmn.perception.augment import AugmentConfig, augment
from nmn.perception.data import Batch, Subset, epoch_order
from nmn.perception.heads import Perception
from nmn.perception.losses import LossConfig, losses
from nmn.perception.network import NetworkConfig
from nmn.perception.occlusion import RoundShape
from nmn.perception.proposals import ProposalConfig
from nmn.perception.report import Report, evaluate

CHECKPOINT_FORMAT = 1


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


def configure(settings: Mapping[str, str]) -> TrainingConfig:
    """The training config with some values changed; ``augment.mirror`` reaches into a part.

    Raises: InputError for an unknown key or a value of another type.
    """
    config: Any = TrainingConfig()
    for key, text in settings.items():
        config = _changed(config, key, key.split("."), text)
    return cast(TrainingConfig, config)


def _changed(record: Any, key: str, path: Sequence[str], text: str) -> Any:
    known = [entry.name for entry in fields(record)]
    if path[0] not in known:
        raise InputError(f"no training setting {key!r}{nearest(path[0], known)}")
    value = getattr(record, path[0])
    if is_dataclass(value) != (len(path) > 1):
        raise InputError(f"training setting {key!r} must name one value")
    if len(path) > 1:
        return replace(record, **{path[0]: _changed(value, key, path[1:], text)})
    try:
        changed = json.loads(text)
    except json.JSONDecodeError:
        changed = text
    changed = tuple(changed) if isinstance(changed, list) else changed
    fits = type(changed) is type(value) or (type(value) is float and type(changed) is int)
    if not fits:
        raise InputError(f"training setting {key!r} must be of type {type(value).__name__}, not {text!r}")
    try:
        return replace(record, **{path[0]: type(value)(changed)})
    except ValueError as error:
        raise InputError(f"training setting {key!r} cannot be {text}: {error}") from None


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
        self._pool = ThreadPoolExecutor(1) if prepare_ahead else None
        self._ahead: tuple[int, Future[Batch]] | None = None
        self._ball = RoundShape.of(domain, config.augment.ball) if config.augment.occlude > 0 else None
        torch.manual_seed(config.seed)
        sizes = {attribute.name: len(attribute.values) for attribute in domain.attributes}
        self.model = Perception(config.network, sizes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        targets = [train.whole.targets[row] for row in train.rows]
        centres = torch.from_numpy(np.concatenate([target.centres for target in targets]))
        coordinates = torch.from_numpy(np.concatenate([target.coordinates for target in targets]))
        told = ~coordinates.isnan().any(1)
        self.model.fit_base(centres[told], coordinates[told])
        self.average = Perception(config.network, sizes).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.average.load_state_dict(self.model.state_dict())
        self.model.to(self.device)
        self.average.to(self.device)
        matrices = [p for p in self.model.parameters() if p.ndim > 1]
        others = [p for p in self.model.parameters() if p.ndim <= 1]
        groups: list[dict[str, Any]] = [
            {"params": matrices, "weight_decay": config.decay},
            {"params": others, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.99), fused=True)
        self.step = 0
        self._order: tuple[int, list[int]] = (-1, [])

    def batch(self, step: int) -> Batch:
        """The augmented batch of a step."""
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + step)
        mirrored = step < self.config.mirror_until * self.config.steps
        strengths = self.config.augment if mirrored else replace(self.config.augment, mirror=0.0)
        return augment(self.train.batch(self._positions(step)), strengths, generator, self._ball)

    def _prepared(self) -> Batch:
        """The batch of the present step; starts on the next one if told to."""
        if self._pool is None:
            return self.batch(self.step)
        ready = self._ahead
        batch = ready[1].result() if ready is not None and ready[0] == self.step else self.batch(self.step)
        self._ahead = (self.step + 1, self._pool.submit(self.batch, self.step + 1))
        return batch

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
        config = self.config
        for group in self.optimiser.param_groups:
            group["lr"] = config.rate_at(self.step)
        batch = self._prepared().to(self.device)
        self.model.train()
        with torch.autocast(self.device.type, torch.bfloat16, enabled=config.half):
            maps = self.model.network(batch.images)
        generator = torch.Generator().manual_seed(config.seed * 1_000_003 - self.step - 1)
        parts = losses(self.model, maps, batch, config.loss, generator)
        total = torch.stack(list(parts.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimiser.step()
        self.step += 1
        self._average()
        return {"total": float(total.detach()), **{name: float(part.detach()) for name, part in parts.items()}}

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.average, (1 + self.step) / (10 + self.step))
        theirs = self.model.state_dict()
        for name, mine in self.average.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1 - keep)
            else:
                mine.copy_(theirs[name])

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
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{key}.{name}"] = value
        about = {
            "format": str(CHECKPOINT_FORMAT),
            "step": str(self.step),
            "domain": self.domain.fingerprint,
            "config": json.dumps(asdict(self.config)),
        }
        temporary = path.with_name(f".{path.name}.part")
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, temporary, about)
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises: WeightsError when it is missing, broken or of another domain or size."""
        tensors, about = read_checkpoint(path, self.domain)
        self.step = int(about["step"])
        try:
            self.model.load_state_dict(part(tensors, "model."))
            self.average.load_state_dict(part(tensors, "average."))
        except RuntimeError as error:
            reason = str(error).splitlines()[-1].strip()
            raise WeightsError(f"checkpoint {path} is of another network: {reason}") from None
        for name, parameter in self.model.named_parameters():
            moments = {key: tensors.get(f"optimiser.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")}
            state = {key: value for key, value in moments.items() if value is not None}
            if len(state) == len(moments):
                self.optimiser.state[parameter] = moments_of(parameter, state)


def moments_of(parameter: nn.Parameter, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An optimiser's state of a parameter, laid out in memory as the parameter is, which a fused optimiser relies on.

    The step count stays on the CPU, where the optimiser keeps it.
    """
    return {key: value if key == "step" else torch.empty_like(parameter).copy_(value) for key, value in state.items()}


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def read_checkpoint(path: Path, domain: Domain) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Tensors and notes of a checkpoint. Raises: WeightsError."""
    if not path.is_file():
        raise WeightsError(f"there is no checkpoint {path}")
    try:
        with safe_open(path, framework="pt") as opened:
            about: dict[str, str] = opened.metadata() or {}
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a mapping)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"checkpoint {path} is damaged: {error}") from None
    if about.get("format") != str(CHECKPOINT_FORMAT):
        raise WeightsError(f"{path} is not a training checkpoint of format {CHECKPOINT_FORMAT}")
    if about.get("domain") != domain.fingerprint:
        raise WeightsError(f"checkpoint {path} was made for another domain than {domain.name!r}")
    return tensors, about
