"""Training of the focus pathways on crops, resumable as that of the glance is."""

import json
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from nmn.domain import Domain
from nmn.perception.data import Subset
from nmn.perception.focus import PLACE, Crops, Focus, FocusConfig
from nmn.perception.focus_data import FocusBatch, Objects, ShakeConfig, draw
from nmn.perception.network import NetworkConfig
from nmn.perception.targets import UNKNOWN
from nmn.perception.training import CHECKPOINT_FORMAT, cosine, moments_of, part, read_checkpoint


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
    half: bool = True
    network: NetworkConfig = field(default_factory=NetworkConfig)
    shake: ShakeConfig = field(default_factory=ShakeConfig)


def focus_losses(model: Focus, batch: FocusBatch, attributes: tuple[str, ...]) -> dict[str, Tensor]:
    """The parts of the loss by pathway and attribute."""
    parts: dict[str, Tensor] = {}
    for name, pathway in model.config.pathways.items():
        if name == PLACE:
            odds = model.look(name, batch.crops)[PLACE][:, 0]
            wrong = functional.binary_cross_entropy_with_logits(odds, batch.present.float(), reduction="none")
            parts[PLACE] = (wrong * batch.placed).sum() / batch.placed.sum().clamp(min=1)
            continue
        seen = Crops(batch.mixed, batch.crops.marks, batch.crops.measures) if pathway.blind else batch.crops
        there = batch.present.nonzero()[:, 0]
        seen = Crops(seen.pixels[there], seen.marks[there], seen.measures[there])
        for attribute, logits in model.look(name, seen).items():
            labels = batch.labels[there, attributes.index(attribute)]
            known = (labels != UNKNOWN).sum().clamp(min=1)
            wrong = functional.cross_entropy(logits, labels, ignore_index=UNKNOWN, reduction="sum")
            parts[attribute] = wrong / known
    return parts


class FocusTrainer:
    """Pathways, running average and optimiser of one run.

    Args:
        config: How to train.
        domain: Its attributes are told.
        train: Images to train on, at the frame's full resolution.
        prepare_ahead: Whether the next batch is made in a thread beside the step; it is the same batch either way.
    """

    def __init__(
        self, config: FocusTrainingConfig, domain: Domain, train: Subset, *, prepare_ahead: bool = False
    ) -> None:
        self.config, self.domain = config, domain
        self.objects = Objects.of(train)
        self.attributes = tuple(attribute.name for attribute in domain.attributes)
        self._pool = ThreadPoolExecutor(1) if prepare_ahead else None
        self._ahead: tuple[int, Future[FocusBatch]] | None = None
        torch.manual_seed(config.seed)
        sizes = {attribute.name: len(attribute.values) for attribute in domain.attributes}
        self.model = Focus(config.focus, sizes).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = Focus(config.focus, sizes).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
        self.average.load_state_dict(self.model.state_dict())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in self.model.parameters() if p.ndim > 1], "weight_decay": config.decay},
            {"params": [p for p in self.model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.99), fused=True)
        self.step = 0
        self._order: tuple[int, np.ndarray[Any, np.dtype[np.int64]]] = (-1, np.zeros(0, np.int64))

    def batch(self, step: int) -> FocusBatch:
        """The crops of a step."""
        config, size = self.config, self.config.batch_size
        length = int(self.objects.repeats.sum())
        chosen = []
        for place in range(step * size, (step + 1) * size):
            if place // length != self._order[0]:
                epoch = place // length
                self._order = (epoch, self.objects.order(np.random.default_rng([config.seed, epoch])))
            chosen.append(int(self._order[1][place % length]))
        seed = config.seed * 1_000_003 + step
        return draw(self.objects, np.asarray(chosen), config.network, config.focus.crop, config.shake, seed)

    def _prepared(self) -> FocusBatch:
        if self._pool is None:
            return self.batch(self.step)
        ready = self._ahead
        batch = ready[1].result() if ready is not None and ready[0] == self.step else self.batch(self.step)
        self._ahead = (self.step + 1, self._pool.submit(self.batch, self.step + 1))
        return batch

    def advance(self) -> dict[str, float]:
        """Do one step; returns the parts of its loss."""
        config = self.config
        rate = cosine(self.step, config.steps, config.warmup, config.rate, config.last_rate)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        batch = self._prepared()
        self.model.train()
        with torch.autocast("cpu", torch.bfloat16, enabled=config.half):
            parts = focus_losses(self.model, batch, self.attributes)
        self.optimiser.zero_grad(set_to_none=True)
        torch.stack(list(parts.values())).sum().backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), config.clip)
        self.optimiser.step()
        self.step += 1
        self._average()
        return {name: float(value.detach()) for name, value in parts.items()}

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.config.average, (1 + self.step) / (10 + self.step))
        theirs = self.model.state_dict()
        for name, mine in self.average.state_dict().items():
            if mine.is_floating_point():
                mine.lerp_(theirs[name], 1 - keep)
            else:
                mine.copy_(theirs[name])

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
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        save_file({name: value.detach().contiguous() for name, value in tensors.items()}, temporary, about)
        temporary.replace(path)

    def load(self, path: Path) -> None:
        """Continue from a checkpoint. Raises: WeightsError when it is missing, broken or of another domain."""
        tensors, about = read_checkpoint(path, self.domain)
        self.step = int(about["step"])
        self.model.load_state_dict(part(tensors, "model."))
        self.average.load_state_dict(part(tensors, "average."))
        for name, parameter in self.model.named_parameters():
            moments: Mapping[str, Tensor | None] = {
                key: tensors.get(f"optimiser.{key}.{name}") for key in ("step", "exp_avg", "exp_avg_sq")
            }
            state = {key: value for key, value in moments.items() if value is not None}
            if len(state) == len(moments):
                self.optimiser.state[parameter] = moments_of(parameter, state)
