"""Report: the outcome of every question, and what follows from them all."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from nmn.evaluation.bootstrap import LEVEL, RESAMPLES, SEED, Interval, share_intervals, sums_by_cluster
from nmn.evaluation.calibration import COVERAGES, Calibration, calibration_of, judged_guesses, kept_at
from nmn.evaluation.outcome import UNKNOWN, Outcome, Score
from nmn.evaluation.records import Causes, Compute, SceneAccuracy

REPORT_VERSION = 2
"""Version 1 had no intervals, families, lengths, calibration and what follows."""

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
        return Score.of(self.outcomes, self._intervals["all", ""])

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
            "images": len({outcome.image_index for outcome in self.outcomes}),
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
        numbers: dict[int, int] = {}
        for outcome in self.outcomes:
            numbers.setdefault(outcome.image_index, len(numbers))
        shares = [*self._grouped(), *self._coverages()]
        names = list(dict.fromkeys(name for name, *_ in shares))
        column = {name: number for number, name in enumerate(names)}
        clusters = np.array([numbers[image] for _, image, _, _ in shares], dtype=np.int64)
        groups = np.array([column[name] for name, *_ in shares], dtype=np.int64)
        shape = (len(numbers), len(names))
        right = sums_by_cluster(clusters, groups, np.array([right for *_, right, _ in shares], dtype=float), shape)
        weights = sums_by_cluster(clusters, groups, np.array([weight for *_, weight in shares], dtype=float), shape)
        found: dict[tuple[str, str], Interval | None] = defaultdict(lambda: None)
        found.update(zip(names, share_intervals(right, weights, reference=column.get(("all", ""))), strict=True))
        return found

    def _grouped(self) -> Iterator[tuple[tuple[str, str], int, float, float]]:
        """(share, image, what it adds above, what it adds below), for every outcome and every share that it is part of."""
        for outcome in self.outcomes:
            if outcome.program_correct is not None:
                yield ("programs", ""), outcome.image_index, float(outcome.program_correct), 1.0
            if outcome.correct is None:
                continue
            yield ("all", ""), outcome.image_index, float(outcome.correct), 1.0
            for grouping, kind in GROUPINGS.items():
                yield (grouping, kind(outcome)), outcome.image_index, float(outcome.correct), 1.0

    def _coverages(self) -> Iterator[tuple[tuple[str, str], int, float, float]]:
        judged, confidence, right = judged_guesses(self.outcomes)
        if not judged:
            return
        for coverage in COVERAGES:
            kept, _ = kept_at(confidence, coverage)
            for outcome, weight, is_right in zip(judged, kept.tolist(), right.tolist(), strict=True):
                if weight > 0:
                    yield ("coverage", str(coverage)), outcome.image_index, weight * is_right, weight


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
