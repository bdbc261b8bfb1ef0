"""The weights that ship with the package, on real images."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch

from nmn.perceiver import Rows
from nmn.perception.data import Source, load_images
from nmn.perception.detector import PixelPerceiver
from nmn.perception.report import Report, measure


@pytest.fixture(scope="module")
def perceiver() -> PixelPerceiver:
    return PixelPerceiver.from_pretrained()


@pytest.fixture(scope="module")
def samples(root: Path) -> list[tuple[Path, dict[str, Any]]]:
    folder = root / "demo" / "samples"
    scenes = json.loads((folder / "scenes.json").read_text())["scenes"]
    return [(folder / scene["image_filename"], scene) for scene in scenes]


def test_sample_images_are_seen_as_they_are(
    perceiver: PixelPerceiver, samples: list[tuple[Path, dict[str, Any]]]
) -> None:
    names = [attribute.name for attribute in perceiver.domain.attributes]
    glance = perceiver.glance([path for path, _ in samples])
    right = 0
    for image, (_, scene) in enumerate(samples):
        objects = ((glance.presence[image] > 0) & glance.mask[image]).nonzero()[:, 0]
        rows = Rows(torch.full_like(objects, image), objects)
        read = [perceiver.look_attribute(glance, name, rows).argmax(1).tolist() for name in names]
        values = [a.values for a in perceiver.domain.attributes]
        seen = Counter(tuple(v[k] for v, k in zip(values, column, strict=True)) for column in zip(*read, strict=True))
        right += seen == Counter(tuple(thing[name] for name in names) for thing in scene["objects"])
    assert right >= 0.8 * len(samples)


def test_one_at_a_time_is_a_batch(perceiver: PixelPerceiver, samples: list[tuple[Path, dict[str, Any]]]) -> None:
    paths = [path for path, _ in samples[:3]]
    together = perceiver.glance(paths)
    for row, path in enumerate(paths):
        alone = perceiver.glance([path])
        width = alone.mask.shape[1]
        torch.testing.assert_close(alone.presence[0], together.presence[row, :width], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(alone.features[0], together.features[row, :width], atol=1e-5, rtol=1e-5)


def test_the_weights_are_small(perceiver: PixelPerceiver) -> None:
    assert 2 * sum(parameter.numel() for parameter in perceiver.model.parameters()) < 10e6


def report(perceiver: PixelPerceiver, source: Source, cache: Path, last: int) -> Report:
    whole = load_images(perceiver.domain, [source], perceiver.config.network.full, cache)
    return measure(perceiver, whole.subset(range(len(whole))[-last:]))


@pytest.mark.slow
def test_held_out_official_images_are_seen_exactly(
    perceiver: PixelPerceiver, shared_data: Path, tmp_path: Path
) -> None:
    official = shared_data / "clevr_official"
    source = Source(official / "images" / "train", official / "scenes" / "CLEVR_train_scenes.json")
    seen = report(perceiver, source, tmp_path, last=68)
    assert seen.images == 68
    assert seen.exact_share >= 0.9
    assert seen.relation_share >= 0.995


@pytest.mark.slow
def test_rendered_val_images_are_seen_exactly(perceiver: PixelPerceiver, shared_data: Path, tmp_path: Path) -> None:
    rendered = shared_data / "clevr_rendered"
    source = Source(rendered / "images" / "val", rendered / "scenes" / "CLEVR_val_scenes.json")
    seen = report(perceiver, source, tmp_path, last=0)
    assert seen.exact_share >= 0.9
    assert seen.relation_share >= 0.998
