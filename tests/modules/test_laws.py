"""What the operations mean, beside the laws of all modules (test_conformance.py): sets, numbers, distributions."""

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from worlds import FactPerceiver, random_facts

from nmn.domain import Domain
from nmn.executor import Modules
from nmn.logic import LIMIT, conjunction, disjunction, from_log_probability, less
from nmn.registry import default_registry
from nmn.scene import FacetStore, SceneGraph

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
MODULES = Modules(REGISTRY)


def scene(seed: int, objects: int, batch: int = 1) -> SceneGraph:
    perceiver = FactPerceiver(CLEVR, (random_facts(seed, CLEVR, objects),), [])
    store = FacetStore.look(perceiver, [0])
    return SceneGraph(store, torch.zeros(batch, dtype=torch.int64))


def random_log_odds(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) * 3


def run(operation: str, view: SceneGraph, values: list[Tensor]) -> tuple[Tensor, ...]:
    module = MODULES[operation]
    result = module(view, *values) if REGISTRY.signature(operation).reads_scene else module(*values)
    return result if isinstance(result, tuple) else (result,)


@given(st.integers(0, 1000))
def test_filter_and_intersect_never_add_members_and_union_never_drops_one(seed: int) -> None:
    members = random_log_odds(seed, 2, 5)
    other = random_log_odds(seed + 1, 2, 5)
    concept = torch.tensor([0, 5])
    (filtered,) = run("filter", scene(seed, 5, batch=2), [members, concept])
    (both,) = run("intersect", scene(seed, 5, batch=2), [members, other])
    (either,) = run("union", scene(seed, 5, batch=2), [members, other])
    assert (filtered <= members + 1e-4).all()
    assert (both <= torch.minimum(members, other) + 1e-4).all()
    assert (either >= torch.maximum(members, other) - 1e-4).all()


@given(st.integers(0, 1000))
def test_de_morgan(seed: int) -> None:
    first, second = random_log_odds(seed, 7), random_log_odds(seed + 1, 7)
    torch.testing.assert_close(-conjunction(first, second), disjunction(-first, -second))
    probability = first.sigmoid() * second.sigmoid()
    torch.testing.assert_close(conjunction(first, second).sigmoid(), probability, atol=1e-6, rtol=1e-4)


@given(st.floats(-15, 15))
def test_log_odds_come_back_from_their_log_probability(log_odds: float) -> None:
    given_odds = torch.tensor(log_odds, dtype=torch.float64)
    torch.testing.assert_close(from_log_probability(torch.nn.functional.logsigmoid(given_odds)), given_odds)


def test_certainty_stays_finite() -> None:
    certain = torch.tensor([LIMIT, -LIMIT, 1000.0, -1000.0])
    for result in (conjunction(certain, certain), disjunction(certain, certain)):
        assert torch.isfinite(result).all()
        assert (result.abs() <= LIMIT + 1e-3).all()


@given(st.integers(0, 1000), st.integers(1, 8))
def test_count_is_the_distribution_of_a_sum_of_coins(seed: int, objects: int) -> None:
    view = scene(seed, objects)
    members = random_log_odds(seed, 1, objects)
    (numbers,) = run("count", view, [members])
    chances = (members.sigmoid() * view.presence.sigmoid())[0].double()
    expected = torch.zeros(objects + 1, dtype=torch.float64)
    for world in range(2**objects):
        chosen = torch.tensor([bool(world >> index & 1) for index in range(objects)])
        expected[int(chosen.sum())] += torch.where(chosen, chances, 1 - chances).prod()
    torch.testing.assert_close(numbers[0].double(), expected, atol=1e-6, rtol=1e-5)


@given(st.integers(0, 1000), st.integers(1, 6))
def test_unique_is_the_posterior_given_exactly_one_member(seed: int, objects: int) -> None:
    view = scene(seed, objects)
    members = random_log_odds(seed, 1, objects)
    chosen, exactly_one = run("unique", view, [members])
    chances = (members.sigmoid() * view.presence.sigmoid())[0].double()
    alone = torch.stack(
        [chances[index] * torch.cat([1 - chances[:index], 1 - chances[index + 1 :]]).prod() for index in range(objects)]
    )
    torch.testing.assert_close(exactly_one.exp()[0].double(), alone.sum(), atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(chosen.exp()[0].double(), alone / alone.sum(), atol=1e-6, rtol=1e-4)


@given(st.integers(0, 1000))
def test_two_numbers_are_less_equal_or_greater(seed: int) -> None:
    first = random_log_odds(seed, 3, 6).softmax(-1)
    second = random_log_odds(seed + 1, 3, 6).softmax(-1)
    (equal,) = run("equal_integer", scene(0, 1), [first, second])
    total = less(first, second).sigmoid() + less(second, first).sigmoid() + equal.sigmoid()
    torch.testing.assert_close(total, torch.ones(3), atol=1e-5, rtol=0)


@given(st.integers(0, 1000))
def test_same_never_contains_the_object_itself(seed: int) -> None:
    anchor = torch.full((2, 5), -16.0)
    anchor[:, 2] = 0.0
    (others,) = run("same", scene(seed, 5, batch=2), [anchor.log_softmax(-1), torch.tensor([0, 1])])
    (related,) = run("relate", scene(seed, 5, batch=2), [anchor.log_softmax(-1), torch.tensor([0, 1])])
    assert (others[:, 2] < -10).all()
    assert (related[:, 2] < -10).all()
