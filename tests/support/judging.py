"""Judging parsers: what becomes of questions whose programs are known, and of some that have none."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
from compositions import FAMILIES
from meaning_of_programs import meaning
from noise import noise_suite, outside_questions

from nmn.domain import Domain
from nmn.errors import QuestionError
from nmn.parse import Parse, Parser, parse_many
from nmn.program import Program

BATCH = 256  # questions given to a parser together

Row = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A question to measure with: which table and row it counts in, its text, and its program if it has one."""

    table: str
    row: str
    text: str
    program: Program | None


@dataclass(frozen=True)
class Judged:
    """What became of it.

    Attributes:
        asked: The question.
        parse: The first reading; None where it was refused.
        right: Whether the reading is the program.
        alike: Whether it means the same.
        cost: Seconds.
    """

    asked: Asked
    parse: Parse | None
    right: bool
    alike: bool
    cost: float

    @property
    def known(self) -> bool:
        """Whether the parser answers by its reading."""
        return self.parse is not None and self.parse.known


def suites(domain: Domain) -> Iterator[Asked]:
    """The questions that need no files."""
    for family in FAMILIES:
        for question in family.questions(domain):
            yield Asked("New compositions", family.name, question.text, question.program.canonical())
    for noisy in noise_suite(domain):
        yield Asked("Noise", noisy.part, noisy.text, noisy.question.program.canonical())
    for text in outside_questions():
        yield Asked("Outside the domain", "outside", text, None)


def judge(parser: Parser, asked: Sequence[Asked]) -> list[Judged]:
    """Read all questions, in batches."""
    judged: list[Judged] = []
    for start in range(0, len(asked), BATCH):
        batch = asked[start : start + BATCH]
        started = perf_counter()
        outcomes = read_all(parser, [each.text for each in batch])
        share = (perf_counter() - started) / len(batch)
        for each, outcome in zip(batch, outcomes, strict=True):
            first = None if isinstance(outcome, QuestionError) else outcome[0]
            given = None if first is None else first.program.canonical()
            right = given is not None and given == each.program
            alike = right or (given is not None and each.program is not None and means_same(given, each.program))
            judged.append(Judged(each, first, right, alike, share))
    return judged


def means_same(first: Program, second: Program) -> bool:
    """Whether two programs mean the same."""
    return bool(meaning(first) == meaning(second))


def read_all(parser: Parser, texts: Sequence[str]) -> Sequence[tuple[Parse, ...] | QuestionError]:
    """Read a batch; where a parser refuses a batch for one of its questions, one by one."""
    try:
        return parse_many(parser, texts)
    except QuestionError as error:
        if len(texts) == 1:
            return [error]
    return [outcome for text in texts for outcome in read_all(parser, [text])]


def accuracy(judged: Iterable[Judged]) -> Row:
    """Shares of some questions."""
    found = list(judged)
    answered = [each for each in found if each.known]
    return {
        "questions": len(found),
        "right": sum(each.right for each in found) / len(found),
        "alike": sum(each.alike for each in found) / len(found),
        "known": len(answered) / len(found),
        "right of known": sum(each.right for each in answered) / len(answered) if answered else None,
    }


def by_row(judged: Sequence[Judged], table: str) -> dict[str, Row]:
    """The accuracy of each row of a table, and of all."""
    rows: dict[str, list[Judged]] = defaultdict(list)
    for each in judged:
        if each.asked.table == table:
            rows[each.asked.row].append(each)
    found = {row: accuracy(each) for row, each in rows.items()}
    return {**found, "all": accuracy(each for each in judged if each.asked.table == table)}


def outside(judged: Sequence[Judged]) -> Row:
    """How many questions from outside the domain are known to be so, and how far their confidence lies from others'."""
    strange = [each for each in judged if each.asked.program is None]
    inside = [confidence(each) for each in judged if each.asked.program is not None]
    scores = [confidence(each) for each in strange]
    return {
        "questions": len(strange),
        "does not know": sum(not each.known for each in strange) / len(strange),
        "mean confidence": statistics.fmean(scores),
        "confidence under 0.5": sum(score < 0.5 for score in scores) / len(scores),
        "ranked under one inside": ranked_under(scores, inside),
    }


def ranked_under(low: Sequence[float], high: Sequence[float]) -> float:
    """Probability that one of the first is less than one of the second, ties by half (area under the ROC curve)."""
    ordered = np.sort(np.array(high))
    less = len(high) - np.searchsorted(ordered, low, side="right")
    ties = np.searchsorted(ordered, low, side="right") - np.searchsorted(ordered, low, side="left")
    return float((less + 0.5 * ties).mean() / len(high))


def confidence(judged: Judged) -> float:
    """That the first reading is what was meant, 0 where there is none."""
    return 0.0 if judged.parse is None else judged.parse.confidence


def calibration(judged: Sequence[Judged]) -> dict[str, Row]:
    """Expected calibration error of the readings of each table, and of all; none from outside the domain is right."""
    from nmn.evaluation.calibration import expected_calibration_error

    rows: dict[str, Row] = {}
    for table in (*dict.fromkeys(each.asked.table for each in judged), "all"):
        read = [each for each in judged if each.parse is not None and table in (each.asked.table, "all")]
        if read:
            right = sum(each.right for each in read) / len(read)
            mean = statistics.fmean(confidence(each) for each in read)
            error = expected_calibration_error(_bins(read))
            rows[table] = {"readings": len(read), "ECE": error, "mean confidence": mean, "right": right}
    return rows


def reliability(judged: Sequence[Judged]) -> list[Row]:
    """Confidence against the share that is right, over bins of equal mass."""
    bins = _bins([each for each in judged if each.parse is not None])
    return [
        {"readings": each.questions, "from": each.low, "to": each.high, "mean": each.confidence, "right": each.accuracy}
        for each in bins
    ]


def _bins(read: Sequence[Judged]) -> Any:
    from nmn.evaluation.calibration import bins_of_equal_mass

    return bins_of_equal_mass(
        np.array([confidence(each) for each in read]), np.array([float(each.right) for each in read])
    )


def links(judged: Sequence[Judged]) -> dict[str, Row]:
    """Share of the questions that each link reads, and what a question costs there."""
    found: dict[str, list[float]] = defaultdict(list)
    for each in judged:
        parse = each.parse
        cost = sum(attempt.cost for attempt in parse.attempts) if parse is not None and parse.attempts else each.cost
        found[parse.link if parse is not None and parse.known else "does not know"].append(cost)
    rows = {
        link: {"share": len(cost) / len(judged), "ms": statistics.fmean(cost) * 1e3} for link, cost in found.items()
    }
    everything = [cost for costs in found.values() for cost in costs]
    return {**rows, "all": {"share": 1.0, "ms": statistics.fmean(everything) * 1e3}}
