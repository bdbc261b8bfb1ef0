"""What policies need beside the weights: fitted, written, read, refused in one line."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from looking import CLEVR, outcomes, perceiver, reporting

from nmn.engine import Engine
from nmn.errors import DataError, InputError, WeightsError
from nmn.parser.text import parse_program
from nmn.policies.choice import Choice, choice_of
from nmn.policies.costs import CostTable, StageCost, machine_fingerprint, weights_fingerprint
from nmn.policies.fitting import DOUBTS, fit_policies
from nmn.policies.outcomes import gather
from nmn.policies.remembered import RememberedPerceiver
from nmn.policies.reporting import fit_reporting, upper_bound
from nmn.policies.rules import GlanceAlone, Threshold
from nmn.policies.settings import COSTS_FILE, SETTINGS_FILE, PolicySettings
from nmn.policies.value import Value
from nmn.registry import default_registry

STAGES = ("glance", "opening", "crop", "presence", *(each.name for each in CLEVR.attributes))


def costs(weights: str = "w", machine: str | None = None) -> CostTable:
    stages = {name: StageCost(1.0, 0.5, {1: 1.5, 2: 2.0}) for name in STAGES}
    return CostTable(machine_fingerprint() if machine is None else machine, weights, stages)


def settings(weights: str = "w", machine: str | None = None) -> PolicySettings:
    return PolicySettings(
        weights, 40, "float32", reporting(), {"value": 0.1, "threshold": 0.05}, costs(weights, machine)
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_text("{}")
    return tmp_path


def test_set_up_and_marginal_time_are_told_apart() -> None:
    cost = StageCost.of({1: 3.0, 2: 4.0, 4: 6.0, 8: 10.0})
    assert (cost.setup, cost.each) == (pytest.approx(2.0), pytest.approx(1.0))
    assert StageCost.of({1: 1.0, 2: 1.9, 4: 3.7}).setup >= 0


def test_what_is_written_is_read_again(folder: Path) -> None:
    written = settings(weights_fingerprint(folder))
    written.write(folder)
    assert PolicySettings.read(folder) == written


def test_settings_of_other_weights_are_used_with_a_warning(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings("another").write(folder)
    with caplog.at_level(logging.WARNING):
        PolicySettings.read(folder)
    assert [("other weights" in record.message) for record in caplog.records] == [True, True]


def test_costs_of_another_machine_are_told_and_stay_in_force(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    written = settings(weights_fingerprint(folder), machine="elsewhere")
    written.write(folder)
    with caplog.at_level(logging.INFO):
        read = PolicySettings.read(folder)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "another machine" in caplog.text
    assert read.prices == written.prices


def test_what_is_missing_or_broken_is_said_in_one_line(folder: Path) -> None:
    with pytest.raises(WeightsError, match="nmn calibrate policies writes it"):
        PolicySettings.read(folder)
    settings().write(folder)
    (folder / COSTS_FILE).write_text("[]")
    with pytest.raises(WeightsError, match=r"no table of costs.*; nmn bench costs writes one"):
        PolicySettings.read(folder)
    settings().write(folder)
    record = json.loads((folder / SETTINGS_FILE).read_text())
    for damage in (
        {**record, "doubt": {"value": 2}},
        {**record, "format": 7},
        {**record, "precision": "int8"},
        {**record, "reporting": {}},
        [],
    ):
        (folder / SETTINGS_FILE).write_text(json.dumps(damage))
        with pytest.raises(WeightsError, match="holds no settings of policies"):
            PolicySettings.read(folder)
    with pytest.raises(DataError):
        CostTable.read(folder / "nothing.json")


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        (("valeu", None, None), "did you mean 'value'"),
        (("value", 1.0, None), "from 0 to below 1"),
        (("value", float("nan"), None), "from 0 to below 1"),
        (("glance", 0.1, None), "takes no doubt"),
        (("threshold", 0.1, 5.0), "keeps to no budget"),
        (("value", None, 0.0), "above 0"),
    ],
)
def test_choices_that_contradict_themselves_are_refused(parts: tuple[str, float, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        choice_of(*parts)


def test_naming_any_part_is_a_choice_and_naming_none_is_not() -> None:
    assert choice_of() is None
    assert choice_of(doubt=0.1) == Choice("value", 0.1)
    assert choice_of(budget_ms=20.0) == Choice("value", budget_ms=20.0)


def test_a_choice_becomes_a_policy() -> None:
    known = settings()
    assert isinstance(known.policy(Choice("glance")), GlanceAlone)
    assert known.policy(Choice("threshold")) == Threshold(0.05)
    found = known.policy(Choice("value", budget_ms=10.0))
    assert isinstance(found, Value)
    assert (found.doubt, found.budget) == (0.1, 10.0 - known.prices.glance)


def test_a_budget_below_that_of_a_glance_is_refused_with_the_least_there_is() -> None:
    with pytest.raises(InputError, match=r"a glance alone takes 1\.5 ms"):
        settings().policy(Choice("value", budget_ms=1.0))


def test_described_scenes_leave_nothing_to_look_at() -> None:
    with pytest.raises(InputError, match="leave nothing to look at"):
        Engine.for_scenes().backend_for(Choice("value"))


def test_no_mistake_among_few_says_less_than_none_among_many() -> None:
    assert upper_bound(0, 100) == pytest.approx(1 - 0.05 ** (1 / 100), abs=1e-6)
    assert upper_bound(0, 10) > upper_bound(0, 100) > upper_bound(0, 1000)
    assert upper_bound(1, 100) > upper_bound(0, 100)
    assert upper_bound(0, 0) == 1.0


def test_what_looks_report_is_a_distribution_with_a_floor() -> None:
    seen = outcomes(60)
    fitted = fit_reporting(seen, {each.name: len(each.values) for each in CLEVR.attributes})
    for each in seen[:5]:
        for name, logits in each.logits.items():
            chances = fitted.attribute(name, logits.astype(float), each.circumstances.astype(float))
            assert chances.sum(1) == pytest.approx(np.ones(len(chances)))
            assert (1 - chances.max(1)).min() >= min(min(row) for row in fitted.models[name].floors) - 1e-12
    # As often as it says, looks report something else.
    doubts, others = [], []
    for each in outcomes(60, 500):
        logits = each.logits["color"].astype(float)
        doubts.append(1 - fitted.attribute("color", logits, each.circumstances.astype(float)).max(1)[each.reported])
        others.append((logits.argmax(1) != each.reports["color"].argmax(1))[each.reported])
    assert np.concatenate(doubts).mean() == pytest.approx(np.concatenate(others).mean(), abs=0.03)


def test_outcomes_are_kept_and_read_again(tmp_path: Path) -> None:
    seen = outcomes(30)
    first = gather(perceiver(), seen, tmp_path)
    again = gather(None, [None] * 30, tmp_path)  # type: ignore[arg-type]
    for one, other, true in zip(first, again, seen, strict=True):
        assert np.array_equal(one.presence, other.presence)
        assert np.array_equal(one.reports["shape"], true.reports["shape"])
        assert np.array_equal(one.relations, other.relations)


def test_tolerated_doubt_is_the_greatest_that_changes_next_to_no_answer() -> None:
    seen = outcomes(12)
    program = parse_program("count(filter(scene(), color=red))", default_registry()).program
    fitted = fit_policies(
        RememberedPerceiver(perceiver()), default_registry(), seen, "w", costs(),
        programs=[program] * 12, positions=range(12),
    )  # fmt: skip
    assert set(fitted.doubt) == {"threshold", "value"}
    assert all(doubt in DOUBTS for doubt in fitted.doubt.values())
    assert fitted.images == 12
