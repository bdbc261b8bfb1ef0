"""Must/may execution: what it gives holds every completion's exact answer, and what it proves is so."""

import re
from collections.abc import Sequence
from itertools import islice
from random import Random
from typing import Any

import numpy as np
import pytest
from completing import (
    all_completions,
    on_a_plane,
    random_bounds,
    random_completion,
    random_possible_scene,
    with_bounds,
)
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from nmn.domain import Attribute, Domain, Relation
from nmn.errors import InputError, ProgramError, SceneError
from nmn.exact.compiled import compile_program
from nmn.parser.text import parse_program
from nmn.possible import Facet, Leaf, PossibleProgram, PossibleScene, Split, possible_program, prove
from nmn.possible.building import from_chances, from_coordinates, possible_scene
from nmn.possible.scene import ATTRIBUTE_FACET, PRESENCE_FACET, RELATION_FACET, YES_BIT, bits
from nmn.program import Program
from nmn.registry import default_registry
from nmn.sampling import sample_program

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
SEEDS = st.integers(0, 10**9)
MANY, FEW = 10**6, 1000  # completions

TINY = Domain(
    name="tiny",
    version=1,
    nouns=("thing",),
    attributes=(
        Attribute("hue", ("dark", "pale"), ("hue",), (("dark",), ("pale",))),
        Attribute("form", ("flat", "round", "long"), ("form",), (("flat",), ("round",), ("long",))),
    ),
    relations=(
        Relation("before", ("before",), inverse="after", axis=0, sign=-1),
        Relation("after", ("after",), inverse="before", axis=0, sign=1),
    ),
)


def check_completions(seed: int, domain: Domain, questions: int, completions: int) -> int:
    """Hold random programs on one random scene to what its random completions give; how many were answered."""
    random, tried = Random(seed), 0
    scene = random_possible_scene(random, domain, random.randint(0, 8), random.choice([0.0, 0.02, 0.05, 0.2]))
    bounds = random_bounds(random, domain, scene.objects, random.choice([0.0, 0.1, 0.4]))
    plane = with_bounds(domain, scene, bounds)
    for _ in range(questions):
        program = sample_program(random, domain, REGISTRY, depth=random.randint(3, 11), sharing=0.2)
        possible, exact = possible_program(program, domain, REGISTRY), compile_program(program, domain, REGISTRY)
        for known in (scene, plane):
            found, proved = possible.run(known), prove(possible, known)
            for _ in range(completions):
                complete = (
                    on_a_plane(random, domain, known, bounds)
                    if known is plane
                    else random_completion(random, domain, known)
                )
                answer = exact.answer(complete)
                assert answer in found.answers, program.text
                assert proved is None or proved.answer == answer, program.text
                tried += 1
            assert not found.certain or (proved is not None and {proved.answer} == found.answers)
    return tried


@given(SEEDS)
@examples(20)
def test_no_completion_has_an_answer_that_was_ruled_out(seed: int) -> None:
    check_completions(seed, CLEVR, questions=5, completions=5)


@pytest.mark.slow
def test_no_completion_of_a_million_has_an_answer_that_was_ruled_out() -> None:
    tried, seed = 0, 0
    while tried < MANY:
        tried += check_completions(seed, CLEVR, questions=20, completions=25)
        seed += 1


@given(SEEDS)
@examples(60)
def test_all_completions_of_a_small_scene_agree_just_where_that_is_proved(seed: int) -> None:
    random = Random(seed)
    scene = random_possible_scene(random, TINY, random.randint(0, 3), random.choice([0.05, 0.15, 0.3]))
    completions = list(islice(all_completions(TINY, scene), FEW))
    if len(completions) == FEW:
        return
    for _ in range(5):
        program = sample_program(random, TINY, REGISTRY, depth=random.randint(3, 8), sharing=0.3)
        exact = compile_program(program, TINY, REGISTRY)
        answers = {exact.answer(each) for each in completions}
        possible = possible_program(program, TINY, REGISTRY)
        proved = prove(possible, scene, most=10**6)
        assert answers <= possible.run(scene).answers
        assert (proved is not None) == (len(answers) == 1), program.text
        assert proved is None or {proved.answer} == answers


def direct(operation: str) -> list[Program]:
    """Programs of one operation of interest, beside those that give it certain inputs."""
    random, found = Random(0), []
    while len(found) < 8:
        program = sample_program(random, TINY, REGISTRY, depth=4, sharing=0.0)
        if any(node.operation == operation for node in program.nodes):
            found.append(program)
    return found


