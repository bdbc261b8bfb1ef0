"""Suppositions: what is answered is what would be answered if it were so, and no more runs again than depends on it."""

from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import InputError
from nmn.inspection.running import Inspected, inspect
from nmn.inspection.suppositions import (
    SupposedAttribute,
    SupposedObjects,
    SupposedOutcome,
    SupposedPresence,
    SupposedRelation,
    Supposition,
)
from nmn.inspection.view import CHANGED, SAME
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import default_registry
from nmn.scene_backend import SceneBackend
from nmn.scenes import Scene

REGISTRY = default_registry()
COUNT = "count(filter(scene(), color=red))"
HOP = "count(filter(relate(unique(filter(scene(), color=green)), left), shape=cylinder))"


def program(text: str) -> Program:
    return parse_program(text, REGISTRY).program


def supposing(engine: Engine, image: object, text: str, *suppose: Supposition) -> Inspected:
    return inspect(engine, image, program(text), suppose=suppose, measure=False)


# What is supposed of objects


def test_the_answer_is_that_of_a_scene_in_which_it_is_so(
    described: Engine, scenes: dict[int, Scene], programs: list[Program], clevr: Domain
) -> None:
    random = Random(3)
    assert isinstance(described.backend, SceneBackend)
    for each in programs[:16]:
        scene = random.choice(list(scenes.values()))
        index, attribute = random.randrange(len(scene.objects)), random.choice(clevr.attributes)
        value = random.choice(attribute.values)
        objects = list(scene.objects)
        objects[index] = replace(objects[index], attributes={**dict(objects[index].attributes), attribute.name: value})
        changed = replace(scene, objects=tuple(objects))
        wanted = described.backend.soft.run([changed], [each], [0])[0]
        suppose = [SupposedAttribute(index, attribute.name, value)]
        found = inspect(described, scene, each, suppose=suppose, measure=False).answer
        assert found.distribution == pytest.approx(wanted.distribution, abs=1e-5), each.text
        assert found.confidence == pytest.approx(wanted.confidence, abs=1e-5)
        assert [fails.node for fails in found.presuppositions] == [fails.node for fails in wanted.presuppositions]
        exactly = described.answer(changed, each).value
        assert exactly in (None, found.value)


def test_what_does_not_depend_on_it_is_kept(
    described: Engine, scenes: dict[int, Scene], programs: list[Program]
) -> None:
    for each in programs[:12]:
        shown = inspect(described, scenes[2], each, suppose=[SupposedAttribute(0, "color", "cyan")], measure=False).view
        for node in shown.nodes:
            assert node.difference is not None
            if node.kept:
                assert node.difference.state == SAME
                assert node.cost is not None
                assert node.cost.flops == 0
        assert shown.work is not None
        assert shown.work.again is not None
        assert shown.work.again.nodes == sum(not node.kept for node in shown.nodes)


def test_what_it_changes_is_lit_and_said_in_words(engine: Engine, samples: Path) -> None:
    shown = supposing(engine, samples / "CLEVR_val_000000.jpg", COUNT, SupposedAttribute(1, "color", "red")).view
    assert shown.changes == (
        "The answer changes from 0 to 1",
        "2 of 3 steps ran again; 2 differ",
        "#1 filter red: 0 → 1 object, now with 1",
        "#2 count: 0 → 1",
    )
    assert [node.difference and node.difference.state for node in shown.nodes] == [SAME, CHANGED, CHANGED]
    assert [node.kept for node in shown.nodes] == [True, False, False]
    assert shown.suppositions == ("object 1 is red",)
    assert shown.objects[1].supposed == ("suppose object 1 is red",)
    assert [mark.object for mark in shown.nodes[1].marks] == [1]


def test_supposing_what_is_so_changes_nothing(described: Engine, scenes: dict[int, Scene]) -> None:
    color = scenes[0].objects[0].attributes["color"]
    shown = supposing(described, scenes[0], HOP, SupposedAttribute(0, "color", color)).view
    assert shown.changes[0].startswith("The answer stays")
    assert not [node for node in shown.nodes if node.difference is None or node.difference.state != SAME]


def test_an_object_can_be_supposed_away(
    engine: Engine, described: Engine, samples: Path, scenes: dict[int, Scene]
) -> None:
    for own, image in ((engine, samples / "CLEVR_val_000000.jpg"), (described, scenes[0])):
        before = inspect(own, image, program("count(scene())"), measure=False).answer.value
        after = supposing(own, image, "count(scene())", SupposedPresence(2, there=False)).answer.value
        assert int(after or 0) == int(before or 0) - 1


