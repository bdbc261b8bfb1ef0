"""The monitor: hardly ever a false alarm however long one watches, soon one where the promise is broken."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from nmn.errors import InputError
from nmn.promise.monitor import Monitor

ALLOWED = 0.05


def audits_until_alarm(alpha: float, risk: float, most: int, seed: int, good: int = 0) -> int | None:
    """Audits that it takes from when the risk rises; before, for a good time, it is a third of what is promised."""
    random, monitor = Random(seed), Monitor("calibration", alpha)
    for number in range(good + most):
        current = risk if number >= good else alpha / 3
        if monitor.note(float(random.random() < current)):
            return number + 1 - good
    return None


@pytest.mark.parametrize("alpha", [0.005, 0.05])
def test_a_promise_that_is_just_kept_hardly_ever_raises_an_alarm(alpha: float) -> None:
    runs = 60
    alarms = sum(audits_until_alarm(alpha, alpha, 1500, seed) is not None for seed in range(runs))
    assert alarms <= ALLOWED * runs + 3 * (ALLOWED * (1 - ALLOWED) * runs) ** 0.5


@pytest.mark.slow
@pytest.mark.parametrize("alpha", [0.003, 0.005, 0.01, 0.02])
def test_in_two_hundred_long_runs_at_most_one_in_twenty_raises_an_alarm(alpha: float) -> None:
    alarms = sum(audits_until_alarm(alpha, alpha, 20_000, seed) is not None for seed in range(200))
    assert alarms <= ALLOWED * 200


@pytest.mark.parametrize(("alpha", "times"), [(0.05, 2), (0.02, 3), (0.01, 4), (0.005, 5)])
def test_a_broken_promise_raises_an_alarm_within_a_thousand_audits(alpha: float, times: float) -> None:
    """How many times the risk must be the promised one depends on it: docs/promise.md says what no test could do."""
    found = [audits_until_alarm(alpha, times * alpha, 1000, seed) for seed in range(200)]
    assert sum(each is not None for each in found) >= 0.95 * 200


@pytest.mark.parametrize(("alpha", "times"), [(0.02, 4), (0.005, 10)])
def test_a_promise_that_breaks_after_a_long_good_time_raises_an_alarm(alpha: float, times: float) -> None:
    found = [audits_until_alarm(alpha, times * alpha, 1000, seed, good=3000) for seed in range(40)]
    assert sum(each is not None and each > 0 for each in found) >= 0.95 * 40


def test_an_alarm_stays_and_is_raised_once() -> None:
    monitor = Monitor("calibration", 0.01)
    raised = [monitor.note(1.0) for _ in range(20)]
    assert sum(raised) == 1
    assert monitor.alarmed
    assert monitor.words.startswith("ALARM: a risk of 0.01 was promised and is not kept (20 of 20 audited")
    for _ in range(1000):
        assert not monitor.note(0.0)
    assert monitor.alarmed


def test_about_the_share_is_audited_and_of_an_image_at_most_one_question() -> None:
    monitor = Monitor("calibration", 0.01, share=0.05, seed=3)
    chosen = [monitor.wants(f"image {number}", "how many?") for number in range(4000)]
    assert 0.035 < sum(chosen) / 4000 < 0.065
    monitor = Monitor("calibration", 0.01, share=0.5)
    assert sum(monitor.wants("one image", f"question {number}") for number in range(100)) == 1
    assert not any(Monitor("calibration", 0.01, share=0.0).wants(str(number), "") for number in range(100))
    assert all(Monitor("calibration", 0.01, share=1.0).wants(str(number), "") for number in range(100))


def test_which_questions_are_audited_does_not_hang_on_what_was_asked_before() -> None:
    asked = [(f"image {number}", "how many?") for number in range(2000)]
    one, other = Monitor("calibration", 0.01, share=0.1), Monitor("calibration", 0.01, share=0.1)
    assert {each for each in asked if one.wants(*each)} == {each for each in reversed(asked) if other.wants(*each)}
    differently = Monitor("calibration", 0.01, share=0.1, seed=1)
    assert {each for each in asked if differently.wants(*each)} != {each for each in asked if one.wants(*each)}


def test_a_state_that_was_saved_goes_on_as_if_nothing_had_happened(tmp_path: Path) -> None:
    random, path = Random(0), tmp_path / "monitor.json"
    straight, resumed = (Monitor("calibration", 0.05, share=0.5) for _ in range(2))
    for number in range(300):
        question = f"image {number % 200}", "how many?"
        assert straight.wants(*question) == resumed.wants(*question)
        loss = float(random.random() < 0.1)
        assert straight.note(loss) == resumed.note(loss)
        if number % 50 == 7:
            resumed.save(path)
            resumed = Monitor.load(path, "calibration")
    assert straight == resumed
    assert not list(tmp_path.glob(".*"))


def test_the_state_of_another_calibration_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "monitor.json"
    Monitor("calibration", 0.01).save(path)
    with pytest.raises(InputError, match=r"monitor.json: the monitor's state is of another calibration") as caught:
        Monitor.load(path, "another")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"alpha": 2.0},
        {"alpha": "a"},
        {"staked": [1.0]},
        {"staked": [-1.0] * 6},
        {"staked": None},
        {"audited": -1},
        {"changed": 9.0},
        {"most": 0.5},
        {"most": None},
    ],
)
def test_a_malformed_state_is_refused_in_one_line(change: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "monitor.json"
    path.write_text(json.dumps(Monitor("calibration", 0.01).to_record() | change))
    with pytest.raises(InputError) as caught:
        Monitor.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 1', "7"])
def test_what_is_no_state_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "monitor.json"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        Monitor.load(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("loss", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_loss_is_from_0_to_1(loss: float) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        Monitor("calibration", 0.01).note(loss)


def test_a_monitor_of_nothing_is_refused() -> None:
    for arguments in ({"alpha": 0.0}, {"alpha": 0.1, "delta": 1.0}, {"alpha": 0.1, "share": 2.0}):
        with pytest.raises(InputError):
            Monitor("calibration", **arguments)
