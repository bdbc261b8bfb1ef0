"""Several processes train as one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from nmn.perception.processes import BatchNorm, counted, mine, total, world

SCRIPT = "tests.perception.one_run"


def test_one_process_is_the_whole_world() -> None:
    assert world() == (0, 1)
    assert mine(7) == slice(0, 7)
    assert float(counted(torch.tensor(0))) == 1.0
    assert torch.equal(total(torch.ones(3)), torch.ones(3))


def test_batch_normalisation_is_torchs_own() -> None:
    ours, its = BatchNorm(3), torch.nn.BatchNorm2d(3)
    x = torch.randn(4, 3, 5, 5)
    assert torch.equal(ours(x), its(x))
    assert torch.equal(ours.eval()(x), its.eval()(x))


@pytest.mark.slow
def test_two_processes_train_as_one(root: Path, tmp_path: Path) -> None:
    alone, both = tmp_path / "alone.json", tmp_path / "both.json"
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    torchrun = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port", "29517", "-m", SCRIPT]
    for arguments in (["-m", SCRIPT, str(alone)], [*torchrun, str(both)]):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = json.loads(alone.read_text()), json.loads(both.read_text())
    assert len(one) == 50
    assert two == pytest.approx(one, rel=1e-3)
