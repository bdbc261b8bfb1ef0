"""Evaluation: its arithmetic, and what becomes of questions that cannot be answered."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.datasets.clevr import read_questions, read_scenes
from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import InputError
from nmn.evaluation import UNREAD, ImageFolder, Outcome, Report, SceneTable, evaluate, read_program
from nmn.questions import Question

CLEVR = Domain.load("clevr")
SAMPLES = Path(__file__).resolve().parent.parent.parent / "demo" / "samples"
QUESTIONS = read_questions(SAMPLES / "questions.json")
SCENES = read_scenes(SAMPLES / "scenes.json", CLEVR)
ENGINE = Engine.for_scenes(CLEVR)


@st.composite
def outcomes(draw: st.DrawFn) -> Outcome:
    expected = draw(st.sampled_from([None, "yes", "2"]))
    answer = draw(st.sampled_from([None, "yes", "2"]))
    return Outcome(
        question_index=draw(st.integers(0, 99)),
        image_index=0,
        answer=answer,
        expected=expected,
        correct=None if expected is None else answer == expected,
        confidence=None if answer is None else 0.5,
        error="no image" if answer is None else None,
        type=draw(st.sampled_from(["count", "exist", "query[color]", UNREAD])),
    )


@given(st.lists(outcomes().map(lambda outcome: outcome), max_size=30))
def test_the_scores_of_all_types_add_up_to_that_of_all(each: list[Outcome]) -> None:
    report = Report(tuple(each), 1.0)
    record = report.to_json()
    for name in ("questions", "judged", "correct", "failed"):
        assert record[name] == sum(score[name] for score in record["by_type"].values())
    assert record["questions"] == len(each) == len(record["answers"])
    if record["judged"]:
        assert record["accuracy"] == record["correct"] / record["judged"]
    else:
        assert record["accuracy"] is None


def test_a_question_without_an_answer_counts_as_wrong() -> None:
    right = Outcome(0, 0, "2", "2", True, 0.9, None, "count")
    failed = Outcome(1, 0, None, "2", False, None, "no image", "count")
    unjudged = Outcome(2, 0, "2", None, None, 0.9, None, "count")
    score = Report((right, failed, unjudged), 1.0).score
    assert (score.accuracy, score.questions, score.judged, score.correct, score.failed) == (0.5, 3, 2, 1, 1)


@pytest.mark.parametrize("programs", ["given", "parsed"])
def test_given_and_parsed_programs_answer_the_samples_right(programs: Any) -> None:
    report = evaluate(ENGINE, QUESTIONS, SceneTable(SCENES), programs=programs)
    assert report.score.accuracy == 1.0
    assert [each.question_index for each in report.outcomes] == [each.question_index for each in QUESTIONS]


def test_given_programs_do_not_read_the_text_and_parsed_ones_do_not_read_the_program() -> None:
    nonsense = replace(QUESTIONS[0], text="?!")
    assert not isinstance(read_program(ENGINE, nonsense, "given"), InputError)
    assert isinstance(read_program(ENGINE, nonsense, "parsed"), InputError)
    without = replace(QUESTIONS[0], program=None)
    assert not isinstance(read_program(ENGINE, without, "parsed"), InputError)
    assert "gives no program" in str(read_program(ENGINE, without, "given"))
    wrong = replace(QUESTIONS[0], program=[{"type": "bogus", "inputs": []}])
    assert isinstance(read_program(ENGINE, wrong, "given"), InputError)


def test_what_cannot_be_answered_is_named_and_the_rest_goes_on() -> None:
    asked = [
        QUESTIONS[0],
        replace(QUESTIONS[1], text="?"),
        replace(QUESTIONS[4], image_index=999_999),
        QUESTIONS[-1],
    ]
    report = evaluate(ENGINE, asked, SceneTable(SCENES), programs="parsed")
    first, unread, unseen, last = report.outcomes
    assert first.correct
    assert last.correct
    assert unread.error is not None
    assert "empty" in unread.error
    assert "\n" not in unread.error
    assert (unread.type, unread.correct, unread.confidence) == (UNREAD, False, None)
    assert unseen.error is not None
    assert "999999" in unseen.error
    assert unseen.type != UNREAD
    assert report.score.accuracy == 0.5


@pytest.mark.parametrize("batch_size", [1, 5, 1000])
def test_progress_is_told_of_every_question_once(batch_size: int) -> None:
    done: list[int] = []
    evaluate(ENGINE, QUESTIONS, SceneTable(SCENES), batch_size=batch_size, workers=3, advance=done.append)
    assert sum(done) == len(QUESTIONS)


def test_images_are_found_by_file_name() -> None:
    folder = ImageFolder(SAMPLES)
    assert Path(folder(QUESTIONS[0])) == SAMPLES / "CLEVR_val_000000.jpg"
    with pytest.raises(InputError, match="names no image file"):
        folder(Question(3, 0, None, "Is there a cube?"))


def test_an_image_of_many_questions_is_looked_at_once_in_a_batch() -> None:
    class Counting:
        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.seen: list[Any] = []

        def __getattr__(self, name: str) -> Any:
            return getattr(self.inner, name)

        def load(self, image: Any) -> Any:
            self.seen.append(image.image_index)
            return self.inner.load(image)

    perceiver = Counting(ENGINE.perceiver)
    # The questions of an image need not stand together in the file.
    shuffled = [QUESTIONS[place] for place in np.random.default_rng(0).permutation(len(QUESTIONS))]
    report = evaluate(Engine(perceiver), shuffled, SceneTable(SCENES))
    assert report.score.accuracy == 1.0
    assert {perceiver.seen.count(index) for index in SCENES} <= {1, 2}  # 2: loading what is loaded does nothing
