"""Crops to train on: objects with the errors that a glance makes, more hidden than they are, and places without object.

A glance that was trained on an image sees it better than a new one, so its boxes there would mislead: true boxes are
shaken instead, by as much as a glance errs on new images. What a batch holds follows from the seed and the step alone.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nmn.perception.crops import ACROSS, CropConfig, cut, marks, measures, windows
from nmn.perception.data import Subset
from nmn.perception.focus import Crops

APART = 13.0  # px; a place this far from every centre holds no object of its own

CROWDED = 0.15  # share of a box that another overlaps, from which on an object counts as crowded


@dataclass(frozen=True)
class ShakeConfig:
    """How crops are drawn. Probabilities are per crop."""

    box: float = 0.04  # standard deviation of a box's edge, in sides of the box
    edge: float = 1.2  # px, added to it
    centre: float = 1.5  # px, standard deviation
    wild: float = 0.1  # probability of errors three times as large
    hide: float = 0.35  # probability of something in front
    hide_most: float = 0.6  # share of the box that it covers, at most
    least: float = 10.0  # px; nothing is hidden until less than this is left of a side
    absent: float = 0.3  # share of crops that show no object of their own
    mirror: float = 0.5
    mix: float = 0.8  # probability that the blind see mixed colours
    grey: float = 0.2  # probability that they see none
    brightness: float = 0.12
    contrast: float = 0.2
    channel: float = 0.05
    sharpness: float = 0.7  # towards blurred and towards sharpened
    sharpened: float = 0.5  # probability
    noise: float = 0.025  # standard deviation
    noisy: float = 0.4  # probability


@dataclass(frozen=True)
class FocusBatch:
    """Crops with what is known of them."""

    crops: Crops
    labels: Tensor  # [rows, attributes]; UNKNOWN where unknown or where there is no object
    present: Tensor  # [rows] bool
    placed: Tensor  # [rows] bool, whether presence can be learned from it: not where something was put in front

    def rows(self, chosen: slice) -> "FocusBatch":
        """Some of the rows."""
        return FocusBatch(
            self.crops.rows(chosen),
            self.labels[chosen],
            self.present[chosen],
            self.placed[chosen],
        )


@dataclass(frozen=True)
class Objects:
    """All objects of a subset whose boxes are known, one a row."""

    subset: Subset
    images: NDArray[np.int64]  # [rows] row of the image set
    boxes: NDArray[np.float32]  # [rows, 4] px of the frame
    centres: NDArray[np.float32]  # [rows, 2]
    labels: NDArray[np.int64]  # [rows, attributes]
    repeats: NDArray[np.int64]  # [rows] how often an epoch shows it

    @staticmethod
    def of(subset: Subset, crowded: int = 1) -> "Objects":
        """The objects of a subset's images; one that another's box overlaps comes ``crowded`` times as often."""
        rows = [np.full(len(subset.whole.targets[row].centres), row) for row in subset.rows]
        targets = [subset.whole.targets[row] for row in subset.rows]
        images = np.concatenate(rows)
        boxes = np.concatenate([target.boxes for target in targets])
        known = ~np.isnan(boxes).any(1)
        overlapped = np.concatenate([_overlap(target.boxes) for target in targets]) > CROWDED
        repeats = np.asarray(subset.whole.repeats)[images] * np.where(overlapped, crowded, 1)
        centres = np.concatenate([target.centres for target in targets])
        labels = np.concatenate([target.labels for target in targets])
        return Objects(subset, images[known], boxes[known], centres[known], labels[known], repeats[known])

    def __len__(self) -> int:
        return len(self.images)

    def order(self, generator: np.random.Generator) -> NDArray[np.int64]:
        """The rows of one epoch, shuffled."""
        return generator.permutation(np.repeat(np.arange(len(self)), self.repeats))


def _overlap(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """The largest share of each box [objects, 4] that another covers."""
    low = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    both = np.prod(np.clip(high - low, 0, None), axis=2)
    np.fill_diagonal(both, 0)
    area = np.clip(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1), 1, None)
    return np.asarray(both.max(1, initial=0.0) / area, np.float32)


def draw(
    objects: Objects,
    chosen: NDArray[np.int64],
    frame: tuple[int, int],
    crop: CropConfig,
    shake: ShakeConfig,
    seed: int,
) -> FocusBatch:
    """A batch of crops of the chosen objects and of some places without one.

    Args:
        objects: All there are.
        chosen: [rows] which of them.
        frame: Width and height of the frame, px.
        crop: Which windows crops show.
        shake: What is done to them.
        seed: Of every random choice.
    """
    random = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    absent = random.random(len(chosen)) < shake.absent
    boxes, centres = objects.boxes[chosen].copy(), objects.centres[chosen].copy()
    for row in np.flatnonzero(absent):
        boxes[row], centres[row], absent[row] = _elsewhere(objects, int(chosen[row]), frame, random)
    boxes, centres = _shaken(boxes, centres, shake, random)
    hidden = (random.random(len(chosen)) < shake.hide) & ~absent
    side = random.integers(0, 4, len(chosen))  # of left, bottom, right and bottom: what hides stands in front
    shown = _hidden(boxes, hidden, side, shake, random)
    torch_boxes, torch_centres = torch.from_numpy(shown), torch.from_numpy(centres)
    views = windows(torch_boxes, *frame, crop)
    pixels = cut(objects.subset.whole.pixels, objects.images[chosen].tolist(), views, crop.size).float().div_(255.0)
    pixels = _cover(pixels, torch_boxes, views, torch.from_numpy(hidden), torch.from_numpy(side), generator)
    labels = torch.from_numpy(np.where(absent[:, None], -1, objects.labels[chosen]))
    mirrored = torch.rand(len(chosen), generator=generator) < shake.mirror
    pixels = _disturbed(_turned(pixels, mirrored), shake, generator)
    maps = _turned(marks(torch_boxes, torch_centres, views, crop.size), mirrored)
    numbers = measures(torch_boxes, torch_centres, views, *frame)
    numbers[:, ACROSS] *= torch.where(mirrored, -1.0, 1.0)[:, None]
    crops = Crops.of(pixels, maps, numbers, mixed=_mixed(pixels, shake, generator))
    return FocusBatch(crops, labels, torch.from_numpy(~absent), torch.from_numpy(~hidden))


def _shaken(
    boxes: NDArray[np.float32], centres: NDArray[np.float32], shake: ShakeConfig, random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes and centres with a glance's errors."""
    size = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    strength = np.where(random.random((len(boxes), 1)) < shake.wild, 3.0, 1.0)
    edges = boxes + strength * (shake.box * size + shake.edge) * random.standard_normal(boxes.shape)
    moved = centres + strength * shake.centre * random.standard_normal(centres.shape)
    low, high = np.minimum(edges[:, :2], edges[:, 2:]), np.maximum(edges[:, :2], edges[:, 2:])
    return np.concatenate((low, high), 1).astype(np.float32), moved.astype(np.float32)


