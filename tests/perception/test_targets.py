"""Targets from scenes, letterboxing, augmentation."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nmn.errors import DataError, SceneError
from nmn.perception.augment import AugmentConfig, augment
from nmn.perception.data import Source, load_images
from nmn.perception.letterbox import Letterbox, letterbox
from nmn.perception.losses import centre_targets
from nmn.perception.targets import load_targets, scene_targets

STILL = AugmentConfig(mirror=0, move=0, brightness=0, contrast=0, channel=0, sharpness=0, noisy=0)


def scene(**changes: object) -> dict[str, object]:
    thing = {
        "size": "large",
        "color": "red",
        "shape": "cube",
        "3d_coords": [1.0, 2.0, 0.7],
        "pixel_coords": [20, 30, 9.5],
        "bbox": [10, 20, 30, 40],
    }
    directions = {"left": [-1, 0, 0], "right": [1, 0, 0], "front": [0, -1, 0], "behind": [0, 1, 0]}
    record = {"image_filename": "a.png", "image_index": 3, "objects": [thing], "directions": directions}
    return record | changes


def test_coordinates_are_projections_on_the_axes_of_the_relations(tiny: SimpleNamespace) -> None:
    target = scene_targets(tiny.domain, scene())
    assert target.coordinates.tolist() == [[1.0, -2.0]]
    assert target.centres.tolist() == [[20.0, 30.0]]
    only_negative = scene(directions={"left": [-1, 0, 0], "behind": [0, 1, 0]})
    assert scene_targets(tiny.domain, only_negative).coordinates.tolist() == [[1.0, -2.0]]


def test_what_a_scene_does_not_state_is_unknown(tiny: SimpleNamespace) -> None:
    record = scene(objects=[{"3d_coords": [0, 0, 0], "pixel_coords": [1, 2, 3], "shape": "sphere"}])
    target = scene_targets(tiny.domain, record)
    stated = [a.name for a, label in zip(tiny.domain.attributes, target.labels[0], strict=True) if label >= 0]
    assert stated == ["shape"]
    assert np.isnan(target.boxes).all()


def test_broken_scenes_are_refused(tiny: SimpleNamespace, tmp_path: Path) -> None:
    for changes in ({"directions": {"up": [0, 0, 1]}}, {"objects": [{"shape": "cube"}]}):
        with pytest.raises(SceneError):
            scene_targets(tiny.domain, scene(**changes))
    for text in ("{", "{}"):
        (tmp_path / "scenes.json").write_text(text)
        with pytest.raises(SceneError) as raised:
            load_targets(tiny.domain, tmp_path / "scenes.json")
        assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("height", "width"), [(64, 96), (40, 90), (100, 70), (17, 300)])
def test_letterboxed_boxes_come_back(height: int, width: int) -> None:
    pixels, box = letterbox(np.zeros((height, width, 3), np.uint8), 96, 64)
    assert pixels.shape == (64, 96, 3)
    boxes = np.array([[0, 0, width, height], [1, 2, 10, 12]], np.float32)
    inside = box.boxes_in(boxes)
    assert (inside > -1).all()
    assert (inside < [97, 65, 97, 65]).all()
    np.testing.assert_allclose(box.boxes_out(inside), boxes, atol=1e-3)


def test_an_image_of_the_right_size_is_left_alone() -> None:
    image = np.arange(64 * 96 * 3, dtype=np.uint8).reshape(64, 96, 3)
    pixels, box = letterbox(image, 96, 64)
    assert pixels is image
    assert box == Letterbox(1.0, 0, 0, 96, 64)


def test_no_strength_changes_nothing(tiny: SimpleNamespace) -> None:
    batch = tiny.image_set().subset(range(4)).batch(range(4))
    same = augment(batch, STILL, torch.Generator().manual_seed(0))
    torch.testing.assert_close(same.images, batch.images)
    assert torch.equal(same.centres, batch.centres)


def test_mirroring_twice_changes_nothing(tiny: SimpleNamespace) -> None:
    batch = tiny.image_set().subset(range(4)).batch(range(4))
    always, generator = replace(STILL, mirror=1.0), torch.Generator().manual_seed(0)
    once = augment(batch, always, generator)
    torch.testing.assert_close(once.images, batch.images.flip(-1))
    assert (once.boxes[..., 0] <= once.boxes[..., 2])[batch.present].all()
    torch.testing.assert_close(
        once.coordinates[batch.present], batch.coordinates[batch.present] * torch.tensor([-1, 1])
    )
    twice = augment(once, always, generator)
    torch.testing.assert_close(twice.boxes, batch.boxes, equal_nan=True)
    torch.testing.assert_close(twice.centres[batch.present], batch.centres[batch.present])


def test_a_moved_spot_is_where_its_target_says(tiny: SimpleNamespace) -> None:
    batch = tiny.image_set().subset(range(4)).batch(range(4))
    images = torch.zeros_like(batch.images)
    centres = torch.full_like(batch.centres, 40.0)
    images[:, :, 36:44, 36:44] = 1.0
    batch = replace(batch, images=images, centres=centres)
    strong = replace(STILL, move=1.0, shift=10.0, zoom=0.2)
    moved = augment(batch, strong, torch.Generator().manual_seed(1))
    weight = moved.images[:, 0]
    total = weight.sum((1, 2))
    x = (weight.sum(1) * (torch.arange(96) + 0.5)).sum(1) / total
    y = (weight.sum(2) * (torch.arange(64) + 0.5)).sum(1) / total
    torch.testing.assert_close(moved.centres[:, 0], torch.stack((x, y), 1), atol=0.3, rtol=0)
    assert moved.coordinates.isnan().all()


def test_augmentation_follows_from_its_seed_and_stays_in_range(tiny: SimpleNamespace) -> None:
    batch = tiny.image_set().subset(range(4)).batch(range(4))
    first = augment(batch, AugmentConfig(), torch.Generator().manual_seed(5))
    second = augment(batch, AugmentConfig(), torch.Generator().manual_seed(5))
    assert torch.equal(first.images, second.images)
    assert first.images.min() >= 0
    assert first.images.max() <= 1


def test_the_centre_map_is_one_at_centres_and_nothing_far_off(tiny: SimpleNamespace) -> None:
    batch = tiny.image_set(1).subset([0]).batch([0])
    target = centre_targets(batch, (16, 24), 1.0)[0]
    cells = (batch.centres[0] / 4 - 0.5).round().long()
    assert (target[cells[:, 1], cells[:, 0]] == 1).all()
    nobody = replace(batch, present=torch.zeros_like(batch.present))
    assert (centre_targets(nobody, (16, 24), 1.0) == 0).all()


def test_images_are_decoded_once_and_held_out_ones_never(tiny: SimpleNamespace, tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "images"
    folder.mkdir()
    records = []
    for index in range(5):
        Image.new("RGB", (96, 64), (index, 0, 0)).save(folder / f"{index}.png")
        records.append(scene(image_filename=f"{index}.png", image_index=index))
    (tmp_path / "scenes.json").write_text(json.dumps({"scenes": records[::-1]}))
    source = Source(folder, tmp_path / "scenes.json", below=3, repeat=2)
    loaded = load_images(tiny.domain, [source], tiny.config, tmp_path / "cache")
    assert [target.index for target in loaded.targets] == [0, 1, 2]
    assert loaded.pixels[:, 0, 0, 0].tolist() == [0, 1, 2]
    before = sorted((tmp_path / "cache").iterdir())
    again = load_images(tiny.domain, [source], tiny.config, tmp_path / "cache")
    assert np.array_equal(again.pixels, loaded.pixels)
    assert sorted((tmp_path / "cache").iterdir()) == before
    with pytest.raises(DataError, match="none of the images"):
        load_images(tiny.domain, [replace(source, below=0)], tiny.config, tmp_path / "cache")
    with pytest.raises(DataError, match="no image folder"):
        load_images(tiny.domain, [replace(source, images=tmp_path / "no")], tiny.config, tmp_path / "cache")
