"""Focus: small networks that look at crops, one for each group of attributes that belong together, and one for presence.

The pathways share nothing, so what one may not know (form must not depend on colour) it cannot learn from another, and
each can be run alone, for the objects that it is wanted for. A pathway that is blind to colour sees crops from which the
mean of each channel is taken away, and is trained on crops whose colours are mixed at random.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from nmn.perception.crops import MARKS, MEASURES, CropConfig
from nmn.perception.layers import ConvNorm, Residual
from nmn.perception.network_config import MOST

PLACE = "presence"  # the pathway that tells whether there is an object


@dataclass(frozen=True)
class PathwayConfig:
    """One pathway.

    Attributes:
        attributes: What it tells; none for the pathway of presence.
        blind: Whether it sees no colours as such.
        stem: Channels of the first convolution.
        stride: px of the crop a cell of its map: 2 or 4.
        stages: Channels of the later ones, each of half the resolution of the one before.
        depths: Residual blocks of each.
        hidden: Width of what is read at the end.
    """

    attributes: tuple[str, ...] = ()
    blind: bool = False
    stem: int = 24
    stride: int = 2
    stages: tuple[int, ...] = (48, 96)
    depths: tuple[int, ...] = (1, 1)
    hidden: int = 128

    def __post_init__(self) -> None:
        sizes = (self.stem, *self.stages, self.hidden)
        if not all(type(size) is int and 0 < size <= MOST for size in sizes):
            raise ValueError(f"pathway sizes must be from 1 to {MOST}")
        if len(self.stages) != len(self.depths) or not all(type(n) is int and 0 <= n <= 64 for n in self.depths):
            raise ValueError("pathway depths must be a number of blocks for each stage")
        if self.stride not in (2, 4):
            raise ValueError(f"pathway stride must be 2 or 4, not {self.stride}")

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "PathwayConfig":
        """From JSON. Raises: TypeError or ValueError when it is not one."""
        sizes: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in dict(record).items()
        }
        return PathwayConfig(**sizes)


@dataclass(frozen=True)
class FocusConfig:
    """The crop and the pathways, by name."""

    crop: CropConfig
    pathways: Mapping[str, PathwayConfig]

    def __post_init__(self) -> None:
        told = [name for pathway in self.pathways.values() for name in pathway.attributes]
        if len(set(told)) < len(told):
            raise ValueError("an attribute may belong to one pathway only")
        if PLACE not in self.pathways:
            raise ValueError(f"focus must have a pathway {PLACE!r}")
        for name, pathway in self.pathways.items():
            if self.crop.size % (pathway.stride * 2 ** len(pathway.stages)):
                raise ValueError(f"crop size {self.crop.size} cannot be halved for every stage of pathway {name!r}")

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "FocusConfig":
        """From JSON. Raises: KeyError, TypeError or ValueError when it is not one."""
        pathways = {str(name): PathwayConfig.from_record(part) for name, part in dict(record["pathways"]).items()}
        return FocusConfig(CropConfig.from_record(record["crop"]), pathways)

    def pathway_of(self, attribute: str) -> str | None:
        """The pathway that tells an attribute, if any does."""
        return next((name for name, pathway in self.pathways.items() if attribute in pathway.attributes), None)


@dataclass(frozen=True)
class Crops:
    """What pathways look at: standardised colours and the maps that say which object is meant."""

    plain: Tensor  # [rows, 5, size, size] what the seeing look at
    blind: Tensor  # [rows, 5, size, size] what those look at that are blind to colour
    measures: Tensor  # [rows, MEASURES]

    @staticmethod
    def of(
        pixels: Tensor, maps: Tensor, numbers: Tensor, *, mixed: Tensor | None = None, half: bool = False
    ) -> "Crops":
        """Of pixels [rows, 3, size, size], 0 to 1, maps [rows, 2, size, size] and measures.

        ``mixed`` are the pixels that the blind see, in training; ``half`` gives crops in bfloat16.
        """
        kind, last = torch.bfloat16 if half else torch.float32, torch.channels_last
        seen = standardised(pixels, blind=False), standardised(pixels if mixed is None else mixed, blind=True)
        plain, blind = (torch.cat((part.to(kind), maps.to(kind)), 1).contiguous(memory_format=last) for part in seen)
        return Crops(plain, blind, numbers)

    @staticmethod
    def joined(parts: "Sequence[Crops]") -> "Crops":
        """The rows of several, one after another."""
        if len(parts) == 1:
            return parts[0]
        columns = zip(*((part.plain, part.blind, part.measures) for part in parts), strict=True)
        return Crops(*(torch.cat(column) for column in columns))

    def __len__(self) -> int:
        return len(self.plain)

    def rows(self, chosen: Tensor | slice) -> "Crops":
        """Some of the rows."""
        return Crops(self.plain[chosen], self.blind[chosen], self.measures[chosen])

    def to(self, device: torch.device) -> "Crops":
        """The same on another device."""
        return Crops(self.plain.to(device), self.blind.to(device), self.measures.to(device))


def standardised(pixels: Tensor, *, blind: bool) -> Tensor:
    """Crops [rows, 3, size, size] about 0; for the blind each channel's mean is taken away and contrast is made equal."""
    if not blind:
        return (pixels - 0.45) * 6.0
    centred = pixels - pixels.mean((2, 3), keepdim=True)
    # The root of the mean square, in one pass.
    contrast = torch.linalg.vector_norm(centred.flatten(1), dim=1) / math.sqrt(centred[0].numel())
    return centred.div_(contrast[:, None, None, None] + 0.02)


