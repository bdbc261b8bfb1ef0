"""The exact back end: official set semantics, refusals in words, the soft executor's form of answers and traces."""

import inspect
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st
from official import Invalid, clevr_registry, official_answer
from torch import nn
from worlds import random_scene

from nmn.check import check
from nmn.datasets.clevr import read_questions, read_scenes
from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import ProgramError, SceneError
from nmn.exact import ExactBackend, NotOne, answer_exactly, exact_scene, is_certain, only
from nmn.parser.clevr import import_program
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import module
from nmn.sampling import sample_program
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene, SceneObject
from nmn.trace import Answer, NodeTrace
from nmn.types import Bool, Object, ObjectSet

CLEVR = Domain.load("clevr")
REGISTRY = clevr_registry()
EXACT = ExactBackend(CLEVR, REGISTRY)
SOFT = Engine(ScenePerceiver(CLEVR))
SEEDS = st.integers(0, 10**9)


def read(text: str) -> Program:
    program = parse_program(text, REGISTRY).program
    check(program, CLEVR, REGISTRY)
    return program


def sampled(seed: int, depth: int = 9) -> Program:
    return sample_program(Random(seed), CLEVR, REGISTRY, depth=depth)


def official(program: Program, scene: Scene) -> str | None:
    try:
        return official_answer(program, scene)
    except Invalid:
        return None


@given(SEEDS)
@examples(100)
def test_random_programs_on_random_scenes_give_the_official_answers(seed: int) -> None:
    random = Random(seed)
    scenes = [random_scene(random, CLEVR) for _ in range(5)]
    programs = [sampled(seed + index, random.randint(3, 11)) for index in range(50)]
    images = [random.randrange(5) for _ in programs]
    found = EXACT.run_exactly(programs, [EXACT.scene(scene) for scene in scenes], images)
    assert found == [official(program, scenes[image]) for program, image in zip(programs, images, strict=True)]


def test_enough_random_programs_are_valid_to_mean_something() -> None:
    random = Random(0)
    scenes = [random_scene(random, CLEVR) for _ in range(1000)]
    found = EXACT.run(scenes, [sampled(seed, random.randint(3, 11)) for seed in range(1000)])
    assert 200 < sum(each.value is not None for each in found) < 800
    assert len({each.value for each in found}) > 15


@given(SEEDS)
@examples(6)
def test_the_soft_executor_agrees_on_certain_scenes(seed: int) -> None:
    random = Random(seed)
    scenes = [random_scene(random, CLEVR) for _ in range(20)]
    programs = [sampled(seed + index) for index in range(20)]
    for exact, soft in zip(
        EXACT.run(scenes, programs, trace=True), SOFT.run(scenes, programs, trace=True), strict=True
    ):
        if exact.value is None:
            assert soft.confidence < 1e-3
            # The soft executor goes on after a failure and says once what fails twice.
            assert {each.words for each in exact.presuppositions} <= {each.words for each in soft.presuppositions}
            continue
        assert soft.value == exact.value
        assert soft.confidence == pytest.approx(1, abs=1e-3)
        assert exact.trace is not None
        assert soft.trace is not None
        for one, other in zip(exact.trace.nodes, soft.trace.nodes, strict=True):
            same_node(one, other)


def same_node(one: NodeTrace, other: NodeTrace) -> None:
    assert (one.index, one.call, one.kind, one.module, one.inputs) == (
        other.index,
        other.call,
        other.kind,
        other.module,
        other.inputs,
    )
    assert one.value == pytest.approx(other.value, abs=1e-3)
    assert one.presupposition == (
        None if other.presupposition is None else pytest.approx(other.presupposition, abs=1e-3)
    )


def test_the_trace_notes_what_was_read_first_by_whom() -> None:
    program = read("count(filter(filter(scene(), shape=cube), color=red, shape=cube))")
    scene = random_scene(Random(5), CLEVR, 8)
    trace = answer_exactly(program, scene, CLEVR, trace=True).trace
    assert trace is not None
    cubes = sum(each.attributes["shape"] == "cube" for each in scene.objects)
    read_by = [[(facet.facet, facet.rows) for facet in node.facets] for node in trace.nodes]
    assert read_by == [[], [("shape", 8)], [("color", cubes)], [], []]
    assert trace.flops == 0
    assert trace.to_json()["nodes"][0]["value"] == [1.0] * 8


