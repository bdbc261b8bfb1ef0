"""Boxes of objects whose scenes state none, as a trained perceiver sees them."""

from dataclasses import replace

import numpy as np
import torch

from nmn.matching import match
from nmn.perception.data import ImageSet
from nmn.perception.detector import PixelPerceiver

BATCH = 16  # images


@torch.no_grad()
def boxes_seen(perceiver: PixelPerceiver, images: ImageSet, frames: ImageSet) -> ImageSet:
    """The image set, with boxes where they were unknown and the perceiver sees an object.

    Args:
        perceiver: What sees.
        images: Whose targets are completed.
        frames: The same images at the frame's full resolution.
    """
    targets = list(images.targets)
    rows = [row for row, target in enumerate(targets) if np.isnan(target.boxes).any()]
    for start in range(0, len(rows), BATCH):
        chosen = rows[start : start + BATCH]
        found = perceiver.propose([frames.pixels[row] for row in chosen])
        for place, row in enumerate(chosen):
            mine = (found.places.images == place).nonzero()[:, 0]
            boxes = targets[row].boxes.copy()
            for a, b in match(found.places.centres[mine], torch.from_numpy(targets[row].centres)):
                if np.isnan(boxes[b]).any():
                    boxes[b] = found.places.boxes[mine[a]].cpu().numpy()
            targets[row] = replace(targets[row], boxes=boxes)
    return replace(images, targets=tuple(targets))
