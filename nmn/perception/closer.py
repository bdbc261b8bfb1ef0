"""Looking closer: the frame of an image, kept as long as its glance, and crops of it, each cut once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmn.perception.crops import CropConfig, cut, marks, measures, windows
from nmn.perception.focus import Crops


@dataclass(frozen=True)
class Detail:
    """What a glance keeps of one image.

    Attributes:
        frame: [height, width, 3] the image in the frame, at full resolution.
        boxes: [objects, 4] px of the frame.
        centres: [objects, 2] px of the frame.
        crop: Which windows crops show.
        kept: The crops that were cut, by object.
    """

    frame: NDArray[np.uint8]
    boxes: Tensor
    centres: Tensor
    crop: CropConfig
    kept: dict[int, Tensor] = field(default_factory=dict)

    @cached_property
    def views(self) -> Tensor:
        """Windows [objects, 4] of all objects."""
        return windows(self.boxes, self.frame.shape[1], self.frame.shape[0], self.crop)

    @cached_property
    def marks(self) -> Tensor:
        """Maps [objects, 2, size, size] that say which object is meant."""
        return marks(self.boxes, self.centres, self.views, self.crop.size)

    @cached_property
    def measures(self) -> Tensor:
        """Numbers [objects, MEASURES] on where each object is."""
        return measures(self.boxes, self.centres, self.views, self.frame.shape[1], self.frame.shape[0])

    def keep(self, objects: Sequence[int]) -> None:
        """Cut the crops of these objects that were not cut before."""
        missing = sorted(set(objects) - self.kept.keys())
        if missing:
            pixels = cut([self.frame], [0] * len(missing), self.views[missing], self.crop.size)
            self.kept.update(zip(missing, pixels.float().div_(255.0), strict=True))


def crops_of(details: Sequence[Detail], images: Tensor, objects: Tensor) -> Crops:
    """The crops of objects, one a row.

    Args:
        details: By image.
        images: [rows] which of them.
        objects: [rows] which object of it.
    """
    pairs = list(zip(images.tolist(), objects.tolist(), strict=True))
    wanted: dict[int, list[int]] = {}
    for image, number in pairs:
        wanted.setdefault(image, []).append(number)
    for image, numbers in wanted.items():
        details[image].keep(numbers)
    return Crops(
        torch.stack([details[image].kept[number] for image, number in pairs]),
        torch.stack([details[image].marks[number] for image, number in pairs]),
        torch.stack([details[image].measures[number] for image, number in pairs]),
    )
