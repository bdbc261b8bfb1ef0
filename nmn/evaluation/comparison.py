"""Comparison of two reports on the same questions, pair by pair."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nmn.errors import DataError, InputError
from nmn.evaluation.bootstrap import Interval, mcnemar, percentile_intervals, resampled_ratios, sums_by_cluster
from nmn.evaluation.outcome import UNREAD
from nmn.files import read_json

NEEDED = ("question_index", "image_index", "expected", "answer", "correct", "type")
ALL = "all"


@dataclass(frozen=True)
class Changed:
    """A question that just one of the two gets right.

    Attributes:
        question_index: Its number in its file.
        image_index: Number of its image.
        type: Of the question.
        expected: The right answer.
        first: What the first answered; None for no answer.
        second: What the second did.
    """

    question_index: int
    image_index: int
    type: str
    expected: str
    first: str | None
    second: str | None


@dataclass(frozen=True)
class Difference:
    """Two systems on the same questions.

    Attributes:
        questions: Those that both reports judge.
        first: How many of them the first gets right.
        second: How many the second does.
        only_first: How many just the first does.
        only_second: How many just the second does.
        interval: Between what the difference of accuracies lies at 95 %, images being resampled; None of no questions.
        p: Of McNemar's exact test that neither is better, questions being taken as independent.
    """

    questions: int
    first: int
    second: int
    only_first: int
    only_second: int
    interval: Interval | None
    p: float

    @property
    def difference(self) -> float | None:
        """Accuracy of the second minus that of the first."""
        return (self.second - self.first) / self.questions if self.questions else None

    def to_json(self) -> dict[str, Any]:
        """The fields and the difference."""
        return {"difference": self.difference, **asdict(self)}


@dataclass(frozen=True)
class Comparison:
    """What differs between two reports.

    Attributes:
        all: On all questions.
        by_type: By the first report's type of question; by the second's where the first could not read it.
        changed: Every question that just one of the two gets right, in the order of the reports.
    """

    all: Difference
    by_type: Mapping[str, Difference]
    changed: tuple[Changed, ...]

    def to_json(self) -> dict[str, Any]:
        """``{"all": {...}, "by_type": {type: {...}}, "changed": [...]}``."""
        by_type = {name: each.to_json() for name, each in self.by_type.items()}
        return {"all": self.all.to_json(), "by_type": by_type, "changed": [asdict(each) for each in self.changed]}


@dataclass(frozen=True)
class _Pair:
    """One question of both reports."""

    first: Mapping[str, Any]
    second: Mapping[str, Any]

    @property
    def type(self) -> str:
        return str(self.second["type"] if self.first["type"] == UNREAD else self.first["type"])


def read_answers(path: str | Path) -> list[Mapping[str, Any]]:
    """The answers of a report's file. Raises: DataError, in one line, when it is none."""
    value = read_json(path)
    answers = value.get("answers") if isinstance(value, dict) else None
    if not isinstance(answers, list):
        raise DataError(
            f"{path} is no report: an object with a list 'answers' is needed, as `nmn eval --json` writes it"
        )
    for place, answer in enumerate(answers):
        missing = [key for key in NEEDED if not isinstance(answer, dict) or key not in answer]
        if missing:
            raise DataError(f"{path} is no report: answer {place} lacks {', '.join(map(repr, missing))}")
    return answers


def compare(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> Comparison:
    """Compare the answers of two reports.

    Raises: InputError when they are not about the same questions, naming the first that differs.
    """
    pairs = [pair for pair in _paired(first, second) if None not in (pair.first["correct"], pair.second["correct"])]
    types = sorted({pair.type for pair in pairs})
    differences = _differences(pairs, [*types, ALL])
    return Comparison(
        differences.pop(),
        dict(zip(types, differences, strict=True)),
        tuple(_changed(pair) for pair in pairs if pair.first["correct"] != pair.second["correct"]),
    )


def _paired(first: Sequence[Mapping[str, Any]], second: Sequence[Mapping[str, Any]]) -> list[_Pair]:
    others = {answer["question_index"]: answer for answer in second}
    pairs: list[_Pair] = []
    for answer in first:
        other = others.get(answer["question_index"])
        if other is None:
            raise InputError(
                f"the reports are not about the same questions: question {answer['question_index']} is in the first alone"
            )
        for key, words in (("image_index", "image"), ("expected", "expected answer")):
            if answer[key] != other[key]:
                raise InputError(
                    f"the reports are not about the same questions: the {words} of question {answer['question_index']} is "
                    f"{answer[key]!r} in the first and {other[key]!r} in the second"
                )
        pairs.append(_Pair(answer, other))
    alone = others.keys() - {answer["question_index"] for answer in first}
    if alone:
        raise InputError(
            f"the reports are not about the same questions: question {min(alone)} is in the second alone "
            f"({len(first):,} and {len(second):,} questions)"
        )
    return pairs


def _differences(pairs: Sequence[_Pair], names: Sequence[str]) -> list[Difference]:
    """One for each name of a type, and for :data:`ALL`."""
    members: dict[str, list[int]] = defaultdict(list)
    for place, pair in enumerate(pairs):
        members[pair.type].append(place)
        members[ALL].append(place)
    right = np.array([[pair.first["correct"], pair.second["correct"]] for pair in pairs], dtype=np.int64).reshape(-1, 2)
    images: dict[Any, int] = {}
    clusters = np.array([images.setdefault(pair.first["image_index"], len(images)) for pair in pairs], dtype=np.int64)
    places = [np.array(members[name], dtype=np.int64) for name in names]
    groups = np.concatenate([np.full(len(each), number) for number, each in enumerate(places)])
    chosen = np.concatenate(places)
    shape = (len(images), len(names))
    gains = sums_by_cluster(clusters[chosen], groups, (right[:, 1] - right[:, 0])[chosen], shape)
    totals = sums_by_cluster(clusters[chosen], groups, 1.0, shape)
    intervals = percentile_intervals(resampled_ratios(gains, totals))
    return [_difference(right[each], interval) for each, interval in zip(places, intervals, strict=True)]


def _difference(right: Any, interval: Interval | None) -> Difference:
    """Of questions [questions, 2] that either of two systems gets right."""
    only_first = int((right[:, 0] > right[:, 1]).sum())
    only_second = int((right[:, 0] < right[:, 1]).sum())
    return Difference(
        questions=len(right),
        first=int(right[:, 0].sum()),
        second=int(right[:, 1].sum()),
        only_first=only_first,
        only_second=only_second,
        interval=interval,
        p=mcnemar(only_first, only_second),
    )


def _changed(pair: _Pair) -> Changed:
    return Changed(
        question_index=pair.first["question_index"],
        image_index=pair.first["image_index"],
        type=pair.type,
        expected=pair.first["expected"],
        first=pair.first["answer"],
        second=pair.second["answer"],
    )
