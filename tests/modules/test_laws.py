"""What holds for every module: the hard limit, order, padding, gradients, the empty scene."""

from random import Random

import pytest
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


def scene(seed: int, objects: int, batch: int = 1, dtype: torch.dtype = torch.float32) -> SceneGraph:
    perceiver = FactPerceiver(CLEVR, (random_facts(seed, CLEVR, objects, dtype=dtype),), [])
    store = FacetStore.look(perceiver, [0])
    return SceneGraph(store, torch.zeros(batch, dtype=torch.int64))


def random_log_odds(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) * 3


def inputs_of(operation: str, seed: int, objects: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """One random value for each parameter of an operation, for a batch of two."""
    random = Random(seed)
    values = []
    for position, parameter in enumerate(REGISTRY.signature(operation).parameters):
        raw = random_log_odds(seed + position, 2, objects, dtype=dtype)
        numbers = random_log_odds(seed + position, 2, objects + 1, dtype=dtype)
        concepts = random_log_odds(seed + position, 2, len(CLEVR.concepts), dtype=dtype)
        values.append(
            {
                "ObjectSet": raw,
                "Object": raw.log_softmax(-1),
                "Count": numbers.softmax(-1),
                "Bool": raw[:, 0],
                "Value": concepts.softmax(-1),
                "Concept": torch.tensor([random.randrange(len(CLEVR.concepts)) for _ in range(2)]),
                "Attribute": torch.tensor([0, 1]),
                "Relation": torch.tensor([random.randrange(len(CLEVR.relations)) for _ in range(2)]),
            }[parameter.kind]
        )
    return values


def run(operation: str, view: SceneGraph, values: list[Tensor]) -> tuple[Tensor, ...]:
    module = MODULES[operation]
    result = module(view, *values) if REGISTRY.signature(operation).reads_scene else module(*values)
    return result if isinstance(result, tuple) else (result,)


ALL = [each.operation for each in REGISTRY]


@pytest.mark.parametrize("operation", ALL)
def test_gradients_are_right(operation: str) -> None:
    values = inputs_of(operation, 3, 4, dtype=torch.float64)
    places = [place for place, value in enumerate(values) if value.is_floating_point()]
    if not places:
        return  # nothing goes in that could have a gradient

    def call(*given: Tensor) -> tuple[Tensor, ...]:
        filled = list(values)
        for place, value in zip(places, given, strict=True):
            filled[place] = value
        return run(operation, scene(5, 4, batch=2, dtype=torch.float64), filled)

    assert torch.autograd.gradcheck(call, [values[place].clone().requires_grad_() for place in places])


@pytest.mark.parametrize("operation", ALL)
def test_an_image_without_objects_gives_no_nan(operation: str) -> None:
    view = scene(0, 0, batch=2)
    values = inputs_of(operation, 0, 1)
    for output in run(operation, view, values):
        assert torch.isfinite(output).all()


@pytest.mark.parametrize("operation", ALL)
@given(seed=st.integers(0, 1000))
def test_the_order_of_the_objects_does_not_matter(operation: str, seed: int) -> None:
    facts = random_facts(seed, CLEVR, 5)
    order = torch.randperm(5, generator=torch.Generator().manual_seed(seed))
    moved = type(facts)(
        facts.presence[order],
        {name: values[order] for name, values in facts.attributes.items()},
        {name: values[order][:, order] for name, values in facts.relations.items()},
    )
    values = inputs_of(operation, seed, 5)
    kinds = [parameter.kind for parameter in REGISTRY.signature(operation).parameters]
    by_object = [kind in ("ObjectSet", "Object") for kind in kinds]
    moved_values = [value[:, order] if own else value for value, own in zip(values, by_object, strict=True)]
    views = []
    for each in (facts, moved):
        store = FacetStore.look(FactPerceiver(CLEVR, (each,), []), [0])
        views.append(SceneGraph(store, torch.zeros(2, dtype=torch.int64)))
    first, second = run(operation, views[0], values), run(operation, views[1], moved_values)
    if REGISTRY.signature(operation).output in ("ObjectSet", "Object"):
        first = (first[0][:, order], *first[1:])
    for left, right in zip(first, second, strict=True):
        torch.testing.assert_close(left, right, atol=1e-4, rtol=1e-4)


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


@pytest.mark.parametrize("operation", ALL)
def test_the_declared_cost_grows_with_the_scene_and_is_honest_about_products(operation: str) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    from nmn.cost import Sizes
    from nmn.executor import declared_cost

    counter = FlopCounterMode(display=False)
    with counter:
        run(operation, scene(1, 6, batch=2), inputs_of(operation, 1, 6))
    sizes = Sizes(6, len(CLEVR.concepts))
    declared = declared_cost(MODULES[operation], sizes)
    assert counter.get_total_flops() <= 2 * declared
    assert declared <= declared_cost(MODULES[operation], Sizes(12, len(CLEVR.concepts)))