def _elsewhere(
    objects: Objects, row: int, frame: tuple[int, int], random: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32], bool]:
    """A box and a centre that belong to no object, most often a wrong reading of one; False when none was found."""
    box, centre = objects.boxes[row], objects.centres[row]
    around = objects.subset.whole.targets[int(objects.images[row])].centres
    extent = np.array(frame)
    size = box[2:] - box[:2]
    for _ in range(8):
        kind = random.random()
        if kind < 0.6:  # a part of the object taken for one of its own
            share = random.uniform(0.3, 0.9, 2)
            low = box[:2] + size * (1 - share) * random.random(2)
            place = np.concatenate((low, low + size * share))
            middle = centre + random.standard_normal(2) * np.maximum(size * 0.4, APART)
        elif kind < 0.8:  # two objects taken for another between them
            other = around[int(random.integers(len(around)))]
            middle = centre + (other - centre) * random.uniform(0.25, 0.75)
            place = np.concatenate((middle - size / 2, middle + size / 2))
        else:  # anywhere
            middle = random.uniform(0.05, 0.95, 2) * extent
            place = np.concatenate((middle - size / 2, middle + size / 2))
        if np.linalg.norm(around - middle, axis=1).min() > APART and (middle > 0).all() and (middle < extent).all():
            return place.astype(np.float32), middle.astype(np.float32), True
    return box, centre, False


def _hidden(
    boxes: NDArray[np.float32],
    hidden: NDArray[np.bool_],
    side: NDArray[np.int64],
    shake: ShakeConfig,
    random: np.random.Generator,
) -> NDArray[np.float32]:
    """Boxes of what is left of objects when something stands before one side of them."""
    shown = boxes.copy()
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    share = random.uniform(0.1, shake.hide_most, len(boxes))
    across = np.minimum(width * share, np.maximum(width - shake.least, 0))
    down = np.minimum(height * share, np.maximum(height - shake.least, 0))
    shown[:, 0] += np.where(hidden & (side == 0), across, 0)
    shown[:, 2] -= np.where(hidden & (side == 2), across, 0)
    shown[:, 3] -= np.where(hidden & (side % 2 == 1), down, 0)
    return shown


