"""Training: exact resumption, settings, checkpoints that cannot be used."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file

from nmn.domain import Domain
from nmn.errors import InputError, WeightsError
from nmn.perception.data import epoch_order
from nmn.perception.export import export
from nmn.perception.training import Progress, Trainer, TrainingConfig, configure


def config(tiny: SimpleNamespace, **changes: object) -> TrainingConfig:
    few = TrainingConfig(steps=6, batch_size=2, warmup=2, evaluate_every=3, save_every=3, network=tiny.config)
    return replace(few, **changes)


def trainer(tiny: SimpleNamespace, **options: object) -> Trainer:
    images = tiny.image_set(8)
    return Trainer(config(tiny), tiny.domain, images.subset(range(6)), images.subset([6, 7]), **options)


def ignore(progress: Progress) -> None:
    pass


def same(first: Trainer, second: Trainer) -> bool:
    pairs = [(first.model, second.model), (first.average, second.average)]
    return all(
        torch.equal(value, its.state_dict()[name]) for mine, its in pairs for name, value in mine.state_dict().items()
    )


def test_a_resumed_run_equals_an_uninterrupted_one(tiny: SimpleNamespace, tmp_path: Path) -> None:
    whole = trainer(tiny)
    whole.run(tmp_path / "whole", ignore)
    half = trainer(tiny)
    for _ in range(3):
        half.advance()
    half.save(tmp_path / "half.safetensors")
    resumed = trainer(tiny)
    resumed.load(tmp_path / "half.safetensors")
    assert resumed.step == 3
    assert not same(whole, resumed)
    resumed.run(tmp_path / "resumed", ignore)
    assert resumed.step == 6
    assert same(whole, resumed)


def test_batches_made_ahead_are_the_same_batches(tiny: SimpleNamespace, tmp_path: Path) -> None:
    plain, ahead = trainer(tiny), trainer(tiny, prepare_ahead=True)
    for _ in range(4):
        assert plain.advance() == ahead.advance()
    assert same(plain, ahead)


def test_an_interrupt_saves_first(tiny: SimpleNamespace, tmp_path: Path) -> None:
    def interrupt(progress: Progress) -> None:
        if progress.step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer(tiny).run(tmp_path, interrupt)
    resumed = trainer(tiny)
    resumed.load(tmp_path / "last.safetensors")
    assert resumed.step == 2


def test_progress_reports_the_tuning_images_as_often_as_told(tiny: SimpleNamespace, tmp_path: Path) -> None:
    seen: list[Progress] = []
    trainer(tiny).run(tmp_path, seen.append)
    assert [p.step for p in seen] == [1, 2, 3, 4, 5, 6]
    assert [p.step for p in seen if p.report is not None] == [3, 6]
    assert {"last.safetensors", "best.safetensors"} == {path.name for path in tmp_path.iterdir()}
    assert set(seen[0].losses) == {"total", "centre", "offset", "box", "coordinate", "difference", *tiny.sizes}


def test_an_epoch_shows_every_image_as_often_as_its_source_repeats(tiny: SimpleNamespace) -> None:
    images = replace(tiny.image_set(4), repeats=(1, 3, 1, 2))
    order = epoch_order(images.subset([1, 2, 3]), seed=0, epoch=0)
    assert sorted(order) == [0, 0, 0, 1, 2, 2]
    assert order != epoch_order(images.subset([1, 2, 3]), seed=0, epoch=1)


def test_the_learning_rate_rises_then_falls(tiny: SimpleNamespace) -> None:
    plan = config(tiny, steps=100, warmup=10, rate=1.0, last_rate=0.1)
    rates = [plan.rate_at(step) for step in range(101)]
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[9] == 1.0
    assert rates[100] == pytest.approx(0.1)


def test_settings_reach_into_parts() -> None:
    changed = configure({"steps": "5", "rate": "1", "augment.mirror": "0.0", "network.stages": "[32,64,96]"})
    assert (changed.steps, changed.rate, changed.augment.mirror) == (5, 1.0, 0.0)
    assert changed.network.stages == (32, 64, 96)


@pytest.mark.parametrize(
    ("key", "value"), [("stepz", "5"), ("augment", "5"), ("augment.zom", "1"), ("steps", "many"), ("steps.x", "1")]
)
def test_settings_that_do_not_exist_are_refused(key: str, value: str) -> None:
    with pytest.raises(InputError, match="training setting"):
        configure({key: value})


def test_checkpoints_that_do_not_fit_are_refused_in_one_line(tiny: SimpleNamespace, tmp_path: Path) -> None:
    run = trainer(tiny)
    (tmp_path / "broken.safetensors").write_bytes(b"broken")
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    trainer(tiny).save(tmp_path / "good.safetensors")
    for name in ("missing", "broken", "other"):
        with pytest.raises(WeightsError) as raised:
            run.load(tmp_path / f"{name}.safetensors")
        assert "\n" not in str(raised.value)
    wider = replace(config(tiny), network=replace(tiny.config, hidden=24))
    with pytest.raises(WeightsError, match="another network"):
        Trainer(wider, tiny.domain, run.train).load(tmp_path / "good.safetensors")
    other = tmp_path / "other.toml"
    other.write_text('name = "o"\nversion = 1\nnouns = ["thing"]\n[attributes.a]\nwords = ["a"]\nvalues.b = ["b"]\n')
    with pytest.raises(WeightsError, match="another domain"):
        export(tmp_path / "good.safetensors", Domain.load(other))


def test_a_checkpoint_becomes_a_calibrated_perceiver(tiny: SimpleNamespace, tmp_path: Path) -> None:
    run = trainer(tiny)
    run.advance()
    run.save(tmp_path / "a.safetensors")
    perceiver = export(tmp_path / "a.safetensors", tiny.domain, calibrate_on=tiny.image_set(4, seed=1).subset(range(4)))
    assert set(perceiver.config.calibration.temperatures) == set(tiny.sizes)
    assert len(perceiver.glance(tiny.pictures(2)).mask) == 2