def test_a_relation_can_be_supposed_and_brings_its_inverse(described: Engine, scenes: dict[int, Scene]) -> None:
    scene = scenes[0]
    anchor = next(
        index for index in range(len(scene.objects)) if 0 < len(scene.relations["left"][index]) < len(scene.objects) - 1
    )
    other = next(
        index for index in range(len(scene.objects)) if index != anchor and index not in scene.relations["left"][anchor]
    )
    left, right = "count(relate(unique(scene()), left))", "count(relate(unique(scene()), right))"
    for holds in (True, False):
        moved = SupposedRelation(other, "left", anchor, holds)
        found = supposing(described, scene, left, SupposedObjects(1, (anchor,)), moved)
        assert found.answer.value == str(len(scene.relations["left"][anchor]) + holds)
        found = supposing(described, scene, right, SupposedObjects(1, (other,)), moved)
        was = set(scene.relations["right"][other])
        assert found.answer.value == str(len(was | {anchor} if holds else was - {anchor}))


# What is supposed of steps


def test_any_step_can_be_supposed_to_give_whatever_it_may_give(
    described: Engine, scenes: dict[int, Scene], programs: list[Program]
) -> None:
    for each in programs[:10]:
        plain = inspect(described, scenes[2], each, measure=False).view
        for node in plain.nodes:
            if node.kind in ("ObjectSet", "Object"):
                assert node.outcomes == ()
                suppose: Supposition = SupposedObjects(node.index, (1,))
                shown = inspect(described, scenes[2], each, suppose=[suppose], measure=False).view
                assert [mark.object for mark in shown.nodes[node.index].marks] == [1]
            else:
                suppose = SupposedOutcome(node.index, node.outcomes[-1])
                shown = inspect(described, scenes[2], each, suppose=[suppose], measure=False).view
                assert shown.nodes[node.index].value.startswith(node.outcomes[-1])
            assert shown.nodes[node.index].supposed
            assert shown.nodes[node.index].kept
    assert shown.answer == shown.nodes[-1].outcomes[-1]


def test_nothing_before_a_step_that_is_supposed_runs_again(engine: Engine, samples: Path) -> None:
    shown = supposing(engine, samples / "CLEVR_val_000260.jpg", HOP, SupposedObjects(3, (0, 1, 4))).view
    assert [node.kept for node in shown.nodes] == [True, True, True, True, False, False]
    assert shown.nodes[3].supposed == "step #3 gives objects 0, 1, 4"
    assert [mark.object for mark in shown.nodes[3].marks] == [0, 1, 4]


def test_one_object_that_is_supposed_is_taken_for_granted_no_longer(engine: Engine, samples: Path) -> None:
    text = "query[size](unique(filter(scene(), color=purple)))"
    image = samples / "CLEVR_val_000260.jpg"
    assert inspect(engine, image, program(text), measure=False).view.failures
    shown = supposing(engine, image, text, SupposedObjects(2, (2,))).view
    assert not shown.failures
    assert shown.answer == "small"
    assert not shown.nodes[2].notes


@pytest.mark.parametrize(
    ("supposed", "words"),
    [
        (SupposedAttribute(99, "color", "red"), "no object 99"),
        (SupposedAttribute(0, "color", "rde"), "did you mean 'red'"),
        (SupposedAttribute(0, "colr", "red"), "did you mean 'color'"),
        (SupposedRelation(0, "lefft", 1), "did you mean 'left'"),
        (SupposedRelation(0, "left", 77), "no object 77"),
        (SupposedRelation(0, "left", 0), "relation to itself"),
        (SupposedObjects(9, (0,)), "no step 9"),
        (SupposedObjects(1, (0, 55)), "no object 55"),
        (SupposedObjects(5, (0,)), "gives no objects"),
        (SupposedObjects(2, (0, 1)), "gives one object, not 2"),
        (SupposedOutcome(1, "2"), "gives objects"),
        (SupposedOutcome(5, "many"), "cannot give 'many'"),
        (SupposedOutcome(-1, "2"), "no step -1"),
    ],
)
def test_suppositions_that_make_no_sense_are_refused(
    engine: Engine, samples: Path, supposed: Supposition, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        supposing(engine, samples / "CLEVR_val_000000.jpg", HOP, supposed)
