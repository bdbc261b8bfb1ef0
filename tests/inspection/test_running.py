"""Inspecting: the engine's own answer, whatever the policy."""

from pathlib import Path
from typing import Any

import pytest
from looking import PATHWAYS, outcomes, perceiver, reporting

from nmn.engine import Engine
from nmn.errors import InputError
from nmn.inspection.measuring import WHOLE, policies_of
from nmn.inspection.running import inspect
from nmn.inspection.suppositions import SupposedAttribute
from nmn.parser.text import parse_program
from nmn.policies.choice import STAGED
from nmn.policies.costs import CROP, GLANCE, OPENING, CostTable, StageCost
from nmn.policies.selecting import StagedBackends
from nmn.policies.settings import PolicySettings
from nmn.program import Program
from nmn.registry import default_registry

COUNT = "How many red things are there?"
RED = parse_program("count(filter(scene(), color=red))", default_registry()).program


def test_the_answer_is_the_engines_by_every_policy(engine: Engine, samples: Path) -> None:
    image = samples / "CLEVR_val_000260.jpg"
    question = "Do the tiny metal block and the large cylinder that is in front of the purple ball have the same color?"
    wanted = engine.answer(image, question)
    for policy in WHOLE:
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
        inspect(engine, samples / "CLEVR_val_000000.jpg", COUNT, policy="lazzy")


def test_random_programs_on_pixels(engine: Engine, samples: Path, programs: list[Program]) -> None:
    for each in programs[:8]:
        shown = inspect(engine, samples / "CLEVR_val_000042.jpg", each, measure=False)
        assert shown.view.answer == shown.answer.value
        assert all(
            len(column.scores) == len(shown.view.objects) for node in shown.view.nodes for column in node.columns
        )


# By policies that choose looks, over images whose every look is known


COSTS = CostTable("", "", {name: StageCost(1.0, 0.5, {}) for name in (GLANCE, OPENING, CROP, *PATHWAYS)})
DOUBTS = {"value": 0.05, "threshold": 0.05}


class KnownStages(StagedBackends):
    """Back ends over images whose looks are known."""

    fitted = True

    def __init__(self) -> None:
        super().__init__(None, Path())
        self.perceiver = perceiver()
        self.settings = PolicySettings(
            weights="", images=40, precision="float32", reporting=reporting(), doubt=DOUBTS, costs=COSTS
        )


@pytest.fixture(scope="module")
def choosing() -> Engine:
    return Engine(perceiver(), staged=KnownStages())


@pytest.mark.parametrize(("policy", "doubt"), [("glance", None), ("threshold", 0.1), ("value", None), ("value", 0.3)])
def test_policies_that_choose_looks_answer_as_the_engine_and_say_what_they_looked_at(
    choosing: Engine, policy: str, doubt: float | None
) -> None:
    assert policies_of(choosing) == (*WHOLE, *STAGED)
    for image in outcomes(3, 7):
        wanted = choosing.answer(image, RED, policy=policy, doubt=doubt, trace=True)
        found = inspect(choosing, image, RED, policy=policy, doubt=doubt)
        assert found.answer.value == wanted.value
        assert found.answer.confidence == pytest.approx(wanted.confidence, abs=1e-6)
        work = found.view.work
        assert work is not None
        assert wanted.trace is not None
        assert wanted.trace.looking is not None
        assert work.looks == wanted.trace.looking.words
        assert [way.name for way in work.ways] == list(policies_of(choosing))
        assert [way.name for way in work.ways if way.shown] == [policy]
        assert work.total.rows >= len(wanted.trace.looking.taken)
        assert all(node.beside is not None for node in found.view.nodes)


def test_nothing_is_supposed_where_looks_are_left_out(choosing: Engine) -> None:
    with pytest.raises(InputError, match="lazy, read, everything"):
        inspect(choosing, outcomes(1)[0], RED, policy="value", suppose=[SupposedAttribute(0, "color", "red")])


@pytest.mark.parametrize(
    ("choice", "words"),
    [({"policy": "lazy", "doubt": 0.1}, "takes no doubt"), ({"policy": "glance", "budget_ms": 3.0}, "no budget")],
)
def test_what_a_policy_does_not_take_is_refused(choosing: Engine, choice: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        inspect(choosing, outcomes(1)[0], RED, **choice)


def test_weights_of_one_stage_have_no_policies_that_choose_looks(described: Engine) -> None:
    assert policies_of(described) == WHOLE
