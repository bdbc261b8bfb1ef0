"""Crops to train on: objects with the errors that a glance makes, more hidden than they are, and places without object.

A glance that was trained on an image sees it better than a new one, so its boxes there would mislead: true boxes are
shaken instead, by as much as a glance errs on new images. What a batch holds follows from the seed and the step alone.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmn.perception.crops import ACROSS, CropConfig, cut, marks, measures, windows
from nmn.perception.data import Subset
from nmn.perception.focus import Crops
from nmn.perception.focus_pixels import ShakeConfig, covered, disturbed, mixed, turned
from nmn.perception.proposed import Proposed
from nmn.perception.targets import UNKNOWN

APART = 13.0  # px; a place this far from every centre holds no object of its own
CROWDED = 0.15  # share of a box that another overlaps, from which on an object counts as crowded
TRIES = 32  # places without object that are tried


@dataclass(frozen=True)
class FocusBatch:
    """Crops with what is known of them; those of objects come first, and are as many in every batch of a size."""

    crops: Crops
    labels: Tensor  # [rows, attributes]; UNKNOWN where unknown or where there is no object
    present: Tensor  # [rows] bool
    placed: Tensor  # [rows] bool, whether presence can be learned from it: not where something was put in front
    objects: int  # rows that show an object

    def rows(self, objects: slice, places: slice) -> "FocusBatch":
        """Some of the rows with an object and some of those without."""
        total = len(self.labels)
        chosen = [*range(self.objects)[objects], *range(self.objects, total)[places]]
        if len(chosen) == total:
            return self
        rows = torch.tensor(chosen, dtype=torch.int64)
        crops, count = self.crops.rows(rows), len(range(self.objects)[objects])
        return FocusBatch(crops, self.labels[rows], self.present[rows], self.placed[rows], count)


@dataclass(frozen=True)
class Objects:
    """All objects of a subset whose boxes are known, one a row."""

    subset: Subset
    images: NDArray[np.int64]  # [rows] row of the image set
    boxes: NDArray[np.float32]  # [rows, 4] px of the frame
    centres: NDArray[np.float32]  # [rows, 2]
    labels: NDArray[np.int64]  # [rows, attributes]
    repeats: NDArray[np.int64]  # [rows] how often an epoch shows it
    proposed: Proposed | None = None  # what a glance proposes on the images
    proposals: NDArray[np.int64] | None = None  # [rows] which of them each object has; -1 for none
    false: NDArray[np.int64] | None = None  # [false] those that show no object

    @staticmethod
    def of(subset: Subset, crowded: int = 1, proposed: Proposed | None = None) -> "Objects":
        """The objects of a subset's images.

        Args:
            subset: The images.
            crowded: How much more often an epoch shows an object whose box another overlaps.
            proposed: What a glance proposes on these images.
        """
        rows = [np.full(len(subset.whole.targets[row].centres), row) for row in subset.rows]
        targets = [subset.whole.targets[row] for row in subset.rows]
        images = np.concatenate(rows)
        boxes = np.concatenate([target.boxes for target in targets])
        known = ~np.isnan(boxes).any(1)
        overlapped = np.concatenate([_overlap(target.boxes) for target in targets]) > CROWDED
        repeats = np.asarray(subset.whole.repeats)[images] * np.where(overlapped, crowded, 1)
        centres = np.concatenate([target.centres for target in targets])
        labels = np.concatenate([target.labels for target in targets])
        found = Objects(subset, images[known], boxes[known], centres[known], labels[known], repeats[known])
        if proposed is None:
            return found
        places = np.concatenate([np.arange(len(target.centres)) for target in targets])[known]
        row_of = {pair: row for row, pair in enumerate(zip(images[known].tolist(), places.tolist(), strict=True))}
        proposals = np.full(len(found), -1, np.int64)
        for number, pair in enumerate(zip(proposed.images.tolist(), proposed.objects.tolist(), strict=True)):
            if pair in row_of:
                proposals[row_of[pair]] = number
        return replace(found, proposed=proposed, proposals=proposals, false=np.flatnonzero(proposed.objects < 0))

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
    *,
    half: bool = False,
) -> FocusBatch:
    """A batch of crops of the chosen objects, and of some places without one instead of the last of them.

    Args:
        objects: All there are.
        chosen: [rows] which of them.
        frame: Width and height of the frame, px.
        crop: Which windows crops show.
        shake: What is done to them.
        seed: Of every random choice.
        half: Whether crops are in bfloat16, which saves a conversion where the networks are.
    """
    random = np.random.default_rng(seed)
    generator = torch.Generator().manual_seed(seed)
    count = len(chosen)
    shown = count - round(count * shake.absent)
    found = np.ones(count, np.bool_)
    boxes, centres = objects.boxes[chosen].copy(), objects.centres[chosen].copy()
    for row in range(shown, count):
        boxes[row], centres[row], found[row] = _elsewhere(objects, int(chosen[row]), frame, random)
    boxes, centres = _shaken(boxes, centres, shake, random)
    images = objects.images[chosen]
    found |= _proposed(objects, chosen, shown, (images, boxes, centres), shake, random)
    present = np.arange(count) < shown
    hidden = (random.random(count) < shake.hide) & present
    side = random.integers(0, 4, count)  # of left, bottom, right and bottom: what hides stands in front
    torch_boxes = torch.from_numpy(_hidden(boxes, hidden, side, shake, random))
    torch_centres = torch.from_numpy(centres)
    views = windows(torch_boxes, *frame, crop)
    cuts = cut(objects.subset.whole.pixels, images.tolist(), views, crop.size)
    pixels = cuts.contiguous().float().div_(255.0)
    pixels = covered(pixels, torch_boxes, views, torch.from_numpy(hidden), torch.from_numpy(side), generator)
    mirrored = torch.rand(count, generator=generator) < shake.mirror
    pixels = disturbed(turned(pixels, mirrored), shake, generator)
    maps = turned(marks(torch_boxes, torch_centres, views, crop.size), mirrored)
    numbers = measures(torch_boxes, torch_centres, views, *frame)
    numbers[:, ACROSS] *= torch.where(mirrored, -1.0, 1.0)[:, None]
    crops = Crops.of(pixels, maps, numbers, mixed=mixed(pixels, shake, generator), half=half)
    labels = torch.from_numpy(np.where(present[:, None], objects.labels[chosen], UNKNOWN))
    placed = torch.from_numpy(~hidden & found)
    return FocusBatch(crops, labels, torch.from_numpy(present), placed, shown)


def _proposed(
    objects: Objects,
    chosen: NDArray[np.int64],
    shown: int,
    places: tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]],
    shake: ShakeConfig,
    random: np.random.Generator,
) -> NDArray[np.bool_]:
    """Put places that a glance proposed instead of others: images, boxes and centres, in place; says of which rows."""
    taken = np.full(len(chosen), -1, np.int64)
    if objects.proposed is None or objects.proposals is None or objects.false is None:
        return taken >= 0
    taken[:shown] = objects.proposals[chosen[:shown]]
    if len(objects.false):
        taken[shown:] = random.choice(objects.false, len(chosen) - shown)
    taken[random.random(len(chosen)) >= shake.proposed] = -1
    rows = np.flatnonzero(taken >= 0)
    numbers = taken[rows]
    images, boxes, centres = places
    its_boxes, its_centres = objects.proposed.boxes[numbers], objects.proposed.centres[numbers]
    images[rows] = objects.proposed.images[numbers]
    boxes[rows], centres[rows] = _shaken(its_boxes, its_centres, replace(shake, wild=0.0, box=shake.box / 2), random)
    return taken >= 0


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
    for _ in range(TRIES):
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
