"""Augmentation of a batch: cheap tensor operations, with the targets moved along.

Colours are answers, so colour changes are mild. A mirrored scene is a scene of the mirrored camera: the coordinate
along the image is negated. A shifted or zoomed image no longer tells its coordinates, so those are then unknown.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from nmn.perception.data import Batch
from nmn.perception.occlusion import RoundShape, occlude

ACROSS = 0  # the ground-plane axis that runs along the image's width


@dataclass(frozen=True)
class AugmentConfig:
    """Strengths. Probabilities are per image; the others are the largest change, drawn evenly up to it."""

    mirror: float = 0.5
    move: float = 0.3  # probability of a shift and zoom
    shift: float = 24.0  # px
    zoom: float = 0.12
    brightness: float = 0.12
    contrast: float = 0.15
    channel: float = 0.04  # gain of a single colour channel
    sharpness: float = 0.7  # towards blurred and towards sharpened
    noise: float = 0.025  # standard deviation
    noisy: float = 0.5  # probability
    occlude: float = 0.0  # probability of a ball pasted in front of an object
    ball: str = ""  # the value of a round shape, which is what is pasted; needed where occlude is above 0
    least_shown: float = 0.3  # share of an object's visible part that stays visible


def augment(batch: Batch, config: AugmentConfig, generator: torch.Generator, ball: RoundShape | None = None) -> Batch:
    """A changed copy of the batch; depends on what is given alone. Without a ball nothing is pasted."""
    if config.occlude > 0 and ball is not None:
        batch = occlude(batch, ball, config.occlude, config.least_shown, generator)
    batch = _move(_mirror(batch, config, generator), config, generator)
    return replace(batch, images=_disturb(batch.images, config, generator))


def _uniform(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator) * 2 - 1


def _mirror(batch: Batch, config: AugmentConfig, generator: torch.Generator) -> Batch:
    chosen = torch.rand(len(batch.images), generator=generator) < config.mirror
    width = batch.images.shape[-1] * batch.scale
    images = batch.images.clone()
    images[chosen] = images[chosen].flip(-1)
    centres, boxes, coordinates = batch.centres.clone(), batch.boxes.clone(), batch.coordinates.clone()
    centres[chosen, :, 0] = width - centres[chosen, :, 0]
    boxes[chosen] = boxes[chosen][..., [2, 1, 0, 3]]
    boxes[chosen, :, 0] = width - boxes[chosen, :, 0]
    boxes[chosen, :, 2] = width - boxes[chosen, :, 2]
    coordinates[chosen, :, ACROSS] *= -1
    return replace(batch, images=images, centres=centres, boxes=boxes, coordinates=coordinates)


def _move(batch: Batch, config: AugmentConfig, generator: torch.Generator) -> Batch:
    count, _, height, width = batch.images.shape
    chosen = torch.rand(count, generator=generator) < config.move
    scale = 1 + config.zoom * _uniform(generator, count)
    shift = config.shift * _uniform(generator, count, 2)
    if not chosen.any():
        return batch
    size = torch.tensor([width, height], dtype=torch.float32) * batch.scale
    scale = torch.where(chosen, scale, 1.0)[:, None, None]
    offset = torch.where(chosen[:, None], shift, 0.0)[:, None] + (1 - scale) * size / 2
    rows = chosen.nonzero()[:, 0]
    inverse = torch.zeros(len(rows), 2, 3)
    inverse[:, 0, 0] = inverse[:, 1, 1] = 1 / scale[rows, 0, 0]
    inverse[:, :, 2] = -(shift[rows] / size * 2) / scale[rows, 0]
    grid = functional.affine_grid(inverse, [len(rows), 3, height, width], align_corners=False)
    images = batch.images.clone()
    moved = functional.grid_sample(images[rows].contiguous(), grid, padding_mode="border", align_corners=False)
    images[rows] = moved
    centres = batch.centres * scale + offset
    boxes = batch.boxes * scale + offset.repeat(1, 1, 2)
    inside = ((centres > 4) & (centres < size - 4)).all(-1)
    edges = boxes.clamp(min=0).minimum(size.repeat(2))
    boxes = torch.where(chosen[:, None, None], edges, boxes)
    coordinates = torch.where(chosen[:, None, None], torch.nan, batch.coordinates)
    present = batch.present & inside
    return replace(batch, images=images, centres=centres, boxes=boxes, coordinates=coordinates, present=present)


def _disturb(images: Tensor, config: AugmentConfig, generator: torch.Generator) -> Tensor:
    count, channels, height, width = images.shape
    gain = 1 + config.contrast * _uniform(generator, count, 1, 1, 1)
    gain = gain * (1 + config.channel * _uniform(generator, count, channels, 1, 1))
    lift = config.brightness * _uniform(generator, count, 1, 1, 1)
    grey = 0.45  # about a CLEVR image's mean, which contrast leaves in place
    sharpness = config.sharpness * _uniform(generator, count, 1, 1, 1)
    smooth = functional.avg_pool2d(images, 3, 1, 1, count_include_pad=False)
    images = torch.lerp(images, smooth, sharpness)
    images.mul_(gain).add_(grey + lift - grey * gain)
    strength = config.noise * torch.rand(count, generator=generator)
    strength = torch.where(torch.rand(count, generator=generator) < config.noisy, strength, 0.0)
    # One sheet of noise serves a batch, cut at another place for each image: drawing it anew costs more than a step.
    slack = 64  # px
    sheet = torch.randn(channels, height + slack, width + slack, generator=generator)
    for row, (top, left) in enumerate(torch.randint(0, slack, (count, 2), generator=generator).tolist()):
        if strength[row] > 0:
            images[row] += strength[row] * sheet[:, top : top + height, left : left + width]
    return images.clamp_(0, 1)
