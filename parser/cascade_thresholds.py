"""Thresholds of a cascade: those of least expected cost, found by trying them all.

An outcome costs the time of the links that were asked, and what it costs to answer wrongly or not to answer; of a question
that has no answer "I don't know" is right and costs nothing more. Source: IDK cascades (Wang et al., UAI 2018,
arXiv:1706.00885, section 3), with one cost for time and mistakes in place of a bound on accuracy.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmn.parser.cascade_config import Costs

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]

BINS = 15
NEVER = 1.0
"""A threshold that no calibrated confidence reaches."""

_MOST_TRIED = {1: 2000, 2: 400, 3: 50}  # thresholds of each link but the last, by the number of links


@dataclass(frozen=True)
class LinkOutcomes:
    """What one link makes of each question.

    Attributes:
        name: Of the link.
        confidence: [questions] calibrated, 0 to 1; -1 where it has no reading.
        right: [questions] whether its likeliest reading is what was meant.
        seconds: What it takes for one question.
    """

    name: str
    confidence: Numbers
    right: Mask
    seconds: float

    def taken(self, rows: NDArray[np.int64]) -> "LinkOutcomes":
        """Those of some of the questions."""
        return LinkOutcomes(self.name, self.confidence[rows], self.right[rows], self.seconds)


@dataclass(frozen=True)
class Score:
    """How a cascade does on some questions.

    Attributes:
        questions: How many.
        coverage: Share that is answered.
        accuracy: Share of the answered that is read as meant; None where nothing is answered.
        correct: Share of all whose outcome is right: read as meant, or "I don't know" where there is no answer.
        cost: Mean cost of a question.
        ece: Expected calibration error of the best reading's confidence, answered or not, over bins of equal mass; None
            where there is no reading.
        by_link: Share of all that each link answers.
    """

    questions: int
    coverage: float
    accuracy: float | None
    correct: float
    cost: float
    ece: float | None
    by_link: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def best_thresholds(links: Sequence[LinkOutcomes], answerable: Mask, costs: Costs) -> tuple[float, ...]:
    """The thresholds of least expected cost.

    All combinations are tried, each threshold between two confidences that occur; of many, as many as there is time for,
    but always all of the last link's. Of equally good ones the lowest are taken. That an answer is wrong is expected with
    one less its confidence, which is steadier than to count the few mistakes there are.

    Args:
        links: In the order in which they are asked.
        answerable: [questions] whether there is a right reading at all.
        costs: Of outcomes.
    """
    *before, last = links
    grids = [_candidates(link.confidence, _MOST_TRIED.get(len(links), 20)) for link in before]
    answered = [(1 - link.confidence) * costs.wrong for link in links]
    silent = np.where(answerable, costs.unknown, 0.0)
    order = np.argsort(-last.confidence, kind="stable")
    best: tuple[float, tuple[float, ...]] = (np.inf, ())
    for thresholds in product(*grids):
        waiting = np.ones(len(answerable), dtype=bool)
        spent = 0.0
        for link, threshold, cost in zip(before, thresholds, answered, strict=False):
            spent += costs.time * link.seconds * waiting.sum()
            stops = waiting & (link.confidence >= max(threshold, 0.0))
            spent += float(cost[stops].sum())
            waiting &= ~stops
        spent += costs.time * last.seconds * waiting.sum()
        if spent >= best[0]:
            continue
        rows = order[waiting[order]]
        end, threshold = _last_threshold(last.confidence[rows], answered[-1][rows], silent[rows])
        if spent + end < best[0]:
            best = spent + end, (*thresholds, threshold)
    return best[1]


def _candidates(confidence: Numbers, most: int) -> Sequence[float]:
    """Thresholds worth trying, rising: one below all confidences, one between any two, one above all."""
    values = np.unique(confidence[confidence >= 0])
    between = (values[1:] + values[:-1]) / 2
    if len(between) > most:
        between = np.unique(np.quantile(between, np.linspace(0, 1, most)))
    return [0.0, *between.tolist(), NEVER]


def _last_threshold(confidence: Numbers, answered: Numbers, silent: Numbers) -> tuple[float, float]:
    """Cost and threshold where it is least, for questions in falling order of confidence."""
    readable = int((confidence >= 0).sum())
    costs = silent.sum() + np.concatenate([[0.0], np.cumsum(answered - silent)[:readable]])
    apart = np.ones(readable + 1, dtype=bool)  # equal confidences are answered together or not at all
    apart[1:readable] = confidence[: readable - 1] > confidence[1:readable] if readable else True
    possible = np.where(apart, costs, np.inf)
    number = readable - int(possible[::-1].argmin())
    if number == 0:
        return float(costs[0]), NEVER
    if number == readable:
        return float(costs[number]), 0.0
    return float(costs[number]), float(confidence[number - 1] + confidence[number]) / 2


def score(links: Sequence[LinkOutcomes], thresholds: Sequence[float], answerable: Mask, costs: Costs) -> Score:
    """How a cascade with some thresholds does."""
    number = len(answerable)
    waiting = np.ones(number, dtype=bool)
    best, right, spent = np.full(number, -1.0), np.zeros(number, dtype=bool), np.zeros(number)
    by_link = {}
    for link, threshold in zip(links, thresholds, strict=True):
        spent[waiting] += costs.time * link.seconds
        stops = waiting & (link.confidence >= max(threshold, 0.0))
        better = waiting & ((link.confidence > best) | stops)
        best[better], right[better] = link.confidence[better], link.right[better]
        by_link[link.name] = float(stops.mean()) if number else 0.0
        waiting &= ~stops
    answered = ~waiting
    fine = np.where(answered, right, ~answerable)
    spent += np.where(answered, np.where(right, 0.0, costs.wrong), np.where(answerable, costs.unknown, 0.0))
    read = best >= 0
    return Score(
        questions=number,
        coverage=float(answered.mean()) if number else 0.0,
        accuracy=float(right[answered].mean()) if answered.any() else None,
        correct=float(fine.mean()) if number else 0.0,
        cost=float(spent.mean()) if number else 0.0,
        ece=calibration_error(best[read], right[read]) if read.any() else None,
        by_link=by_link,
    )


def calibration_error(confidence: Numbers, right: Mask) -> float:
    """Mean distance of confidence and accuracy, over bins of equal mass (Nguyen and O'Connor 2015, arXiv:1508.05154)."""
    order = np.argsort(confidence, kind="stable")
    bins = [rows for rows in np.array_split(order, BINS) if len(rows)]
    gaps = [len(rows) * abs(confidence[rows].mean() - right[rows].mean()) for rows in bins]
    return float(sum(gaps) / len(order))
