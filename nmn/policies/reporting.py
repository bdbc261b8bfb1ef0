"""Reporting: from what a glance shows of a facet, the distribution of what a look at it would report.

One small logistic model a facet says how likely the look is to report something else than the glance, from the margin of the
glance's logits, the object's size and how much of it is covered; the rest of the probability is shared as the glance's own
logits share it. A model that saw no mistake among n objects does not know that there are none, so no doubt is below the
upper 95 % bound of the rate of mistakes among the sure objects of like size and cover (Clopper and Pearson 1934,
Biometrika 26).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmn.perceiver import PRESENCE
from nmn.policies.outcomes import Outcome

Table = NDArray[np.float64]

SURE = 0.02  # doubt up to which an object is one of those that a floor is measured on
CONFIDENCE = 0.95
RIDGE = 1.0
STEPS = 30
UNIFORM = 0.1  # share of a doubt that all other values share alike
FURTHEST = 12.0  # log-odds; margins beyond are alike


@dataclass(frozen=True)
class FacetModel:
    """What a look at one facet would report.

    Attributes:
        weights: Of 1, the glance's margin, the object's size and how much of it is covered, to the log-odds that the
            look reports something else; for presence, of the glance's log-odds, to those that it reports an object.
        floors: Least doubt, [sizes][covers].
    """

    weights: tuple[float, ...]
    floors: tuple[tuple[float, ...], ...]

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "FacetModel":
        """From JSON. Raises: KeyError, TypeError or ValueError when it is not one."""
        weights = tuple(float(value) for value in record["weights"])
        floors = tuple(tuple(float(value) for value in row) for row in record["floors"])
        if len(weights) != 4 or not all(math.isfinite(value) for value in weights):
            raise ValueError("weights must be four numbers")
        if [len(row) for row in floors] != [2, 2] or not all(0 <= value <= 1 for row in floors for value in row):
            raise ValueError("floors must be probabilities, two by two")
        return FacetModel(weights, floors)

    def doubt(self, features: Table, strata: NDArray[np.int64]) -> Table:
        """Probability [rows] of what the weights are about, from features [rows, 4] and strata [rows], with its floor."""
        chance = 1.0 / (1.0 + np.exp(-(features @ np.array(self.weights))))
        floor = np.array(self.floors).ravel()[strata]
        return np.asarray(np.clip(chance, np.minimum(floor, 0.5), 1.0 - np.minimum(floor, 0.5)))


@dataclass(frozen=True)
class Reporting:
    """What looks would report, facet by facet.

    Attributes:
        models: By attribute, and PRESENCE.
        large_from: Where small objects end and large begin, as circumstances tell sizes.
        covered_from: Likewise of how much is covered.
    """

    models: Mapping[str, FacetModel]
    large_from: float
    covered_from: float

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "Reporting":
        """From JSON. Raises: KeyError, TypeError or ValueError when it is not one."""
        models = {str(name): FacetModel.from_record(each) for name, each in dict(record["models"]).items()}
        return Reporting(models, float(record["large_from"]), float(record["covered_from"]))

    def to_record(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def attribute(self, name: str, logits: Table, circumstances: Table) -> Table:
        """Probabilities [rows, values] of what a look reports, from the glance's logits [rows, values]."""
        model = self.models.get(name)
        chances = _softmax(logits)
        if model is None or logits.shape[1] < 2:  # no pathway tells it: the glance's is the report
            return np.asarray(chances == chances.max(1, keepdims=True), np.float64)
        doubt = model.doubt(_features(_margins(logits), circumstances), self._strata(circumstances))
        rows, top = np.arange(len(logits)), chances.argmax(1)
        others = chances.copy()
        others[rows, top] = 0.0
        left = others.sum(1, keepdims=True)
        even = np.full_like(others, 1.0 / (logits.shape[1] - 1))
        even[rows, top] = 0.0
        shared = np.where(left > 1e-9, others / np.maximum(left, 1e-9), even)
        result = doubt[:, None] * ((1.0 - UNIFORM) * shared + UNIFORM * even)
        result[rows, top] = 1.0 - doubt
        return np.asarray(result)

    def presence(self, odds: Table, circumstances: Table) -> Table:
        """Probability [rows] that a look reports an object, from the glance's log-odds [rows]."""
        model = self.models.get(PRESENCE)
        if model is None:
            return np.asarray(odds > 0, np.float64)
        return model.doubt(_features(odds, circumstances), self._strata(circumstances))

    def _strata(self, circumstances: Table) -> NDArray[np.int64]:
        return np.asarray(
            (circumstances[:, 0] >= self.large_from) * 2 + (circumstances[:, 1] >= self.covered_from), np.int64
        )


