"""What is done to the pixels of crops in training: something put in front, another light and camera, other colours.

Crops are [rows, 3, size, size], 0 to 1, laid out plane by plane, where each of these operations is fastest. All but
``mixed`` change them in place.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

GREY = 0.45  # about a CLEVR image's mean, which contrast leaves in place


@dataclass(frozen=True)
class ShakeConfig:
    """How crops are drawn. Probabilities are per crop."""

    box: float = 0.04  # standard deviation of a box's edge, in sides of the box
    edge: float = 1.2  # px, added to it
    centre: float = 1.5  # px, standard deviation
    wild: float = 0.1  # probability of errors three times as large
    proposed: float = 0.5  # probability of a place that a glance proposed instead, where there is one
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


def covered(
    pixels: Tensor, boxes: Tensor, views: Tensor, hidden: Tensor, side: Tensor, generator: torch.Generator
) -> Tensor:
    """Put pixels of other crops before the hidden side, up to an edge that is straight or round.

    Args:
        pixels: The crops.
        boxes: [rows, 4] px of the frame, of what is left to see.
        views: [rows, 4] px of the frame, the windows of the crops.
        hidden: [rows] bool, which crops get something in front.
        side: [rows] of left, bottom, right and bottom.
        generator: Of the edge and of what stands in front.
    """
    count, _, size, _ = pixels.shape
    steps = (torch.arange(size) + 0.5) / size
    extent = (views[:, 2:] - views[:, :2])[:, :1]
    low, high = (boxes[:, :2] - views[:, :2]) / extent, (boxes[:, 2:] - views[:, :2]) / extent
    outward = torch.tensor([[-1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])[side]
    edge = torch.where(outward > 0, high, torch.where(outward < 0, low, (low + high) / 2))
    slope = 0.5 * torch.randn(count, generator=generator)
    bend = 2.0 * torch.randn(count, generator=generator).clamp(-1, 1)
    other = torch.randperm(count, generator=generator)
    rows = hidden.nonzero()[:, 0]
    outward, edge, slope, bend = outward[rows], edge[rows], slope[rows, None, None], bend[rows, None, None]
    x, y = steps - edge[:, :1], steps - edge[:, 1:]  # [rows, size]
    out = outward[:, :1, None] * x[:, None] + outward[:, 1:, None] * y[..., None]
    along = outward[:, 1:, None] * x[:, None] - outward[:, :1, None] * y[..., None]
    depth = out + slope * along - bend * along.square()
    alpha = (depth * size + 0.5).clamp(0, 1)[:, None]
    front = torch.lerp(pixels[rows], pixels[other[rows]], alpha)
    return pixels.index_copy_(0, rows, front)


def turned(values: Tensor, mirrored: Tensor) -> Tensor:
    """Crops or maps [rows, channels, size, size], some of them mirrored."""
    rows = mirrored.nonzero()[:, 0]
    return values.index_copy_(0, rows, values[rows].flip(-1))


def disturbed(pixels: Tensor, shake: ShakeConfig, generator: torch.Generator) -> Tensor:
    """Light, contrast, sharpness and noise, as another renderer or camera has them."""
    count, channels, size, _ = pixels.shape
    gain = 1 + shake.contrast * _uniform(generator, count, 1, 1, 1)
    gain = gain * (1 + shake.channel * _uniform(generator, count, 3, 1, 1))
    lift = shake.brightness * _uniform(generator, count, 1, 1, 1)
    rows = (torch.rand(count, generator=generator) < shake.sharpened).nonzero()[:, 0]
    strength = shake.sharpness * _uniform(generator, len(rows), 1, 1, 1)
    sharp = pixels[rows]
    pixels.index_copy_(0, rows, torch.lerp(sharp, _smooth(sharp), strength))
    pixels.mul_(gain).add_(GREY + lift - GREY * gain)
    # One sheet of noise serves a batch, cut at another place for each crop.
    rows = (torch.rand(count, generator=generator) < shake.noisy).nonzero()[:, 0]
    sheet = torch.randn(channels, 4 * size, 4 * size, generator=generator)
    loudness = shake.noise * torch.rand(len(rows), generator=generator)
    corners = torch.randint(0, 3 * size, (len(rows), 2), generator=generator)
    for row, loud, (top, left) in zip(rows.tolist(), loudness.tolist(), corners.tolist(), strict=True):
        pixels[row].add_(sheet[:, top : top + size, left : left + size], alpha=loud)
    return pixels.clamp_(0, 1)


def _smooth(pixels: Tensor) -> Tensor:
    """Means of 3 x 3 px; at an edge, of those that there are. Much faster than a pooling of three planes."""
    for axis in (2, 3):
        size = pixels.shape[axis]
        sums = pixels.clone()
        sums.narrow(axis, 1, size - 1).add_(pixels.narrow(axis, 0, size - 1))
        sums.narrow(axis, 0, size - 1).add_(pixels.narrow(axis, 1, size - 1))
        shares = torch.full((size,), 1 / 3)
        shares[0] = shares[-1] = 1 / 2
        pixels = sums.mul_(shares if axis == 3 else shares[:, None])
    return pixels


def mixed(pixels: Tensor, shake: ShakeConfig, generator: torch.Generator) -> Tensor:
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


def _uniform(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.rand(shape, generator=generator) * 2 - 1
