"""The convolutional network: an image in, a centre map, box maps and feature maps out.

A small residual backbone with a top-down path, after CenterNet (Zhou et al. 2019, arXiv:1904.07850, section 3) and feature
pyramids (Lin et al. 2017, arXiv:1612.03144, section 3). The stem is one strided convolution, because at half resolution
nearly all time goes into memory traffic. All places are in pixels of the frame that every image is fitted into; the
network itself sees the frame ``scale`` times smaller.

Without a fine map, the centre map at stride 4 is read from features at stride 8, four cells from each (Shi et al. 2016,
arXiv:1609.05158, section 3.2): a convolution at stride 4 would cost as much as the rest of the network.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nmn.perception.backbone import build_backbone
from nmn.perception.layers import ConvNorm
from nmn.perception.network_config import COARSE_STRIDE, FINE_STRIDE, READINGS, NetworkConfig


@dataclass(frozen=True)
class Maps:
    """What the network makes of a batch of images."""

    centres: Tensor  # [images, rows, columns] log-odds that an object's centre lies in the cell
    geometry: Tensor  # [images, 6, rows, columns] centre offset (2, cells), box edges from the cell (4, BOX_UNIT px)
    fine: Tensor  # [images, channels, rows, columns] what windows are read from, at FINE_STRIDE or COARSE_STRIDE
    coarse: Tensor  # [images, channels, rows / 2, columns / 2] at COARSE_STRIDE
    context: Tensor  # [images, channels] the whole image, for what all objects share: the camera


class Network(nn.Module):
    """Backbone, top-down path and the maps that objects are read from."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_backbone(config)
        first, *later = self.backbone.channels
        self.laterals = nn.ModuleList(nn.Conv2d(channels, config.pyramid, 1) for channels in later)
        self.coarse = ConvNorm(config.pyramid, config.pyramid)
        cells = 1 if config.fine else (COARSE_STRIDE // FINE_STRIDE) ** 2
        if config.fine:
            self.fine_lateral = nn.Conv2d(first, config.fine, 1)
            self.fine_down = nn.Conv2d(config.pyramid, config.fine, 1)
            self.fine = ConvNorm(config.fine, config.fine)
        self.read = nn.Conv2d(config.fine or config.pyramid, READINGS * cells, 1)
        self.context = nn.Linear(later[-1], config.pyramid)
        with torch.no_grad():
            start = torch.zeros(READINGS * cells)
            start[:cells] = -4.0  # log-odds: few cells hold a centre
            self.read.weight.mul_(0.1)
            self.read.bias = nn.Parameter(start)
        self.register_load_state_dict_pre_hook(_of_before)  # type: ignore[no-untyped-call]

    def forward(self, images: Tensor) -> Maps:
        """Read images [images, 3, height / scale, width / scale], 0 to 1."""
        finest, *levels = self.backbone(images)
        top: Tensor = self.laterals[-1](levels[-1])
        for lateral, level in zip(self.laterals[-2::-1], levels[-2::-1], strict=True):
            top = functional.interpolate(top, scale_factor=2, mode="nearest") + lateral(level)
        coarse: Tensor = self.coarse(top)
        fine = self._fine(coarse, finest) if self.config.fine else coarse
        read = self.read(fine).float()
        if not self.config.fine:
            read = functional.pixel_shuffle(read, COARSE_STRIDE // FINE_STRIDE)
        context = functional.relu(self.context(levels[-1].float().mean((2, 3))))
        return Maps(centres=read[:, 0], geometry=read[:, 1:], fine=fine, coarse=coarse, context=context)

    def _fine(self, coarse: Tensor, finest: Tensor) -> Tensor:
        down = functional.interpolate(self.fine_down(coarse), scale_factor=2, mode="nearest")
        fine: Tensor = self.fine(functional.relu(down + self.fine_lateral(finest)))
        return fine


def _of_before(_: nn.Module, tensors: dict[str, Tensor], prefix: str, *__: object) -> None:
    """Rename what was saved when the backbone was no part of its own."""
    for name in list(tensors):
        for part in ("stem.", "stages."):
            if name.startswith(prefix + part):
                tensors[f"{prefix}backbone.{name.removeprefix(prefix)}"] = tensors.pop(name)
