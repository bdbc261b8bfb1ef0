"""Resuming: the same values as from scratch, and no more work than depends on the change."""

from random import Random

import pytest
import torch
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from worlds import FactPerceiver, Facts, random_facts

from nmn.decode import answers
from nmn.domain import Domain
from nmn.errors import InputError
from nmn.executor import Modules, Run, execute
from nmn.parser.text import parse_program
from nmn.perceiver import Rows
from nmn.planner import Planner
from nmn.program import Program
from nmn.registry import default_registry
from nmn.resume import Changed, resume
from nmn.sampling import sample_program
from nmn.scene import FacetStore

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
MODULES = Modules(REGISTRY)


def run_on(
    facts: list[Facts], programs: list[Program], images: list[int], *, fuse: bool = True, trace: bool = False
) -> Run:
    store = FacetStore.look(FactPerceiver(CLEVR, tuple(facts), []), list(range(len(facts))))
    plan = Planner(CLEVR, REGISTRY, fuse=fuse).plan(programs, images)
    return execute(plan, store, MODULES, trace=trace)


def assert_same(first: Run, second: Run) -> None:
    for one, other in zip(answers(first), answers(second), strict=True):
        assert one.confidence == pytest.approx(other.confidence, abs=1e-6)
        assert one.distribution == pytest.approx(other.distribution, abs=1e-6)
        assert [each.words for each in one.presuppositions] == [each.words for each in other.presuppositions]
        assert (one.trace is None) == (other.trace is None)
        if one.trace is not None and other.trace is not None:
            for node, same in zip(one.trace.nodes, other.trace.nodes, strict=True):
                assert node.value == pytest.approx(same.value, abs=1e-6)


@given(st.integers(0, 10**6), st.booleans(), st.booleans())
@examples(40)
def test_a_changed_facet_gives_what_a_run_from_scratch_gives(seed: int, fuse: bool, trace: bool) -> None:
    random = Random(seed)
    facts = [random_facts(seed + image, CLEVR, 5) for image in range(3)]
    programs = [sample_program(random, CLEVR, REGISTRY, depth=random.randint(4, 9)) for _ in range(12)]
    images = [random.randrange(3) for _ in programs]
    run = run_on(facts, programs, images, fuse=fuse, trace=trace)
    image, object_, name = random.randrange(3), random.randrange(5), random.choice(["color", "shape", "left"])
    new = random_facts(seed + 99, CLEVR, 5)
    changed = list(facts)
    rows = Rows(torch.tensor([image]), torch.tensor([object_]))
    if name in facts[image].attributes:
        values = {key: value.clone() for key, value in facts[image].attributes.items()}
        values[name][object_] = new.attributes[name][object_]
        changed[image] = Facts(facts[image].presence, values, facts[image].relations)
        run.store.set_attribute(name, rows, values[name][object_][None])
    else:
        links = {key: value.clone() for key, value in facts[image].relations.items()}
        links[name][object_] = new.relations[name][object_]
        changed[image] = Facts(facts[image].presence, facts[image].attributes, links)
        run.store.set_relation(name, rows, links[name][object_][None])
    before = {kind: value.clone() for kind, value in run.values.items()}
    resumed = resume(run, MODULES, changed=[Changed(image, name)])
    assert_same(resumed.run, run_on(changed, programs, images, fuse=fuse, trace=trace))
    for kind, value in before.items():
        assert torch.equal(run.values[kind], value)


def test_only_what_depends_on_the_change_runs_again() -> None:
    texts = [
        "count(filter(scene(), color=red))",
        "count(filter(scene(), shape=cube))",
        "exist(filter(relate(unique(filter(scene(), color=red)), left), shape=cube))",
    ]
    programs = [parse_program(text, REGISTRY).program for text in texts]
    run = run_on([random_facts(index, CLEVR, 5) for index in range(2)], programs * 2, [0, 0, 0, 1, 1, 1])
    assert resume(run, MODULES).steps == 0
    assert resume(run, MODULES, changed=[Changed(0, "material")]).steps == 0
    assert resume(run, MODULES, changed=[Changed(1, "left")]).steps == 2
    assert resume(run, MODULES, changed=[Changed(0, "color")]).steps == 4
    assert resume(run, MODULES, changed=[Changed(0, None)]).steps == 6


@given(st.integers(0, 10**6))
@examples(25)
def test_a_replaced_value_gives_what_a_program_with_it_would(seed: int) -> None:
    facts = random_facts(seed, CLEVR, 5)
    red = parse_program("count(filter(scene(), color=red))", REGISTRY).program
    cubes = parse_program("count(filter(filter(scene(), shape=cube), color=red))", REGISTRY).program
    run = run_on([facts], [red], [0], fuse=False)
    both = run_on([facts], [cubes], [0], fuse=False)
    place = both.plan.lowered[0].places[1]
    value = both.values["ObjectSet"][int(both.plan.places[both.plan.steps[place.step]])]
    resumed = resume(run, MODULES, values={(0, 0): value})
    assert resumed.steps == 2
    assert answers(resumed.run)[0].distribution == pytest.approx(answers(both)[0].distribution, abs=1e-6)


def test_a_value_that_is_put_is_shown_and_takes_nothing_for_granted() -> None:
    program = parse_program("query[color](unique(filter(scene(), shape=cube)))", REGISTRY).program
    facts = next(
        each
        for each in (random_facts(seed, CLEVR, 5) for seed in range(99))
        if answers(run_on([each], [program], [0], fuse=False))[0].presuppositions
    )
    run = run_on([facts], [program], [0], fuse=False, trace=True)
    third = torch.full((run.store.glance.mask.shape[1],), -50.0)
    third[3] = 0.0
    resumed = resume(run, MODULES, values={(0, 2): third})
    answer = answers(resumed.run)[0]
    assert resumed.steps == 1
    assert not answer.presuppositions
    assert answer.trace is not None
    assert answer.trace.nodes[2].presupposition == 1.0
    assert answer.trace.nodes[2].value == pytest.approx((0.0, 0.0, 0.0, 1.0, 0.0), abs=1e-6)
    assert answer.granted == pytest.approx(1.0)


def test_what_ran_again_says_what_it_took() -> None:
    program = parse_program("count(filter(filter(scene(), color=red), shape=cube))", REGISTRY).program
    run = run_on([random_facts(0, CLEVR, 5)], [program], [0], fuse=False, trace=True)
    run.store.set_attribute("shape", Rows(torch.tensor([0]), torch.tensor([0])), torch.full((1, 3), -1.1))
    resumed = resume(run, MODULES, changed=[Changed(0, "shape")])
    assert [[record.signature.operation for record in each.records] for each in resumed.reruns] == [
        ["filter"],
        ["count"],
    ]
    assert [each.rows.tolist() for each in resumed.reruns] == [[0], [0]]


def test_a_node_without_a_value_of_its_own_is_refused() -> None:
    program = parse_program("count(filter(scene(), color=red))", REGISTRY).program
    run = run_on([random_facts(0, CLEVR, 5)], [program], [0])
    with pytest.raises(InputError, match="plan without fusing"):
        resume(run, MODULES, values={(0, 0): torch.zeros(5)})
    with pytest.raises(InputError, match="has shape"):
        resume(run, MODULES, values={(0, 2): torch.zeros(3)})
