"""Crops to train on, and the training of the pathways."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.perception.test_focus import CROP, FOCUS

from nmn.perception.data import Subset
from nmn.perception.focus import standardised
from nmn.perception.focus_data import APART, FocusBatch, Objects, draw
from nmn.perception.focus_pixels import ShakeConfig, disturbed
from nmn.perception.focus_training import FocusTrainer, FocusTrainingConfig
from nmn.perception.targets import UNKNOWN

FRAME = (96, 64)
PLAIN = ShakeConfig(
    box=0, edge=0, centre=0, wild=0, hide=0, absent=0, mirror=0, mix=0, sharpened=0, noisy=0, brightness=0, contrast=0
)


@pytest.fixture
def images(tiny: SimpleNamespace) -> Subset:
    return tiny.image_set(8).subset(range(8))


def tensors(batch: FocusBatch) -> list[torch.Tensor]:
    crops = batch.crops
    return [crops.plain, crops.blind, crops.measures, batch.labels, batch.present, batch.placed]


def test_a_batch_follows_from_its_seed(images: Subset) -> None:
    objects = Objects.of(images)
    first, again, other = (
        draw(objects, np.arange(8), FRAME, CROP, ShakeConfig(sharpness=0.2), seed) for seed in (1, 1, 2)
    )
    assert all(torch.equal(a, b) for a, b in zip(tensors(first), tensors(again), strict=True))
    assert not torch.equal(first.crops.plain, other.crops.plain)


def test_without_shaking_a_crop_shows_its_object(images: Subset) -> None:
    objects = Objects.of(images)
    batch = draw(objects, np.arange(len(objects)), FRAME, CROP, replace(PLAIN, channel=0), 0)
    assert batch.present.all()
    assert torch.equal(batch.labels, torch.from_numpy(objects.labels))
    seen = standardised(batch.crops.plain[:, :3] / 6 + 0.45, blind=True)
    torch.testing.assert_close(batch.crops.blind[:, :3], seen, atol=1e-3, rtol=0)


def test_places_without_object_are_far_from_all_and_have_no_labels(images: Subset) -> None:
    objects = Objects.of(images)
    chosen = np.tile(np.arange(len(objects)), 8)
    batch = draw(objects, chosen, FRAME, CROP, replace(PLAIN, absent=1.0), 0)
    assert not batch.present.any()
    absent = batch.placed
    assert absent.float().mean() > 0.5
    assert (batch.labels[absent] == UNKNOWN).all()
    centres = (batch.crops.measures[:, :2] / 2 + 0.5) * torch.tensor(FRAME)
    for row in absent.nonzero()[:, 0].tolist():
        around = images.whole.targets[int(objects.images[chosen[row]])].centres
        assert np.linalg.norm(around - centres[row].numpy(), axis=1).min() > APART - 1e-3


def test_as_many_crops_show_an_object_in_every_batch_and_they_come_first(images: Subset) -> None:
    objects = Objects.of(images)
    for seed in range(3):
        batch = draw(objects, np.arange(10), FRAME, CROP, ShakeConfig(absent=0.3), seed)
        assert batch.objects == 7
        assert batch.present.tolist() == [True] * 7 + [False] * 3


def test_the_shares_of_two_processes_make_the_batch(images: Subset) -> None:
    objects = Objects.of(images)
    whole = draw(objects, np.arange(10), FRAME, CROP, ShakeConfig(absent=0.3), 0)
    first, second = whole.rows(slice(0, 3), slice(0, 1)), whole.rows(slice(3, 7), slice(1, 3))
    assert (first.objects, second.objects) == (3, 4)
    assert torch.equal(first.crops.plain[:3], whole.crops.plain[:3])
    assert torch.equal(second.crops.plain[4:], whole.crops.plain[8:])
    assert second.present.tolist() == [True] * 4 + [False] * 2


def test_smoothing_is_the_mean_of_the_neighbours_that_there_are() -> None:
    pixels = torch.rand(2, 3, 9, 7)
    sharpened = ShakeConfig(sharpened=1, sharpness=1, noisy=0, brightness=0, contrast=0, channel=0)
    seen = disturbed(pixels.clone(), sharpened, torch.Generator().manual_seed(1))
    smooth = torch.nn.functional.avg_pool2d(pixels, 3, 1, 1, count_include_pad=False)
    draws = torch.Generator().manual_seed(1)
    for shape in ((2, 1, 1, 1), (2, 3, 1, 1), (2, 1, 1, 1), (2,)):
        torch.rand(shape, generator=draws)
    strength = torch.rand(2, 1, 1, 1, generator=draws) * 2 - 1
    torch.testing.assert_close(seen, torch.lerp(pixels, smooth, strength).clamp(0, 1))


def test_crops_in_half_are_the_same_rounded(images: Subset) -> None:
    objects = Objects.of(images)
    whole, half = (draw(objects, np.arange(6), FRAME, CROP, ShakeConfig(), 0, half=h) for h in (False, True))
    assert half.crops.plain.dtype == half.crops.blind.dtype == torch.bfloat16
    torch.testing.assert_close(half.crops.plain.float(), whole.crops.plain, atol=0.02, rtol=0.01)


def test_mixed_colours_leave_grey_as_it_is(images: Subset) -> None:
    grey = replace(images.whole, pixels=np.repeat(images.whole.pixels[..., :1], 3, axis=3))
    objects = Objects.of(grey.subset(range(8)))
    batch = draw(objects, np.arange(8), FRAME, CROP, replace(PLAIN, mix=1.0, channel=0), 0)
    seen = standardised(batch.crops.plain[:, :3] / 6 + 0.45, blind=True)
    torch.testing.assert_close(batch.crops.blind[:, :3], seen, atol=1e-3, rtol=0)


def test_what_stands_in_front_changes_the_crop_and_nothing_is_said_of_presence(images: Subset) -> None:
    objects = Objects.of(images)
    plain = draw(objects, np.arange(8), FRAME, CROP, replace(PLAIN, channel=0), 0)
    hidden = draw(objects, np.arange(8), FRAME, CROP, replace(PLAIN, hide=1.0, least=2.0, channel=0), 0)
    assert not hidden.placed.any()
    assert torch.equal(hidden.labels, plain.labels)
    assert not torch.equal(hidden.crops.plain, plain.crops.plain)


def test_crowded_objects_come_more_often(images: Subset) -> None:
    target = images.whole.targets[0]
    boxes = np.repeat(target.boxes[:1], len(target.boxes), axis=0)
    whole = replace(images.whole, targets=(replace(target, boxes=boxes), *images.whole.targets[1:]))
    objects = Objects.of(whole.subset([0, 1]), crowded=3)
    first = objects.repeats[objects.images == 0]
    assert (first == (3 if len(boxes) > 1 else 1)).all()


def test_objects_without_a_box_are_left_out(images: Subset) -> None:
    target = images.whole.targets[0]
    whole = replace(images.whole, targets=(replace(target, boxes=target.boxes * np.nan), *images.whole.targets[1:]))
    assert not (Objects.of(whole.subset(range(8))).images == 0).any()


def config(steps: int = 6) -> FocusTrainingConfig:
    return FocusTrainingConfig(FOCUS, steps=steps, batch_size=6, warmup=2, half=False, width=FRAME[0], height=FRAME[1])


def test_a_resumed_run_equals_an_uninterrupted_one(tiny: SimpleNamespace, images: Subset, tmp_path: object) -> None:
    from pathlib import Path

    path = Path(str(tmp_path)) / "focus.safetensors"
    whole, half = (FocusTrainer(config(), tiny.domain, images) for _ in range(2))
    for _ in range(6):
        whole.advance()
    for _ in range(3):
        half.advance()
    half.save(path)
    resumed = FocusTrainer(config(), tiny.domain, images, images, prepare_ahead=True)
    resumed.load(path)
    resumed.run(path, lambda *_: None)
    assert resumed.step == 6
    theirs = resumed.average.state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in whole.average.state_dict().items())
    assert set(resumed.evaluate()) == {"size", "shape", "material", "presence"}


def test_pathways_learn_what_is_told(tiny: SimpleNamespace, images: Subset) -> None:
    trainer = FocusTrainer(replace(config(40), shake=replace(PLAIN, absent=0.3)), tiny.domain, images)
    losses = [trainer.advance()["total"] for _ in range(40)]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])
