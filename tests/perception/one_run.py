"""A short run on random images, alone or as one of the processes that torchrun starts; prints its losses as JSON."""

import json
import sys
from pathlib import Path

import torch
from tests.perception.conftest import DOMAIN, TINY, image_set

from nmn.perception.augment import AugmentConfig
from nmn.perception.processes import join, leave, world
from nmn.perception.training import Trainer, TrainingConfig

STEPS = 50


def main() -> None:
    torch.set_num_threads(1)
    join("cpu")
    config = TrainingConfig(
        steps=STEPS, batch_size=4, warmup=5, rate=1e-3, half=False, network=TINY, augment=AugmentConfig(noise=0.0)
    )
    images = image_set(12)
    trainer = Trainer(config, DOMAIN, images.subset(range(12)))
    losses = [trainer.advance()["total"] for _ in range(STEPS)]
    if world()[0] == 0:
        Path(sys.argv[1]).write_text(json.dumps(losses))
    leave()


if __name__ == "__main__":
    main()
