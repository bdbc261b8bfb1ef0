"""Balls pasted in front of objects: what moves, what stays, what is never done."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from nmn.domain import Domain
from nmn.errors import InputError
from nmn.perception.augment import AugmentConfig, augment
from nmn.perception.data import Batch
from nmn.perception.occlusion import LEAST_AREA, LEAST_DISTANCE, RoundShape, covered_shares, occlude
from nmn.perception.training import Trainer, TrainingConfig

DOMAIN = Domain.load("clevr")
BALL = RoundShape.of(DOMAIN, "sphere")
CUBE = DOMAIN.attributes[BALL.column].index("cube")


def batch() -> Batch:
    """Two white images: a grey cube in the first, a black ball, of the same height in the image, in the second."""
    images = torch.ones(2, 3, 160, 240)
    centres = torch.tensor([[[80.0, 80.0]], [[180.0, 90.0]]])
    boxes = torch.tensor([[[56.0, 56.0, 104.0, 104.0]], [[164.0, 74.0, 196.0, 106.0]]])
    y, x = torch.meshgrid(torch.arange(160) + 0.5, torch.arange(240) + 0.5, indexing="ij")
    images[0, :, 56:104, 56:104] = 0.5
    images[1, :, (x - 180) ** 2 + (y - 90) ** 2 <= 16**2] = 0.0
    labels = torch.zeros(2, 1, len(DOMAIN.attributes), dtype=torch.int64)
    labels[0, 0, BALL.column], labels[1, 0, BALL.column] = CUBE, BALL.value
    return Batch(images, torch.ones(2, 1, dtype=torch.bool), centres, boxes, labels, torch.zeros(2, 1, 2))


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pasted(original: Batch) -> list[Batch]:
    """Changed copies, by several seeds."""
    changed = [occlude(original, BALL, 1.0, 0.3, generator(seed)) for seed in range(40)]
    return [each for each in changed if each.present.shape != original.present.shape]


def test_a_pasted_ball_is_an_object_and_what_it_covers_keeps_its_targets() -> None:
    original = batch()
    changed = pasted(original)
    assert len(changed) > 20
    for each in changed:
        assert each.present[0].all()
        assert not each.present[1, 1]  # the only ball is not pasted over its own image
        assert torch.equal(each.images[1], original.images[1])
        assert torch.equal(each.centres[0, :1], original.centres[0])
        assert torch.equal(each.labels[0, :1], original.labels[0])
        assert torch.equal(each.coordinates[0, :1], original.coordinates[0])
        assert each.boxes[0, 0].isnan().all()
        assert torch.equal(each.labels[0, 1], original.labels[1, 0])
        assert each.coordinates[0, 1].isnan().all()
        shift = each.centres[0, 1] - original.centres[1, 0]
        assert torch.equal(shift, shift.round())
        assert torch.equal(each.boxes[0, 1], original.boxes[1, 0] + shift.repeat(2))


def test_the_pixels_of_the_ball_and_no_others_change() -> None:
    original = batch()
    for each in pasted(original):
        x0, y0, x1, y1 = (int(edge) for edge in each.boxes[0, 1])
        dark = each.images[0, 0] < 0.25
        assert dark.sum() == pytest.approx(torch.pi * 16**2, rel=0.1)
        assert dark[y0:y1, x0:x1].sum() == dark.sum()
        elsewhere = torch.ones_like(dark)
        elsewhere[y0:y1, x0:x1] = False
        assert torch.equal(each.images[0, :, elsewhere], original.images[0, :, elsewhere])
        assert each.images.min() >= 0
        assert each.images.max() <= 1


def test_enough_of_every_object_stays_visible_and_centres_stay_apart() -> None:
    original = batch()
    for each in pasted(original):
        share = covered_shares(original.boxes[0], each.boxes[0, 1])
        assert (1 - share >= 0.3).all()
        assert (48 * 48 * (1 - share) >= LEAST_AREA).all()
        assert (each.centres[0, 1] - each.centres[0, 0]).norm() >= LEAST_DISTANCE
        assert each.boxes[0, 1, 3] >= original.boxes[0, 0, 3]  # what ends lower is nearer


def test_shares_are_of_the_outline_without_its_corners() -> None:
    box = torch.tensor([[0.0, 0.0, 20.0, 20.0]])
    assert covered_shares(box, torch.tensor([-20.0, -20.0, 40.0, 40.0])).item() == 1.0
    assert covered_shares(box, torch.tensor([20.0, 20.0, 40.0, 40.0])).item() == 0.0
    assert covered_shares(box, torch.tensor([10.0, -40.0, 100.0, 60.0])).item() == pytest.approx(0.45, abs=0.1)


def test_covered_or_unknown_balls_are_not_cut_and_unknown_boxes_are_not_covered() -> None:
    original = batch()
    elongated, off, unknown, hidden = (original.boxes.clone() for _ in range(4))
    elongated[1, 0, 2] += 8
    off[1, 0] += 6
    unknown[0, 0] = torch.nan
    for boxes in (elongated, off, unknown):
        assert not pasted(replace(original, boxes=boxes))
    second = torch.tensor([[[10.0, 10.0, 30.0, 30.0]], [[190.0, 90.0, 210.0, 120.0]]])
    two = Batch(
        original.images,
        torch.tensor([[True, False], [True, True]]),
        torch.cat((original.centres, (second[..., :2] + second[..., 2:]) / 2), 1),
        torch.cat((hidden, second), 1),
        torch.cat((original.labels, torch.full_like(original.labels, CUBE)), 1),
        original.coordinates.repeat(1, 2, 1),
    )
    assert not pasted(two)


def test_pasting_depends_on_the_generator_alone_and_is_off_by_default() -> None:
    original = batch()
    first, second = (occlude(original, BALL, 1.0, 0.3, generator(3)) for _ in range(2))
    assert torch.equal(first.images, second.images)
    assert torch.equal(original.images, batch().images)
    assert occlude(original, BALL, 0.0, 0.3, generator(3)) is original
    assert AugmentConfig().occlude == 0
    plain = [augment(original, AugmentConfig(), generator(3), ball).images for ball in (None, BALL)]
    assert torch.equal(*plain)


def test_the_value_to_paste_must_be_one_of_the_domain() -> None:
    with pytest.raises(InputError, match="no value 'cone'"):
        RoundShape.of(DOMAIN, "cone")


def test_training_with_occlusion_runs_and_repeats(tiny: SimpleNamespace) -> None:
    images = tiny.image_set(6)
    config = TrainingConfig(
        steps=2, batch_size=4, warmup=1, network=tiny.config, augment=AugmentConfig(occlude=1.0, ball="sphere")
    )
    first, second = (Trainer(config, tiny.domain, images.subset(range(6))) for _ in range(2))
    assert first.advance() == second.advance()
