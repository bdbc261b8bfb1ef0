"""Settings of training runs, from YAML and from key=value."""

from pathlib import Path

import pytest

from nmn.errors import InputError
from nmn.perception.focus_training import FocusTrainingConfig
from nmn.perception.settings import read_settings
from nmn.perception.training import TrainingConfig


def test_shipped_configs_are_read(root: Path) -> None:
    glance = read_settings(TrainingConfig, root / "configs" / "glance.yaml", {"network.hidden": "64"})
    assert (glance.network.scale, glance.network.fine, glance.network.hidden) == (2, 0, 64)
    focus = read_settings(FocusTrainingConfig, root / "configs" / "focus.yaml", {"focus.pathways.shape.stem": "8"})
    assert focus.focus.pathways["shape"].stem == 8
    assert focus.focus.pathways["shape"].blind


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps: [1", "not YAML"),
        ("- 1", "keys with values"),
        ("stepz: 1", "did you mean 'steps'"),
        ("steps: many", "of type int"),
        ("network: 3", "must name values"),
        ("network: {scale: 7}", "scale must be 1 or 2"),
        ("network: {stages: 3}", "'network.stages'"),
    ],
)
def test_bad_settings_are_one_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=said) as raised:
        read_settings(TrainingConfig, file, {})
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml"):
        read_settings(TrainingConfig, tmp_path / "nowhere.yaml", {})


def test_pathways_are_needed(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("focus: {crop: {size: 16}, pathways: {form: {attributes: [shape]}}}")
    with pytest.raises(InputError, match="presence"):
        read_settings(FocusTrainingConfig, file, {})
