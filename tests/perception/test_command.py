"""`nmn train perception`, from files to weights."""

import json
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from nmn.cli.train import PERCEPTION_EXAMPLE, app
from nmn.errors import InputError
from nmn.perception.detector import PixelPerceiver

RUNNER = CliRunner()
SMALL = {
    "network.width": "96",
    "network.height": "64",
    "network.stem": "8",
    "network.stages": "[8,12,16]",
    "network.depths": "[1,1,1]",
    "network.pyramid": "8",
    "network.fine": "8",
    "network.hidden": "16",
    "warmup": "1",
}


@pytest.fixture
def data(tiny: SimpleNamespace, tmp_path: Path) -> list[str]:
    """Arguments that name a folder of random images and their scenes."""
    folder = tmp_path / "images"
    folder.mkdir()
    scenes = []
    images = tiny.image_set(8)
    relations = tiny.domain.relations
    directions = {r.name: list(r.sign * np.eye(3)[r.axis]) for r in relations if r.axis is not None}
    for row, target in enumerate(images.targets):
        Image.fromarray(images.pixels[row]).save(folder / target.image)
        objects = [
            {
                "3d_coords": [*map(float, at), 0.0],
                "pixel_coords": [*map(float, centre), 1.0],
                "bbox": list(map(float, box)),
            }
            | {a.name: a.values[label] for a, label in zip(tiny.domain.attributes, labels, strict=True)}
            for at, centre, box, labels in zip(
                target.coordinates, target.centres, target.boxes, target.labels, strict=True
            )
        ]
        scenes.append(
            {"image_filename": target.image, "image_index": row, "objects": objects, "directions": directions}
        )
    (tmp_path / "scenes.json").write_text(json.dumps({"scenes": scenes}))
    return ["--images", str(folder), "--scenes", str(tmp_path / "scenes.json")]


def run(*arguments: str) -> str:
    result = RUNNER.invoke(app, ["perception", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own, on import
def test_training_writes_weights_that_load_and_can_be_resumed(data: list[str], tmp_path: Path) -> None:
    settings = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    common = [*data, "--out", str(tmp_path / "out"), "--tune", "2", "--batch-size", "2", "--workers", "0", *settings]
    common += ["--calibrate-images", data[1], "--calibrate-scenes", data[3], "--json"]
    record = json.loads(run(*common, "--steps", "2").splitlines()[-1])
    assert record["steps"] == 2
    assert record["tuning"]["images"] == 2
    perceiver = PixelPerceiver.from_pretrained(tmp_path / "out" / "weights")
    assert len(perceiver.glance([np.zeros((64, 96, 3), np.uint8)]).mask) == 1
    assert json.loads(run(*common, "--steps", "4", "--resume").splitlines()[-1])["steps"] == 4
    if find_spec("tensorboard") is not None:  # of the extra 'train'
        assert any((tmp_path / "out" / "tensorboard").iterdir())
    again = [str(tmp_path / "again") if word == str(tmp_path / "out") else word for word in common]
    last = str(tmp_path / "out" / "last.safetensors")
    assert json.loads(run(*again, "--steps", "1", "--start", last).splitlines()[-1])["steps"] == 1


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--images", "nowhere"], "pairs"),
        (["--below", "3", "--below", "3"], "--below"),
        (["--repeat", "0"], "--repeat"),
        (["--tune", "8"], "--tune"),
        (["--set", "steps"], "key=value"),
        (["--set", "stepz=3"], "training setting"),
        (["--device", "nonsense"], "cpu, cuda, cuda:1, mps and xpu are known"),
        (["--set", "network.width=100"], "multiples of 32"),
        (["--set", "augment.occlude=0.5", "--set", "augment.ball=cone"], "no value 'cone'"),
        (["--calibrate-images", "."], "go together"),
        (["--resume"], "no checkpoint"),
        (["--start", "nowhere"], "no checkpoint"),
        (["--start", "nowhere", "--resume"], "one of them"),
    ],
)
def test_bad_input_is_one_line(data: list[str], tmp_path: Path, extra: list[str], message: str) -> None:
    settings = [part for key, value in SMALL.items() for part in ("--set", f"{key}={value}")]
    with pytest.raises(InputError, match=message) as raised:
        run(*data, "--out", str(tmp_path / "out"), "--tune", "2", *settings, *extra)
    assert "\n" not in str(raised.value)