@pytest.mark.parametrize("operation", sorted(each.operation for each in REGISTRY))
def test_every_operation_of_the_library_is_held_to_all_completions(operation: str) -> None:
    random = Random(operation)
    for program in direct(operation):
        scene = random_possible_scene(random, TINY, 2, 0.2)
        exact = compile_program(program, TINY, REGISTRY)
        answers = {exact.answer(each) for each in islice(all_completions(TINY, scene), 100)}
        assert answers <= possible_program(program, TINY, REGISTRY).run(scene).answers


@given(SEEDS)
@examples(60)
def test_what_is_certain_gives_the_exact_answer_in_one_run(seed: int) -> None:
    random = Random(seed)
    scene = random_possible_scene(random, CLEVR, random.randint(0, 9), 0.0)
    complete = random_completion(random, CLEVR, scene)
    for _ in range(10):
        program = sample_program(random, CLEVR, REGISTRY, depth=random.randint(3, 11))
        found = possible_program(program, CLEVR, REGISTRY).run(scene)
        assert found.certain
        assert found.answer == compile_program(program, CLEVR, REGISTRY).answer(complete)


@given(SEEDS)
@examples(60)
def test_to_know_more_never_loses_a_proof(seed: int) -> None:
    random = Random(seed)
    scene = random_possible_scene(random, TINY, 3, 0.2)
    program = possible_program(sample_program(random, TINY, REGISTRY, depth=7), TINY, REGISTRY)
    before = prove(program, scene, most=10**6)
    narrowed = narrowed_somewhere(random, scene)
    assert program.run(narrowed).answers <= program.run(scene).answers
    if before is not None:
        after = prove(program, narrowed, most=10**6)
        assert after is not None
        assert after.answer == before.answer


def narrowed_somewhere(random: Random, scene: PossibleScene) -> PossibleScene:
    one, other = random.sample(range(scene.objects), 2)
    kind = random.choice([ATTRIBUTE_FACET, PRESENCE_FACET, RELATION_FACET])
    facet = Facet(kind, 0, one, other if kind == RELATION_FACET else 0)
    return scene.narrowed(facet, 1 << random.choice(bits(scene.options(facet))))


def test_a_facet_that_is_read_twice_is_one_facet() -> None:
    """Run once, a color that may be two is not known to equal itself; told apart, it is."""
    program = read("let a = unique(filter(scene(), shape=cube)); equal[color](query[color](a), query[color](a))")
    scene = described([({"cube"}, {"red", "blue"}), ({"sphere"}, {"red", "blue"})])
    assert program.run(scene).answers == {"yes", "no"}
    proved = prove(program, scene)
    assert proved is not None
    assert proved.answer == "yes"
    assert isinstance(proved.proof, Split)
    assert proved.proof.facet == Facet(ATTRIBUTE_FACET, CLEVR.attribute_ids["color"], 0)


def test_a_proof_splits_nothing_that_the_answer_does_not_hang_on() -> None:
    """Shapes of what is not red do not matter to a number of red cubes, however many are in doubt."""
    program = read("count(filter(scene(), shape=cube, color=red))")
    doubtful = [({"cube", "sphere"}, {"blue", "green"})] * 12
    proved = prove(program, described([({"cube"}, {"red"}), *doubtful]))
    assert proved is not None
    assert proved.answer == "1"
    assert isinstance(proved.proof, Leaf)


def test_what_is_taken_for_granted_may_fail_in_some_completions() -> None:
    program = read("query[color](unique(filter(scene(), shape=cube)))")
    found = program.run(described([({"cube"}, {"red"}), ({"cube", "sphere"}, {"blue"})]))
    assert found.answers == {"red", None}
    assert found.fails == (2,)
    assert not found.certain
    assert program.run(described([({"cube"}, {"red"})] * 2)).answers == {None}


def test_left_and_right_are_one_fact_and_transitive() -> None:
    sure = {"left": [(0b010, 0b110), (0b100, 0b101), (0, 0b011)]}  # 1 is left of 0, and 2 is left of 1
    scene = possible_scene(CLEVR, [YES_BIT] * 3, {}, sure)
    left, right = CLEVR.relation_ids["left"], CLEVR.relation_ids["right"]
    assert scene.related_must[left] == (0b110, 0b100, 0)
    assert scene.related_must[right] == scene.related_may[right] == (0, 0b001, 0b011)
    behind = CLEVR.relation_ids["behind"]
    assert scene.related_may[behind] == (0b110, 0b101, 0b011)  # of another axis nothing is known


