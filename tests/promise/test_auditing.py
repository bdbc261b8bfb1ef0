"""Auditing: a share of a stream is compared with looking at everything, and an alarm can change how the rest is answered."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from nmn.errors import NmnError, QuestionError
from nmn.program import Node, Program
from nmn.promise.auditing import answer_watched, image_name
from nmn.promise.monitor import Monitor
from nmn.trace import Answer

COUNT = Program((Node("scene"), Node("count", (0,))))


class Engine:
    """Answers 1; by the hurried choice sometimes 2."""

    def __init__(self, wrong: float) -> None:
        self.wrong, self.random = wrong, Random(0)
        self.hurried = self.thorough = 0

    def answer_many(
        self, items: Iterable[Any], *, batch_size: int, workers: int, trace: bool, choice: Any
    ) -> Iterator[Answer | NmnError]:
        for _, question in items:
            if isinstance(question, NmnError):
                yield question
            elif choice == "everything":
                self.thorough += 1
                yield Answer("1", 1.0, {}, COUNT, question=question)
            else:
                self.hurried += 1
                yield Answer("2" if self.random.random() < self.wrong else "1", 1.0, {}, COUNT, question=question)

    def run(self, images: Sequence[Any], programs: Sequence[Program], *, backend: Any) -> list[Answer]:
        assert backend == "back end of everything"
        return [Answer("1", 1.0, {}, program) for program in programs]

    def backend_for(self, choice: Any) -> Any:
        return f"back end of {choice}"


def questions(number: int) -> list[tuple[Any, Any]]:
    return [(f"{each}.jpg", "how many?") for each in range(number)]


def watch(engine: Engine, monitor: Monitor, number: int, **options: Any) -> list[Answer | NmnError]:
    return list(answer_watched(engine, questions(number), monitor, everything="everything", batch_size=16, **options))


def test_about_the_share_is_audited_and_answers_are_those_of_the_policy() -> None:
    engine, monitor = Engine(0.0), Monitor("calibration", 0.05, share=0.1)
    assert len(watch(engine, monitor, 1000)) == 1000
    assert 70 < monitor.audited < 130
    assert (engine.hurried, engine.thorough, monitor.changed) == (1000, 0, 0)
    assert not monitor.alarmed


def test_a_broken_promise_is_said_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    engine, monitor = Engine(0.5), Monitor("calibration", 0.01, share=0.2)
    with caplog.at_level(logging.WARNING, logger="nmn.promise.auditing"):
        watch(engine, monitor, 2000)
    assert monitor.alarmed
    assert [each.message[:6] for each in caplog.records] == ["ALARM:"]
    assert engine.thorough == 0


def test_after_an_alarm_everything_is_looked_at_if_that_is_wanted() -> None:
    engine, monitor = Engine(0.5), Monitor("calibration", 0.01, share=0.5)
    answers = watch(engine, monitor, 1000, fall_back=True)
    assert engine.hurried + engine.thorough == 1000
    assert engine.thorough > 500
    assert all(isinstance(each, Answer) and each.value == "1" for each in answers[-engine.thorough :])


def test_the_state_is_written_as_it_goes(tmp_path: Path) -> None:
    state, monitor = tmp_path / "monitor.json", Monitor("calibration", 0.05, share=0.5)
    watch(Engine(0.1), monitor, 200, state=state)
    assert Monitor.load(state, "calibration") == monitor


def test_errors_pass_through_and_are_not_audited() -> None:
    bad = QuestionError("no question")
    monitor = Monitor("calibration", 0.05, share=1.0)
    items = [("a.jpg", "how many?"), ("b.jpg", bad)]
    found = list(answer_watched(Engine(0.0), items, monitor, everything="everything"))
    assert found[1] is bad
    assert monitor.audited == 1


def test_questions_that_were_not_understood_are_not_audited() -> None:
    class Unsure(Engine):
        def answer_many(self, items: Iterable[Any], **options: Any) -> Iterator[Answer | NmnError]:
            for answer in super().answer_many(items, **options):
                assert isinstance(answer, Answer)
                yield answer.unknown()

    monitor = Monitor("calibration", 0.05, share=1.0)
    watch(Unsure(0.0), monitor, 20)
    assert monitor.audited == 0


def test_images_are_told_apart_by_what_is_in_them() -> None:
    pixels = np.zeros((2, 2, 3), np.uint8)
    assert image_name(pixels) == image_name(pixels.copy())
    assert image_name(pixels) != image_name(pixels + 1)
    assert image_name(Path("a.jpg")) == image_name("a.jpg")
