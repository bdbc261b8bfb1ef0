"""The executor against the loop on many programs: described scenes, a detector's scenes, and pixels.

Where what a program takes for granted has next to no probability, its answer is conditional on an event at the edge of what
floats can tell, and rounding decides it. So what is compared is the probability of an answer together with all that is
taken for granted, always; and the answer's own probability where what is taken for granted may well hold.
"""

from pathlib import Path
from random import Random

import pytest
import torch

from nmn.datasets.clevr import read_scenes
from nmn.decode import answer_of_loop, answers
from nmn.domain import Domain
from nmn.executor import Modules, execute
from nmn.loop import Looper
from nmn.perceiver import Perceiver
from nmn.perception.detector import PixelPerceiver
from nmn.planner import Planner
from nmn.registry import default_registry
from nmn.sampling import sample_program
from nmn.scene import FacetStore
from nmn.scene_perceiver import ScenePerceiver

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()
MODULES = Modules(REGISTRY)


MAY_HOLD = 0.01


def largest_difference(perceiver: Perceiver, images: list[object], programs: int, *, batch: int = 100) -> float:
    """Over random programs in mixed batches: the most that a probability differs from the one-at-a-time loop's."""
    random, looper, planner = Random(0), Looper(CLEVR, MODULES), Planner(CLEVR, REGISTRY)
    glance = perceiver.glance([perceiver.load(image) for image in images])
    worst = 0.0
    with torch.no_grad():
        for _ in range(0, programs, batch):
            chosen = [sample_program(random, CLEVR, REGISTRY, depth=random.randint(4, 10)) for _ in range(batch)]
            positions = [random.randrange(len(images)) for _ in chosen]
            run = execute(planner.plan(chosen, positions), FacetStore.of(perceiver, glance), MODULES)
            granted = run.certainty().exp().tolist()
            for program, position, answer, holds in zip(chosen, positions, answers(run), granted, strict=True):
                alone = answer_of_loop(looper.run(program, position, FacetStore.of(perceiver, glance)))
                # What depends on one that fails is conditional on it.
                first, other = ([each.node for each in found.presuppositions][:1] for found in (answer, alone))
                assert first == other
                scale = 1.0 if holds > MAY_HOLD else holds
                differences = [abs(answer.distribution[name] - chance) for name, chance in alone.distribution.items()]
                worst = max(worst, abs(answer.confidence - alone.confidence), scale * max(differences))
    return worst


@pytest.mark.parametrize("programs", [100, pytest.param(5000, marks=pytest.mark.slow)])
def test_on_described_scenes(root: Path, programs: int) -> None:
    scenes = list(read_scenes(root / "demo" / "samples" / "scenes.json", CLEVR).values())
    assert largest_difference(ScenePerceiver(CLEVR), list(scenes), programs) < 1e-5


@pytest.mark.parametrize("programs", [100, pytest.param(5000, marks=pytest.mark.slow)])
def test_on_a_detectors_scenes(shared_data: Path, programs: int) -> None:
    path = shared_data / "clevr_official" / "scenes" / "CLEVR_val_scenes_predicted.json"
    scenes = list(read_scenes(path, CLEVR).values())[:40]
    assert largest_difference(ScenePerceiver(CLEVR), list(scenes), programs) < 1e-5


@pytest.mark.parametrize("programs", [100, pytest.param(5000, marks=pytest.mark.slow)])
def test_on_pixels(root: Path, programs: int) -> None:
    images = sorted((root / "demo" / "samples").glob("*.jpg"))
    assert largest_difference(PixelPerceiver.from_pretrained(), list(images), programs) < 1e-5
