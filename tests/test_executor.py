"""The executor: any batch gives what one at a time gives, certain facts give CLEVR's own answers, only what is asked runs."""

from collections.abc import Sequence
from random import Random

import pytest
import torch
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from official import Invalid, clevr_registry, official_answer
from worlds import FactPerceiver, Facts, random_facts, random_scene

from nmn.check import check
from nmn.decode import answer_of_loop, answers
from nmn.domain import Domain
from nmn.executor import Modules, Run, execute
from nmn.loop import Looper
from nmn.parser.text import parse_program
from nmn.planner import Planner
from nmn.program import Program
from nmn.registry import default_registry
from nmn.sampling import sample_program
from nmn.scene import FacetStore
from nmn.scene_perceiver import ScenePerceiver
from nmn.signature import ANSWER_KINDS
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


def store_of(facts: Sequence[Facts]) -> FacetStore:
    return FacetStore.look(FactPerceiver(CLEVR, tuple(facts), []), list(range(len(facts))))


def planner(*, fuse: bool = True, merge: bool = True) -> Planner:
    return Planner(CLEVR, REGISTRY, fuse=fuse, merge=merge)


def run_on(
    facts: Sequence[Facts],
    programs: Sequence[Program],
    images: Sequence[int],
    *,
    trace: bool = False,
    fuse: bool = True,
    merge: bool = True,
) -> Run:
    plan = planner(fuse=fuse, merge=merge).plan(programs, images)
    return execute(plan, store_of(facts), MODULES, trace=trace)


def alone(facts: Facts, program: Program) -> Answer:
    return answer_of_loop(Looper(CLEVR, MODULES).run(program, 0, store_of([facts])))


def assert_same_answer(answer: Answer, other: Answer) -> None:
    assert answer.confidence == pytest.approx(other.confidence, abs=1e-5)
    for value, probability in other.distribution.items():
        assert answer.distribution[value] == pytest.approx(probability, abs=1e-5)
    assert [each.node for each in answer.presuppositions] == [each.node for each in other.presuppositions]
    assert [each.words for each in answer.presuppositions] == [each.words for each in other.presuppositions]


@given(st.integers(0, 10**6), st.integers(1, 24), st.booleans(), st.booleans())
@examples(60)
def test_any_batch_gives_what_one_at_a_time_gives(seed: int, size: int, fuse: bool, merge: bool) -> None:
    random = Random(seed)
    facts = [random_facts(seed + index, CLEVR, random.randint(0, 9)) for index in range(4)]
    programs = [sampled(seed + random.randrange(size), depth=random.randint(4, 10)) for _ in range(size)]
    images = [random.randrange(4) for _ in programs]
    together = answers(run_on(facts, programs, images, fuse=fuse, merge=merge))
    for program, image, answer in zip(programs, images, together, strict=True):
        assert_same_answer(answer, alone(facts[image], program))


@given(st.integers(0, 10**6))
@examples(40)
def test_certain_facts_give_clevrs_official_answers(seed: int) -> None:
    random = Random(seed)
    scenes = [random_scene(random, CLEVR) for _ in range(3)]
    programs = [sample_program(Random(seed + index), CLEVR, clevr_registry(), depth=9) for index in range(30)]
    images = [random.randrange(3) for _ in programs]
    store = FacetStore.look(ScenePerceiver(CLEVR), scenes)
    together = answers(execute(planner().plan(programs, images), store, MODULES))
    for program, image, answer in zip(programs, images, together, strict=True):
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
@examples(25)
def test_answers_are_distributions(seed: int) -> None:
    programs = [sampled(seed + index) for index in range(10)]
    for answer in answers(run_on([random_facts(seed, CLEVR, 6)], programs, [0] * 10)):
        assert sum(answer.distribution.values()) == pytest.approx(1, abs=1e-4)
        assert min(answer.distribution.values()) >= -1e-6


def loss(run: Run) -> torch.Tensor:
    total = run.certainty().sum()
    for kind in ANSWER_KINDS:
        _, values = run.roots(kind)
        total = total + values.sum() + values.square().sum()
    return total


@given(st.integers(0, 10**6))
@examples(15)
def test_gradients_in_a_batch_are_those_of_one_at_a_time(seed: int) -> None:
    facts = [random_facts(seed + index, CLEVR, 5, dtype=torch.float64, sureness=1.0) for index in range(2)]
    leaves = [
        leaf.requires_grad_()
        for each in facts
        for leaf in (each.presence, *each.attributes.values(), *each.relations.values())
    ]
    programs = [sampled(seed + index) for index in range(8)]
    images = [index % 2 for index in range(8)]
    together = torch.autograd.grad(loss(run_on(facts, programs, images)), leaves, allow_unused=True)
    apart = [torch.zeros_like(leaf) for leaf in leaves]
    for program, image in zip(programs, images, strict=True):
        run = Looper(CLEVR, MODULES).run(program, 0, store_of([facts[image]]))
        root = run.values[run.place[-1]]
        own = run.certainty().sum() + root.sum() + root.square().sum()
        gradients = torch.autograd.grad(own, leaves, allow_unused=True)
        apart = [sum_ if own is None else sum_ + own for sum_, own in zip(apart, gradients, strict=True)]
    for first, second in zip(together, apart, strict=True):
        torch.testing.assert_close(torch.zeros_like(second) if first is None else first, second, atol=1e-6, rtol=1e-4)


