"""Looking closer: the frame of an image, kept as long as its glance, and crops of it, each cut once."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmn.perception.crops import MARKS, CropConfig, cut, marks, measures, windows
from nmn.perception.focus import Crops


@dataclass(frozen=True)
class Detail:
    """What a glance keeps of one image.

    Attributes:
        frame: [height, width, 3] the image in the frame, at full resolution.
        boxes: [objects, 4] px of the frame.
        centres: [objects, 2] px of the frame.
        views: [objects, 4] px of the frame, the window of each object's crop.
        crops: Of all objects; 0 for those that were not cut.
        cut: [objects] bool, whose crops were cut.
    """

    frame: NDArray[np.uint8]
    boxes: Tensor
    centres: Tensor
    views: Tensor
    crops: Crops
    cut: NDArray[np.bool_]

    @staticmethod
    def of(frame: NDArray[np.uint8], boxes: Tensor, centres: Tensor, crop: CropConfig) -> "Detail":
        """Of a frame and the places of its objects, with no crop cut."""
        height, width = frame.shape[:2]
        views = windows(boxes, width, height, crop)
        plain, blind = (boxes.new_zeros((len(boxes), 3 + MARKS, crop.size, crop.size)) for _ in range(2))
        crops = Crops(plain, blind, measures(boxes, centres, views, width, height))
        return Detail(frame, boxes, centres, views, crops, np.zeros(len(boxes), np.bool_))

    def only(self, objects: Tensor) -> "Detail":
        """Of some objects, in another order perhaps; what was cut stays cut."""
        crops = self.crops.rows(objects)
        cut_before = self.cut[objects.numpy()]
        return Detail(self.frame, self.boxes[objects], self.centres[objects], self.views[objects], crops, cut_before)

    def look(self, objects: Sequence[int]) -> Crops:
        """The crops of some objects, cut if they were not before."""
        missing = sorted({number for number in objects if not self.cut[number]})
        if missing:
            views, size = self.views[missing], self.crops.plain.shape[-1]
            pixels = cut([self.frame], [0] * len(missing), views, size).float().div_(255.0)
            maps = marks(self.boxes[missing], self.centres[missing], views, size)
            found = Crops.of(pixels, maps, self.crops.measures[missing])
            self.crops.plain[missing], self.crops.blind[missing] = found.plain, found.blind
            self.cut[missing] = True
        if list(objects) == list(range(len(self.cut))):
            return self.crops
        return self.crops.rows(torch.tensor(objects))


def crops_of(details: Sequence[Detail], images: Tensor, objects: Tensor) -> Crops:
    """The crops of objects, one a row.

    Args:
        details: By image.
        images: [rows] which of them.
        objects: [rows] which object of it.
    """
    pairs = zip(images.tolist(), objects.tolist(), strict=True)
    parts = [
        details[image].look([number for _, number in rows]) for image, rows in groupby(pairs, key=lambda pair: pair[0])
    ]
    return Crops.joined(parts)
