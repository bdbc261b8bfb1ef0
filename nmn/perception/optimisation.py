"""What every training run here does: step, average, save and resume."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from nmn.domain import Domain
from nmn.errors import WeightsError
from nmn.perception.processes import add_up, world
from nmn.perception.processes import total as over_processes

CHECKPOINT_FORMAT = 1

Batch = TypeVar("Batch")


class Ahead(Generic[Batch]):
    """Makes the next batch in a thread beside the step, if told to; it is the same batch either way."""

    def __init__(self, batch: Callable[[int], Batch], *, beside: bool) -> None:
        self._batch = batch
        self._pool = ThreadPoolExecutor(1) if beside else None
        self._next: tuple[int, Future[Batch]] | None = None

    def take(self, step: int) -> Batch:
        """The batch of a step."""
        if self._pool is None:
            return self._batch(step)
        ready = self._next
        batch = ready[1].result() if ready is not None and ready[0] == step else self._batch(step)
        self._next = (step + 1, self._pool.submit(self._batch, step + 1))
        return batch


class Optimisation:
    """A model in training, the running average of its weights, and the optimiser.

    Args:
        model: What is trained; on its device already.
        rate: Learning rate at the start.
        decay: Weight decay of matrices and kernels.
        keep: Share of the old weights that the running average keeps a step, once it is under way.
        clip: Greatest gradient norm.
    """

    def __init__(self, model: nn.Module, *, rate: float, decay: float, keep: float, clip: float) -> None:
        self.model = model
        self.average = deepcopy(model).eval()
        self.keep, self.clip = keep, clip
        groups: list[dict[str, Any]] = [
            {"params": [p for p in model.parameters() if p.ndim > 1], "weight_decay": decay},
            {"params": [p for p in model.parameters() if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=True)
        self.step = 0

    def advance(self, parts: Mapping[str, Tensor], rate: float) -> dict[str, float]:
        """Do one step down the sum of a loss's parts; returns them and their total."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        total = torch.stack(list(parts.values())).sum()
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        if world()[1] > 1:
            add_up([parameter.grad for parameter in self.model.parameters() if parameter.grad is not None])
        values = over_processes(torch.stack([total.detach(), *(part.detach() for part in parts.values())]))
        nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimiser.step()
        self.step += 1
        self._average()
        return dict(zip(("total", *parts), values.tolist(), strict=True))

    @torch.no_grad()
    def _average(self) -> None:
        keep = min(self.keep, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - keep)
        for mine, theirs in zip(self.average.buffers(), self.model.buffers(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - keep)
            else:
                mine.copy_(theirs)

    def save(self, path: Path, domain: Domain, config: Mapping[str, Any]) -> None:
        """Write all state to one file, atomically; of several processes, the first does."""
        if world()[0] > 0:
            return
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            for key, value in self.optimiser.state.get(parameter, {}).items():
                tensors[f"optimiser.{key}.{name}"] = value
        about = {
            "format": str(CHECKPOINT_FORMAT),
            "step": str(self.step),
            "domain": domain.fingerprint,
            "config": json.dumps(config),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.part")
        save_file({name: value.detach().cpu().contiguous() for name, value in tensors.items()}, temporary, about)
        temporary.replace(path)

    def load(self, path: Path, domain: Domain) -> None:
        """Continue from a checkpoint. Raises: WeightsError when it is missing, broken or of another domain or size."""
        tensors, about = read_checkpoint(path, domain)
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
                self.optimiser.state[parameter] = _laid_out(parameter, state)


def _laid_out(parameter: nn.Parameter, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
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
