"""Crops: a closer look at one object, from the frame at full resolution.

A crop is a square window about the visible part of an object, with room around it, resampled to a fixed size. Beside the
pixels stand two maps that say which object is meant, where several overlap: its box, and a bump at its centre, which may
be hidden. What the resampling loses, the object's size and place in the frame, is given as a few numbers.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

BUMP = 0.12  # standard deviation of the bump at the centre, in sides of the window
MARKS = 2  # maps beside the colours: box, centre
MEASURES = 9  # numbers beside the maps
ACROSS = [0, 5, 7]  # which of them lie along the width, so that a mirror negates them


@dataclass(frozen=True)
class CropConfig:
    """Which window of the frame a crop shows."""

    size: int = 48  # px a side of a crop
    growth: float = 1.5  # sides of the window by the longer side of the box
    least: float = 32.0  # px of the frame; a window is never smaller

    def __post_init__(self) -> None:
        if type(self.size) is not int or self.size < 8 or self.size % 8:
            raise ValueError(f"crop size must be a multiple of 8 px, not {self.size}")
        if not 1 <= self.growth < math.inf or not 1 <= self.least < math.inf:
            raise ValueError("crop growth and least must be at least 1")

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "CropConfig":
        """From JSON. Raises: TypeError or ValueError when it is not one."""
        return CropConfig(**record)


def windows(boxes: Tensor, width: int, height: int, config: CropConfig) -> Tensor:
    """Square windows [rows, 4] x0 y0 x1 y1 about boxes [rows, 4], moved into a frame of this size; all in pixels."""
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    side = ((boxes[:, 2:] - boxes[:, :2]).amax(1) * config.growth).clamp(config.least, min(width, height))[:, None]
    room = boxes.new_tensor([width, height]) - side
    corner = torch.minimum((middle - side / 2).clamp(min=0), room)
    return torch.cat((corner, corner + side), 1)


def cut(
    frames: Sequence[NDArray[np.uint8]] | NDArray[np.uint8], places: Sequence[int], views: Tensor, size: int
) -> Tensor:
    """Resample windows of frames, with an antialiased bilinear filter.

    Args:
        frames: Images [rows, columns, 3].
        places: For each window, which frame it is of.
        views: [windows, 4] px, inside the frames.
        size: px a side of a crop.

    Returns: [windows, 3, size, size] uint8.
    """
    crops = np.empty((len(places), size, size, 3), np.uint8)
    for row, (place, (left, top, right, bottom)) in enumerate(zip(places, views.tolist(), strict=True)):
        frame = frames[place]
        # Only what the filter reads is handed over: a window and its surroundings are far smaller than a frame.
        reach = math.ceil(max(1.0, (right - left) / size)) + 1
        low, high = max(0, math.floor(left) - reach), max(0, math.floor(top) - reach)
        part = frame[high : math.ceil(bottom) + reach, low : math.ceil(right) + reach]
        # Rounding may leave a window a hair outside.
        box = (
            max(0.0, left - low),
            max(0.0, top - high),
            min(part.shape[1], right - low),
            min(part.shape[0], bottom - high),
        )
        image = Image.fromarray(np.ascontiguousarray(part))
        crops[row] = np.asarray(image.resize((size, size), Image.Resampling.BILINEAR, box))
    return torch.from_numpy(crops).permute(0, 3, 1, 2)


def marks(boxes: Tensor, centres: Tensor, views: Tensor, size: int) -> Tensor:
    """Maps [rows, 2, size, size] that say which object is meant: its box (soft over a pixel), a bump at its centre."""
    side = (views[:, 2:] - views[:, :2]).clamp(min=1e-3)
    steps = (torch.arange(size, device=boxes.device) + 0.5) / size
    low, high = ((boxes[:, :2] - views[:, :2]) / side)[..., None], ((boxes[:, 2:] - views[:, :2]) / side)[..., None]
    within = (torch.minimum(steps - low, high - steps) * size + 0.5).clamp(0, 1)  # [rows, 2, size]
    bump = torch.exp(-((steps - ((centres - views[:, :2]) / side)[..., None]) ** 2) / (2 * BUMP**2))
    both = torch.stack((within, bump), 1)  # [rows, marks, axes, size]
    return both[:, :, 1, :, None] * both[:, :, 0, None, :]


def measures(boxes: Tensor, centres: Tensor, views: Tensor, width: int, height: int) -> Tensor:
    """Numbers [rows, MEASURES], about -1 to 1: where the object is in the frame, how large, how its centre lies in its box."""
    frame = boxes.new_tensor([width, height])
    side = views[:, 2:3] - views[:, :1]
    middle, extent = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    return torch.cat(
        (
            (centres / frame - 0.5) * 2,
            (side / 64).log(),
            (extent.clamp(min=2) / 48).log(),
            (centres - middle) / side,
            (middle - views[:, :2]) / side - 0.5,
        ),
        1,
    )
