"""`nmn calibrate policy`: what it refuses before it looks at anything, and what it says at the end."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmn.cli import calibrate_promise
from nmn.promise.calibration import Basis, Calibration

QUESTIONS = "demo/samples/questions.json"


def calibration(images: int, changed: int) -> Calibration:
    losses = np.zeros((2, images))
    losses[1, :changed] = 1.0
    return Calibration(Basis("images", "weights", "costs", "value", True), images, (0.0, 0.1), losses)


def test_what_cannot_be_used_is_refused_in_one_line(nmn: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    given = ("calibrate", "policy", "--weights", tmp_path, "--questions", QUESTIONS)
    nmn(*given, "--images", "demo/samples", "--cache", tmp_path / "file").refused("is a file: name a folder")
    nmn(*given, "--images", tmp_path / "none").refused("no image folder")
    nmn(*given, "--images", tmp_path).refused("no images in")
    nmn(*given, "--images", "demo/samples").refused("nmn calibrate policies writes it")


def test_a_table_says_what_can_be_promised(capsys: pytest.CaptureFixture[str]) -> None:
    calibrate_promise._show(calibration(700, 0), {0.005: None, 0.002: None}, json=False)
    shown = " ".join(capsys.readouterr().out.split())
    assert "0.50% 0.1" in shown
    assert "it takes 1,497 without a single changed answer" in shown


def test_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = calibration(700, 50)
    calibrate_promise._show(found, {0.005: 0.0}, json=True)
    assert json.loads(capsys.readouterr().out) == {
        "fingerprint": found.fingerprint,
        "images": 700,
        "questions": 700,
        "doubt": {"0.005": 0.0},
    }
