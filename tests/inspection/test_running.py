"""Inspecting: the engine's own answer, whatever the policy; suppositions change what depends on them."""

from dataclasses import replace
from pathlib import Path

import pytest

from nmn.engine import Engine
from nmn.errors import InputError
from nmn.inspection.running import POLICIES, inspect
from nmn.inspection.suppositions import Supposition
from nmn.program import Program
from nmn.scenes import Scene

COUNT = "How many red things are there?"


def test_the_answer_is_the_engines_by_every_policy(engine: Engine, samples: Path) -> None:
    image = samples / "CLEVR_val_000260.jpg"
    question = "Do the tiny metal block and the large cylinder that is in front of the purple ball have the same color?"
    wanted = engine.answer(image, question)
    for policy in POLICIES:
        found = inspect(engine, image, question, policy=policy).answer
        assert found.value == wanted.value
        assert found.confidence == pytest.approx(wanted.confidence, abs=1e-4)


def test_policies_are_measured_beside_one_another(engine: Engine, samples: Path) -> None:
    work = inspect(engine, samples / "CLEVR_val_000000.jpg", COUNT).view.work
    assert work is not None
    rows = {way.name: way.cost.rows for way in work.ways}
    assert rows["lazy"] <= rows["read"] <= rows["everything"] == work.possible_rows
    flops = {way.name: way.cost.flops for way in work.ways}
    assert 0 < flops["lazy"] <= flops["read"] < flops["everything"]


def test_what_is_computed_ahead_is_told(engine: Engine, samples: Path) -> None:
    shown = inspect(engine, samples / "CLEVR_val_000000.jpg", COUNT, policy="read").view
    assert shown.work is not None
    assert shown.work.ahead is not None
    assert [name for name, _ in shown.work.ahead.facets] == ["color"]
    assert all(node.cost is not None and node.cost.rows == 0 for node in shown.nodes)


def test_a_supposition_changes_what_depends_on_it(engine: Engine, samples: Path) -> None:
    image = samples / "CLEVR_val_000000.jpg"
    before = inspect(engine, image, COUNT).answer.value
    shown = inspect(engine, image, COUNT, suppose=[Supposition(1, "color", "red")])
    assert (before, shown.answer.value) == ("0", "1")
    assert shown.view.objects[1].supposed == ("suppose color: red",)
    assert [mark.object for mark in shown.view.nodes[1].marks] == [1]


def test_an_object_can_be_supposed_away(engine: Engine, samples: Path) -> None:
    image = samples / "CLEVR_val_000000.jpg"
    question = "How many things are there?"
    shown = inspect(engine, image, question, suppose=[Supposition(2, None, "no")])
    assert int(shown.answer.value or 0) == int(engine.answer(image, question).value or 0) - 1


def test_suppositions_about_described_scenes(described: Engine, scenes: dict[int, Scene]) -> None:
    scene = scenes[0]
    suppose = [Supposition(1, "color", "red")]
    assert inspect(described, scene, COUNT, suppose=suppose).answer.value == "1"
    predicted = replace(scene, predicted=True)
    assert inspect(described, predicted, COUNT, suppose=suppose).answer.value == "1"


@pytest.mark.parametrize(
    ("supposed", "words"),
    [
        (Supposition(99, "color", "red"), "no object 99"),
        (Supposition(0, "color", "rde"), "did you mean 'red'"),
        (Supposition(0, "colr", "red"), "did you mean 'color'"),
        (Supposition(0, None, "maybe"), "'yes' or 'no'"),
    ],
)
def test_suppositions_that_make_no_sense_are_refused(
    engine: Engine, samples: Path, supposed: Supposition, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        inspect(engine, samples / "CLEVR_val_000000.jpg", COUNT, suppose=[supposed])


def test_an_unknown_policy_is_refused(engine: Engine, samples: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'lazy'"):
        inspect(engine, samples / "CLEVR_val_000000.jpg", COUNT, policy="lazzy")  # type: ignore[arg-type]


def test_random_programs_on_pixels(engine: Engine, samples: Path, programs: list[Program]) -> None:
    for each in programs[:8]:
        shown = inspect(engine, samples / "CLEVR_val_000042.jpg", each, measure=False)
        assert shown.view.answer == shown.answer.value
        assert all(
            len(column.scores) == len(shown.view.objects) for node in shown.view.nodes for column in node.columns
        )
