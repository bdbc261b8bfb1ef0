"""Closer looks are taken where the glance is in doubt, and nowhere else."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from tests.perception.test_focus import THIN, staged

from nmn.perceiver import Glance, Rows
from nmn.perception.calibration import DOUBT, Calibration, Evidence, fit
from nmn.perception.detector import PixelPerceiver
from nmn.perception.focus import PLACE
from nmn.perception.letterbox import letterbox


def doubting(tiny: SimpleNamespace, doubt: float) -> PixelPerceiver:
    perceiver = staged(tiny)
    return perceiver.calibrated(replace(perceiver.config.calibration, doubt=doubt))


def seen(perceiver: PixelPerceiver, tiny: SimpleNamespace) -> tuple[Glance, Rows]:
    glance = perceiver.glance(tiny.pictures(3))
    return glance, Rows(*glance.mask.nonzero().unbind(1))


def raw(perceiver: PixelPerceiver, glance: Glance, rows: Rows, name: str) -> torch.Tensor:
    return perceiver.model.read_attribute(name, glance.features[rows.images, rows.objects, : THIN.hidden])


def test_what_is_in_doubt_is_looked_at_as_if_all_were(tiny: SimpleNamespace) -> None:
    every = doubting(tiny, 0.0)
    glance, rows = seen(every, tiny)
    alone = every.config.calibration.attribute_alone("shape", raw(every, glance, rows, "shape"))
    bound = float(alone.exp().amax(1).median())
    some = doubting(tiny, 1 - bound)
    chosen = alone.exp().amax(1) < bound
    assert 0 < int(chosen.sum()) < len(rows)
    mine, its = (perceiver.look_attribute(glance, "shape", rows) for perceiver in (some, every))
    torch.testing.assert_close(mine[chosen], its[chosen])
    torch.testing.assert_close(mine[~chosen], alone[~chosen])


def test_where_nothing_is_in_doubt_no_crop_is_cut(tiny: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nmn.perception.closer.cut", lambda *_: pytest.fail("cut"))
    perceiver = doubting(tiny, 0.999)
    glance, rows = seen(perceiver, tiny)
    for name in tiny.sizes:
        perceiver.look_attribute(glance, name, rows)


def test_presence_in_doubt_is_looked_at_as_if_all_were(tiny: SimpleNamespace) -> None:
    every = doubting(tiny, 0.0)
    frames = [letterbox(every.load(picture), THIN.width, THIN.height)[0] for picture in tiny.pictures(3)]
    found = every.propose(frames)
    details = every.details(found, frames)
    chances = every.config.calibration.lone_presence(found.logits).sigmoid()
    bound = float(torch.maximum(chances, 1 - chances).median())
    some = doubting(tiny, 1 - bound)
    chosen = torch.maximum(chances, 1 - chances) < bound
    mine, its = some.presence(found, details), every.presence(found, details)
    torch.testing.assert_close(mine[chosen], its[chosen])
    torch.testing.assert_close(mine[~chosen].sigmoid(), chances[~chosen])


def test_costs_count_the_share_that_is_looked_at(tiny: SimpleNamespace) -> None:
    perceiver = staged(tiny)
    looked = {"shape": 0.25, PLACE: 0.0}
    half = perceiver.calibrated(replace(perceiver.config.calibration, looked=looked))
    closer = perceiver.attribute_cost("shape") - perceiver.glimpse_cost("shape")
    assert closer == perceiver.pathway_cost("form")
    assert half.attribute_cost("shape") - half.glimpse_cost("shape") == round(closer / 4)
    assert half.glance_cost(2) < perceiver.glance_cost(2)


def test_a_calibration_says_how_much_is_looked_at_closer() -> None:
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (400,), generator=draw)
    sure = torch.arange(400) < 300
    logits = torch.nn.functional.one_hot(labels, 3) * torch.where(sure, 40.0, 0.5)[:, None]
    logits = logits + torch.randn(400, 3, generator=draw)
    real = torch.arange(400) % 4 > 0
    odds = torch.where(real, 3.0, -3.0) + 2 * torch.randn(400, generator=draw)
    evidence = Evidence(odds, real, {"shape": (logits, labels)}, (), odds * 2, {"shape": logits * 3}, 50)
    fitted = fit(evidence, margin=0.2, separation=0.4)
    assert fitted.doubt == DOUBT
    assert fitted.looked["shape"] == pytest.approx(0.25, abs=0.02)
    assert 0 < fitted.looked[PLACE] <= 1


@pytest.mark.parametrize("broken", [{"doubt": 1.0}, {"doubt": -0.1}, {"alone": {"a": 0}}, {"looked": {"a": 1.5}}])
def test_a_calibration_out_of_range_is_refused(broken: dict[str, object]) -> None:
    record = {"temperatures": {"a": 1.0}, "spread": [1.0], "presence_scale": 1.0, "presence_shift": 0.0}
    assert Calibration.from_record(record).doubt == 0
    with pytest.raises(ValueError, match="must be"):
        Calibration.from_record(record | broken)
