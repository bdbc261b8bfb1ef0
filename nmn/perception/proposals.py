"""From maps to objects: peaks of the centre map, thinned, with all that is read at each."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nmn.perception.heads import Perception, Places, read_places
from nmn.perception.network import Maps


@dataclass(frozen=True)
class ProposalConfig:
    """Which peaks become objects."""

    threshold: float = 0.05  # least raw probability of a peak
    most: int = 16  # objects an image
    apart: float = 8.0  # px of the network's input; of two nearer centres the weaker is dropped

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "ProposalConfig":
        """From JSON. Raises: TypeError or ValueError when it is not one."""
        config = ProposalConfig(**record)
        if not 0 <= config.threshold < 1:
            raise ValueError("proposals threshold must be from 0 to below 1")
        if type(config.most) is not int or config.most < 1:
            raise ValueError("proposals most must be a number of objects, at least 1")
        if not 0 <= config.apart < math.inf:
            raise ValueError("proposals apart must be a distance in pixels")
        return config


@dataclass(frozen=True)
class Detections:
    """Objects of a batch, one row each, ordered by image and falling log-odds."""

    places: Places
    logits: Tensor  # [rows] raw log-odds of being an object
    features: Tensor  # [rows, hidden]
    coordinates: Tensor  # [rows, axes] mean
    log_variance: Tensor  # [rows, axes]


def peaks(maps: Maps, config: ProposalConfig) -> tuple[Places, Tensor]:
    """Places and log-odds of the local maxima of the centre map."""
    logits = maps.centres
    images, rows, columns = logits.shape
    highest = functional.max_pool2d(logits[:, None], 3, 1, 1)[:, 0]
    least = torch.logit(torch.tensor(config.threshold)).item()
    kept = torch.where((logits >= highest) & (logits > least), logits, -torch.inf)
    scores, cells = kept.flatten(1).topk(min(2 * config.most, rows * columns), dim=1)
    image = torch.arange(images, device=cells.device)[:, None].expand_as(cells)
    flat = read_places(maps, image.flatten(), cells.flatten() // columns, cells.flatten() % columns)
    centres = flat.centres.reshape(images, -1, 2)
    close = torch.cdist(centres, centres, compute_mode="donot_use_mm_for_euclid_dist") < config.apart
    alive = scores > -torch.inf
    for rank in range(int(alive.sum(1).max()) - 1):  # scores fall, so the others are none
        alive[:, rank + 1 :] &= ~(alive[:, rank : rank + 1] & close[:, rank, rank + 1 :])
    alive &= alive.cumsum(1) <= config.most
    chosen = alive.flatten()
    return Places(flat.images[chosen], flat.centres[chosen], flat.boxes[chosen]), scores.flatten()[chosen]


def detect(model: Perception, images: Tensor, config: ProposalConfig) -> Detections:
    """Find the objects of images [images, 3, height, width], 0 to 1."""
    return detect_in(model, model.network(images), config)


def detect_in(model: Perception, maps: Maps, config: ProposalConfig) -> Detections:
    """Find the objects of images of which the network has made maps."""
    places, logits = peaks(maps, config)
    features = model.encoder(maps, places)
    mean, log_variance = model.coordinates(features, maps.context[places.images], places)
    return Detections(places, logits, features, mean, log_variance)
