"""Calibration: make the probabilities mean what they say, on images that no weight was trained on.

One temperature an attribute (Guo et al. 2017, arXiv:1706.04599, section 4.2), a scale and a shift for presence (Platt
1999), and one factor an axis on the standard deviation of coordinates. Where there are focus networks, what they read is
added with a weight that is fitted together with the temperature: log-linear pooling of two opinions (Genest and Zidek
1986, section 3), which is what makes the weight of a glance small where a closer look knows better. Where the glance alone,
with a temperature of its own, is hardly ever wrong, no closer look is taken: a cascade (Viola and Jones 2001, section 4).
Each fit minimises a negative log-likelihood.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from nmn.matching import match
from nmn.perception.data import Subset
from nmn.perception.focus import PLACE
from nmn.perception.geometry import relation_log_odds

if TYPE_CHECKING:
    from nmn.perception.detector import PixelPerceiver

LEAST_PRESENCE = 0.01  # calibrated probability below which a proposal is not worth a row
DOUBT = 0.003  # probability of being wrong above which a glance is not relied on alone
LEAST_WEIGHT = 0.02  # of an opinion; its inverse is the greatest
TEMPERATURES = (0.3, 5.0)  # where a temperature or factor may lie; few mistakes would otherwise fit an extreme


@dataclass(frozen=True)
class Calibration:
    """Numbers that turn raw outputs into probabilities."""

    temperatures: Mapping[str, float]  # by attribute
    spread: tuple[float, ...]  # factor on the standard deviation, by axis
    presence_scale: float = 1.0
    presence_shift: float = 0.0
    focus: Mapping[str, float] = field(default_factory=dict)  # weight of what a closer look reads, by attribute
    presence_focus: float = 0.0  # likewise of presence
    least: float = 0.0  # probability of presence below which a proposal is dropped
    doubt: float = 0.0  # a closer look is left out where the glance is at most this likely to be wrong
    alone: Mapping[str, float] = field(default_factory=dict)  # temperature of the glance there, by attribute
    presence_alone: tuple[float, float] = (1.0, 0.0)  # scale and shift of the glance's presence there
    looked: Mapping[str, float] = field(default_factory=dict)  # share that is looked at closer, by attribute or PLACE

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
        focus = {str(name): float(value) for name, value in dict(record.get("focus", {})).items()}
        closer, least = float(record.get("presence_focus", 0.0)), float(record.get("least", 0.0))
        doubt, lone = float(record.get("doubt", 0.0)), record.get("presence_alone", (1.0, 0.0))
        alone = {str(name): float(value) for name, value in dict(record.get("alone", {})).items()}
        looked = {str(name): float(value) for name, value in dict(record.get("looked", {})).items()}
        lone_scale, lone_shift = (float(value) for value in lone)
        factors = (*temperatures.values(), *alone.values(), *spread, scale, lone_scale)
        if not all(0 < factor < math.inf for factor in factors):
            raise ValueError("temperatures, spread and presence scales must be above 0")
        if not all(0 <= weight < math.inf for weight in (*focus.values(), closer)):
            raise ValueError("weights of closer looks must be at least 0")
        if not math.isfinite(shift + lone_shift):
            raise ValueError("presence shifts must be numbers")
        if not all(0 <= value < 1 for value in (least, doubt)):
            raise ValueError("least and doubt must be from 0 to below 1")
        if not all(0 <= share <= 1 for share in looked.values()):
            raise ValueError("shares that are looked at closer must be from 0 to 1")
        rest = (doubt, alone, (lone_scale, lone_shift), looked)
        return Calibration(temperatures, spread, scale, shift, focus, closer, least, *rest)

    def presence(self, logits: Tensor) -> Tensor:
        """Calibrated log-odds of raw ones."""
        return logits * self.presence_scale + self.presence_shift

    def temperature(self, attribute: str) -> float:
        """What an attribute's logits are divided by."""
        return self.temperatures.get(attribute, 1.0)

    def attribute_alone(self, attribute: str, logits: Tensor) -> Tensor:
        """Log-probabilities [rows, values] of the glance's raw logits, no closer look being taken."""
        return functional.log_softmax(logits / self.alone.get(attribute, self.temperature(attribute)), dim=1)

    def lone_presence(self, logits: Tensor) -> Tensor:
        """Calibrated log-odds of raw ones, no closer look being taken."""
        scale, shift = self.presence_alone
        return logits * scale + shift

    def doubted(self, chances: Tensor) -> Tensor:
        """Which rows [rows] are worth a closer look, by the glance's probabilities [rows, values]."""
        if self.doubt == 0:
            return torch.ones(len(chances), dtype=torch.bool, device=chances.device)
        return chances.amax(1) < 1 - self.doubt

    @property
    def least_logit(self) -> float:
        """The raw log-odds at which the calibrated probability of a glance alone is one half."""
        return -self.presence_shift / self.presence_scale

    @property
    def least_odds(self) -> float:
        """The calibrated log-odds below which a proposal is dropped."""
        return math.log(self.least / (1 - self.least)) if self.least > 0 else -math.inf


