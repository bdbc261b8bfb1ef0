"""The convolutional network: an image in, a centre map, box maps and feature maps out.

A small residual backbone with a top-down path, after CenterNet (Zhou et al. 2019, arXiv:1904.07850, section 3) and feature
pyramids (Lin et al. 2017, arXiv:1612.03144, section 3). The stem is one strided convolution, because at half resolution
nearly all time goes into memory traffic. All places are in pixels of the frame that every image is fitted into; the
network itself sees the frame ``scale`` times smaller.

Without a fine map, the centre map at stride 4 is read from features at stride 8, four cells from each (Shi et al. 2016,
arXiv:1609.05158, section 3.2): a convolution at stride 4 would cost as much as the rest of the network.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from nmn.perception.processes import BatchNorm

FINE_STRIDE = 4  # px of the frame a cell of the centre map
COARSE_STRIDE = 8  # px of the frame a cell of the coarse features
DEEPEST_STRIDE = 32  # px of the frame a cell of the deepest stage
READINGS = 7  # numbers a cell: log-odds of a centre, its offset (2), box edges (4)
MOST = 1 << 13  # no size in a config is larger


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network. ``width`` and ``height`` are those of the frame that every image is letterboxed to.

    ``depths`` are residual blocks a stage, which may be none; ``fine`` 0 is no fine map.
    """

    width: int = 480  # px
    height: int = 320  # px
    stem: int = 48
    stages: tuple[int, ...] = (64, 128, 192)
    depths: tuple[int, ...] = (2, 2, 1)
    pyramid: int = 64
    fine: int = 48
    window: int = 7  # sampling points a side of an object's window
    hidden: int = 256
    axes: int = 2
    scale: int = 1  # how many times smaller than the frame the network sees it: 1 or 2

    def __post_init__(self) -> None:
        if self.width % DEEPEST_STRIDE or self.height % DEEPEST_STRIDE or min(self.width, self.height) < 1:
            raise ValueError(f"width and height must be multiples of {DEEPEST_STRIDE} px")
        if self.scale not in (1, 2):
            raise ValueError(f"network scale must be 1 or 2, not {self.scale}")

    @property
    def full(self) -> "NetworkConfig":
        """The same frame at its full resolution."""
        return replace(self, scale=1)

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "NetworkConfig":
        """From JSON. Raises: TypeError or ValueError when it is not one."""
        sizes: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in dict(record).items()
        }
        for key, value in sizes.items():
            several = key in ("stages", "depths")
            least = 0 if key in ("depths", "fine") else 1
            numbers = value if several and isinstance(value, tuple) and value else (value,)
            if isinstance(value, tuple) > several or not all(type(n) is int and least <= n <= MOST for n in numbers):
                raise ValueError(f"network {key} must be {'sizes' if several else 'a size'} from {least} to {MOST}")
        config = NetworkConfig(**sizes)
        if len(config.stages) != len(config.depths):
            raise ValueError("network stages and depths must be as many")
        if FINE_STRIDE * 2 ** len(config.stages) > DEEPEST_STRIDE:
            raise ValueError(f"network stages must not go below stride {DEEPEST_STRIDE}")
        return config


@dataclass(frozen=True)
class Maps:
    """What the network makes of a batch of images."""

    centres: Tensor  # [images, rows, columns] log-odds that an object's centre lies in the cell
    geometry: Tensor  # [images, 6, rows, columns] centre offset (2, cells), box edges from the cell (4, BOX_UNIT px)
    fine: Tensor  # [images, channels, rows, columns] what windows are read from, at FINE_STRIDE or COARSE_STRIDE
    coarse: Tensor  # [images, channels, rows / 2, columns / 2] at COARSE_STRIDE
    context: Tensor  # [images, channels] the whole image, for what all objects share: the camera


