"""Calibration of a cascade: how sure each link may be of what it reads, and from where on its word is taken.

Every link reads the same questions, whose programs are known. A logistic regression makes of what a link tells of its
readings the probability that the first is right (Platt 1999), fitted to the questions that the links before it leave;
thresholds are then those of least expected cost. What is reported is measured on questions that nothing was fitted to.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nmn.domain import Domain
from nmn.files import write_json
from nmn.parser.cascade_config import DEFAULT_COSTS, CascadeConfig, Costs
from nmn.parser.cascade_readout import CalibratedLink, Readout
from nmn.parser.cascade_thresholds import LinkOutcomes, Score, best_thresholds, score
from nmn.parser.generation.generator import Example, QuestionGenerator
from nmn.parser.generation.structure import share_of, structure

Numbers: TypeAlias = NDArray[np.float64]
Rows: TypeAlias = NDArray[np.int64]

SHARES: Mapping[str, float] = {"plain": 0.15, "clevr": 0.1, "spoken": 0.3, "noisy": 0.25, "outside": 0.2}
"""Of the styles among generated questions."""

FITTED = 0.7  # share of the questions that is fitted to; the rest is what the report is about
SURE = 0.5  # a question of which a link is surer than this is not left to those after it, while they are fitted
KEPT_OUT = 0.05  # share of the structures that the neural parser's training keeps out
MOST_TRIES = 40  # draws for one question of a structure that was kept out of training
LEAST_ROWS = 50  # to fit a link to those alone that the links before it leave
STRENGTH = 1.0  # of the prior on each weight, in questions
NEWTON_STEPS = 50
LEAST_SPREAD = 1e-6  # of a feature that is the same everywhere


@dataclass(frozen=True)
class CalibrationReport:
    """What a calibration came to.

    Attributes:
        config: What is kept.
        fitted: How many questions it was fitted to.
        score: On the other questions.
        by_style: On those of each style.
        seconds: What a question takes each link by itself.
    """

    config: CascadeConfig
    fitted: int
    score: Score
    by_style: Mapping[str, Score]
    seconds: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """``{"thresholds", "costs", "fitted", "measured": {}, "by_style": {}, "seconds": {}}``."""
        return {
            "thresholds": {name: each.threshold for name, each in self.config.links.items()},
            "costs": self.config.costs.to_json(),
            "fitted": self.fitted,
            "measured": self.score.to_json(),
            "by_style": {style: each.to_json() for style, each in self.by_style.items()},
            "seconds": dict(self.seconds),
        }


def draw_examples(
    domain: Domain, number: int, *, seed: int, advance: Callable[[int], None] = lambda number: None
) -> list[Example]:
    """Generated questions in the shares of :data:`SHARES`.

    Every other one has a structure that the neural parser's training keeps out, where one is found.

    Args:
        domain: What they are about.
        number: How many, about.
        seed: Of what is drawn; equal seeds give equal questions.
        advance: Told how many more are drawn.
    """
    random, generator = Random(f"{seed} calibration"), QuestionGenerator(domain)
    found: list[Example] = []
    for style, share in SHARES.items():
        for place in range(round(number * share)):
            drawn = generator.sample(random, style)
            for _ in range(MOST_TRIES if place % 2 else 0):
                if drawn.program is None or share_of(structure(drawn.program, generator.registry)) < KEPT_OUT:
                    break
                drawn = generator.sample(random, style)
            found.append(drawn)
            advance(1)
    return found


def calibrate(
    links: Sequence[CalibratedLink],
    examples: Sequence[Example],
    domain: Domain,
    *,
    costs: Costs = DEFAULT_COSTS,
    seed: int = 0,
    advance: Callable[[int], None] = lambda number: None,
) -> CalibrationReport:
    """Fit the confidences and thresholds of a cascade.

    Args:
        links: In the order in which they are asked.
        examples: Questions with their programs, or None for those that have none.
        domain: What they are about.
        costs: Of outcomes.
        seed: Of which questions are fitted to.
        advance: Told how many questions a link has read, as it does.
    """
    readouts = [link.readout(examples, advance) for link in links]
    order = np.random.default_rng(seed).permutation(len(examples)).astype(np.int64)
    fitted, measured = np.split(order, [round(FITTED * len(order))])
    answerable = np.array([example.program is not None for example in examples], dtype=bool)
    outcomes, weights = _fit_all(links, readouts, fitted)
    thresholds = best_thresholds([each.taken(fitted) for each in outcomes], answerable[fitted], costs)
    settings = {
        link.name: link.settings(each, threshold)
        for link, each, threshold in zip(links, weights, thresholds, strict=True)
    }

    def scored(rows: Rows) -> Score:
        return score([each.taken(rows) for each in outcomes], thresholds, answerable[rows], costs)

    styles = np.array([example.style for example in examples])
    by_style = {style: scored(measured[styles[measured] == style]) for style in dict.fromkeys(styles.tolist())}
    return CalibrationReport(
        CascadeConfig(domain.name, domain.fingerprint, settings, costs),
        len(fitted),
        scored(measured),
        by_style,
        {each.name: each.seconds for each in outcomes},
    )


def _fit_all(
    links: Sequence[CalibratedLink], readouts: Sequence[Readout], fitted: Rows
) -> tuple[list[LinkOutcomes], list[Numbers]]:
    """Calibrated confidences of every link, and the weights that give them."""
    outcomes: list[LinkOutcomes] = []
    weights: list[Numbers] = []
    left = np.ones(len(readouts[0].read), dtype=bool)
    for link, readout in zip(links, readouts, strict=True):
        rows = fitted[readout.read[fitted]]
        own = rows[left[rows]]
        rows = own if len(own) >= LEAST_ROWS else rows
        weights.append(
            fit_logistic(readout.features[rows], readout.right[rows], rising=readout.rising, expected=readout.expected)
        )
        confidence = np.where(readout.read, probability(readout.features, weights[-1]), -1.0)
        outcomes.append(LinkOutcomes(link.name, confidence, readout.right, readout.seconds))
        left &= confidence < SURE
    return outcomes, weights


def probability(features: Numbers, weights: Numbers) -> Numbers:
    """[rows] logistic probability of features [rows, features]."""
    odds: Numbers = np.clip(features @ weights, -50.0, 50.0)
    result: Numbers = 1 / (1 + np.exp(-odds))
    return result


def fit_logistic(
    features: Numbers,
    right: NDArray[np.bool_],
    *,
    rising: Sequence[int] = (),
    expected: Numbers | None = None,
    strength: float = STRENGTH,
) -> Numbers:
    """Weights of a logistic regression, by Newton's method with a Gaussian prior on all but the first.

    Labels are smoothed by one mistake each way, as Platt does, so that a faultless set stays finite.

    Args:
        features: [rows, features]; the first is constant.
        right: [rows].
        rising: Features whose weight must not be negative; one that would be is left out.
        expected: [features] mean of the prior; all 0 if None.
        strength: Of the prior, on weights of features of variance 1.

    Returns:
        [features].
    """
    centre = np.zeros(features.shape[1]) if expected is None else expected
    weights = _newton(features, right, centre, strength)
    falling = [column for column in rising if weights[column] < 0]
    if falling:
        without, centre = features.copy(), centre.copy()
        without[:, falling], centre[falling] = 0.0, 0.0
        weights = _newton(without, right, centre, strength)
    return weights


def _newton(features: Numbers, right: NDArray[np.bool_], centre: Numbers, strength: float) -> Numbers:
    mean, spread = np.zeros(features.shape[1]), np.ones(features.shape[1])
    if len(features):
        mean[1:] = features[:, 1:].mean(0)
        spread[1:] = np.maximum(features[:, 1:].std(0), LEAST_SPREAD)
    scaled = (features - mean) / spread
    yes, no = int(right.sum()), int((~right).sum())
    labels = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    prior = np.full(features.shape[1], strength)
    prior[0] = 1e-6
    middle = centre * spread
    weights = middle.copy()
    for _ in range(NEWTON_STEPS):
        chance = probability(scaled, weights)
        slope = scaled.T @ (chance - labels) + prior * (weights - middle)
        curve = (scaled * (chance * (1 - chance))[:, None]).T @ scaled + np.diag(prior)
        step = np.linalg.solve(curve, slope)
        weights = weights - step / max(1.0, float(np.abs(step).max()))  # no step is longer than 1
        if np.abs(step).max() < 1e-9:
            break
    result: Numbers = weights / spread
    result[0] -= float((weights[1:] / spread[1:]) @ mean[1:])
    return result


def save(report: CalibrationReport, links: Sequence[CalibratedLink], folder: Path) -> None:
    """Write what is kept: the cascade's file, and what links keep in files of their own."""
    for link in links:
        for name, record in link.files().items():
            write_json(folder / name, record, indent=2)
    report.config.save(folder)