def test_what_fails_is_said_and_what_depends_on_it_has_no_value() -> None:
    scene = Scene(
        0, None, (thing("red", "cube"), thing("red", "cube")), {each.name: ((), ()) for each in CLEVR.relations}
    )
    text = "equal[color](query[color](unique(filter(scene(), color=red))), query[color](unique(filter(scene(), shape=sphere))))"
    answer = answer_exactly(read(text), scene, CLEVR, trace=True)
    assert (answer.value, answer.confidence, answer.distribution) == (None, 0.0, {})
    assert [(each.node, each.probability, each.candidates) for each in answer.presuppositions] == [
        (2, 0.0, ((0, 1.0), (1, 1.0))),
        (6, 0.0, ()),
    ]
    assert [each.words for each in answer.presuppositions] == [
        "the question speaks of one red thing, but there are 2: objects 0, 1",
        "the question speaks of one sphere, but there is none",
    ]
    assert answer.trace is not None
    assert [node.value for node in answer.trace.nodes] == [(1, 1), (1, 1), None, None, (1, 1), (0, 0), None, None, None]
    assert [node.presupposition for node in answer.trace.nodes] == [None, None, 0.0, None, None, None, 0.0, None, None]


def thing(color: str, shape: str, *, presence: float = 1.0) -> SceneObject:
    looks = {"color": color, "shape": shape, "size": "large", "material": "metal"}
    return SceneObject(looks, presence=presence)


def test_an_empty_image_has_no_objects() -> None:
    scene = random_scene(Random(0), CLEVR, 0)
    assert answer_exactly(read("count(scene())"), scene, CLEVR).value == "0"
    assert answer_exactly(read("exist(filter(scene(), color=red))"), scene, CLEVR).value == "no"
    assert answer_exactly(read("query[color](unique(scene()))"), scene, CLEVR).value is None


def test_an_image_may_have_more_objects_than_a_machine_word_has_bits() -> None:
    scene = random_scene(Random(0), CLEVR, 200)
    program = read("count(filter(scene(), size=large))")
    assert answer_exactly(read("count(scene())"), scene, CLEVR).value == "200"
    assert answer_exactly(program, scene, CLEVR).value == official_answer(program, scene)


def test_programs_of_any_depth_run() -> None:
    program = read(f"count({'union(' * 3000}scene(){', scene())' * 3000})")
    assert answer_exactly(program, random_scene(Random(0), CLEVR, 3), CLEVR).value == "3"


def test_a_predicted_or_doubtful_scene_is_not_certain() -> None:
    relations = {each.name: ((),) for each in CLEVR.relations}
    assert is_certain(Scene(0, None, (thing("red", "cube"),), relations))
    assert not is_certain(Scene(0, None, (thing("red", "cube"),), relations, predicted=True))
    assert not is_certain(Scene(0, None, (thing("red", "cube", presence=0.9),), relations))


def test_a_scene_that_lacks_something_is_refused() -> None:
    with pytest.raises(SceneError, match="image 3 lacks the relation"):
        exact_scene(Scene(3, None, (), {}), CLEVR)
    with pytest.raises(SceneError, match="image 3: 'pink' is no color"):
        exact_scene(Scene(3, None, (thing("pink", "cube"),), {}), CLEVR)


@pytest.mark.parametrize(("members", "found"), [(1, 0), (8, 3), (1 << 100, 100)])
def test_the_only_one_of_a_set(members: int, found: int) -> None:
    assert only(members) == found


@pytest.mark.parametrize("members", [0, 3, 5])
def test_a_set_of_another_size_than_one_has_no_only_one(members: int) -> None:
    with pytest.raises(NotOne):
        only(members)


@pytest.mark.parametrize("operation", sorted(REGISTRY.signatures))
def test_every_rule_takes_the_scene_and_the_parameters_of_forward(operation: str) -> None:
    rule = inspect.getattr_static(REGISTRY.load(operation), "exact")
    assert isinstance(rule, staticmethod)
    names = [each.name for each in REGISTRY.signature(operation).parameters]
    assert list(inspect.signature(rule.__func__).parameters) == ["scene", *names]


@module("some")
class Some(nn.Module):
    """Without a rule."""

    def forward(self, members: ObjectSet) -> Bool:
        raise NotImplementedError


