"""Occlusion for training: balls, cut from other images of the batch, are pasted in front of objects.

A ball's outline is the ellipse in its box, so it is cut out exactly without a mask. It is pasted near the height in the
image it comes from, as its size there would betray another distance, and only where nothing nearer is covered. It casts
no shadow.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nmn.domain import Domain
from nmn.errors import InputError, nearest
from nmn.perception.data import Batch
from nmn.perception.targets import UNKNOWN

TRIES = 12  # places tried for an image
LEAST_COVERED = 0.2  # share of an object that a ball must cover to be worth pasting
LEAST_AREA = 150.0  # px that stay visible of a covered object, about
LEAST_DISTANCE = 14.0  # px between two centres; in CLEVR no two are nearer than 13
FARTHEST = 36.0  # px that a ball is moved up or down
ROUND = 0.05  # how far from 1 a whole ball's width by its height may be
MIDDLE = 2.0  # px between a whole ball's centre and the middle of its box
EDGE = 0.5  # px that are cut away, as they show what is behind the ball
SQUARENESS = 4  # exponent of the rounded square that stands for an unknown outline in a box
POINTS = 21  # samples a side of a box


@dataclass(frozen=True)
class RoundShape:
    """The attribute value whose objects look like ellipses."""

    column: int  # position of the attribute
    value: int

    @staticmethod
    def of(domain: Domain, name: str) -> "RoundShape":
        """The value of this name. Raises: InputError when the domain has none."""
        for column, attribute in enumerate(domain.attributes):
            if name in attribute.values:
                return RoundShape(column, attribute.index(name))
        known = [value for attribute in domain.attributes for value in attribute.values]
        raise InputError(f"domain {domain.name!r} has no value {name!r} to paste{nearest(name, known)}")


def occlude(
    batch: Batch, ball: RoundShape, probability: float, least_shown: float, generator: torch.Generator
) -> Batch:
    """A copy of the batch with at most one ball pasted into an image.

    An object that a ball covers keeps its targets, except for its box, which is then unknown. Images with an unknown
    box stay as they are.

    Args:
        batch: Images as they come from the data set.
        ball: What may be pasted.
        probability: That a ball is tried in an image.
        least_shown: Share of every object's visible part that must stay visible.
        generator: Of all choices.
    """
    balls = _whole_balls(batch, ball)
    chosen = torch.rand(len(batch.images), generator=generator) < probability
    boxed = ~(batch.boxes.isnan().any(-1) & batch.present).any(-1)
    rows = (chosen & boxed & batch.present.any(-1)).nonzero()[:, 0].tolist()
    changed = _widened(batch)
    pasted = False
    for row in rows:
        for _ in range(TRIES if len(balls) else 0):
            source, slot = balls[int(torch.randint(len(balls), (1,), generator=generator))].tolist()
            if source != row and _paste(batch, changed, row, source, slot, least_shown, generator):
                pasted = True
                break
    return changed if pasted else batch


def _widened(batch: Batch) -> Batch:
    """A copy with room for one object more."""
    return Batch(
        images=batch.images.clone(),
        present=functional.pad(batch.present, (0, 1)),
        centres=functional.pad(batch.centres, (0, 0, 0, 1)),
        boxes=functional.pad(batch.boxes, (0, 0, 0, 1), value=torch.nan),
        labels=functional.pad(batch.labels, (0, 0, 0, 1), value=UNKNOWN),
        coordinates=functional.pad(batch.coordinates, (0, 0, 0, 1), value=torch.nan),
    )


def _whole_balls(batch: Batch, ball: RoundShape) -> Tensor:
    """Image and slot [balls, 2] of the balls that nothing covers: round, and no box that ends lower overlaps theirs."""
    height, width = batch.images.shape[-2:]
    low, high = batch.boxes[..., :2], batch.boxes[..., 2:]
    overlap = (low[:, :, None] < high[:, None]).all(-1) & (high[:, :, None] > low[:, None]).all(-1)
    nearer = batch.present[:, None] & (high[:, None, :, 1] > high[:, :, None, 1])
    size, middle = high - low, (high + low) / 2
    whole = batch.present & (batch.labels[..., ball.column] == ball.value)
    whole &= (size[..., 0] / size[..., 1] - 1).abs() < ROUND
    whole &= (batch.centres - middle).norm(dim=-1) < MIDDLE
    whole &= ~(overlap & nearer).any(-1)
    inner = batch.boxes.new_tensor([width, height]) - 1
    whole &= (low >= 1).all(-1) & (high <= inner).all(-1)
    return whole.nonzero()


def _paste(
    batch: Batch, changed: Batch, row: int, source: int, slot: int, least_shown: float, generator: torch.Generator
) -> bool:
    """Paste one ball into one image of ``changed`` at a place drawn at random; False when it does not fit there."""
    present = batch.present[row].nonzero()[:, 0]
    boxes, box = batch.boxes[row, present], batch.boxes[source, slot]
    victim = boxes[int(torch.randint(len(present), (1,), generator=generator))]
    across, down = torch.rand(2, generator=generator).tolist()
    reach = (victim[2:] - victim[:2] + box[2:] - box[:2]) / 2
    wanted = (victim[:2] + victim[2:]) / 2 + reach * reach.new_tensor([0.9 * (2 * across - 1), 0.8 * down])
    shift = (wanted - (box[:2] + box[2:]) / 2).round()
    moved = box + shift.repeat(2)
    height, width = batch.images.shape[-2:]
    inside = bool((moved[:2] >= 1).all() and moved[2] < width - 1 and moved[3] < height - 1)
    if not inside or abs(float(shift[1])) > FARTHEST or float(victim[3]) > float(moved[3]):
        return False
    centre = batch.centres[source, slot] + shift
    covered = covered_shares(boxes, moved)
    touched = covered > 0
    area = (boxes[:, 2:] - boxes[:, :2]).prod(1) * (1 - covered)
    nearer = boxes[:, 3] > moved[3] + 1
    apart = (batch.centres[row, present] - centre).norm(dim=1)
    spoilt = touched & (nearer | (1 - covered < least_shown) | (area < LEAST_AREA))
    if spoilt.any() or float(covered.max()) < LEAST_COVERED or float(apart.min()) < LEAST_DISTANCE:
        return False
    _draw(changed.images[row], batch.images[source], box, int(shift[0]), int(shift[1]))
    changed.boxes[row, present[touched]] = torch.nan
    changed.present[row, -1] = True
    changed.centres[row, -1] = centre
    changed.boxes[row, -1] = moved
    changed.labels[row, -1] = batch.labels[source, slot]
    return True


def covered_shares(boxes: Tensor, ball: Tensor) -> Tensor:
    """Share of each box [objects, 4] that the ellipse in another box [4] covers; the corners do not count."""
    steps = torch.linspace(-1, 1, POINTS)
    down, across = torch.meshgrid(steps, steps, indexing="ij")
    within = across.abs() ** SQUARENESS + down.abs() ** SQUARENESS <= 1
    grid = torch.stack((across[within], down[within]), 1)
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    points = middle[:, None] + grid * half[:, None]
    from_ball = (points - (ball[:2] + ball[2:]) / 2) / ((ball[2:] - ball[:2]) / 2)
    return (from_ball.square().sum(-1) <= 1).float().mean(1)


def _draw(image: Tensor, source: Tensor, box: Tensor, right: int, down: int) -> None:
    """Copy the ellipse in a box from one image [3, height, width] into another, moved by whole pixels."""
    left, top = (int(edge) for edge in box[:2].floor())
    end, bottom = (int(edge) for edge in box[2:].ceil())
    x = (torch.arange(left, end) + 0.5 - (box[0] + box[2]) / 2) / ((box[2] - box[0]) / 2 - EDGE)
    y = (torch.arange(top, bottom) + 0.5 - (box[1] + box[3]) / 2) / ((box[3] - box[1]) / 2 - EDGE)
    radius = (x.square() + y[:, None].square()).sqrt()
    alpha = ((1 - radius) * (box[2] - box[0]) / 2 + 0.5).clamp(0, 1)  # soft over one pixel
    target = image[:, top + down : bottom + down, left + right : end + right]
    target.lerp_(source[:, top:bottom, left:end], alpha)
