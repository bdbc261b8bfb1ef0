"""Worlds: the same as adding up every assignment of every facet, wherever that can be done."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product
from math import exp
from random import Random

import pytest
import torch
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from official import Invalid, clevr_registry, official_answer
from torch import nn
from worlds import FactPerceiver, Facts, random_facts, random_scene

from nmn.domain import Attribute, Domain, Relation
from nmn.engine import Engine
from nmn.exact import ExactBackend
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import module
from nmn.sampling import sample_program
from nmn.scene import FacetStore, SceneGraph
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene, SceneObject
from nmn.types import ObjectSet
from nmn.worlds import WorldsAnswer, worlds_answer

REGISTRY = clevr_registry()
CLEVR = Domain.load("clevr")
TINY = Domain(
    name="tiny",
    version=1,
    nouns=("thing",),
    attributes=(
        Attribute("hue", ("dark", "pale", "gold"), ("hue",), (("dark",), ("pale",), ("gold",))),
        Attribute("form", ("round", "flat"), ("form",), (("round",), ("flat",))),
    ),
    relations=(Relation("above", ("above",)),),
)
SEEDS = st.integers(0, 10**9)
Distribution = Mapping[str | None, float]


def read(text: str) -> Program:
    return parse_program(text, REGISTRY).program


def ask(facts: Facts, program: Program, domain: Domain = TINY, **options: float) -> WorldsAnswer:
    store = FacetStore.look(FactPerceiver(domain, (facts,), []), [0])
    return worlds_answer(program, store, 0, **options)


def brute_force(facts: Facts, program: Program, domain: Domain) -> Distribution:
    """The distribution from every assignment of every facet of every object."""
    total: Counter[str | None] = Counter()
    for scene, weight in assignments(facts, domain):
        try:
            total[official_answer(program, scene)] += weight
        except Invalid:
            total[None] += weight
    return total


def assignments(facts: Facts, domain: Domain) -> Iterator[tuple[Scene, float]]:
    number = len(facts.presence)
    pairs = [(i, j) for i in range(number) for j in range(number) if i != j]
    claims = [facts.presence[i] for i in range(number)]
    claims += [facts.relations[each.name][i, j] for each in domain.relations for i, j in pairs]
    chances = [1 / (1 + exp(-float(claim))) for claim in claims]
    looks = [(each, facts.attributes[each.name][i].exp().tolist()) for i in range(number) for each in domain.attributes]
    for decided in product((True, False), repeat=len(claims)):
        weight = 1.0
        for chance, holds in zip(chances, decided, strict=True):
            weight *= chance if holds else 1 - chance
        for values in product(*(range(len(each.values)) for each, _ in looks)):
            total = weight
            for (_, row), value in zip(looks, values, strict=True):
                total *= row[value]
            yield assembled(domain, number, decided, values), total


def assembled(domain: Domain, number: int, decided: Sequence[bool], values: Sequence[int]) -> Scene:
    """The scene of an assignment, without the objects that are not there."""
    there = [index for index in range(number) if decided[index]]
    place = {index: position for position, index in enumerate(there)}
    width = len(domain.attributes)
    objects = tuple(
        SceneObject({each.name: each.values[values[i * width + k]] for k, each in enumerate(domain.attributes)})
        for i in there
    )
    pairs = [(each.name, i, j) for each in domain.relations for i in range(number) for j in range(number) if i != j]
    holding = {pair for pair, holds in zip(pairs, decided[number:], strict=True) if holds}
    relations = {
        each.name: tuple(tuple(place[j] for j in there if (each.name, i, j) in holding) for i in there)
        for each in domain.relations
    }
    return Scene(0, None, objects, relations)


def same(found: Distribution, expected: Distribution, *, within: float = 1e-6) -> None:
    for answer in {*found, *expected}:
        assert found.get(answer, 0.0) == pytest.approx(expected.get(answer, 0.0), abs=within)


@given(SEEDS, st.integers(0, 2))
@examples(60)
def test_all_worlds_together_are_every_assignment(seed: int, objects: int) -> None:
    facts = random_facts(seed, TINY, objects, dtype=torch.float64)
    program = sample_program(Random(seed), TINY, REGISTRY, depth=8)
    found = ask(facts, program, mass=1.0, limit=10**6)
    assert found.mass == pytest.approx(1, abs=1e-5)
    same(found.distribution, brute_force(facts, program, TINY))


THREE = (
    "count(relate(unique(filter(scene(), hue=gold)), above))",
    "query[form](unique(filter(relate(unique(filter(scene(), hue=dark)), above), form=flat)))",
    "count(same[hue](unique(filter(scene(), form=round))))",
)


@pytest.mark.parametrize("text", THREE)
def test_three_objects_too(text: str) -> None:
    few = Domain("few", 1, ("thing",), TINY.attributes[:1], TINY.relations) if "form" not in text else TINY
    facts = random_facts(3, few, 3 if few is not TINY else 2, dtype=torch.float64, sureness=1.0)
    same(ask(facts, read(text), few, mass=1.0, limit=10**6).distribution, brute_force(facts, read(text), few))


@given(SEEDS)
@examples(25)
def test_more_mass_is_more_worlds_and_bounds_that_hold(seed: int) -> None:
    facts = random_facts(seed, TINY, 4, dtype=torch.float64)
    program = sample_program(Random(seed), TINY, REGISTRY, depth=6)
    everything = ask(facts, program, mass=1.0, limit=10**5)
    before = WorldsAnswer({}, 0.0, 0)
    for mass in (0.5, 0.9, 0.99, 0.9999):
        found = ask(facts, program, mass=mass)
        assert found.mass >= mass - 1e-9
        assert found.mass >= before.mass - 1e-9
        assert found.worlds >= before.worlds
        assert sum(found.distribution.values()) == pytest.approx(found.mass)
        for answer, weight in everything.distribution.items():
            assert found.distribution.get(answer, 0.0) <= weight + 1e-6
            assert weight <= found.distribution.get(answer, 0.0) + 1 - found.mass + 1e-6
        before = found


def test_a_bound_on_the_worlds_is_kept_and_the_mass_says_so() -> None:
    facts = random_facts(1, CLEVR, 8, sureness=0.3)
    found = ask(facts, read("count(filter(scene(), color=red))"), CLEVR, limit=7)
    assert found.worlds == 7
    assert 0 < found.mass < 0.99
    assert sum(found.distribution.values()) == pytest.approx(found.mass)


@given(SEEDS)
@examples(20)
def test_in_a_certain_scene_there_is_one_world(seed: int) -> None:
    random = Random(seed)
    scene = random_scene(random, CLEVR)
    program = sample_program(random, CLEVR, REGISTRY, depth=8)
    store = FacetStore.look(ScenePerceiver(CLEVR), [scene])
    found = worlds_answer(program, store, 0)
    (expected,) = ExactBackend(CLEVR).run([scene], [program])
    assert found.worlds == 1
    assert list(found.distribution) == [expected.value]
    assert found.mass > 0.999


# Each object is read once and nothing hangs on an uncertain anchor: there the soft formulas are exact.
SOFT_IS_EXACT = (
    "count(filter(scene(), hue=gold))",
    "exist(filter(scene(), hue=gold, form=flat))",
    "query[form](unique(filter(scene(), hue=dark)))",
)


@pytest.mark.parametrize("text", SOFT_IS_EXACT)
@given(SEEDS)
@examples(10)
def test_soft_execution_agrees_where_it_is_exact(text: str, seed: int) -> None:
    facts = random_facts(seed, TINY, 4, dtype=torch.float64, sureness=1.0)
    program = read(text)
    found = ask(facts, program, mass=1.0, limit=10**6)
    (soft,) = Engine(FactPerceiver(TINY, (facts,), [])).run([0], [program])
    same(found.given_granted(), soft.distribution, within=1e-4)
    joint = soft.granted * soft.distribution[soft.value]
    assert found.distribution.get(soft.value, 0.0) == pytest.approx(joint, abs=1e-4)


def anchored() -> Facts:
    """Objects 0 and 1 may be the gold one, by an even chance; 2, 3 and 4 are above object 0, none is above object 1."""
    never, surely, even = -16.0, 16.0, -0.6931471805599453
    hue = torch.tensor([[even, never, even]] * 2 + [[never, 0.0, never]] * 3)
    above = torch.full((5, 5), never)
    above[0, 2:] = surely
    return Facts(torch.full((5,), surely), {"hue": hue, "form": torch.tensor([[0.0, never]] * 5)}, {"above": above})


def test_an_uncertain_anchor_keeps_what_hangs_on_it_together() -> None:
    program = read("count(relate(unique(filter(scene(), hue=gold)), above))")
    found = ask(anchored(), program, mass=1.0)
    assert found.distribution[None] == pytest.approx(0.5, abs=1e-4)
    assert found.granted == pytest.approx(0.5, abs=1e-4)
    same({**found.given_granted()}, {"0": 0.5, "3": 0.5}, within=1e-4)
    (soft,) = Engine(FactPerceiver(TINY, (anchored(),), [])).run([0], [program])
    assert soft.distribution["1"] > 0.3


def test_a_set_is_itself_when_met_with_itself() -> None:
    once = "filter(scene(), hue=gold)"
    twice = read(f"exist(intersect({once}, {once}))")
    found = ask(anchored(), twice, mass=1.0)
    assert found.distribution["yes"] == pytest.approx(0.75, abs=1e-4)
    same(found.distribution, ask(anchored(), read(f"exist({once})"), mass=1.0).distribution, within=1e-6)


def test_only_what_may_still_matter_is_looked_at() -> None:
    perceiver = FactPerceiver(TINY, (anchored(),), [])
    worlds_answer(read("count(filter(scene(), hue=gold, form=round))"), FacetStore.look(perceiver, [0]), 0)
    assert perceiver.asked == [("hue", 5), ("form", 2)]


def test_no_more_than_the_anchors_rows_are_looked_at() -> None:
    perceiver = FactPerceiver(TINY, (anchored(),), [])
    worlds_answer(read("count(relate(unique(filter(scene(), hue=gold)), above))"), FacetStore.look(perceiver, [0]), 0)
    assert sorted(perceiver.asked) == [("above", 1), ("above", 1), ("hue", 5)]


@given(SEEDS)
@examples(15)
def test_worlds_come_by_falling_weight(seed: int) -> None:
    drawn = random_facts(seed, TINY, 6, dtype=torch.float64, sureness=1.0)
    facts = Facts(torch.full_like(drawn.presence, 16.0), drawn.attributes, drawn.relations)
    program = read("count(filter(scene(), hue=gold))")  # reads the same facets in every world
    masses = [0.0, *(ask(facts, program, mass=1.0, limit=limit).mass for limit in range(1, 30))]
    gains = [later - earlier for earlier, later in pairwise(masses)]
    assert all(later <= earlier + 1e-6 for earlier, later in pairwise(gains))


@module("crowd")
class Crowd(nn.Module):
    """A set if it has several objects, else none of it: not a matter of each object alone."""

    def forward(self, scene: SceneGraph, members: ObjectSet) -> ObjectSet:
        raise NotImplementedError

    @staticmethod
    def exact(scene: object, members: int) -> int:
        return members if members.bit_count() > 1 else 0


def test_a_rule_that_weighs_a_set_as_a_whole_sees_only_what_is_there() -> None:
    registry = REGISTRY.extended(Crowd)
    facts = random_facts(0, TINY, 2)
    store = FacetStore.look(FactPerceiver(TINY, (Facts(torch.zeros(2), facts.attributes, facts.relations),), []), [0])
    program = parse_program("count(crowd(scene()))", registry).program
    found = worlds_answer(program, store, 0, mass=1.0, backend=ExactBackend(TINY, registry))
    same(found.distribution, {"0": 0.75, "2": 0.25})


def test_the_value_is_the_likeliest_answer() -> None:
    assert WorldsAnswer({None: 0.5, "1": 0.2, "2": 0.25}, 0.95, 3).value == "2"
    assert WorldsAnswer({None: 0.99}, 0.99, 1).value is None
