"""Letterboxing: any image into the network's input without distorting it, and its pixels back."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Letterbox:
    """Where an image lies in the network's input: ``input = original * scale + offset``."""

    scale: float
    left: int  # px of the network's input
    top: int  # px of the network's input
    width: int  # px of the original
    height: int  # px of the original

    @staticmethod
    def fit(width: int, height: int, to_width: int, to_height: int) -> "Letterbox":
        """The largest centred placement of ``width`` x ``height`` in ``to_width`` x ``to_height``."""
        scale = min(to_width / width, to_height / height)
        left = (to_width - max(1, round(width * scale))) // 2
        top = (to_height - max(1, round(height * scale))) // 2
        return Letterbox(scale, left, top, width, height)

    def points_in(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        """Points [rows, 2] of the original in the input."""
        return np.asarray(points * self.scale + np.array([self.left, self.top]), np.float32)

    def boxes_in(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes [rows, 4] of the original in the input."""
        return np.asarray(boxes * self.scale + np.array([self.left, self.top] * 2), np.float32)

    def boxes_out(self, boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        """Boxes [rows, 4] of the input in the original, cut at its edges."""
        out = (boxes - np.array([self.left, self.top] * 2)) / self.scale
        return np.asarray(np.clip(out, 0, [self.width, self.height] * 2), np.float32)


def letterbox(image: NDArray[np.uint8], width: int, height: int) -> tuple[NDArray[np.uint8], Letterbox]:
    """Fit an image [rows, columns, 3] into [height, width, 3]; what is left over repeats the image's edge."""
    box = Letterbox.fit(image.shape[1], image.shape[0], width, height)
    if image.shape[:2] == (height, width):
        return image, box
    size = (max(1, round(image.shape[1] * box.scale)), max(1, round(image.shape[0] * box.scale)))
    resized = np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
    below, right = height - size[1] - box.top, width - size[0] - box.left
    return np.pad(resized, ((box.top, below), (box.left, right), (0, 0)), mode="edge"), box


def shrink(frame: NDArray[np.uint8], times: int) -> NDArray[np.uint8]:
    """A frame [rows, columns, 3] this many times smaller, each pixel the mean of those it stands for."""
    return frame if times == 1 else np.asarray(Image.fromarray(frame).reduce(times))
