"""COCO labels as scenes and a domain."""

import json
from pathlib import Path
from typing import Any

import pytest

from nmn.datasets.coco import attribute_tables, attribute_values, read_coco, scene_records
from nmn.domain import Domain
from nmn.errors import DataError
from nmn.perception.targets import load_targets

COCO: dict[str, Any] = {
    "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 3, "file_name": "b.jpg"}],
    "categories": [{"id": 1, "name": "Mug"}, {"id": 2, "name": "Fountain_Pen"}],
    "annotations": [
        {"image_id": 7, "category_id": 1, "bbox": [10, 20, 30, 40], "attributes": {"Colour": "Dark Red", "heavy": 3}},
        {"image_id": 3, "category_id": 2, "bbox": [0, 0, 10, 10], "attributes": {"Colour": "blue"}},
        {"image_id": 7, "category_id": 2, "bbox": [100, 20, 10, 10]},
    ],
}
RELATIONS = '[relations.west]\nwords = ["west of"]\naxis = 0\nsign = -1\n'
HEAD = 'name = "desk"\nversion = 1\nnouns = ["thing"]\n'


def written(folder: Path, record: object) -> Path:
    file = folder / "coco.json"
    file.write_text(json.dumps(record), encoding="utf-8")
    return file


def domain(folder: Path, file: Path) -> Domain:
    path = folder / "desk.toml"
    path.write_text(HEAD + attribute_tables(attribute_values(read_coco(file))) + RELATIONS, encoding="utf-8")
    return Domain.load(path)


def test_categories_and_texts_become_attributes(tmp_path: Path) -> None:
    images = read_coco(written(tmp_path, COCO))
    assert attribute_values(images) == {"kind": ["fountain pen", "mug"], "colour": ["blue", "dark red"]}
    assert [image.file for image in images] == ["a.jpg", "b.jpg"]
    assert images[0].objects[0].box == (10, 20, 40, 60)


def test_scenes_are_read_as_targets(tmp_path: Path) -> None:
    file = written(tmp_path, COCO)
    spoken = domain(tmp_path, file)
    scenes = tmp_path / "scenes.json"
    scenes.write_text(json.dumps(scene_records(read_coco(file), spoken)), encoding="utf-8")
    first, _ = load_targets(spoken, scenes)
    assert first.centres.tolist() == [[25, 40], [105, 25]]
    assert first.boxes.tolist() == [[10, 20, 40, 60], [100, 20, 110, 30]]
    assert first.labels.tolist() == [[1, 1], [0, -1]]
    assert first.coordinates[0, 0] < first.coordinates[1, 0]


def test_the_attributes_taken_can_be_chosen(tmp_path: Path) -> None:
    assert set(attribute_values(read_coco(written(tmp_path, COCO), attributes=[], category="thing"))) == {"thing"}
    with pytest.raises(DataError, match="must be a text"):
        read_coco(written(tmp_path, COCO), attributes=["heavy"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"images": None}, "must be a list"),
        ({"annotations": [{"image_id": 7, "category_id": 1}]}, "lacks 'bbox'"),
        ({"annotations": [{"image_id": 8, "category_id": 1, "bbox": [0, 0, 1, 1]}]}, "does not list"),
        ({"annotations": [{"image_id": 7, "category_id": 1, "bbox": [0, 0, 0, 1]}]}, "no size"),
        ({"annotations": [{"image_id": 7, "category_id": 1, "bbox": "abc"}]}, "four numbers"),
    ],
)
def test_what_is_not_coco_is_refused(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_coco(written(tmp_path, COCO | change))


def test_scenes_without_coordinates_are_read(tmp_path: Path) -> None:
    file = written(tmp_path, COCO)
    spoken = domain(tmp_path, file)
    record = scene_records(read_coco(file), spoken)
    for scene in record["scenes"]:
        del scene["directions"]
        for thing in scene["objects"]:
            del thing["3d_coords"]
    scenes = tmp_path / "scenes.json"
    scenes.write_text(json.dumps(record), encoding="utf-8")
    targets = load_targets(spoken, scenes)
    assert [target.coordinates.shape for target in targets] == [(2, 1), (1, 1)]
