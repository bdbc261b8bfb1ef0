"""Inspecting: the engine's own answer, whatever the policy."""

from pathlib import Path

import pytest

from nmn.engine import Engine
from nmn.errors import InputError
from nmn.inspection.running import POLICIES, inspect
from nmn.program import Program

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
