"""Intervals: they hold the truth as often as they say, also where questions on an image go together; McNemar's test."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.evaluation.bootstrap import mcnemar, percentile_intervals, resampled_ratios, share_intervals, sums_by_cluster


def interval(right: np.ndarray, clusters: np.ndarray, **options: int) -> tuple[float, float]:
    """The interval of a share of right answers [answers], in clusters [answers]."""
    shape = (int(clusters.max()) + 1, 1)
    groups = np.zeros_like(clusters)
    found = share_intervals(
        sums_by_cluster(clusters, groups, right, shape), sums_by_cluster(clusters, groups, 1.0, shape), **options
    )[0]
    assert found is not None
    return found


def test_the_interval_of_independent_answers_is_the_binomial_one() -> None:
    right = np.zeros(1000)
    right[:800] = 1
    low, high = interval(right, np.arange(1000))
    deviation = np.sqrt(0.8 * 0.2 / 1000)
    assert low == pytest.approx(0.8 - 1.96 * deviation, abs=0.004)
    assert high == pytest.approx(0.8 + 1.96 * deviation, abs=0.004)


def test_intervals_of_95_percent_hold_the_truth_about_95_times_in_100() -> None:
    generator = np.random.default_rng(1)
    clusters = np.repeat(np.arange(80), 5)
    held = 0
    for _ in range(200):
        chance = generator.beta(4, 2, size=80)  # mean two thirds; questions on an image go together
        right = (generator.random(400) < chance[clusters]).astype(float)
        low, high = interval(right, clusters, resamples=300)
        held += low <= 2 / 3 <= high
    assert 0.90 <= held / 200 <= 0.99


def test_answers_that_go_together_within_images_have_a_wider_interval() -> None:
    right = np.repeat(np.arange(100) % 5 > 0, 10).astype(float)
    together, alone = interval(right, np.repeat(np.arange(100), 10)), interval(right, np.arange(1000))
    assert together[1] - together[0] > 2 * (alone[1] - alone[0])


def test_where_all_are_right_the_interval_is_the_exact_one_and_not_empty() -> None:
    right = np.ones(60)
    low, high = interval(right, np.repeat(np.arange(20), 3))
    assert high == 1.0
    assert low == pytest.approx(0.025 ** (1 / 20))
    assert interval(1 - right, np.repeat(np.arange(20), 3)) == pytest.approx((0.0, 1 - low))


def test_with_a_reference_a_flawless_group_counts_its_questions_by_the_design_effect() -> None:
    clusters = np.repeat(np.arange(100), 10)
    right = (np.arange(1000) % 10 > 0).astype(float)  # each image has just one wrong: no correlation, effect 1
    groups = (np.arange(1000) % 10 > 4).astype(np.int64)  # the second group is flawless
    everything = np.zeros_like(groups)
    shape = (100, 3)
    above = sums_by_cluster(clusters, everything, right, shape) + sums_by_cluster(clusters, groups + 1, right, shape)
    below = sums_by_cluster(clusters, everything, 1.0, shape) + sums_by_cluster(clusters, groups + 1, 1.0, shape)
    found = share_intervals(above, below, reference=0)[2]
    assert found is not None
    assert found[0] == pytest.approx(0.025 ** (1 / 500))


def test_groups_that_nothing_was_drawn_of_and_single_images_have_no_interval() -> None:
    above, below = np.array([[1.0, 0.0], [2.0, 0.0]]), np.array([[2.0, 0.0], [2.0, 0.0]])
    assert share_intervals(above, below)[1] is None
    assert share_intervals(above[:1], below[:1]) == [None, None]
    assert percentile_intervals(resampled_ratios(np.zeros((0, 2)), np.zeros((0, 2)))) == [None, None]


def test_the_same_seed_gives_the_same_interval_and_another_nearly_the_same() -> None:
    right = (np.arange(500) % 7 > 0).astype(float)
    clusters = np.arange(500) // 5
    assert interval(right, clusters) == interval(right, clusters)
    assert interval(right, clusters) == pytest.approx(interval(right, clusters, seed=1), abs=0.01)


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_the_two_sided_tail_of_a_fair_coin(first: int, second: int) -> None:
    trials, fewer = first + second, min(first, second)
    tail = sum(comb(trials, number) for number in range(fewer + 1)) / 2**trials
    assert mcnemar(first, second) == pytest.approx(min(1.0, 2 * tail), rel=1e-12)
    assert mcnemar(first, second) == mcnemar(second, first)


def test_mcnemar_on_tables_of_a_textbook_and_on_large_ones() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 9) == pytest.approx(0.021484375)  # 2 (1 + 10) / 1024
    assert mcnemar(0, 5) == 2 / 32
    assert mcnemar(3000, 3000) == 1.0
    assert 0.0 <= mcnemar(0, 5000) < 1e-300
    assert mcnemar(2900, 3100) == pytest.approx(0.0102, abs=0.0005)
