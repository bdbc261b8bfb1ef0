"""Several processes as one: each takes a slice of the same global batch, and the run is that of one process.

Losses are sums over a slice divided by the count of the whole batch, batch normalisation sees the whole batch, and
gradients are added up. Start them with ``torchrun --nproc-per-node 2 --no-python nmn train ...``.
"""

import os
from typing import Any

import torch
import torch.distributed as distributed
from torch import Tensor, nn


def join(device: str) -> None:
    """Meet the other processes, if torchrun started several; Accelerate chooses what they talk through."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        from accelerate import PartialState

        PartialState(cpu=device == "cpu")


def leave() -> None:
    """Say good-bye to the other processes, if there are any."""
    if distributed.is_available() and distributed.is_initialized():
        distributed.destroy_process_group()


def world() -> tuple[int, int]:
    """Rank of this process and the number of processes; 0 and 1 where there is but one."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def mine(rows: int) -> slice:
    """The part of a global batch that is this process's."""
    rank, count = world()
    return slice(rows * rank // count, rows * (rank + 1) // count)


def total(values: Tensor) -> Tensor:
    """The sum of each process's values, without gradients."""
    values = values.detach().clone()
    if world()[1] > 1:
        distributed.all_reduce(values)
    return values


def counted(number: Tensor) -> Tensor:
    """What the sum over this process's slice is divided by, at least 1: the count over all processes."""
    return total(number.float()).clamp(min=1)


def add_up(gradients: list[Tensor]) -> None:
    """Add gradients up over the processes, in place and in one message."""
    flat = total(torch.cat([gradient.reshape(-1) for gradient in gradients]))
    pieces = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, piece in zip(gradients, pieces, strict=True):
        gradient.copy_(piece.view(gradient.shape))


class _Sum(torch.autograd.Function):
    """The sum over the processes; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        return total(values)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return total(gradients[0])


class BatchNorm(nn.BatchNorm2d):
    """Batch normalisation over the whole batch, however many processes share it; torch's own needs a GPU for that."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalise [images, channels, rows, columns] over all but the channels."""
        if not self.training or world()[1] == 1:
            return super().forward(x)
        axes, shape = (0, 2, 3), (1, -1, 1, 1)
        count = total(x.new_tensor(x.numel() / x.shape[1], dtype=torch.float32))
        wide = x.float()
        mean: Tensor = _Sum.apply(wide.sum(axes)) / count  # type: ignore[no-untyped-call]
        centred = wide - mean.view(shape)
        variance: Tensor = _Sum.apply(centred.square().sum(axes)) / count  # type: ignore[no-untyped-call]
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = (variance + self.eps).rsqrt() * self.weight
        return (centred * scale.view(shape) + self.bias.view(shape)).to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        keep = 0.1 if self.momentum is None else self.momentum
        with torch.no_grad():
            if self.running_mean is not None and self.running_var is not None:
                self.running_mean.lerp_(mean, keep)
                self.running_var.lerp_(variance, keep)
            if self.num_batches_tracked is not None:
                self.num_batches_tracked.add_(1)
