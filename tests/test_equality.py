"""The executor against the loop on many programs: described scenes, a detector's scenes, and pixels."""

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


def largest_difference(perceiver: Perceiver, images: list[object], programs: int, *, batch: int = 250) -> float:
    """Over random programs in mixed batches: the most that a probability differs from the one-at-a-time loop's."""
    random, looper, planner = Random(0), Looper(CLEVR, MODULES), Planner(CLEVR, REGISTRY)
    glance = perceiver.glance([perceiver.load(image) for image in images])
    worst = 0.0
    with torch.no_grad():
        for _ in range(0, programs, batch):
            chosen = [sample_program(random, CLEVR, REGISTRY, depth=random.randint(4, 10)) for _ in range(batch)]
            positions = [random.randrange(len(images)) for _ in chosen]
            plan = planner.plan(chosen, positions)
            together = answers(execute(plan, FacetStore.of(perceiver, glance), MODULES))
            for program, position, answer in zip(chosen, positions, together, strict=True):
                alone = answer_of_loop(looper.run(program, position, FacetStore.of(perceiver, glance)))
                assert [each.node for each in answer.presuppositions] == [each.node for each in alone.presuppositions]
                worst = max(
                    worst,
                    abs(answer.confidence - alone.confidence),
                    *(abs(answer.distribution[name] - chance) for name, chance in alone.distribution.items()),
                )
    return worst


@pytest.mark.parametrize("programs", [250, pytest.param(5000, marks=pytest.mark.slow)])
def test_on_described_scenes(root: Path, programs: int) -> None:
    scenes = list(read_scenes(root / "demo" / "samples" / "scenes.json", CLEVR).values())
    assert largest_difference(ScenePerceiver(CLEVR), list(scenes), programs) < 1e-5


@pytest.mark.parametrize("programs", [250, pytest.param(5000, marks=pytest.mark.slow)])
def test_on_a_detectors_scenes(shared_data: Path, programs: int) -> None:
    path = shared_data / "clevr_official" / "scenes" / "CLEVR_val_scenes_predicted.json"
    scenes = list(read_scenes(path, CLEVR).values())[:40]
    assert largest_difference(ScenePerceiver(CLEVR), list(scenes), programs) < 1e-5


@pytest.mark.parametrize("programs", [250, pytest.param(5000, marks=pytest.mark.slow)])
def test_on_pixels(root: Path, programs: int) -> None:
    images = sorted((root / "demo" / "samples").glob("*.jpg"))
    assert largest_difference(PixelPerceiver.from_pretrained(), list(images), programs) < 1e-5