@dataclass(frozen=True)
class Evidence:
    """Raw outputs beside the truth, over a whole set of images."""

    logits: Tensor  # [detections] raw log-odds of the glance
    real: Tensor  # [detections] bool, whether a true object is there
    attributes: Mapping[str, tuple[Tensor, ...]]  # logits [found, values] and labels [found], by attribute
    pairs: tuple[tuple[Tensor, ...], ...]  # by axis: measured and true differences and variances [pairs]
    closer: Tensor | None = None  # [detections] raw log-odds of the closer look
    focus: Mapping[str, Tensor] = field(default_factory=dict)  # logits [found, values] of closer looks, by attribute
    images: int = 0


@torch.no_grad()
def gather(perceiver: "PixelPerceiver", subset: Subset, *, batch_size: int = 16) -> Evidence:
    """Run the networks over a subset, at the frame's resolution, and match what they find to the truth."""
    model, focus = perceiver.model, perceiver.focus
    axes = model.config.axes
    logits: list[Tensor] = []
    real: list[Tensor] = []
    closer: list[Tensor] = []
    read: dict[str, list[tuple[Tensor, ...]]] = {name: [] for name in model.attributes}
    looked: dict[str, list[Tensor]] = {name: [] for name in model.attributes if focus and focus.config.pathway_of(name)}
    pairs: list[list[tuple[Tensor, ...]]] = [[] for _ in range(axes)]
    for start in range(0, len(subset), batch_size):
        rows = range(start, min(start + batch_size, len(subset)))
        frames = [subset.whole.pixels[subset.rows[row]] for row in rows]
        found = perceiver.propose(frames)
        tables = {name: model.read_attribute(name, found.features) for name in model.attributes}
        details = perceiver.details(found, frames)
        seen: dict[str, Tensor] = {}
        for name in () if focus is None or not len(found.logits) else focus.names:
            seen |= perceiver.closer(name, details)
        for image, row in enumerate(rows):
            target = subset.whole.targets[subset.rows[row]]
            mine = (found.places.images == image).nonzero()[:, 0]
            matched = match(found.places.centres[mine], torch.from_numpy(target.centres))
            here, there = mine[[a for a, _ in matched]], [b for _, b in matched]
            hit = torch.zeros(len(mine), dtype=torch.bool)
            hit[[a for a, _ in matched]] = True
            logits.append(found.logits[mine])
            real.append(hit)
            if PLACE in seen:
                closer.append(seen[PLACE][mine, 0])
            labels = torch.from_numpy(target.labels)[there]
            for column, name in enumerate(model.attributes):
                read[name].append((tables[name][here], labels[:, column]))
                if name in seen:
                    looked[name].append(seen[name][here])
            truth = torch.from_numpy(target.coordinates)[there]
            told = ~truth.isnan().any(1)
            for axis in range(axes):
                mean, log_variance = found.coordinates[here, axis][told], found.log_variance[here, axis][told]
                pairs[axis].append(_differences(mean, log_variance, truth[told, axis]))
    return Evidence(
        torch.cat(logits),
        torch.cat(real),
        {name: _join(parts) for name, parts in read.items()},
        tuple(_join(parts) for parts in pairs),
        torch.cat(closer) if closer else None,
        {name: torch.cat(parts) for name, parts in looked.items() if parts},
        len(subset),
    )


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
        coordinates = coordinates[~coordinates.isnan().any(1)]
        for axis in range(axes):
            ordered = coordinates[:, axis].sort().values
            if len(ordered) > 1:
                least = min(least, float((ordered[1:] - ordered[:-1]).min()))
    rounded = int(least * 100 + 1e-3) / 100 if least < float("inf") else 0.0
    return rounded if rounded >= margin else 0.0


