"""The executor: any batch gives what one at a time gives, certain facts give CLEVR's own answers, only what is asked runs."""

from collections.abc import Sequence
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from official import Invalid, official_answer
from worlds import FactPerceiver, Facts, random_facts, random_scene

from nmn.check import check
from nmn.decode import answers
from nmn.domain import Domain
from nmn.executor import Modules, Run, execute
from nmn.parser.text import parse_program
from nmn.planner import distance_from_root, make_plan
from nmn.program import Program
from nmn.registry import default_registry
from nmn.sampling import sample_program
from nmn.scene import FacetStore
from nmn.scene_perceiver import ScenePerceiver
from nmn.trace import Answer

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
MODULES = Modules(REGISTRY)


def sampled(seed: int, *, depth: int = 9, kind: str | None = None) -> Program:
    return sample_program(Random(seed), CLEVR, REGISTRY, depth=depth, kind=kind)


def read(text: str) -> Program:
    program = parse_program(text, REGISTRY).program
    check(program, CLEVR, REGISTRY)
    return program


def run_on(facts: Sequence[Facts], programs: Sequence[Program], images: Sequence[int], *, trace: bool = False) -> Run:
    store = FacetStore.look(FactPerceiver(CLEVR, tuple(facts), []), list(range(len(facts))))
    return execute(make_plan(programs, images, CLEVR, REGISTRY), store, MODULES, trace=trace)


def answer_on(facts: Sequence[Facts], programs: Sequence[Program], images: Sequence[int]) -> list[Answer]:
    return answers(run_on(facts, programs, images), images)


@given(st.integers(0, 10**6), st.integers(1, 24))
@settings(max_examples=40)
def test_a_batch_gives_what_one_at_a_time_gives(seed: int, size: int) -> None:
    random = Random(seed)
    facts = [random_facts(seed + index, CLEVR, random.randint(0, 9)) for index in range(4)]
    programs = [sampled(seed + index, depth=random.randint(4, 10)) for index in range(size)]
    images = [random.randrange(4) for _ in programs]
    together = answer_on(facts, programs, images)
    for program, image, answer in zip(programs, images, together, strict=True):
        (alone,) = answer_on([facts[image]], [program], [0])
        assert answer.confidence == pytest.approx(alone.confidence, abs=1e-5)
        for value, probability in alone.distribution.items():
            assert answer.distribution[value] == pytest.approx(probability, abs=1e-5)


@given(st.integers(0, 10**6))
@settings(max_examples=40)
def test_certain_facts_give_clevrs_official_answers(seed: int) -> None:
    random = Random(seed)
    scenes = [random_scene(random, CLEVR) for _ in range(3)]
    programs = [sampled(seed + index) for index in range(30)]
    images = [random.randrange(3) for _ in programs]
    store = FacetStore.look(ScenePerceiver(CLEVR), scenes)
    plan = make_plan(programs, images, CLEVR, REGISTRY)
    for program, image, answer in zip(
        programs, images, answers(execute(plan, store, MODULES), images), strict=True
    ):
        try:
            expected = official_answer(program, scenes[image])
        except Invalid:
            assert answer.presuppositions
            assert answer.confidence < 1e-3
        else:
            assert not answer.presuppositions
            assert answer.value == expected
            assert answer.confidence > 0.999


@given(st.integers(0, 10**6))
@settings(max_examples=25)
def test_answers_are_distributions(seed: int) -> None:
    programs = [sampled(seed + index) for index in range(10)]
    for answer in answer_on([random_facts(seed, CLEVR, 6)], programs, [0] * 10):
        assert sum(answer.distribution.values()) == pytest.approx(1, abs=1e-4)
        assert min(answer.distribution.values()) >= -1e-6


@given(st.integers(0, 10**6))
@settings(max_examples=25)
def test_inputs_are_always_further_from_the_root(seed: int) -> None:
    program = sampled(seed)
    distance = distance_from_root(program)
    assert distance[program.root] == 0
    for index, node in enumerate(program.nodes):
        assert all(distance[source] > distance[index] for source in node.inputs)


def loss(facts: Sequence[Facts], programs: Sequence[Program], images: Sequence[int]) -> torch.Tensor:
    run = run_on(facts, programs, images)
    total = run.presuppositions().sum()
    for root in run.plan.roots:
        total = total + run.value(int(root)).sum(0).sum() + run.value(int(root)).square().sum()
    return total


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_gradients_in_a_batch_are_those_of_one_at_a_time(seed: int) -> None:
    facts = [random_facts(seed + index, CLEVR, 5, dtype=torch.float64, sureness=1.0) for index in range(2)]
    leaves = [
        leaf.requires_grad_()
        for each in facts
        for leaf in (each.presence, *each.attributes.values(), *each.relations.values())
    ]
    programs = [sampled(seed + index) for index in range(8)]
    images = [index % 2 for index in range(8)]
    together = torch.autograd.grad(loss(facts, programs, images), leaves, allow_unused=True)
    apart = [torch.zeros_like(leaf) for leaf in leaves]
    for program, image in zip(programs, images, strict=True):
        gradients = torch.autograd.grad(loss([facts[image]], [program], [0]), leaves, allow_unused=True)
        apart = [sum_ if own is None else sum_ + own for sum_, own in zip(apart, gradients, strict=True)]
    for first, second in zip(together, apart, strict=True):
        torch.testing.assert_close(torch.zeros_like(second) if first is None else first, second, atol=1e-6, rtol=1e-4)


