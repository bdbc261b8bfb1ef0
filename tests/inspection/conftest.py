"""An engine that looks at pixels, samples, and random programs, for what is shown of them."""

from pathlib import Path
from random import Random

import pytest

from nmn.datasets.clevr import read_scenes
from nmn.domain import Domain
from nmn.engine import Engine
from nmn.program import Program
from nmn.registry import default_registry
from nmn.sampling import sample_program
from nmn.scenes import Scene


@pytest.fixture(scope="session")
def clevr() -> Domain:
    return Domain.load("clevr")


@pytest.fixture(scope="session")
def engine() -> Engine:
    return Engine.from_pretrained()


@pytest.fixture(scope="session")
def described() -> Engine:
    """Answers by exact rules on described scenes."""
    return Engine.for_scenes("clevr")


@pytest.fixture(scope="session")
def samples(root: Path) -> Path:
    return root / "demo" / "samples"


@pytest.fixture(scope="session")
def scenes(samples: Path, clevr: Domain) -> dict[int, Scene]:
    return dict(read_scenes(samples / "scenes.json", clevr))


@pytest.fixture(scope="session")
def programs(clevr: Domain) -> list[Program]:
    random = Random(7)
    return [
        sample_program(random, clevr, default_registry(), depth=random.randint(3, 12), sharing=0.2) for _ in range(40)
    ]