@given(SEEDS)
@examples(60)
def test_completing_relations_loses_no_placing_of_the_objects(seed: int) -> None:
    """Whatever pairs are withheld, what follows from the others holds of the coordinates that they came from."""
    random = Random(seed)
    places = [[(each, each) for each in (random.uniform(-2, 2) for _ in range(5))] for _ in range(2)]
    exactly = from_coordinates(CLEVR, places)
    withheld = {
        name: [(must & (kept := random.getrandbits(5)), may | ~kept & 0b11111 & ~(1 << anchor))
               for anchor, (must, may) in enumerate(rows)]
        for name, rows in exactly.items()
    }  # fmt: skip
    scene = possible_scene(CLEVR, [YES_BIT] * 5, {}, withheld)
    for name, rows in exactly.items():
        number = CLEVR.relation_ids[name]
        for (truth, _), must, may in zip(rows, scene.related_must[number], scene.related_may[number], strict=True):
            assert must & ~truth == 0
            assert truth & ~may == 0


def test_prediction_sets_hold_the_likeliest_value_and_all_above_the_threshold() -> None:
    colors = CLEVR.attribute("color").values
    rows = [[0.97, 0.02, 0.01, *[0.0] * (len(colors) - 3)], [1 / len(colors)] * len(colors)]
    scene = from_chances(CLEVR, np.array([0.999, 0.4]), {"color": np.array(rows)}, {}, least=0.015)
    color = CLEVR.attribute_ids["color"]
    named = [{CLEVR.concepts[each][1] for each in bits(options)} for options in scene.values[color]]
    assert named == [set(colors[:2]), set(colors)]
    assert scene.there == (0b01, 0b11)
    assert from_chances(CLEVR, np.array([0.999, 0.4]), {}, {}, least=0.6).there == (0b01, 0b01)
    left = np.array([[0.0, 0.7], [0.0, 0.0]])
    related = from_chances(CLEVR, np.array([0.999, 0.4]), {}, {"left": left}, least=0.2)
    number = CLEVR.relation_ids["left"]
    assert (related.related_must[number], related.related_may[number]) == ((0, 0), (0b10, 0))


@pytest.mark.parametrize(
    ("values", "relations", "message"),
    [
        ({"colour": [{"red"}]}, {}, "has no attribute 'colour'; did you mean 'color'?"),
        ({"color": [{"crimson"}]}, {}, "'crimson'"),
        ({"color": [set()]}, {}, "object 0 is left without a color"),
        ({"color": [{"red"}, {"red"}]}, {}, "color is given for 2 objects of 1"),
        ({}, {"lefty": [(0, 0)]}, "has no relation 'lefty'; did you mean 'left'?"),
    ],
)
def test_what_is_no_scene_is_refused_in_one_line(values: Any, relations: Any, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        possible_scene(CLEVR, [YES_BIT], values, relations)
    assert "\n" not in str(caught.value)


def test_relations_that_contradict_one_another_are_refused() -> None:
    round_and_round = {"left": [(0b10, 0b10), (0b01, 0b01)]}
    with pytest.raises(SceneError, match="what is known of 'left' contradicts itself"):
        possible_scene(CLEVR, [YES_BIT] * 2, {}, round_and_round)


def test_nothing_is_proved_of_values_that_imply_one_another() -> None:
    gqa = Domain.load("gqa")
    program = parse_program("count(filter(scene(), name=dog))", REGISTRY).program
    with pytest.raises(ProgramError, match="nothing is proved of attribute 'name'"):
        possible_program(program, gqa, REGISTRY)


def read(text: str) -> PossibleProgram:
    return possible_program(parse_program(text, REGISTRY).program, CLEVR, REGISTRY)


def described(objects: Sequence[tuple[set[str], set[str]]]) -> PossibleScene:
    """Objects that are there, each with the shapes and colors that it may have."""
    values = {"shape": [shapes for shapes, _ in objects], "color": [colors for _, colors in objects]}
    return possible_scene(CLEVR, [YES_BIT] * len(objects), values, {})
