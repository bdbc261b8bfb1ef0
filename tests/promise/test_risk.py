"""Risk control: the promise is kept as often as it says, and what cannot be promised is refused with what it would take."""

import numpy as np
import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from nmn.errors import InputError
from nmn.promise.coverage import simulate
from nmn.promise.risk import (
    DELTA,
    Losses,
    capital,
    choose_doubt,
    image_losses,
    largest_threshold,
    least_images,
    likely_images,
)

SEEDS = st.integers(0, 2**32 - 1)
KINDS = ("one question", "ten questions", "a few bad images")


def drawn(kind: str, risk: float, shape: tuple[int, ...], seed: int = 0) -> Losses:
    random = np.random.default_rng(seed)
    if kind == "one question":
        return (random.random(shape) < risk).astype(float)
    if kind == "ten questions":
        return random.binomial(10, risk, shape) / 10
    return np.where(random.random(shape) < risk / 0.5, random.binomial(10, 0.5, shape) / 10, 0.0)


@pytest.mark.parametrize(("alpha", "images"), [(0.01, 299), (0.005, 598), (0.002, 1497), (0.5, 5)])
@pytest.mark.parametrize("binary", [False, True])
def test_a_promise_takes_so_many_images_without_a_changed_answer_and_no_more(
    alpha: float, images: int, binary: bool
) -> None:
    assert least_images(alpha) == images
    assert choose_doubt([0.1], [np.zeros(images)], alpha, binary=binary).doubt == 0.1
    with pytest.raises(InputError, match=f"with {images - 1:,} images: it takes {images:,} without"):
        choose_doubt([0.1], [np.zeros(images - 1)], alpha, binary=binary)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [0.005, 0.02])
@pytest.mark.parametrize("binary", [False, True])
def test_a_claim_that_is_true_is_hardly_ever_refuted(kind: str, alpha: float, binary: bool) -> None:
    """At a risk of alpha itself, where it is hardest."""
    draws = 2000
    refuted = capital(drawn(kind, alpha, (draws, 600)), alpha, binary=binary) >= 1 / DELTA
    assert refuted.mean() <= DELTA + 3 * (DELTA * (1 - DELTA) / draws) ** 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_a_claim_that_is_far_from_true_is_mostly_refuted(kind: str) -> None:
    losses = drawn(kind, 0.002, (500, 1000))
    assert (capital(losses, 0.01, binary=kind == "one question") >= 1 / DELTA).mean() > 0.9


def test_bets_on_single_questions_are_the_exact_binomial_test() -> None:
    """At most one loss of 1,000 is as unlikely as 4 % at a risk of 0.5 %; at most two are not as unlikely as 5 %."""
    for wrong, safe in ((0, True), (1, True), (2, False)):
        losses = np.zeros(1000)
        losses[-wrong:] = 1.0 if wrong else 0.0
        assert choose_doubt([0.1], [losses], 0.005, binary=True).tested[0].safe == safe


@pytest.mark.parametrize("kind", KINDS)
def test_the_chosen_doubt_keeps_the_promise_as_often_as_it_says(kind: str) -> None:
    doubts = [0.0, 0.01, 0.02, 0.05, 0.1, 0.2]
    pool = np.sort(np.stack([drawn(kind, risk, (3000,), seed) for seed, risk in enumerate(
        [0.0, 0.001, 0.003, 0.0055, 0.008, 0.02]
    )]), axis=0)  # fmt: skip
    found = simulate(doubts, pool, 0.005, images=1000, draws=1000, binary=kind == "one question")
    assert found.broken / found.draws <= found.allowed()
    assert sum(found.chosen.values()) == found.draws
    assert found.chosen.get(None, 0) == 0
    assert len(found.chosen) > 1


@given(SEEDS)
@examples(40)
def test_fewer_losses_are_never_worse_evidence_of_the_binomial_test(seed: int) -> None:
    random = np.random.default_rng(seed)
    losses = drawn("one question", 0.01, (400,), seed)
    fewer = losses * (random.random(400) < 0.7)
    assert capital(fewer, 0.02, binary=True) >= capital(losses, 0.02, binary=True) - 1e-6


@given(SEEDS)
@examples(40)
def test_the_sequence_ends_at_the_first_doubt_that_is_not_safe(seed: int) -> None:
    random = np.random.default_rng(seed)
    risks = random.uniform(0, 0.02, 6)
    losses = [drawn("ten questions", risk, (600,), seed) for risk in risks]
    found = choose_doubt([*range(6)], losses, 0.01)
    assert [each.safe for each in found.tested[:-1]] == [True] * (len(found.tested) - 1)
    assert found.doubt == (len(found.tested) - 1 - (not found.tested[-1].safe) if found.tested[0].safe else None)
    assert found == choose_doubt([*range(6)], losses, 0.01)


def test_what_more_images_would_do() -> None:
    assert likely_images(np.zeros(100), 0.01) == 299
    assert likely_images(np.array([]), 0.01) == 299
    some = np.zeros(1000)
    some[:10] = 0.1
    assert 299 < (likely_images(some, 0.01) or 0) < 400
    assert likely_images(np.full(1000, 0.02), 0.01) is None


def test_losses_are_shares_of_an_image() -> None:
    found = image_losses([True, False, False, True, False], ["b", "a", "b", "a", "c"])
    assert found.tolist() == [0.5, 0.5, 0.0]


def test_prediction_sets_cover_a_further_image_on_average() -> None:
    thresholds, alpha, missed = np.linspace(0, 0.5, 51), 0.05, []
    for seed in range(300):
        chances = np.random.default_rng(seed).random((101, 20)) ** 3  # what the glance gave to what was reported
        losses = (chances[:, :, None] <= thresholds).mean(1)
        found = largest_threshold(losses[:100], thresholds.tolist(), alpha)
        assert found is not None
        missed.append((chances[100] <= found).mean())
    assert np.mean(missed) <= alpha + 3 * np.std(missed) / 300**0.5
    assert largest_threshold(np.zeros((10, 2)), [0.1, 0.2], 0.05) is None  # 11 images may miss 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: least_images(0.0), "must lie between 0 and 1"),
        (lambda: least_images(1.0), "must lie between 0 and 1"),
        (lambda: choose_doubt([0.2, 0.1], [np.zeros(400)] * 2, 0.01), "doubts must rise"),
        (lambda: choose_doubt([0.1], [np.zeros(400)] * 2, 0.01), "doubts must rise"),
        (lambda: choose_doubt([0.1, 0.2], [np.zeros(400), np.zeros(401)], 0.01), "the same images"),
        (lambda: choose_doubt([0.1], [np.full(400, 1.5)], 0.01), "from 0 to 1"),
        (lambda: choose_doubt([0.1], [np.full(400, np.nan)], 0.01), "from 0 to 1"),
        (lambda: largest_threshold(np.array([[1.0, 0.0]]), [0.1, 0.2], 0.05), "must not fall"),
    ],
)
def test_what_makes_no_sense_is_refused(call: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()  # type: ignore[operator]