def _cover(
    pixels: Tensor, boxes: Tensor, views: Tensor, hidden: Tensor, side: Tensor, generator: torch.Generator
) -> Tensor:
    """Put pixels of other crops before the hidden side, up to an edge that is straight or round."""
    count, _, size, _ = pixels.shape
    steps = (torch.arange(size) + 0.5) / size
    extent = (views[:, 2:] - views[:, :2])[:, :1]
    low, high = (boxes[:, :2] - views[:, :2]) / extent, (boxes[:, 2:] - views[:, :2]) / extent
    middle = (low + high) / 2
    outward = torch.tensor([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])[side]
    edge = torch.where(outward > 0, high, torch.where(outward < 0, low, middle))
    slope = 0.5 * torch.randn(count, generator=generator)
    bend = 2.0 * torch.randn(count, generator=generator).clamp(-1, 1)
    x, y = steps - edge[:, :1], steps - edge[:, 1:]  # [rows, size]
    out = outward[:, :1, None] * x[:, None] + outward[:, 1:, None] * y[..., None]
    along = outward[:, 1:, None] * x[:, None] - outward[:, :1, None] * y[..., None]
    depth = out + slope[:, None, None] * along - bend[:, None, None] * along.square()
    alpha = ((depth * size + 0.5).clamp(0, 1) * hidden[:, None, None])[:, None]
    other = pixels[torch.randperm(count, generator=generator)]
    return torch.lerp(pixels, other, alpha)


def _turned(values: Tensor, mirrored: Tensor) -> Tensor:
    """Crops or maps [rows, channels, size, size], some of them mirrored."""
    return torch.where(mirrored[:, None, None, None], values.flip(-1), values)


def _uniform(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator) * 2 - 1


def _disturbed(pixels: Tensor, shake: ShakeConfig, generator: torch.Generator) -> Tensor:
    """Light, contrast, sharpness and noise, as another renderer or camera has them."""
    count, channels, size, _ = pixels.shape
    gain = 1 + shake.contrast * _uniform(generator, count, 1, 1, 1)
    gain = gain * (1 + shake.channel * _uniform(generator, count, 3, 1, 1))
    lift = shake.brightness * _uniform(generator, count, 1, 1, 1)
    pixels = pixels.clone()
    rows = (torch.rand(count, generator=generator) < shake.sharpened).nonzero()[:, 0]
    sharp = pixels[rows]
    smooth = functional.avg_pool2d(sharp, 3, 1, 1, count_include_pad=False)
    pixels[rows] = torch.lerp(sharp, smooth, shake.sharpness * _uniform(generator, len(rows), 1, 1, 1))
    pixels.mul_(gain).add_(0.45 + lift - 0.45 * gain)
    # One sheet of noise serves a batch, cut at another place for each crop.
    rows = (torch.rand(count, generator=generator) < shake.noisy).nonzero()[:, 0]
    sheet = torch.randn(channels, 4 * size, 4 * size, generator=generator)
    strength = shake.noise * torch.rand(len(rows), generator=generator)
    corners = torch.randint(0, 3 * size, (len(rows), 2), generator=generator)
    for row, strong, (top, left) in zip(rows.tolist(), strength.tolist(), corners.tolist(), strict=True):
        pixels[row].add_(sheet[:, top : top + size, left : left + size], alpha=strong)
    return pixels.clamp_(0, 1)


def _mixed(pixels: Tensor, shake: ShakeConfig, generator: torch.Generator) -> Tensor:
    """Colours changed at random, grey left as it is, so that form is not told by colour."""
    count = len(pixels)
    grey = torch.full((3, 3), 1 / 3)
    away = torch.eye(3) - grey
    turn = torch.linalg.qr(torch.randn(count, 3, 3, generator=generator)).Q
    kind = torch.rand(count, 1, 1, generator=generator)
    chroma = torch.where(kind < shake.mix, away @ turn @ away * 1.2, away)
    chroma = torch.where(kind < shake.grey * shake.mix, 0.0, chroma)
    weights = torch.rand(count, 1, 3, generator=generator) + 0.2
    light = torch.where(kind < shake.mix, (weights / weights.sum(2, keepdim=True)).expand(-1, 3, -1), grey)
    return torch.einsum("rij,rjhw->rihw", light + chroma, pixels)