def fit_reporting(outcomes: Sequence[Outcome], values: Mapping[str, int]) -> Reporting:
    """Fit to images that no network was trained on.

    Args:
        outcomes: All looks at those images.
        values: How many values an attribute has, for those that a pathway tells.
    """
    every = np.concatenate([each.circumstances for each in outcomes]).astype(np.float64)
    there = np.concatenate([each.reported for each in outcomes])
    size = float(np.median(every[there, 0])) if there.any() else 0.0
    covered = every[there, 1][every[there, 1] > 0]
    cover = float(np.median(covered)) if len(covered) else 0.5
    neutral = Reporting({}, round(size, 3), round(cover, 3))
    strata = neutral._strata(every)
    models: dict[str, FacetModel] = {}
    if any(PRESENCE in each.reports for each in outcomes):
        odds = np.concatenate([each.presence for each in outcomes]).astype(np.float64)
        weights = _logistic(_features(odds, every), there)
        models[PRESENCE] = FacetModel(weights, _floors(weights, _features(odds, every), there, strata))
    for name in values:
        if not any(name in each.reports for each in outcomes):
            continue
        logits = np.concatenate([each.logits[name] for each in outcomes]).astype(np.float64)[there]
        reports = np.concatenate([each.reports[name] for each in outcomes])[there]
        other = logits.argmax(1) != reports.argmax(1)
        features = _features(_margins(logits), every[there])
        weights = _logistic(features, other)
        models[name] = FacetModel(weights, _floors(weights, features, other, strata[there]))
    return Reporting(models, neutral.large_from, neutral.covered_from)


def upper_bound(mistakes: int, among: int, confidence: float = CONFIDENCE) -> float:
    """The greatest rate at which so few mistakes among so many are not yet unlikely (Clopper and Pearson 1934)."""
    if among == 0 or mistakes >= among:
        return 1.0
    low, high = mistakes / among, 1.0
    for _ in range(50):
        rate = (low + high) / 2
        logs = [
            math.lgamma(among + 1) - math.lgamma(k + 1) - math.lgamma(among - k + 1)
            + k * math.log(rate) + (among - k) * math.log1p(-rate)
            for k in range(mistakes + 1)
        ]  # fmt: skip
        if sum(math.exp(each) for each in logs) > 1.0 - confidence:
            low = rate
        else:
            high = rate
    return high


def _floors(
    weights: tuple[float, ...], features: Table, happened: NDArray[np.bool_], strata: NDArray[np.int64]
) -> tuple[tuple[float, ...], ...]:
    """Upper bound of the rate of surprises among sure rows, by stratum; of all strata together where one has few."""
    chance = 1.0 / (1.0 + np.exp(-(features @ np.array(weights))))
    expected = chance > 0.5
    sure = np.minimum(chance, 1.0 - chance) <= SURE
    wrong = sure & (expected != happened)
    bounds = [upper_bound(int(wrong[strata == each].sum()), int(sure[strata == each].sum())) for each in range(4)]
    whole = upper_bound(int(wrong.sum()), int(sure.sum()))
    # Where a stratum has too few objects to say more than all of them together do, those stand for it.
    kept = [whole if wrong[strata == each].sum() == 0 else max(bound, whole) for each, bound in enumerate(bounds)]
    rounded = [round(each, 6) for each in kept]
    return (rounded[0], rounded[1]), (rounded[2], rounded[3])


def _features(first: Table, circumstances: Table) -> Table:
    return np.stack((np.ones(len(first)), np.clip(first, -FURTHEST, FURTHEST), *circumstances.T.astype(np.float64)), 1)


def _margins(logits: Table) -> Table:
    """How far the greatest logit is above the next."""
    ordered = np.sort(logits, 1)
    return np.asarray(ordered[:, -1] - ordered[:, -2] if logits.shape[1] > 1 else np.full(len(logits), FURTHEST))


def _softmax(logits: Table) -> Table:
    raised = np.exp(logits - logits.max(1, keepdims=True)) if len(logits) else logits
    return np.asarray(raised / raised.sum(1, keepdims=True) if len(logits) else raised, np.float64)


def _logistic(features: Table, happened: NDArray[np.bool_]) -> tuple[float, ...]:
    """Weights of a logistic regression with a small ridge, by Newton's method; half a case of each kind is added."""
    weights = np.zeros(features.shape[1])
    rate = (happened.sum() + 0.5) / (len(happened) + 1.0)
    weights[0] = math.log(rate / (1.0 - rate))
    ridge = np.full(features.shape[1], RIDGE)
    ridge[0] = 0.01
    start = weights.copy()
    for _ in range(STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(features @ weights, -30, 30)))
        slope = features.T @ (chance - happened) + ridge * (weights - start * (np.arange(len(weights)) == 0))
        curve = (features * (chance * (1.0 - chance))[:, None]).T @ features + np.diag(ridge)
        step = np.linalg.solve(curve, slope)
        weights = weights - step * min(1.0, 4.0 / max(1e-9, float(np.abs(step).max())))
        if float(np.abs(step).max()) < 1e-8:
            break
    return tuple(round(float(each), 6) for each in weights)
