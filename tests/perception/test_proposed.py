"""Closer looks learn from what a glance proposes on training images."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import torch
from tests.perception.test_focus import CROP, staged
from tests.perception.test_focus_data import FRAME, PLAIN

from nmn.perception.crops import windows
from nmn.perception.data import Subset
from nmn.perception.focus_data import Objects, draw
from nmn.perception.proposed import Proposed, proposals_of

PLAINLY = replace(PLAIN, channel=0, proposed=1.0)


def set_of(tiny: SimpleNamespace) -> Subset:
    images: Subset = tiny.image_set(4).subset(range(4))
    return images


def test_proposals_are_matched_to_what_is_there(tiny: SimpleNamespace) -> None:
    images = set_of(tiny)
    found = proposals_of(staged(tiny), images)
    assert len(found) == len(found.boxes) == len(found.centres) == len(found.objects)
    assert set(found.images) <= set(images.rows)
    for row in images.rows:
        mine = found.objects[(found.images == row) & (found.objects >= 0)]
        assert len(set(mine)) == len(mine)
        assert (mine < len(images.whole.targets[row].centres)).all()


def test_crops_show_the_places_that_were_proposed(tiny: SimpleNamespace) -> None:
    images = set_of(tiny)
    target = images.whole.targets[1]
    box, centre = np.array([[20, 10, 40, 30]], np.float32), np.array([[31, 19]], np.float32)
    here = Proposed(np.array([1]), np.array([0]), box, centre)
    objects = Objects.of(images, proposed=here)
    row = int(np.flatnonzero(objects.images == 1)[0])
    batch = draw(objects, np.array([row]), FRAME, CROP, PLAINLY, 0)
    assert batch.labels[0].tolist() == target.labels[0].tolist()
    seen = windows(torch.from_numpy(box), *FRAME, CROP)
    frame = torch.tensor(FRAME)
    torch.testing.assert_close(batch.crops.measures[0, :2], (torch.from_numpy(centre)[0] / frame - 0.5) * 2)
    torch.testing.assert_close(batch.crops.measures[0, 2], ((seen[0, 2] - seen[0, 0]) / 64).log())


def test_false_proposals_are_places_without_an_object(tiny: SimpleNamespace) -> None:
    images = set_of(tiny)
    box, centre = np.array([[20, 10, 40, 30]], np.float32), np.array([[31, 19]], np.float32)
    objects = Objects.of(images, proposed=Proposed(np.array([2]), np.array([-1]), box, centre))
    batch = draw(objects, np.arange(4) % len(objects), FRAME, CROP, replace(PLAINLY, absent=1.0), 0)
    assert batch.placed.all()
    assert not batch.present.any()
    torch.testing.assert_close(batch.crops.measures[:, :2], batch.crops.measures[:1, :2].expand(4, 2))


def test_without_proposals_nothing_changes(tiny: SimpleNamespace) -> None:
    images = set_of(tiny)
    nothing = Proposed(
        np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 4), np.float32), np.zeros((0, 2), np.float32)
    )
    objects, plain = Objects.of(images, proposed=nothing), Objects.of(images)
    chosen = np.arange(min(5, len(plain)))
    first, second = (draw(each, chosen, FRAME, CROP, PLAINLY, 3) for each in (objects, plain))
    assert torch.equal(first.crops.plain, second.crops.plain)
