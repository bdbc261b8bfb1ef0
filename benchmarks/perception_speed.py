"""Claim: a glance takes tens of milliseconds an image on one CPU core, and batching it is no slower.

Run: PYTHONSAFEPATH=1 OMP_WAIT_POLICY=PASSIVE python benchmarks/perception_speed.py

CPU time with one thread; batch sizes are interleaved; medians and quartiles.
"""

import argparse
import statistics
import time

import numpy as np
import torch

from nmn.perception.detector import PixelPerceiver


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    perceiver = PixelPerceiver.from_pretrained()
    size = perceiver.config.network
    draw = np.random.default_rng(0)
    pictures = [draw.integers(0, 255, (size.height, size.width, 3), np.uint8) for _ in range(max(options.batches))]
    print(
        f"{perceiver._network_flops / 2e9:.2f} GMAC a glance's network, {perceiver._object_flops / 2e6:.2f} MMAC an object"
    )
    times: dict[int, list[float]] = {batch: [] for batch in options.batches}
    perceiver.glance(pictures[:1])
    for _ in range(options.rounds):
        for batch in options.batches:
            started = time.process_time()
            perceiver.glance(pictures[:batch])
            times[batch].append((time.process_time() - started) / batch * 1e3)
    for batch, taken in times.items():
        low, middle, high = statistics.quantiles(taken, n=4)
        print(f"batch {batch:3}: {middle:.1f} ms an image (quartiles {low:.1f} to {high:.1f})")


if __name__ == "__main__":
    main()
