"""Calibration: make the probabilities mean what they say, on images that no weight was trained on.

One temperature an attribute (Guo et al. 2017, arXiv:1706.04599, section 4.2), a scale and a shift for presence (Platt
1999), and one factor an axis on the standard deviation of coordinates. Each minimises a negative log-likelihood.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from nmn.matching import match
from nmn.perception.data import Subset
from nmn.perception.geometry import relation_log_odds
from nmn.perception.heads import Perception
from nmn.perception.proposals import ProposalConfig, detect

TEMPERATURES = (0.3, 5.0)  # where a temperature or factor may lie; few mistakes would otherwise fit an extreme


@dataclass(frozen=True)
class Calibration:
    """Numbers that turn raw outputs into probabilities."""

    temperatures: Mapping[str, float]  # by attribute
    spread: tuple[float, ...]  # factor on the standard deviation, by axis
    presence_scale: float = 1.0
    presence_shift: float = 0.0

    @staticmethod
    def neutral(attributes: tuple[str, ...], axes: int) -> "Calibration":
        """Changes nothing."""
        return Calibration(dict.fromkeys(attributes, 1.0), (1.0,) * axes)

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "Calibration":
        """From JSON. Raises: KeyError, TypeError, ValueError or OverflowError when it is not one."""
        temperatures = {str(name): float(value) for name, value in dict(record["temperatures"]).items()}
        spread = tuple(float(value) for value in record["spread"])
        scale, shift = float(record["presence_scale"]), float(record["presence_shift"])
        if not all(0 < factor < math.inf for factor in (*temperatures.values(), *spread, scale)):
            raise ValueError("temperatures, spread and presence_scale must be above 0")
        if not math.isfinite(shift):
            raise ValueError("presence_shift must be a number")
        return Calibration(temperatures, spread, scale, shift)

    def presence(self, logits: Tensor) -> Tensor:
        """Calibrated log-odds of raw ones."""
        return logits * self.presence_scale + self.presence_shift

    def temperature(self, attribute: str) -> float:
        """What an attribute's logits are divided by."""
        return self.temperatures.get(attribute, 1.0)

    @property
    def least_logit(self) -> float:
        """The raw log-odds at which the calibrated probability is one half."""
        return -self.presence_shift / self.presence_scale


@dataclass(frozen=True)
class Evidence:
    """Raw outputs beside the truth, over a whole set of images."""

    logits: Tensor  # [detections] raw log-odds
    real: Tensor  # [detections] bool, whether a true object is there
    attributes: Mapping[str, tuple[Tensor, ...]]  # logits [found, values] and labels [found], by attribute
    pairs: tuple[tuple[Tensor, ...], ...]  # by axis: measured and true differences and variances [pairs]


@torch.no_grad()
def gather(model: Perception, subset: Subset, proposals: ProposalConfig, *, batch_size: int = 16) -> Evidence:
    """Run the model over a subset and match what it finds to the truth."""
    logits: list[Tensor] = []
    real: list[Tensor] = []
    read: dict[str, list[tuple[Tensor, ...]]] = {name: [] for name in model.attributes}
    pairs: list[list[tuple[Tensor, ...]]] = [[] for _ in range(model.config.axes)]
    for start in range(0, len(subset), batch_size):
        rows = range(start, min(start + batch_size, len(subset)))
        found = detect(model, subset.batch(rows).images, proposals)
        tables = {name: model.read_attribute(name, found.features) for name in model.attributes}
        for image, row in enumerate(rows):
            target = subset.whole.targets[subset.rows[row]]
            mine = (found.places.images == image).nonzero()[:, 0]
            matched = match(found.places.centres[mine], torch.from_numpy(target.centres))
            here, there = mine[[a for a, _ in matched]], [b for _, b in matched]
            hit = torch.zeros(len(mine), dtype=torch.bool)
            hit[[a for a, _ in matched]] = True
            logits.append(found.logits[mine])
            real.append(hit)
            labels = torch.from_numpy(target.labels)[there]
            for column, name in enumerate(model.attributes):
                read[name].append((tables[name][here], labels[:, column]))
            truth = torch.from_numpy(target.coordinates)[there]
            for axis in range(model.config.axes):
                mean, log_variance = found.coordinates[here, axis], found.log_variance[here, axis]
                pairs[axis].append(_differences(mean, log_variance, truth[:, axis]))
    attributes = {name: _join(parts) for name, parts in read.items()}
    return Evidence(torch.cat(logits), torch.cat(real), attributes, tuple(_join(parts) for parts in pairs))


