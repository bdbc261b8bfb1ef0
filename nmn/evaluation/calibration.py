"""Calibration: whether a confidence of 0.9 is right nine times in ten, and what is gained by keeping silent when unsure.

Sources: expected calibration error over bins (Naeini, Cooper and Hauskrecht 2015, AAAI) of equal mass (Nguyen and O'Connor
2015, arXiv:1508.05154, section 4); coverage against accuracy (El-Yaniv and Wiener 2010, JMLR 11).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmn.evaluation.outcome import Outcome

BINS = 15
COVERAGES = (1.0, 0.995, 0.99, 0.98, 0.95, 0.9, 0.8, 0.7, 0.5)

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """Answers of like confidence.

    Attributes:
        questions: How many.
        low: Least confidence.
        high: Greatest.
        confidence: The mean.
        accuracy: The share that is right.
    """

    questions: int
    low: float
    high: float
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Coverage:
    """What would be right if only the most confident answers were given.

    Attributes:
        coverage: Share of the judged questions that are answered.
        accuracy: Share of those that is right.
        threshold: Least confidence among them.
        interval: Between what the accuracy lies, at 95 %; None where that cannot be told.
    """

    coverage: float
    accuracy: float
    threshold: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Calibration:
    """How well confidences and answers agree.

    Attributes:
        questions: Judged questions that have a confidence; "I don't know" counts by its guess.
        ece: Expected calibration error, 0 to 1: the mean distance of confidence and accuracy over bins of equal mass.
        brier: Mean squared distance of the confidence and 1 or 0 for right or wrong.
        confidence: The mean.
        accuracy: Share of these that is right.
        bins: Of equal mass, rising.
        coverage: At some coverages; here a question without an answer counts as wrong, and is the last to be given.
    """

    questions: int
    ece: float
    brier: float
    confidence: float
    accuracy: float
    bins: tuple[Bin, ...]
    coverage: tuple[Coverage, ...]

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def judged_guesses(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], Numbers, Numbers]:
    """Judged outcomes, how sure each's guess is [judged] (0 where there is none) and whether it is right [judged]."""
    judged = [outcome for outcome in outcomes if outcome.correct is not None]
    confidence = np.array([outcome.confidence or 0.0 for outcome in judged])
    right = np.array([guess_is_right(outcome) for outcome in judged], dtype=np.float64)
    return judged, confidence, right


def guess_is_right(outcome: Outcome) -> bool:
    """Whether the likeliest answer, known or not, is the right one."""
    guess = outcome.answer if outcome.guess is None else outcome.guess
    return guess is not None and guess == outcome.expected


def bins_of_equal_mass(confidence: Numbers, right: Numbers, number: int = BINS) -> tuple[Bin, ...]:
    """Put answers [answers] into bins by confidence, as many in each as in any other, but for one."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, number) if len(part)]
    return tuple(
        Bin(
            len(part),
            float(confidence[part[0]]),
            float(confidence[part[-1]]),
            float(confidence[part].mean()),
            float(right[part].mean()),
        )
        for part in parts
    )


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """The mean distance of confidence and accuracy, bins weighed by their mass."""
    total = sum(each.questions for each in bins)
    return sum(each.questions * abs(each.accuracy - each.confidence) for each in bins) / total if total else 0.0


def kept_at(confidence: Numbers, coverage: float) -> tuple[Numbers, float]:
    """How much of each question [questions] is among the most confident, 0 to 1, and the least confidence there.

    Of those that tie at the threshold each is kept by an equal part, so that nothing hangs on their order.
    """
    wanted = coverage * len(confidence)
    ranked = np.sort(confidence)[::-1]
    threshold = ranked[min(max(int(np.ceil(wanted - 1e-9)), 1), len(ranked)) - 1]
    kept = (confidence > threshold).astype(np.float64)
    ties = confidence == threshold
    kept[ties] = (wanted - kept.sum()) / ties.sum()
    return np.clip(kept, 0.0, 1.0), float(threshold)


def calibration_of(
    outcomes: Sequence[Outcome],
    intervals: Sequence[tuple[float, float] | None] = (None,) * len(COVERAGES),
) -> Calibration | None:
    """The calibration of an evaluation; None where nothing is judged or has a confidence.

    Args:
        outcomes: All of them.
        intervals: Of the accuracy at each of :data:`COVERAGES`.
    """
    judged, confidence, right = judged_guesses(outcomes)
    sure = np.array([outcome.confidence is not None for outcome in judged], dtype=bool)
    if not sure.any():
        return None
    bins = bins_of_equal_mass(confidence[sure], right[sure])
    points = []
    for coverage, interval in zip(COVERAGES, intervals, strict=True):
        kept, threshold = kept_at(confidence, coverage)
        points.append(Coverage(coverage, float((kept * right).sum() / kept.sum()), threshold, interval))
    return Calibration(
        questions=int(sure.sum()),
        ece=expected_calibration_error(bins),
        brier=float(((confidence[sure] - right[sure]) ** 2).mean()),
        confidence=float(confidence[sure].mean()),
        accuracy=float(right[sure].mean()),
        bins=bins,
        coverage=tuple(points),
    )
