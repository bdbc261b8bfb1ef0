"""Calibrations: kept in a file, void for anything else, and refused with what it would take."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmn.errors import InputError, WeightsError
from nmn.promise.calibration import FILE, Basis, Calibration, digests, require_fresh

BASIS = Basis("images", "weights", "costs", "value", labelled=True)


def calibration(images: int = 700, changed: tuple[int, ...] = (0, 1, 60), per_image: int = 10) -> Calibration:
    """So many images lose one question each, at doubts of 0, 0.1, 0.2..."""
    losses = np.zeros((len(changed), images))
    for row, count in zip(losses, changed, strict=True):
        row[:count] = 1 / per_image
    return Calibration(BASIS, images * per_image, tuple(place / 10 for place in range(len(changed))), losses)


def test_only_right_answers_that_became_wrong_count_where_there_are_labels() -> None:
    images, truth = ["a", "a", "b", "b"], ["1", "yes", "red", "no"]
    thorough, stopped = ["1", "no", "red", "no"], ["2", "yes", "red", None]
    labelled = Calibration.of(BASIS, images, thorough, {0.1: stopped, 0.0: thorough}, truth)
    assert labelled.doubts == (0.0, 0.1)
    assert labelled.losses.tolist() == [[0.0, 0.0], [0.5, 0.5]]
    every = Calibration.of(Basis("", "", "", "value", labelled=False), images, thorough, {0.1: stopped})
    assert every.losses.tolist() == [[1.0, 0.5]]
    with pytest.raises(InputError, match="--unlabelled"):
        Calibration.of(BASIS, images, thorough, {0.1: stopped})


def test_what_counts_without_labels_is_never_less() -> None:
    random = np.random.default_rng(0)
    thorough, stopped, truth = ([str(each) for each in random.integers(3, size=400)] for _ in range(3))
    images = [number // 4 for number in range(400)]
    labelled = Calibration.of(BASIS, images, thorough, {0.1: stopped}, truth)
    every = Calibration.of(Basis("", "", "", "value", labelled=False), images, thorough, {0.1: stopped})
    assert (labelled.losses <= every.losses).all()


def test_the_greatest_safe_doubt_is_given() -> None:
    assert calibration().doubt(0.005) == 0.1
    assert calibration().doubt(0.02) == 0.2


def test_a_risk_that_cannot_be_promised_is_refused_with_what_it_takes() -> None:
    with pytest.raises(InputError, match="with 700 images: it takes 1,497 without a single changed answer"):
        calibration().doubt(0.002)
    with pytest.raises(InputError, match=r"even with no doubt tolerated 0.86% .* it would take about"):
        calibration(changed=(60, 60)).doubt(0.01)
    with pytest.raises(InputError, match="no number of images helps"):
        calibration(changed=(200, 200)).doubt(0.01)


def test_with_one_question_an_image_losses_are_0_or_1() -> None:
    assert calibration(per_image=1).binary
    assert not calibration().binary
    assert calibration(1000, (0, 1, 2), per_image=1).doubt(0.005) == 0.1


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    written = calibration()
    written.write(tmp_path)
    found = Calibration.read(tmp_path, weights="weights", costs="costs")
    assert found.fingerprint == written.fingerprint
    assert found.doubt(0.005) == written.doubt(0.005)
    assert calibration(701).fingerprint != written.fingerprint
    assert (tmp_path / FILE).stat().st_size < 5000


def test_the_promise_of_other_weights_is_void(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="promise no risk: nmn calibrate policy writes it"):
        Calibration.read(tmp_path, weights="weights", costs="costs")
    calibration().write(tmp_path)
    with pytest.raises(WeightsError, match="is of another weights") as caught:
        Calibration.read(tmp_path, weights="others", costs="costs")
    assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match="is of another table of costs"):
        Calibration.read(tmp_path, weights="weights", costs="others")


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"doubts": [0.2, 0.1, 0.3]},
        {"doubts": []},
        {"losses": []},
        {"losses": [[], [[700, 0.1]], []]},
        {"losses": [[], [[-1, 0.1]], []]},
        {"losses": [[], [[1, 2.0]], []]},
        {"images": 0},
        {"images": "many"},
    ],
)
def test_a_malformed_promise_is_refused_in_one_line(change: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps(calibration().to_record() | change))
    with pytest.raises(WeightsError) as caught:
        Calibration.read(tmp_path, weights="weights", costs="costs")
    assert "\n" not in str(caught.value)


def test_images_that_were_trained_on_are_refused(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.png", "b.png", "c.png")]
    for number, file in enumerate(files):
        file.write_bytes(bytes([number]))
    source = require_fresh(files[:2], {})
    assert source == require_fresh(files[1::-1], {})
    assert source != require_fresh(files, {})
    with pytest.raises(InputError, match=r"b.png is also .*trained.png, which was trained or fitted on"):
        require_fresh(files, dict(zip(digests(files[1:2]), [Path("trained.png")], strict=True)))
    files[2].write_bytes(bytes([0]))
    with pytest.raises(InputError, match=r"c.png is the same image as"):
        require_fresh(files, {})
    with pytest.raises(InputError, match="cannot read"):
        require_fresh([tmp_path / "none.png"], {})
