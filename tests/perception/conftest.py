"""A network small enough for tests, random images and scenes."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from nmn.domain import Domain
from nmn.perception.calibration import Calibration
from nmn.perception.data import ImageSet
from nmn.perception.detector import PixelPerceiver
from nmn.perception.heads import Perception
from nmn.perception.network_config import NetworkConfig
from nmn.perception.proposals import ProposalConfig
from nmn.perception.targets import SceneTargets
from nmn.perception.weights import PerceiverConfig

DOMAIN = Domain.load("clevr")
SIZES = {attribute.name: len(attribute.values) for attribute in DOMAIN.attributes}
TINY = NetworkConfig(
    width=96, height=64, stem=8, stages=(8, 12, 16), depths=(1, 1, 1), pyramid=8, fine=8, window=5, hidden=16
)


def model(seed: int = 0) -> Perception:
    """A random network whose normalisation has statistics and whose centre map has peaks."""
    torch.manual_seed(seed)
    perception = Perception(TINY, SIZES)
    perception.train()
    with torch.no_grad():
        for _ in range(3):
            perception.network(torch.rand(4, 3, TINY.height, TINY.width))
        perception.network.read.weight[0] *= 10
        perception.network.read.bias[0] = 0.0
        perception.coordinates.base.weight.normal_()
    return perception.eval()


def perceiver(seed: int = 0, *, threshold: float = 0.3) -> PixelPerceiver:
    calibration = Calibration(dict.fromkeys(SIZES, 1.3), (1.1, 0.9), 1.2, -0.1)
    config = PerceiverConfig(TINY, ProposalConfig(threshold=threshold, most=6), calibration, 0.4)
    return PixelPerceiver(model(seed), config, DOMAIN)


def image_set(count: int = 8, seed: int = 0) -> ImageSet:
    draw = np.random.default_rng(seed)
    pixels = draw.integers(0, 255, (count, TINY.height, TINY.width, 3), np.uint8)
    targets = []
    for index in range(count):
        objects = int(draw.integers(1, 4))
        centres = draw.uniform((8, 8), (TINY.width - 8, TINY.height - 8), (objects, 2)).astype(np.float32)
        boxes = np.concatenate((centres - 6, centres + 6), 1)
        labels = np.stack([draw.integers(0, values, objects) for values in SIZES.values()], 1)
        coordinates = draw.uniform(-3, 3, (objects, 2)).astype(np.float32)
        targets.append(SceneTargets(f"{index}.png", index, centres, boxes, labels.astype(np.int64), coordinates))
    return ImageSet(pixels, tuple(targets), (1,) * count, (count,))


def pictures(count: int, seed: int = 0) -> list[np.ndarray]:
    """Images of several sizes."""
    draw = np.random.default_rng(seed)
    sizes = [(64, 96), (40, 90), (100, 70), (64, 96)]
    return [draw.integers(0, 255, (*sizes[k % 4], 3), np.uint8) for k in range(count)]


@pytest.fixture(scope="session")
def tiny() -> SimpleNamespace:
    """The functions above, for tests."""
    return SimpleNamespace(
        domain=DOMAIN,
        sizes=SIZES,
        config=TINY,
        model=model,
        perceiver=perceiver,
        image_set=image_set,
        pictures=pictures,
    )
