"""What becomes of broken data: counted, named, skipped or refused; the report never silently shrinks."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmn.datasets.clevr import read_questions, read_scenes
from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import InputError
from nmn.evaluation import DATA_FAILURES, Report, SceneTable, evaluate
from nmn.evaluation.outcome import UNKNOWN
from nmn.parse import Parse
from nmn.questions import Question
from nmn.trace import Answer

CLEVR = Domain.load("clevr")
SAMPLES = Path(__file__).resolve().parent.parent.parent / "demo" / "samples"
QUESTIONS = read_questions(SAMPLES / "questions.json")[:16]
SCENES = SceneTable(read_scenes(SAMPLES / "scenes.json", CLEVR))
ENGINE = Engine.for_scenes(CLEVR)
BOGUS: list[Any] = [{"type": "bogus", "inputs": []}]

Breaking = Callable[[Question], Question]
BREAKINGS: dict[str, Breaking] = {
    "nothing": lambda question: question,
    "image": lambda question: replace(question, image_index=999_999),
    "program": lambda question: replace(question, program=BOGUS),
    "no program": lambda question: replace(question, program=None),
    "question": lambda question: replace(question, text="\N{BELL}blah ((("),
    "no answer": lambda question: replace(question, answer=None),
}


@settings(max_examples=25)
@given(
    st.lists(st.sampled_from(sorted(BREAKINGS)), max_size=len(QUESTIONS)),
    st.sampled_from(["given", "parsed"]),
    st.sampled_from(["count", "skip", "fail"]),
    st.sampled_from([1, 3, 100]),
)
def test_there_are_as_many_outcomes_as_questions_whatever_is_broken(
    kinds: list[str], programs: Any, on_error: Any, batch_size: int
) -> None:
    asked = [BREAKINGS[kind](question) for kind, question in zip(kinds, QUESTIONS, strict=False)]
    try:
        report = evaluate(ENGINE, asked, SCENES, programs=programs, on_error=on_error, batch_size=batch_size)
    except InputError as error:
        first = next(question for kind, question in zip(kinds, QUESTIONS, strict=False) if broken(kind, programs))
        assert on_error == "fail"
        assert str(error).startswith(f"question {first.question_index}: ")
        return
    assert [each.question_index for each in report.outcomes] == [each.question_index for each in asked]
    assert on_error != "fail" or not any(broken(kind, programs) for kind in kinds)
    score = report.score
    unanswerable = sum(kind == "no answer" for kind in kinds)
    assert score.questions == score.judged + score.skipped + unanswerable == len(asked)
    assert score.failed == sum(report.failures.values()) == sum(each.error is not None for each in report.outcomes)
    assert (score.skipped > 0) == (on_error == "skip" and any(broken(kind, programs) for kind in kinds))


def broken(kind: str, programs: str) -> bool:
    """Whether the data is at fault."""
    return kind == "image" or (programs == "given" and kind in ("program", "no program"))


def report_of(kinds: list[str], **options: Any) -> Report:
    asked = [BREAKINGS[kind](question) for kind, question in zip(kinds, QUESTIONS, strict=False)]
    return evaluate(ENGINE, asked, SCENES, **options)


def test_what_is_skipped_is_listed_with_its_error_and_not_judged() -> None:
    counted = report_of(["nothing", "image", "program", "nothing"])
    skipped = report_of(["nothing", "image", "program", "nothing"], on_error="skip")
    assert (counted.score.accuracy, counted.score.judged, counted.score.skipped) == (0.5, 4, 0)
    assert (skipped.score.accuracy, skipped.score.judged, skipped.score.skipped) == (1.0, 2, 2)
    assert dict(skipped.failures) == dict(counted.failures) == {"image": 1, "program": 1}
    assert [each.error for each in skipped.outcomes] == [each.error for each in counted.outcomes]
    assert [each.failure in DATA_FAILURES for each in skipped.outcomes] == [False, True, True, False]


def test_a_question_that_cannot_be_read_is_never_skipped_and_never_stops() -> None:
    for on_error in ("skip", "fail"):
        report = report_of(["nothing", "question"], programs="parsed", on_error=on_error)
        assert (report.score.accuracy, report.score.judged) == (0.5, 2)


class Unsure:
    """A parser that reads everything as one question, and knows that it guesses."""

    name = "unsure"

    def parse(self, question: str) -> tuple[Parse, ...]:
        program = ENGINE.parse(QUESTIONS[0].text).program
        return (Parse(program, 0.3, (None,) * len(program.nodes), self.name, 0.0, known=False),)


def test_i_dont_know_is_counted_apart_from_failures_and_is_not_correct() -> None:
    engine = Engine.for_scenes(CLEVR, parser=Unsure())
    report = evaluate(engine, QUESTIONS[:3], SCENES, programs="parsed")
    score = report.score
    assert (score.questions, score.declined, score.failed, score.correct, score.judged) == (3, 3, 0, 0, 3)
    first = report.outcomes[0]
    assert (first.answer, first.guess, first.error, first.link) == (None, QUESTIONS[0].answer, None, "unsure")
    assert first.confidence == pytest.approx(0.3)
    assert [each.program_correct for each in report.outcomes] == [True, False, False]
    assert report.programs is not None
    assert report.programs.accuracy == pytest.approx(1 / 3)


def test_families_lengths_and_links_are_those_of_the_file_and_the_parser() -> None:
    report = evaluate(ENGINE, QUESTIONS, SCENES, programs="parsed")
    for question, outcome in zip(QUESTIONS, report.outcomes, strict=True):
        assert outcome.family == f"{question.template}#{question.family}"
        assert outcome.length == len(question.program or ())
        low, high = map(int, outcome.lengths.split("-"))
        assert low <= (outcome.length or 0) <= high == low + 4
        assert outcome.link
    bare = [replace(question, template=None, family=None, program=None) for question in QUESTIONS]
    unnamed = evaluate(ENGINE, bare, SCENES, programs="parsed")
    assert list(unnamed.by_family) == [UNKNOWN]
    assert all(isinstance(outcome.length, int) for outcome in unnamed.outcomes)
    assert unnamed.programs is None


def test_every_grouping_adds_up_to_all(root: Path) -> None:
    report = report_of(["nothing", "image", "program", "question", "no answer"] * 3)
    record = report.to_json()
    for grouping in ("by_type", "by_family", "by_length"):
        for name in ("questions", "judged", "correct", "failed", "declined", "skipped"):
            assert record[name] == sum(score[name] for score in record[grouping].values())
    for score in (record, *record["by_type"].values()):
        if score["judged"]:
            low, high = score["interval"] or (0.0, 1.0)
            assert 0.0 <= low <= score["accuracy"] <= high <= 1.0
        else:
            assert score["interval"] is None


def test_answers_of_none_are_the_exact_rules_dont_know() -> None:
    class Silent:
        def run(self, images: Any, programs: Any, positions: Any, *, trace: bool = False) -> list[Answer]:
            return [Answer(None, 0.0, {}, program) for program in programs]

    engine = Engine(ENGINE.perceiver, backend=Silent())
    report = evaluate(engine, QUESTIONS[:2], SCENES)
    assert (report.score.declined, report.score.accuracy) == (2, 0.0)
    assert np.isfinite([each.confidence for each in report.outcomes if each.confidence is not None]).all()
