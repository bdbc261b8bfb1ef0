"""What the network is trained to get right."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from nmn.perception.data import Batch
from nmn.perception.heads import BOX_UNIT, Perception, Places, read_places
from nmn.perception.network import Maps
from nmn.perception.network_config import FINE_STRIDE
from nmn.perception.processes import counted
from nmn.perception.targets import UNKNOWN

COORDINATE_BETA = 0.1  # world units; errors below count by their square


@dataclass(frozen=True)
class LossConfig:
    """Weights of the losses' parts, and the shape of the centre map's targets."""

    centre: float = 1.0
    offset: float = 0.5
    box: float = 1.0
    attribute: float = 1.0
    coordinate: float = 0.5
    difference: float = 0.5
    spread: float = 1.0  # cells, standard deviation of the bump around a centre
    jitter: int = 1  # cells an object is read off its centre, at most

    def nudges(self, batch: Batch, generator: torch.Generator) -> Tensor:
        """How many cells off its centre each object is read: [images, objects, 2]."""
        return torch.randint(-self.jitter, self.jitter + 1, (*batch.present.shape, 2), generator=generator)


def centre_targets(batch: Batch, shape: tuple[int, int], spread: float) -> Tensor:
    """Bumps around centres, 1 at the centre's own cell: [images, rows, columns]."""
    rows, columns = shape
    cells = (batch.centres / FINE_STRIDE - 0.5).round()
    x = torch.exp(-((torch.arange(columns, device=cells.device) - cells[..., :1]) ** 2) / (2 * spread**2))
    y = torch.exp(-((torch.arange(rows, device=cells.device) - cells[..., 1:]) ** 2) / (2 * spread**2))
    bumps = y[..., :, None] * x[..., None, :] * batch.present[..., None, None]
    return bumps.amax(1)


def centre_loss(logits: Tensor, targets: Tensor, objects: Tensor) -> Tensor:
    """Penalty-reduced focal loss. Source: CenterNet (Zhou et al. 2019, arXiv:1904.07850, equation 1)."""
    positive = targets >= 1.0
    probability = logits.sigmoid()
    hit = functional.logsigmoid(logits) * (1 - probability) ** 2
    miss = functional.logsigmoid(-logits) * probability**2 * (1 - targets) ** 4
    return -torch.where(positive, hit, miss).sum() / objects


def losses(model: Perception, maps: Maps, batch: Batch, config: LossConfig, nudges: Tensor) -> dict[str, Tensor]:
    """The parts of the loss, each a weighted scalar, by name; of several processes, each has its share of the sum.

    Args:
        model: What is trained.
        maps: What its network made of the batch's images.
        batch: The truth.
        config: Weights of the parts.
        nudges: [images, objects, 2] cells that each object is read off its centre.
    """
    height, width = maps.centres.shape[1:]
    objects = counted(batch.present.sum())
    targets = centre_targets(batch, (height, width), config.spread)
    parts = {"centre": config.centre * centre_loss(maps.centres, targets, objects)}
    images, slots = batch.present.nonzero().unbind(1)
    centres = batch.centres[images, slots]
    cells = (centres / FINE_STRIDE - 0.5).round().long()
    cells = cells + nudges[images, slots]
    columns, rows = cells[:, 0].clamp(0, width - 1), cells[:, 1].clamp(0, height - 1)
    places = read_places(maps, images, rows, columns)
    parts["offset"] = config.offset * (places.centres - centres).abs().sum() / (2 * FINE_STRIDE * objects)
    boxes = batch.boxes[images, slots]
    known = ~boxes.isnan().any(1)
    # The raw edges are compared, so that a box turned inside out is corrected too.
    cell = (torch.stack((columns, rows), 1) + 0.5) * FINE_STRIDE
    raw = cell.repeat(1, 2) + maps.geometry[images, 2:, rows, columns] * BOX_UNIT
    error = functional.smooth_l1_loss(raw[known] / BOX_UNIT, boxes[known] / BOX_UNIT, beta=0.05, reduction="none")
    parts["box"] = config.box * error.sum() / counted(known.sum())
    places = Places(images, places.centres.detach(), places.boxes.detach())
    features = model.encoder(maps, places)
    labels = batch.labels[images, slots]
    for column, name in enumerate(model.attributes):
        logits = model.read_attribute(name, features)
        stated = counted((labels[:, column] != UNKNOWN).sum())
        wrong = functional.cross_entropy(logits, labels[:, column], ignore_index=UNKNOWN, reduction="sum")
        parts[name] = config.attribute * wrong / stated
    mean, log_variance = model.coordinates(features, maps.context[images], places)
    coordinates = batch.coordinates[images, slots]
    parts["coordinate"] = config.coordinate * coordinate_loss(mean, coordinates)
    parts["difference"] = config.difference * difference_loss(mean, log_variance, coordinates, images)
    return parts


def coordinate_loss(mean: Tensor, coordinates: Tensor) -> Tensor:
    """How far coordinates [rows, axes] are off, in world units; those that are NaN are not counted."""
    known = ~coordinates.isnan()
    wrong = functional.smooth_l1_loss(mean[known], coordinates[known], beta=COORDINATE_BETA, reduction="sum")
    return wrong / counted(known.sum())


def difference_loss(mean: Tensor, log_variance: Tensor, coordinates: Tensor, images: Tensor) -> Tensor:
    """Gaussian negative log-likelihood of the differences between objects of an image.

    Relations are differences, so it is their variance that is learned: of two objects, the sum of their own. An error that
    all objects of an image share, such as a camera that stands elsewhere, cancels and is not part of it. Each pair is
    weighted by its standard deviation, so that none is given up on (Seitzer et al. 2022, arXiv:2203.09168, equation 5 with
    beta = 0.5).

    Args:
        mean: [rows, axes].
        log_variance: [rows, axes].
        coordinates: [rows, axes], NaN where unknown.
        images: [rows] which image each is of.
    """
    first, second = (images[:, None] == images).triu(1).nonzero().unbind(1)
    error = (mean[first] - mean[second]) - (coordinates[first] - coordinates[second])
    variance = log_variance[first].exp() + log_variance[second].exp()
    known = ~error.isnan()
    error, variance = error[known], variance[known]
    loss = 0.5 * (error.square() / variance + variance.log()) * variance.sqrt().detach()
    return loss.sum() / counted(known.sum())
