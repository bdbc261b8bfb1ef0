"""Calibration: near nothing for the calibrated, the gap for the overconfident; coverage that hangs on no order."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.evaluation import Outcome
from nmn.evaluation.calibration import (
    COVERAGES,
    bins_of_equal_mass,
    calibration_of,
    expected_calibration_error,
    kept_at,
)


def outcome(index: int, confidence: float | None, right: bool, **options: Any) -> Outcome:
    answer = None if confidence is None else "yes"
    expected = "yes" if right else "no"
    correct = answer == expected
    return Outcome(index, index, answer, expected, correct, confidence, None, "exist", guess=answer, **options)


def test_the_calibrated_have_no_error_and_the_overconfident_the_gap() -> None:
    generator = np.random.default_rng(0)
    confidence = generator.uniform(0.5, 1.0, 100_000)
    drawn = generator.random(100_000)
    calibrated = expected_calibration_error(bins_of_equal_mass(confidence, (drawn < confidence).astype(float)))
    assert calibrated < 0.01
    gap = expected_calibration_error(bins_of_equal_mass(confidence, (drawn < confidence - 0.2).astype(float)))
    assert gap == pytest.approx(0.2, abs=0.01)


def test_one_confidence_for_all_has_the_distance_to_the_accuracy_as_error() -> None:
    found = calibration_of([outcome(index, 0.9, index % 2 == 0) for index in range(100)])
    assert found is not None
    assert found.accuracy == 0.5
    assert found.ece == pytest.approx(0.4, abs=0.02)  # bins of seven cannot be half right
    assert found.brier == pytest.approx(0.5 * 0.1**2 + 0.5 * 0.9**2)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_bins_hold_every_answer_once_and_rise(pairs: list[tuple[float, bool]]) -> None:
    confidence, right = np.array([each for each, _ in pairs]), np.array([float(each) for _, each in pairs])
    bins = bins_of_equal_mass(confidence, right)
    assert sum(each.questions for each in bins) == len(pairs)
    assert max(each.questions for each in bins) - min(each.questions for each in bins) <= 1
    assert all(one.high <= two.low for one, two in pairwise(bins))
    assert 0.0 <= expected_calibration_error(bins) <= 1.0


@given(st.lists(st.sampled_from([0.1, 0.5, 0.9, 1.0]), min_size=1, max_size=40), st.sampled_from(COVERAGES))
def test_as_much_is_kept_as_is_asked_for_the_most_confident_first_and_ties_alike(
    confidences: list[float], coverage: float
) -> None:
    confidence = np.array(confidences)
    kept, threshold = kept_at(confidence, coverage)
    assert kept.sum() == pytest.approx(coverage * len(confidence))
    assert (kept[confidence > threshold] == 1).all()
    assert (kept[confidence < threshold] == 0).all()
    assert len(set(kept[confidence == threshold].tolist())) == 1


def test_accuracy_rises_where_the_unsure_are_the_wrong_ones() -> None:
    found = calibration_of([outcome(index, index / 100, index >= 5) for index in range(100)])
    assert found is not None
    accuracies = {each.coverage: each.accuracy for each in found.coverage}
    assert accuracies[1.0] == pytest.approx(0.95)
    assert accuracies[0.99] == pytest.approx(95 / 99)
    assert accuracies[0.95] == accuracies[0.5] == 1.0


def test_questions_without_an_answer_are_wrong_and_last_to_be_given() -> None:
    given_up = [outcome(index, None, True, failure="image") for index in range(10)]
    found = calibration_of([*given_up, *(outcome(100 + index, 0.9, True) for index in range(90))])
    assert found is not None
    assert found.questions == 90
    assert [each.accuracy for each in found.coverage if each.coverage in (1.0, 0.9)] == pytest.approx([0.9, 1.0])


def test_of_i_dont_know_the_guess_counts() -> None:
    declined = Outcome(0, 0, None, "yes", False, 0.4, None, "exist", declined=True, guess="yes")
    found = calibration_of([declined])
    assert found is not None
    assert found.accuracy == 1.0
    assert found.confidence == 0.4


def test_without_judged_or_confident_answers_there_is_no_calibration() -> None:
    assert calibration_of([]) is None
    assert calibration_of([outcome(0, None, True)]) is None
