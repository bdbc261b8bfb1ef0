"""From labels of one's own images to weights: import, training, calibration, a card."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.cli.conftest import ROOT, Command

from nmn.domain import Domain

MINI = Path(os.environ.get("NMN_DATA", "")) / "clevr_mini"
SIZES = ("stem=8", "stages=[8,12,16]", "depths=[0,0,0]", "pyramid=8", "fine=0", "hidden=16", "scale=2")
Write = Callable[[str, Any], Path]


def labels(count: int = 4) -> dict[str, Any]:
    """COCO labels of so many images, each with a mug and a pen."""
    images = [{"id": number, "file_name": f"{number}.png"} for number in range(count)]
    kinds = [{"id": 1, "name": "mug"}, {"id": 2, "name": "pen"}]
    annotations = []
    for number in range(count):
        for kind in (1, 2):
            box = [20 + 90 * kind, 30 + 10 * number, 40, 30]
            about = {"attributes": {"colour": "red" if (number + kind) % 2 else "dark blue"}}
            annotations.append({"image_id": number, "category_id": kind, "bbox": box, **about})
    return {"images": images, "categories": kinds, "annotations": annotations}


def photos(folder: Path, count: int = 4) -> Path:
    """Images for these labels."""
    folder.mkdir()
    draw = np.random.default_rng(0)
    for number in range(count):
        Image.fromarray(draw.integers(0, 255, (160, 320, 3), np.uint8)).save(folder / f"{number}.png")
    return folder


def test_coco_becomes_scenes_and_a_domain(nmn: Command, write: Write, tmp_path: Path) -> None:
    done = nmn("import", "coco", write("coco.json", labels()), "--name", "desk", "--out", tmp_path / "labels")
    assert done.code == 0, done.err
    assert "4 images with 8 objects" in done.out
    domain = Domain.load(tmp_path / "labels" / "domain.toml")
    assert {each.name: each.values for each in domain.attributes} == {
        "kind": ("mug", "pen"),
        "colour": ("dark blue", "red"),
    }
    scenes = json.loads((tmp_path / "labels" / "scenes.json").read_text(encoding="utf-8"))["scenes"]
    assert set(scenes[0]["directions"]) == {relation.name for relation in domain.relations}


def test_what_another_domain_lacks_is_refused(nmn: Command, write: Write, tmp_path: Path) -> None:
    first, out = write("coco.json", labels()), tmp_path / "labels"
    assert nmn("import", "coco", first, "--out", out).code == 0
    other = labels()
    other["categories"][0]["name"] = "cup"
    second = write("other.json", other)
    nmn("import", "coco", second, "--domain", out / "domain.toml", "--out", tmp_path / "b").refused("cup")
    nmn("import", "coco", write("c.json", {}), "--out", tmp_path / "c").refused("lacks", "annotations")
    nmn("import", "coco", first, "--out", first).refused("is a file")


def test_a_card_of_ones_own_weights(nmn: Command, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "nmn" / "weights" / "clevr", tmp_path / "weights")
    out = tmp_path / "README.md"
    done = nmn(
        "export", "card", "--weights", tmp_path / "weights", "--out", out, "--name", "My desk", "--limit", "never out"
    )
    assert done.code == 0, done.err
    assert "# My desk" in out.read_text(encoding="utf-8")
    nmn("export", "card", "--weights", tmp_path / "none", "--out", out).refused("no perception weights")
    nmn("export", "card", "--out", tmp_path).refused("is a folder")


def test_weights_are_trained_and_read_with_a_domain_of_ones_own(nmn: Command, write: Write, tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos")
    nmn("import", "coco", write("coco.json", labels()), "--name", "desk", "--out", tmp_path / "labels")
    domain, scenes = tmp_path / "labels" / "domain.toml", tmp_path / "labels" / "scenes.json"
    sizes = [part for size in SIZES for part in ("--set", f"network.{size}")]
    common = ["--images", folder, "--scenes", scenes]
    told = ["--domain", domain, "--out", tmp_path / "run", "--tune", 1, "--steps", 2, "--batch-size", 2, "--workers", 0]
    done = nmn("train", "perception", *common, *told, "--threads", 1, *sizes)
    assert done.code == 0, done.err
    done = nmn("calibrate", "perception", *common, "--domain", domain, "--glance", tmp_path / "run" / "last.safetensors",
               "--out", tmp_path / "weights")  # fmt: skip
    assert done.code == 0, done.err
    done = nmn("train", "measure", *common, "--weights", tmp_path / "weights", "--json")
    assert done.code == 0, done.err
    assert done.json()["images"] == 4
    done = nmn("ask", folder / "0.png", "How many mugs are left of the red pen?", "--weights", tmp_path / "weights")
    assert done.code == 0, done.err


@pytest.mark.slow
@pytest.mark.skipif(not MINI.is_dir(), reason="needs the data sets of NMN_DATA")
def test_a_strangers_images_are_seen_better_after_fine_tuning(nmn: Command, tmp_path: Path) -> None:
    def seen(weights: Path | None) -> dict[str, Any]:
        chosen = [] if weights is None else ["--weights", weights]
        held = ["--images", MINI / "val" / "images", "--scenes", MINI / "val" / "CLEVR_scenes.json"]
        found: dict[str, Any] = nmn("train", "measure", *held, *chosen, "--json").json()
        return found

    train = ["--images", MINI / "train" / "images", "--scenes", MINI / "train" / "CLEVR_scenes.json"]
    told = ["--out", tmp_path, "--config", "configs/glance.yaml", "--start", "shipped", "--boxes-from", "shipped"]
    numbers = ["--tune", 10, "--steps", 100, "--set", "rate=1e-3", "--set", "warmup=20", "--set", "average=0.95"]
    done = nmn("train", "perception", *train, *told, *numbers)
    assert done.code == 0, done.err
    before, after = seen(None), seen(tmp_path / "weights")
    # Its labels of colour and material are not those of its pictures, so sizes and places are what can be learned.
    size = before["attributes"].index("size")
    assert after["right"][size] / after["found"] > before["right"][size] / before["found"]
    assert after["error"] < before["error"]