class Pathway(nn.Module):
    """A small residual network over a crop.

    Args:
        config: Sizes.
        size: px a side of a crop.
        outputs: How many numbers it reads, by what they are about.
    """

    def __init__(self, config: PathwayConfig, size: int, outputs: Mapping[str, int]) -> None:
        super().__init__()
        self.config, self.outputs = config, dict(outputs)
        self.stem = ConvNorm(3 + MARKS, config.stem, size=config.stride + 2, stride=config.stride)
        widths = (config.stem, *config.stages)
        self.stages = nn.Sequential(
            *(
                nn.Sequential(ConvNorm(before, after, stride=2), *(Residual(after) for _ in range(depth)))
                for before, after, depth in zip(widths[:-1], config.stages, config.depths, strict=True)
            )
        )
        side = size // config.stride // 2 ** len(config.stages)
        self.join = nn.Linear(side * side * widths[-1] + MEASURES, config.hidden)
        self.read = nn.Linear(config.hidden, sum(outputs.values()))
        self.drop = nn.Dropout(0.2)

    def forward(self, crops: Crops) -> dict[str, Tensor]:
        """Numbers [rows, outputs] by what they are about; a row never depends on another."""
        x = self.stages(self.stem(crops.blind if self.config.blind else crops.plain))
        flat = torch.cat((x.flatten(1).float(), crops.measures), 1)
        read = self.read(self.drop(functional.relu(self.join(flat)))).float()
        return dict(zip(self.outputs, read.split(list(self.outputs.values()), 1), strict=True))


class Focus(nn.Module):
    """All pathways.

    Args:
        config: Sizes.
        attributes: Number of values by the attribute's name.

    Raises: ValueError when a pathway tells an attribute that there is not.
    """

    def __init__(self, config: FocusConfig, attributes: Mapping[str, int]) -> None:
        super().__init__()
        self.config = config
        self.names = tuple(config.pathways)
        unknown = [a for pathway in config.pathways.values() for a in pathway.attributes if a not in attributes]
        if unknown:
            raise ValueError(f"no attribute {unknown[0]!r} for a pathway to tell")
        self.pathways = nn.ModuleList(
            Pathway(
                pathway,
                config.crop.size,
                {PLACE: 1} if name == PLACE else {told: attributes[told] for told in pathway.attributes},
            )
            for name, pathway in config.pathways.items()
        )

    def look(self, pathway: str, crops: Crops) -> dict[str, Tensor]:
        """What one pathway reads from crops: logits [rows, values] by attribute, or [rows, 1] of presence."""
        read: dict[str, Tensor] = self.pathways[self.names.index(pathway)](crops)
        return read