def fit(evidence: Evidence, *, margin: float, separation: float) -> Calibration:
    """The calibration with the least negative log-likelihood on the evidence."""
    temperatures: dict[str, float] = {}
    focus: dict[str, float] = {}
    alone: dict[str, float] = {}
    for name, (logits, labels) in evidence.attributes.items():
        temperatures[name] = _temperature(logits, labels)
        if name in evidence.focus:
            alone[name] = temperatures[name]
            temperatures[name], focus[name] = _pool(logits, evidence.focus[name], labels)
    spread = tuple(_spread(*pairs, margin=margin, separation=separation) for pairs in evidence.pairs)
    scale, closer, shift = _platt(evidence.logits, evidence.closer, evidence.real)
    fitted = Calibration(temperatures, spread, scale, shift, focus, closer, LEAST_PRESENCE)
    if evidence.closer is None:
        return fitted
    lone_scale, _, lone_shift = _platt(evidence.logits, None, evidence.real)
    fitted = replace(fitted, doubt=DOUBT, alone=alone, presence_alone=(lone_scale, lone_shift))
    return replace(fitted, looked=_looked(fitted, evidence))


def _looked(calibration: Calibration, evidence: Evidence) -> dict[str, float]:
    """Shares of the evidence that are looked at closer."""
    odds = calibration.lone_presence(evidence.logits)
    doubted = {PLACE: calibration.doubted(torch.stack((odds.sigmoid(), (-odds).sigmoid()), 1))}
    for name in evidence.focus:
        doubted[name] = calibration.doubted(calibration.attribute_alone(name, evidence.attributes[name][0]).exp())
    return {name: round(float(rows.float().mean()), 4) if len(rows) else 1.0 for name, rows in doubted.items()}


def _pool(glance: Tensor, focus: Tensor, labels: Tensor) -> tuple[float, float]:
    """Temperature of the glance's logits and weight of the closer look's that are best together."""
    smoothing = 1 / (len(labels) + 2)
    weights = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # logarithms

    def loss() -> Tensor:
        bounded = weights.clamp(math.log(LEAST_WEIGHT), -math.log(LEAST_WEIGHT)).exp()
        logits = glance.double() * bounded[0] + focus.double() * bounded[1]
        return functional.cross_entropy(logits, labels, label_smoothing=smoothing)

    _descend(weights, loss)
    first, second = weights.detach().clamp(math.log(LEAST_WEIGHT), -math.log(LEAST_WEIGHT)).exp().tolist()
    return round(1 / first, 4), round(second, 4)


def _descend(weights: Tensor, loss: Callable[[], Tensor]) -> None:
    optimiser = torch.optim.LBFGS([weights], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(closure)  # type: ignore[no-untyped-call]


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


def _platt(logits: Tensor, closer: Tensor | None, real: Tensor) -> tuple[float, float, float]:
    """Scale of log-odds, weight of the closer look's, and shift, with Platt's smoothed labels: a faultless set stays finite."""
    positive, negative = int(real.sum()), int((~real).sum())
    labels = torch.where(real, (positive + 1) / (positive + 2), 1 / (negative + 2)).double()
    columns = [logits, torch.zeros_like(logits) if closer is None else closer, torch.ones_like(logits)]
    table = torch.stack(columns, 1).double()
    weights = torch.tensor([1.0, 0.0, 0.0], dtype=torch.float64, requires_grad=True)
    _descend(weights, lambda: functional.binary_cross_entropy_with_logits(table @ weights, labels))
    scale, weight, shift = (round(value, 4) for value in weights.tolist())
    if scale <= 0 or weight < 0:
        return (1.0, 0.0, 0.0) if closer is None else _platt(logits, None, real)
    return scale, weight, shift
