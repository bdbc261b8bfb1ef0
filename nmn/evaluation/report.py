"""Report: the outcome of every question, and what follows from them all."""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmn.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Interval, Numbers, share_intervals
from nmn.evaluation.calibration import (
    COVERAGES,
    Calibration,
    calibration_of,
    judged_guesses,
    kept_at,
)
from nmn.evaluation.outcome import UNKNOWN, Outcome, Score
from nmn.evaluation.records import Causes, Compute, SceneAccuracy

REPORT_VERSION = 2
"""Version 1 had no intervals, families, lengths, calibration and what follows."""

ALL = ("all", "")
Whole = NDArray[np.int64]
Share = tuple[Numbers, Numbers]
"""By image, how many are right, and of how many."""

Kind = Callable[[Outcome], str]
GROUPINGS: Mapping[str, Kind] = {
    "type": lambda outcome: outcome.type,
    "family": lambda outcome: outcome.family or UNKNOWN,
    "length": lambda outcome: outcome.lengths,
}


@dataclass(frozen=True)
class Report:
    """The outcome of every question of an evaluation, in the order of the file.

    Attributes:
        outcomes: One a question, whatever became of it.
        seconds: How long the answering took.
        compute: What it cost; None where it was not measured.
        scenes: How well images were seen; None without true scenes.
        causes: What caused the wrong answers; None where it was not asked for.
    """

    outcomes: tuple[Outcome, ...]
    seconds: float
    compute: Compute | None = None
    scenes: SceneAccuracy | None = None
    causes: Causes | None = None

    @cached_property
    def score(self) -> Score:
        """Of all questions; one without an answer counts as wrong unless it is skipped."""
        return Score.of(self.outcomes, self._intervals[ALL])

    @cached_property
    def by_type(self) -> Mapping[str, Score]:
        """Of each type of question, by name."""
        return self._scores("type")

    @cached_property
    def by_family(self) -> Mapping[str, Score]:
        """Of each family of questions: those from one template."""
        return self._scores("family")

    @cached_property
    def by_length(self) -> Mapping[str, Score]:
        """Of each bin of program lengths, shortest first."""
        scores = self._scores("length")
        return {name: scores[name] for name in sorted(scores, key=_first_number)}

    @cached_property
    def programs(self) -> Score | None:
        """How many questions were read as the program that the file gives; None where none can be told.

        Of this score, ``judged`` are those that could be, and ``failed`` and ``declined`` are 0.
        """
        told = [outcome for outcome in self.outcomes if outcome.program_correct is not None]
        if not told:
            return None
        right = sum(outcome.program_correct is True for outcome in told)
        return Score(len(self.outcomes), len(told), right, 0, interval=self._intervals["programs", ""])

    @cached_property
    def calibration(self) -> Calibration | None:
        """How well confidences and answers agree; None where nothing is judged or has a confidence."""
        return calibration_of(self.outcomes, [self._intervals["coverage", str(each)] for each in COVERAGES])

    @property
    def failures(self) -> Mapping[str, int]:
        """Questions without an answer, by the kind of error."""
        return dict(sorted(Counter(each.failure or UNKNOWN for each in self.outcomes if each.error).items()))

    @property
    def wrong(self) -> tuple[Outcome, ...]:
        """Judged and not right."""
        return tuple(outcome for outcome in self.outcomes if outcome.correct is False)

    def to_json(self) -> dict[str, Any]:
        """All of it, by name; ``docs/guides/evaluation.md`` says what is what."""
        calibration, programs = self.calibration, self.programs
        return {
            "version": REPORT_VERSION,
            **self.score.to_json(),
            "seconds": self.seconds,
            "images": len(self._image_numbers),
            "bootstrap": {"resamples": RESAMPLES, "seed": SEED, "level": LEVEL},
            "failures": self.failures,
            "program_accuracy": None if programs is None else programs.to_json(),
            "calibration": None if calibration is None else calibration.to_json(),
            "compute": None if self.compute is None else self.compute.to_json(),
            "scenes": None if self.scenes is None else self.scenes.to_json(),
            "causes": None if self.causes is None else self.causes.to_json(),
            "by_type": _to_json(self.by_type),
            "by_family": _to_json(self.by_family),
            "by_length": _to_json(self.by_length),
            "answers": [outcome.to_json() for outcome in self.outcomes],
        }

    def _scores(self, grouping: str) -> dict[str, Score]:
        groups: dict[str, list[Outcome]] = defaultdict(list)
        for outcome in self.outcomes:
            groups[GROUPINGS[grouping](outcome)].append(outcome)
        return {name: Score.of(groups[name], self._intervals[grouping, name]) for name in sorted(groups)}

    @cached_property
    def _intervals(self) -> Mapping[tuple[str, str], Interval | None]:
        """Of every share in this report, from the same resampled images."""
        shares = self._grouped() | self._coverages()
        found: dict[tuple[str, str], Interval | None] = defaultdict(lambda: None)
        if shares:
            above, below = (np.stack([share[side] for share in shares.values()], 1) for side in (0, 1))
            reference = list(shares).index(ALL) if ALL in shares else None
            found.update(zip(shares, share_intervals(above, below, reference=reference), strict=True))
        return found

    def _grouped(self) -> dict[tuple[str, str], Share]:
        """Shares of the judged that are right, of all and of every group, and of programs that were read right."""
        shares: dict[tuple[str, str], Share] = {}
        told = [(outcome, outcome.program_correct) for outcome in self.outcomes if outcome.program_correct is not None]
        if told:
            images = self._images([outcome for outcome, _ in told])
            shares["programs", ""] = self._share(images, np.array([right for _, right in told]))
        judged = [outcome for outcome in self.outcomes if outcome.correct is not None]
        right = np.array([outcome.correct for outcome in judged], dtype=np.float64)
        images = self._images(judged)
        if judged:
            shares[ALL] = self._share(images, right)
        for grouping, kind in GROUPINGS.items() if judged else ():
            names, codes = np.unique([kind(outcome) for outcome in judged], return_inverse=True)
            for code, name in enumerate(names.tolist()):
                shares[grouping, name] = self._share(images, right, (codes == code).astype(np.float64))
        return shares

    def _coverages(self) -> dict[tuple[str, str], Share]:
        judged, confidence, right = judged_guesses(self.outcomes)
        kept = {each: kept_at(confidence, each)[0] for each in COVERAGES} if judged else {}
        images = self._images(judged)
        return {("coverage", str(each)): self._share(images, right, weights) for each, weights in kept.items()}

    def _share(self, images: Whole, right: Numbers, weights: Numbers | float = 1.0) -> Share:
        """By image, how many of some outcomes [outcomes] are right, and how many there are, each counting by its weight."""
        number = len(self._image_numbers)
        counted = np.broadcast_to(np.asarray(weights, dtype=np.float64), right.shape)
        return (
            np.bincount(images, weights=counted * right, minlength=number).astype(np.float64),
            np.bincount(images, weights=counted, minlength=number).astype(np.float64),
        )

    def _images(self, outcomes: Sequence[Outcome]) -> Whole:
        """[outcomes] the number of each one's image."""
        return np.array([self._image_numbers[outcome.image_index] for outcome in outcomes], dtype=np.int64)

    @cached_property
    def _image_numbers(self) -> Mapping[int, int]:
        """Each image's number among those of the report."""
        numbers: dict[int, int] = {}
        for outcome in self.outcomes:
            numbers.setdefault(outcome.image_index, len(numbers))
        return numbers


def _to_json(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {name: score.to_json() for name, score in scores.items()}


def _first_number(name: str) -> tuple[bool, int]:
    first = name.split("-")[0]
    return (False, int(first)) if first.isdigit() else (True, 0)


def worst(outcomes: Sequence[Outcome], most: int) -> list[Outcome]:
    """The wrong answers that are worst to give: the most confident first, then those not given, then failures."""
    wrong = [outcome for outcome in outcomes if outcome.correct is False]
    wrong.sort(key=lambda each: (each.error is not None, each.declined, -(each.confidence or 0.0)))
    return wrong[:most]