def _join(parts: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    return tuple(torch.cat(column) for column in zip(*parts, strict=True))


def _differences(mean: Tensor, log_variance: Tensor, truth: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    upper = torch.triu_indices(len(mean), len(mean), offset=1)
    variance = log_variance.exp()
    return (
        mean[upper[0]] - mean[upper[1]],
        truth[upper[0]] - truth[upper[1]],
        variance[upper[0]] + variance[upper[1]],
    )


def least_separation(subset: Subset, axes: int, margin: float) -> float:
    """The least distance along an axis between any two objects of a set; 0 when it does not exceed the margin.

    Rounded down to a hundredth, as the next image may hold a slightly nearer pair.
    """
    least = float("inf")
    for row in subset.rows:
        coordinates = torch.from_numpy(subset.whole.targets[row].coordinates)
        for axis in range(axes):
            ordered = coordinates[:, axis].sort().values
            if len(ordered) > 1:
                least = min(least, float((ordered[1:] - ordered[:-1]).min()))
    rounded = int(least * 100 + 1e-3) / 100 if least < float("inf") else 0.0
    return rounded if rounded >= margin else 0.0


def fit(evidence: Evidence, *, margin: float, separation: float) -> Calibration:
    """The calibration with the least negative log-likelihood on the evidence."""
    temperatures = {name: _temperature(logits, labels) for name, (logits, labels) in evidence.attributes.items()}
    spread = tuple(_spread(*pairs, margin=margin, separation=separation) for pairs in evidence.pairs)
    scale, shift = _platt(evidence.logits, evidence.real)
    return Calibration(temperatures, spread, scale, shift)


def _temperature(logits: Tensor, labels: Tensor) -> float:
    """Labels are smoothed by one mistake, as Platt does: without any mistake, no temperature would be low enough."""
    smoothing = 1 / (len(labels) + 2)
    return _minimise(lambda factor: functional.cross_entropy(logits / factor, labels, label_smoothing=smoothing))


def _spread(difference: Tensor, truth: Tensor, variance: Tensor, *, margin: float, separation: float) -> float:
    """The larger of two fits: to the relations, and to the differences themselves, which is defined without mistakes."""

    def loss(factor: Tensor) -> Tensor:
        odds = relation_log_odds(difference, variance * factor**2, margin=margin, separation=separation)
        return functional.binary_cross_entropy_with_logits(odds, (truth > margin).float())

    plain = ((difference - truth).square() / variance).mean().sqrt() if len(difference) else torch.tensor(1.0)
    return round(max(_minimise(loss), float(plain)), 4)


def _minimise(loss: Callable[[Tensor], Tensor], steps: int = 60) -> float:
    """Golden-section search for the factor with the least loss, in its logarithm."""
    low, high = (torch.tensor(bound, dtype=torch.float64).log() for bound in TEMPERATURES)
    golden = (5**0.5 - 1) / 2
    for _ in range(steps):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left.exp().float()) <= loss(right.exp().float()):
            high = right
        else:
            low = left
    return round(float(((low + high) / 2).exp()), 4)


def _platt(logits: Tensor, real: Tensor) -> tuple[float, float]:
    """Scale and shift of log-odds, with Platt's smoothed labels so that a faultless set stays finite."""
    positive, negative = int(real.sum()), int((~real).sum())
    labels = torch.where(real, (positive + 1) / (positive + 2), 1 / (negative + 2)).double()
    weights = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = functional.binary_cross_entropy_with_logits(logits.double() * weights[0] + weights[1], labels)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    scale, shift = weights.tolist()
    return (round(scale, 4), round(shift, 4)) if scale > 0 else (1.0, 0.0)