@module("between")
class Between(nn.Module):
    """With one, of three inputs."""

    def forward(self, first: Object, second: Object, third: Object) -> ObjectSet:
        raise NotImplementedError

    @staticmethod
    def exact(scene: object, first: int, second: int, third: int) -> int:
        return 1 << first | 1 << second | 1 << third


def test_a_module_without_a_rule_is_refused_by_name() -> None:
    registry = REGISTRY.extended(Some)
    program = parse_program("some(scene())", registry).program
    assert not ExactBackend(CLEVR, registry).has_rules(program)
    assert ExactBackend(CLEVR, registry).has_rules(read("count(scene())"))
    with pytest.raises(
        ProgramError, match=r"'some' cannot be answered exactly: its module \S+\.Some has no static method 'exact'"
    ):
        ExactBackend(CLEVR, registry).run([random_scene(Random(0), CLEVR)], [program])


def test_a_plug_in_may_have_a_rule() -> None:
    registry = REGISTRY.extended(Between)
    one = "unique(filter(scene(), color={}))"
    program = parse_program(
        f"count(between({one.format('red')}, {one.format('blue')}, {one.format('gray')}))", registry
    ).program
    things = tuple(thing(color, "cube") for color in ("blue", "green", "red", "gray"))
    scene = Scene(0, None, things, {each.name: ((),) * 4 for each in CLEVR.relations})
    assert ExactBackend(CLEVR, registry).run([scene], [program])[0].value == "3"


def test_a_program_that_ends_in_objects_is_refused() -> None:
    with pytest.raises(ProgramError, match="must end in"):
        EXACT.run([random_scene(Random(0), CLEVR)], [parse_program("scene()", REGISTRY).program])


def test_a_program_keeps_its_hash_but_does_not_carry_it_to_another_process() -> None:
    program = read("count(filter(scene(), color=red))")
    assert hash(program) == hash(read("count(filter(scene(), color=red))"))
    code = (
        "import pickle, sys; program = pickle.loads(sys.stdin.buffer.read())\n"
        "from nmn.program import Program; assert program in {Program(program.nodes): 1}"
    )
    subprocess.run([sys.executable, "-P", "-c", code], input=pickle.dumps(program), check=True)
    assert pickle.loads(pickle.dumps(program)) == program


REAL = [
    pytest.param("clevr_mini/train/CLEVR_scenes.json", "clevr_mini/train/CLEVR_questions.json", id="mini-train"),
    pytest.param("clevr_mini/val/CLEVR_scenes.json", "clevr_mini/val/CLEVR_questions.json", id="mini-val"),
    pytest.param(
        "clevr_official/scenes/CLEVR_val_scenes.json",
        "clevr_official/questions/CLEVR_val_generated.json",
        id="official",
    ),
    pytest.param(
        "clevr_rendered/scenes/CLEVR_val_scenes.json",
        "clevr_rendered/questions/CLEVR_val_questions.json",
        id="rendered",
    ),
]


def answered(
    folder: Path, scenes_file: str, questions_file: str, step: int
) -> tuple[Sequence[Answer], list[str | None]]:
    for name in (scenes_file, questions_file):
        if not (folder / name).is_file():
            pytest.skip(f"needs real data: there is no {name}")
    scenes = read_scenes(folder / scenes_file, CLEVR)
    questions = [each for each in read_questions(folder / questions_file) if each.program is not None][::step]
    programs = [import_program(each.program, CLEVR, where=str(each.question_index)) for each in questions]
    found = EXACT.run([scenes[each.image_index] for each in questions], programs)
    return found, [each.answer for each in questions]


@pytest.mark.parametrize(("scenes", "questions"), REAL)
def test_real_questions_get_their_stored_answers(shared_data: Path, scenes: str, questions: str) -> None:
    found, expected = answered(shared_data, scenes, questions, 10)
    assert len(found) >= 20
    assert [each.value for each in found] == expected


@pytest.mark.slow
@pytest.mark.parametrize(("scenes", "questions"), REAL)
def test_all_real_questions_get_their_stored_answers(shared_data: Path, scenes: str, questions: str) -> None:
    found, expected = answered(shared_data, scenes, questions, 1)
    assert [each.value for each in found] == expected
