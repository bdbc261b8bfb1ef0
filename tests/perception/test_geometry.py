"""Relations from coordinates."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from nmn.domain import Domain
from nmn.perception.geometry import relation_between, relation_log_odds

DOMAIN = Domain.load("clevr")
floats = st.floats(-8, 8, allow_nan=False)
variances = st.floats(1e-3, 1.0)


@given(difference=floats, variance=variances)
@settings(deadline=None, max_examples=60)
def test_swapping_the_objects_negates_the_log_odds_under_a_separation(difference: float, variance: float) -> None:
    measured, spread = torch.tensor([difference, -difference]), torch.tensor([variance, variance])
    odds = relation_log_odds(measured, spread, margin=0.2, separation=0.4)
    torch.testing.assert_close(odds[0], -odds[1])
    assert torch.isfinite(odds).all()


@given(seed=st.integers(0, 1000))
@settings(deadline=None, max_examples=20)
def test_a_relation_holds_as_its_inverse_holds_with_the_objects_swapped(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    mean = torch.randn(5, 2, generator=generator) * 2
    variance = torch.rand(5, 2, generator=generator) + 0.01
    everyone = mean.expand(5, 5, 2), variance.expand(5, 5, 2), mean, variance
    for relation in DOMAIN.relations:
        if relation.inverse is None or relation.axis is None:
            continue
        for separation in (0.0, 0.4):
            odds = relation_between(relation, *everyone, separation)
            inverse = relation_between(DOMAIN.relation(relation.inverse), *everyone, separation)
            torch.testing.assert_close(odds, inverse.T)


def test_without_a_separation_it_is_the_gaussian_tail_beyond_the_margin() -> None:
    difference = torch.linspace(-2, 2, 21, dtype=torch.float64)
    odds = relation_log_odds(difference, torch.full_like(difference, 0.09), margin=0.2, separation=0.0)
    expected = torch.distributions.Normal(0.0, 1.0).cdf((difference - 0.2) / 0.3)
    torch.testing.assert_close(odds.sigmoid(), expected)


def test_with_a_separation_it_is_the_share_of_the_posterior_above_it() -> None:
    mean, spread, separation = 0.1, 0.3, 0.4
    draws = mean + spread * torch.randn(400_000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    kept = draws[draws.abs() >= separation]
    odds = relation_log_odds(torch.tensor(mean), torch.tensor(spread**2), margin=0.2, separation=separation)
    assert abs(float(odds.sigmoid()) - float((kept > 0.2).double().mean())) < 5e-3


def test_a_certain_difference_is_hard() -> None:
    odds = relation_log_odds(torch.tensor([0.5, -0.5, 3.0]), torch.full((3,), 1e-4), margin=0.2, separation=0.4)
    assert (odds.sigmoid() > 0.999).tolist() == [True, False, True]