def test_whole_programs_pass_gradcheck() -> None:
    text = "count(filter(relate(unique(filter(scene(), shape=sphere)), left), color=red))"
    facts = random_facts(1, CLEVR, 4, dtype=torch.float64, sureness=1.0)

    def call(shape: torch.Tensor, left: torch.Tensor) -> torch.Tensor:
        changed = Facts(facts.presence, {**facts.attributes, "shape": shape}, {**facts.relations, "left": left})
        return run_on([changed], [read(text)], [0]).roots("Count")[1]

    inputs = [facts.attributes["shape"].clone().requires_grad_(), facts.relations["left"].clone().requires_grad_()]
    assert torch.autograd.gradcheck(call, inputs)


def test_only_the_objects_that_are_still_meant_are_looked_at() -> None:
    random = Random(7)
    scene = random_scene(random, CLEVR, 8)
    wanted = scene.objects[0].attributes
    store = FacetStore.look(ScenePerceiver(CLEVR), [scene])
    program = read(f"count(filter(scene(), color={wanted['color']}, shape={wanted['shape']}))")
    execute(planner().plan([program], [0]), store, MODULES)
    colored = sum(each.attributes["color"] == wanted["color"] for each in scene.objects)
    assert [(entry.facet, len(entry.rows)) for entry in store.history] == [("color", 8), ("shape", colored)]


def test_a_facet_is_computed_once_for_all_questions_of_an_image() -> None:
    perceiver = FactPerceiver(CLEVR, (random_facts(0, CLEVR, 6),), [])
    store = FacetStore.look(perceiver, [0])
    program = read("count(filter(scene(), color=red))")
    for _ in range(3):
        execute(planner().plan([program] * 5, [0] * 5), store, MODULES)
    assert perceiver.asked == [("color", 6)]


def test_a_mix_of_programs_is_a_few_calls() -> None:
    programs = [sampled(seed, depth=10) for seed in range(200)]
    plan = planner().plan(programs, [0] * 200)
    assert plan.nodes > 1000
    assert plan.kernels < 200


def test_the_trace_names_module_inputs_value_and_facets_of_every_node() -> None:
    scene = random_scene(Random(3), CLEVR, 6)
    perceiver = FactPerceiver(CLEVR, (random_facts(3, CLEVR, 6, sureness=4.0),), [])
    program = read("exist(filter(relate(unique(filter(scene(), shape=cube)), left), color=red))")
    store = FacetStore.look(perceiver, [0])
    run = execute(planner().plan([program], [0]), store, MODULES, trace=True)
    trace = answers(run)[0].trace
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
    by_itself = Looper(CLEVR, MODULES).run(program, 0, store_of([random_facts(3, CLEVR, 6, sureness=4.0)]), trace=True)
    other = answer_of_loop(by_itself).trace
    assert other is not None
    for first, second in zip(trace.nodes, other.nodes, strict=True):
        assert (first.call, first.kind, first.module, first.facets) == (
            second.call,
            second.kind,
            second.module,
            second.facets,
        )
        assert first.value == pytest.approx(second.value, abs=1e-5)
    record = trace.to_json()
    assert [node["index"] for node in record["nodes"]] == list(range(6))
    assert record["flops"] == trace.flops


def test_facets_that_several_questions_ask_for_are_counted_once() -> None:
    facts = random_facts(0, CLEVR, 6)
    program = read("count(filter(scene(), color=red))")
    found = answers(run_on([facts], [program] * 3, [0] * 3, trace=True, merge=False))
    rows = [sum(facet.rows for node in each.trace.nodes for facet in node.facets) for each in found if each.trace]
    assert rows == [6, 0, 0]


def test_a_facet_is_noted_at_a_node_that_reads_it() -> None:
    facts = random_facts(0, CLEVR, 6)
    programs = [read(f"count(filter(scene(), {concept}))") for concept in ("size=small", "color=red", "shape=cube")]
    for program, answer in zip(programs, answers(run_on([facts], programs, [0] * 3, trace=True)), strict=True):
        assert answer.trace is not None
        named = [facet.facet for node in answer.trace.nodes for facet in node.facets]
        assert named == [str(program.nodes[1].constants[0]).split("=")[0]]


def test_what_is_taken_for_granted_and_does_not_hold_is_said_in_words() -> None:
    scene = random_scene(Random(5), CLEVR, 0)
    store = FacetStore.look(ScenePerceiver(CLEVR), [scene])
    program = read("query[color](unique(filter(scene(), size=large, shape=cube)))")
    (answer,) = answers(execute(planner().plan([program], [0]), store, MODULES))
    (failed,) = answer.presuppositions
    assert failed.node == 3
    assert failed.words == "the question speaks of one large cube, but there is none"
    assert answer.confidence < 1e-3