class ConvNorm(nn.Module):
    """Convolution, batch normalisation, and a rectifier unless told otherwise."""

    def __init__(self, inputs: int, outputs: int, *, size: int = 3, stride: int = 1, rectify: bool = True) -> None:
        super().__init__()
        padding = (size - stride + 1) // 2 if size > stride else 0
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.norm: nn.Module | None = BatchNorm(outputs)
        self.rectify = rectify

    def forward(self, x: Tensor) -> Tensor:
        """Map [images, inputs, rows, columns] to [images, outputs, rows / stride, columns / stride]."""
        y: Tensor = self.conv(x)
        if self.norm is not None:
            y = self.norm(y)
        return functional.relu(y, inplace=True) if self.rectify else y


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels, rectify=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map [images, channels, rows, columns] to the same shape."""
        return functional.relu(self.second(self.first(x)) + x, inplace=True)


class Network(nn.Module):
    """Backbone, top-down path and the maps that objects are read from."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        stride = FINE_STRIDE // config.scale
        self.stem = ConvNorm(3, config.stem, size=stride + 2, stride=stride)
        widths = (config.stem, *config.stages)
        self.stages = nn.ModuleList(
            nn.Sequential(ConvNorm(before, after, stride=2), *(Residual(after) for _ in range(depth)))
            for before, after, depth in zip(widths[:-1], config.stages, config.depths, strict=True)
        )
        self.laterals = nn.ModuleList(nn.Conv2d(channels, config.pyramid, 1) for channels in config.stages)
        self.coarse = ConvNorm(config.pyramid, config.pyramid)
        cells = 1 if config.fine else (COARSE_STRIDE // FINE_STRIDE) ** 2
        if config.fine:
            self.fine_lateral = nn.Conv2d(config.stem, config.fine, 1)
            self.fine_down = nn.Conv2d(config.pyramid, config.fine, 1)
            self.fine = ConvNorm(config.fine, config.fine)
        self.read = nn.Conv2d(config.fine or config.pyramid, READINGS * cells, 1)
        self.context = nn.Linear(config.stages[-1], config.pyramid)
        with torch.no_grad():
            start = torch.zeros(READINGS * cells)
            start[:cells] = -4.0  # log-odds: few cells hold a centre
            self.read.weight.mul_(0.1)
            self.read.bias = nn.Parameter(start)

    def forward(self, images: Tensor) -> Maps:
        """Read images [images, 3, height / scale, width / scale], 0 to 1."""
        stem: Tensor = self.stem((images - 0.45) * 6.0)  # CLEVR's grey floor comes out near 0, its shadows near -1
        x, levels = stem, []
        for stage in self.stages:
            x = stage(x)
            levels.append(x)
        top: Tensor = self.laterals[-1](levels[-1])
        for lateral, level in zip(self.laterals[-2::-1], levels[-2::-1], strict=True):
            top = functional.interpolate(top, scale_factor=2, mode="nearest") + lateral(level)
        coarse: Tensor = self.coarse(top)
        fine = self._fine(coarse, stem) if self.config.fine else coarse
        read = self.read(fine).float()
        if not self.config.fine:
            read = functional.pixel_shuffle(read, COARSE_STRIDE // FINE_STRIDE)
        context = functional.relu(self.context(levels[-1].float().mean((2, 3))))
        return Maps(centres=read[:, 0], geometry=read[:, 1:], fine=fine, coarse=coarse, context=context)

    def _fine(self, coarse: Tensor, stem: Tensor) -> Tensor:
        down = functional.interpolate(self.fine_down(coarse), scale_factor=2, mode="nearest")
        fine: Tensor = self.fine(functional.relu(down + self.fine_lateral(stem)))
        return fine


def fold(network: nn.Module) -> None:
    """Fold every batch normalisation into its convolution, in place: the same function in evaluation, with less to run.

    Afterwards no result can depend on what shares its batch.
    """
    for part in network.modules():
        if isinstance(part, ConvNorm) and isinstance(part.norm, nn.BatchNorm2d):
            part.conv = fuse_conv_bn_eval(part.conv.eval(), part.norm.eval())
            part.norm = None
