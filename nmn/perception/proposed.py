"""What a glance proposes on training images: where its boxes go wrong, and where it sees objects that are not there.

At places that it is hardly sure of, a glance errs in ways that no simple noise imitates: a box that holds half of what hides
an object, a second peak on one object. Closer looks are asked for at just these places, so they are learned from, too.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from nmn.matching import match
from nmn.perception.data import Subset
from nmn.perception.detector import PixelPerceiver

BATCH = 8  # images


@dataclass(frozen=True)
class Proposed:
    """Proposals, one a row, in pixels of the frame."""

    images: NDArray[np.int64]  # [rows] row of the image set
    objects: NDArray[np.int64]  # [rows] position among the image's objects; -1 where there is none
    boxes: NDArray[np.float32]  # [rows, 4]
    centres: NDArray[np.float32]  # [rows, 2]

    def __len__(self) -> int:
        return len(self.images)


@torch.no_grad()
def proposals_of(perceiver: PixelPerceiver, subset: Subset) -> Proposed:
    """All that a perceiver's glance proposes on images of a subset, at the frame's resolution, matched to what is there."""
    images: list[NDArray[np.int64]] = []
    objects: list[NDArray[np.int64]] = []
    boxes: list[NDArray[np.float32]] = []
    centres: list[NDArray[np.float32]] = []
    for start in range(0, len(subset), BATCH):
        rows = subset.rows[start : start + BATCH]
        places = perceiver.propose([subset.whole.pixels[row] for row in rows]).places
        for number, row in enumerate(rows):
            mine = (places.images == number).nonzero()[:, 0]
            found = places.centres[mine].cpu()
            which = np.full(len(mine), -1, np.int64)
            for a, b in match(found, torch.from_numpy(subset.whole.targets[row].centres)):
                which[a] = b
            images.append(np.full(len(mine), row, np.int64))
            objects.append(which)
            boxes.append(places.boxes[mine].cpu().numpy())
            centres.append(found.numpy())
    return Proposed(np.concatenate(images), np.concatenate(objects), np.concatenate(boxes), np.concatenate(centres))