def test_whole_programs_pass_gradcheck() -> None:
    text = "count(filter(relate(unique(filter(scene(), shape=sphere)), left), color=red))"
    facts = random_facts(1, CLEVR, 4, dtype=torch.float64, sureness=1.0)

    def call(shape: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        changed = Facts(facts.presence, {**facts.attributes, "shape": shape}, {**facts.relations, "left": left})
        run = run_on([changed], [read(text)], [0])
        return run.value(run.plan.nodes - 1)

    inputs = [facts.attributes["shape"].clone().requires_grad_(), facts.relations["left"].clone().requires_grad_()]
    assert torch.autograd.gradcheck(call, inputs)


def test_only_the_objects_that_are_still_meant_are_looked_at() -> None:
    random = Random(7)
    scene = random_scene(random, CLEVR, 8)
    wanted = scene.objects[0].attributes
    store = FacetStore.look(ScenePerceiver(CLEVR), [scene])
    program = read(f"count(filter(scene(), color={wanted['color']}, shape={wanted['shape']}))")
    execute(make_plan([program], [0], CLEVR, REGISTRY), store, MODULES)
    colored = sum(each.attributes["color"] == wanted["color"] for each in scene.objects)
    assert [(entry.facet, entry.rows) for entry in store.history] == [("color", 8), ("shape", colored)]


def test_a_facet_is_computed_once_for_all_questions_of_an_image() -> None:
    perceiver = FactPerceiver(CLEVR, (random_facts(0, CLEVR, 6),), [])
    store = FacetStore.look(perceiver, [0])
    program = read("count(filter(scene(), color=red))")
    for _ in range(3):
        execute(make_plan([program] * 5, [0] * 5, CLEVR, REGISTRY), store, MODULES)
    assert perceiver.asked == [("color", 6)]


def test_a_mix_of_programs_is_a_few_calls() -> None:
    programs = [sampled(seed, depth=10) for seed in range(200)]
    plan = make_plan(programs, [0] * 200, CLEVR, REGISTRY)
    assert plan.nodes > 1000
    assert len(plan.groups) <= 10 * len(REGISTRY.signatures)


def test_the_trace_names_module_inputs_value_and_facets_of_every_node() -> None:
    scene = random_scene(Random(3), CLEVR, 6)
    perceiver = FactPerceiver(CLEVR, (random_facts(3, CLEVR, 6, sureness=4.0),), [])
    program = read("exist(filter(relate(unique(filter(scene(), shape=cube)), left), color=red))")
    store = FacetStore.look(perceiver, [0])
    run = execute(make_plan([program], [0], CLEVR, REGISTRY), store, MODULES, trace=True)
    trace = answers(run, [0], trace=True)[0].trace
    assert trace is not None
    assert len(scene.objects) == len(trace.presence) == 6
    assert [node.call for node in trace.nodes] == [
        "scene()",
        "filter(#0, shape=cube)",
        "unique(#1)",
        "relate(#2, left)",
        "filter(#3, color=red)",
        "exist(#4)",
    ]
    assert trace.nodes[2].module == "nmn.modules.unique.Unique"
    assert trace.nodes[2].presupposition is not None
    caused = {facet.facet: facet.rows for node in trace.nodes for facet in node.facets}
    computed: dict[str, int] = {}
    for facet, rows in perceiver.asked:
        computed[facet] = computed.get(facet, 0) + rows
    assert caused == computed
    for node in trace.nodes:
        group, row = run.places[node.index]
        assert run.groups[group].group.nodes[row] == node.index
    record = trace.to_json()
    assert [node["index"] for node in record["nodes"]] == list(range(6))
    assert record["flops"] == trace.flops


def test_facets_that_several_questions_ask_for_are_counted_once() -> None:
    facts = random_facts(0, CLEVR, 6)
    program = read("count(filter(scene(), color=red))")
    found = answers(run_on([facts], [program] * 3, [0] * 3, trace=True), [0] * 3, trace=True)
    rows = [sum(facet.rows for node in each.trace.nodes for facet in node.facets) for each in found if each.trace]
    assert rows == [6, 0, 0]


def test_what_is_taken_for_granted_and_does_not_hold_is_said_in_words() -> None:
    scene = random_scene(Random(5), CLEVR, 0)
    store = FacetStore.look(ScenePerceiver(CLEVR), [scene])
    program = read("query[color](unique(filter(scene(), size=large, shape=cube)))")
    plan = make_plan([program], [0], CLEVR, REGISTRY)
    (answer,) = answers(execute(plan, store, MODULES), [0])
    (failed,) = answer.presuppositions
    assert failed.node == 3
    assert failed.words == "it is taken for granted that there is one large cube, but there is none"
    assert answer.confidence < 1e-3
