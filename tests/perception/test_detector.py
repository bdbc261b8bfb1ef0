"""The perceiver: one image at a time or many, saved and loaded, with nothing to see."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nmn.domain import Domain
from nmn.errors import DomainError, ImageError, InputError, WeightsError
from nmn.perceiver import Glance, Rows
from nmn.perception.detector import CHUNK, PixelPerceiver


def every_row(glance: Glance) -> Rows:
    images, objects = glance.mask.nonzero().unbind(1)
    return Rows(images, objects)


def test_a_batch_sees_what_one_at_a_time_sees(tiny: SimpleNamespace) -> None:
    perceiver = tiny.perceiver()
    pictures = tiny.pictures(CHUNK + 3)
    together = perceiver.glance(pictures)
    assert together.mask.any()
    for row, picture in enumerate(pictures):
        alone = perceiver.glance([picture])
        width = alone.mask.shape[1]
        assert int(together.mask[row].sum()) == width
        for name in ("presence", "boxes", "features"):
            expected = getattr(together, name)[row, :width]
            torch.testing.assert_close(getattr(alone, name)[0], expected, atol=1e-5, rtol=1e-5)
        if width:
            rows = Rows(torch.tensor([0]), torch.tensor([0]))
            there = Rows(torch.tensor([row]), torch.tensor([0]))
            one = perceiver.look_relation(alone, tiny.domain.relations[0].name, rows)
            many = perceiver.look_relation(together, tiny.domain.relations[0].name, there)
            torch.testing.assert_close(one, many[:, :width], atol=1e-4, rtol=1e-4)


def test_padding_is_masked_and_shapes_agree(tiny: SimpleNamespace) -> None:
    perceiver = tiny.perceiver()
    glance = perceiver.glance(tiny.pictures(4))
    images, objects = glance.mask.shape
    assert glance.presence.shape == (images, objects)
    assert glance.boxes.shape == (images, objects, 4)
    assert objects == int(glance.mask.sum(1).max())
    assert objects <= 6
    assert (glance.features[~glance.mask] == 0).all()


def test_attributes_are_log_probabilities(tiny: SimpleNamespace) -> None:
    perceiver = tiny.perceiver()
    glance = perceiver.glance(tiny.pictures(3))
    rows = every_row(glance)
    for attribute in tiny.domain.attributes:
        read = perceiver.look_attribute(glance, attribute.name, rows)
        assert read.shape == (len(rows), len(attribute.values))
        torch.testing.assert_close(read.exp().sum(1), torch.ones(len(rows)))


def test_relations_are_antisymmetric_between_inverses(tiny: SimpleNamespace) -> None:
    perceiver = tiny.perceiver()
    glance = perceiver.glance(tiny.pictures(1))
    objects = glance.mask.shape[1]
    rows = Rows(torch.zeros(objects, dtype=torch.int64), torch.arange(objects))
    for relation in tiny.domain.relations:
        if relation.inverse is None:
            continue
        odds = perceiver.look_relation(glance, relation.name, rows)
        torch.testing.assert_close(odds, perceiver.look_relation(glance, relation.inverse, rows).T)


def test_boxes_come_back_in_the_pixels_of_the_image(tiny: SimpleNamespace) -> None:
    perceiver = tiny.perceiver()
    for picture in tiny.pictures(4):
        height, width, _ = picture.shape
        boxes = perceiver.glance([picture]).boxes
        assert (boxes >= 0).all()
        assert (boxes <= torch.tensor([width, height, width, height])).all()


def test_nothing_found_and_no_images_are_fine(tiny: SimpleNamespace) -> None:
    blind = tiny.perceiver(threshold=0.999999)
    glance = blind.glance(tiny.pictures(2))
    assert glance.mask.shape == (2, 0)
    nothing = Rows(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))
    attribute = tiny.domain.attributes[0]
    assert blind.look_attribute(glance, attribute.name, nothing).shape == (0, len(attribute.values))
    assert blind.look_relation(glance, tiny.domain.relations[0].name, nothing).shape == (0, 0)
    assert blind.glance([]).mask.shape == (0, 0)


def test_saving_and_loading_changes_nothing(tiny: SimpleNamespace, tmp_path: Path) -> None:
    perceiver = tiny.perceiver()
    perceiver.save_pretrained(tmp_path / "a")
    loaded = PixelPerceiver.from_pretrained(tmp_path / "a")
    assert loaded.config == perceiver.config
    pictures = tiny.pictures(3)
    mine, its = perceiver.glance(pictures), loaded.glance(pictures)
    assert torch.equal(mine.features, its.features)
    assert torch.equal(mine.presence, its.presence)
    loaded.save_pretrained(tmp_path / "b")
    for name in ("model.safetensors", "config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_weights_of_another_domain_are_refused(tiny: SimpleNamespace, tmp_path: Path) -> None:
    tiny.perceiver().save_pretrained(tmp_path)
    other = tmp_path / "other.toml"
    other.write_text(
        'name = "clevr"\nversion = 1\nnouns = ["thing"]\n[attributes.a]\nwords = ["a"]\nvalues.b = ["b"]\n'
    )
    with pytest.raises(WeightsError, match="domain"):
        PixelPerceiver.from_pretrained(tmp_path, domain=Domain.load(other))


def test_missing_and_damaged_weights_are_refused_in_one_line(tiny: SimpleNamespace, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no perception weights"):
        PixelPerceiver.from_pretrained(tmp_path)
    tiny.perceiver().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    for change in ({"format": 99}, {"network": {"width": 100}}, {"calibration": {}}, {"proposals": 3}):
        (tmp_path / "config.json").write_text(json.dumps(config | change))
        with pytest.raises(WeightsError) as raised:
            PixelPerceiver.from_pretrained(tmp_path)
        assert "\n" not in str(raised.value)
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(WeightsError) as raised:
        PixelPerceiver.from_pretrained(tmp_path)
    assert "\n" not in str(raised.value)


NONSENSE: list[tuple[str, object]] = [
    *[(part, value) for part in ("network", "proposals", "calibration") for value in (None, 3, "x", [], [1], True)],
    *[("network", {"hidden": value}) for value in (0, -1, 17, 2.5, "16", None, [16], True, 10**6, 10**30)],
    *[("network", {"stages": value}) for value in ([], 8, [8, 12], [8, "a", 16], [8, 0, 16], [8, 12, 16, 16], "abc")],
    *[("network", {"depths": value}) for value in ([], [1, 1], [1, 1, -1], [1, 1, 10**9], [[1], 1, 1], {"a": 1})],
    *[("network", {"window": value}) for value in (1, 2, 3)],
    *[("network", {"axes": 3}), ("network", {"width": 0}), ("network", {"width": "96"}), ("network", {"x": 1})],
    *[("proposals", {"threshold": value}) for value in (-1, 1, 1.5, "a", None, [0.1], float("nan"))],
    *[("proposals", {"most": value}) for value in (0, -3, 2.5, "6", None, True)],
    *[("proposals", {"apart": value}) for value in (-1, "a", None, float("inf"))],
    *[("proposals", {"x": 1})],
    *[("calibration", {"temperatures": value}) for value in (None, 3, [1.0], "a", {"size": 0}, {"size": "a"})],
    *[("calibration", {"temperatures": {"size": value}}) for value in (None, [], -1, float("inf"), 10**400)],
    *[("calibration", {"spread": value}) for value in (None, 1, [1], [1, 1, 1], [1, 0], ["a", 1], {})],
    *[("calibration", {key: value}) for key in ("presence_scale", "presence_shift") for value in (None, "a", [], {})],
    *[("calibration", {"presence_scale": value}) for value in (0, -1, float("nan"))],
    *[("calibration", {"presence_shift": float("inf")})],
]


@pytest.mark.parametrize(("part", "value"), NONSENSE, ids=str)
def test_nonsense_in_a_config_is_refused_in_one_line(
    tiny: SimpleNamespace, tmp_path: Path, part: str, value: object
) -> None:
    tiny.perceiver().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config[part] = config[part] | value if isinstance(value, dict) else value
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsError) as raised:
        PixelPerceiver.from_pretrained(tmp_path)
    assert "\n" not in str(raised.value)


def test_unknown_names_and_bad_images_are_refused(tiny: SimpleNamespace) -> None:
    perceiver = tiny.perceiver()
    glance = perceiver.glance(tiny.pictures(1))
    with pytest.raises(DomainError):
        perceiver.look_attribute(glance, "smell", every_row(glance))
    with pytest.raises(DomainError):
        perceiver.look_relation(glance, "inside", every_row(glance))
    with pytest.raises(ImageError):
        perceiver.glance([np.zeros((3, 3, 3), np.uint8)])


def test_a_device_that_is_not_there_is_refused_in_one_line(tiny: SimpleNamespace, tmp_path: Path) -> None:
    tiny.perceiver().save_pretrained(tmp_path)
    for device in ("nonsense", "cuda:99"):
        with pytest.raises(InputError, match="device") as raised:
            PixelPerceiver.from_pretrained(tmp_path, device=device)
        assert "\n" not in str(raised.value)


def test_costs_grow_with_what_is_asked(tiny: SimpleNamespace) -> None:
    perceiver = tiny.perceiver()
    assert perceiver.glance_cost(4) == 4 * perceiver.glance_cost(1) > 1_000_000
    for attribute in tiny.domain.attributes:
        assert perceiver.attribute_cost(attribute.name) > 0
    relation = tiny.domain.relations[0].name
    assert perceiver.relation_cost(relation, 6) == 2 * perceiver.relation_cost(relation, 3)


def test_looking_at_a_whole_image_costs_what_the_layers_say(tiny: SimpleNamespace) -> None:
    from torch.utils.flop_counter import FlopCounterMode

    perceiver = tiny.perceiver()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        perceiver.model.network(torch.rand(1, 3, 64, 96))
    objects = tiny.perceiver().config.proposals.most * perceiver._object_flops
    assert perceiver.glance_cost(1) == counter.get_total_flops() + objects
