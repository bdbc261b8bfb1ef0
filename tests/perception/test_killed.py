"""A training run that is killed and resumed ends as one that was not."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

SAMPLES = Path(__file__).parent.parent.parent / "demo" / "samples"
SIZES = ("stem=8", "stages=[8,12,16]", "depths=[0,0,0]", "pyramid=8", "fine=0", "hidden=16", "scale=2")
STEPS, SEEN = 24, 6  # steps; the run is killed once so many are saved


def command(out: Path, *more: str) -> list[str]:
    sizes = [part for size in SIZES for part in ("--set", f"network.{size}")]
    told = ["--images", str(SAMPLES), "--scenes", str(SAMPLES / "scenes.json"), "--out", str(out), "--tune", "2"]
    numbers = ["--steps", str(STEPS), "--batch-size", "2", "--set", "save_every=2", "--threads", "1", "--workers", "0"]
    return [
        sys.executable,
        "-c",
        "from nmn.cli import main; main()",
        "train",
        "perception",
        *told,
        *numbers,
        *sizes,
        *more,
    ]


def steps(path: Path) -> int:
    if not path.is_file():
        return 0
    with safe_open(path, framework="pt") as opened:
        return int(opened.metadata()["step"])


@pytest.mark.slow
def test_a_run_killed_and_resumed_ends_as_one_that_was_not(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONSAFEPATH": "1", "OMP_NUM_THREADS": "1"}
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(whole), check=True, env=environment, capture_output=True)
    with subprocess.Popen(
        command(killed), env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as run:
        while steps(killed / "last.safetensors") < SEEN and run.poll() is None:
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
        assert run.wait() == -signal.SIGKILL
    assert SEEN <= steps(killed / "last.safetensors") < STEPS
    subprocess.run(command(killed, "--resume"), check=True, env=environment, capture_output=True)
    first, second = (load_file(folder / "last.safetensors") for folder in (whole, killed))
    assert first.keys() == second.keys()
    assert all(torch.equal(value, second[name]) for name, value in first.items())