def test_a_missing_folder_is_named(data: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        run("--images", "nowhere", "--scenes", data[3], "--out", str(tmp_path / "out"))


def test_help_ends_with_an_example_in_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    shown = RUNNER.invoke(app, ["perception", "--help"]).stdout
    assert all(len(line) <= 80 for line in shown.splitlines())
    for line in PERCEPTION_EXAMPLE.splitlines():
        assert line.strip() in shown


FOCUS = """
steps: 2
batch_size: 4
width: 96
height: 64
focus:
  crop: {size: 16, least: 12.0}
  pathways:
    form: {attributes: [shape, size], blind: true, stem: 8, stages: [8], depths: [0], hidden: 8}
    presence: {stem: 8, stages: [8], depths: [0], hidden: 8}
"""


def staged_run(*arguments: str) -> str:
    from nmn.cli import app as whole

    result = RUNNER.invoke(whole, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # TensorBoard's own, on import
def test_both_stages_are_trained_and_calibrated(data: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    small = {**SMALL, "network.scale": "2", "network.fine": "0", "network.stages": "[8,12]", "network.depths": "[0,1]"}
    settings = [part for key, value in small.items() for part in ("--set", f"{key}={value}")]
    run(*data, "--out", str(out), "--tune", "2", "--batch-size", "2", "--workers", "0", "--steps", "2", *settings)
    (tmp_path / "focus.yaml").write_text(FOCUS)
    focus = ["train", "focus", *data, "--out", str(out), "--config", str(tmp_path / "focus.yaml"), "--tune", "2"]
    record = json.loads(staged_run(*focus, "--workers", "0", "--json").splitlines()[-1])
    assert record["steps"] == 2
    assert set(record["tuning"]) == {"shape", "size", "presence"}
    more = staged_run(*focus, "--workers", "0", "--json", "--resume", "--set", "steps=3", "--unlike", "shape=cube:size")
    assert json.loads(more.splitlines()[-1])["steps"] == 3
    calibrated = staged_run(
        *("calibrate", "perception", *data, "--glance", str(out / "last.safetensors")),
        *("--focus", str(out / "focus.safetensors"), "--out", str(out / "staged"), "--json", "--proposed", "0.001"),
    )
    assert set(json.loads(calibrated)["calibration"]["focus"]) == {"shape", "size"}
    perceiver = PixelPerceiver.from_pretrained(out / "staged")
    assert perceiver.focus is not None
    measured = staged_run("train", "measure", *data, "--weights", str(out / "staged"), "--json")
    assert json.loads(measured)["images"] == 8
    again = ["calibrate", "perception", *data, "--weights", str(out / "staged"), "--out", str(out / "again")]
    assert "fitted to 8 images" in staged_run(*again)


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--glance", "nowhere"], "no checkpoint"),
        (["--focus", "nowhere"], "no checkpoint"),
        (["--glance", "nowhere", "--weights", "nowhere"], "one of them"),
        (["--weights", "nowhere"], "no perception weights"),
    ],
)
def test_bad_calibration_input_is_one_line(data: list[str], tmp_path: Path, extra: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        staged_run("calibrate", "perception", *data, "--out", str(tmp_path / "out"), *extra)
    assert "\n" not in str(raised.value)


def test_boxes_that_no_scene_states_are_seen(tiny: SimpleNamespace) -> None:
    from nmn.perception.boxes import boxes_seen

    images = tiny.image_set(3)
    unknown = replace(images, targets=tuple(replace(t, boxes=t.boxes * np.nan) for t in images.targets))
    seen = boxes_seen(tiny.perceiver(threshold=0.01), unknown, images)
    assert any(not np.isnan(target.boxes).any(1).all() for target in seen.targets)
    known = boxes_seen(tiny.perceiver(), images, images)
    assert all(np.array_equal(a.boxes, b.boxes) for a, b in zip(images.targets, known.targets, strict=True))
