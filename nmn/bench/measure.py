"""Measure: CPU time of things to compare, interleaved, with medians and spread."""

import gc
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from time import process_time

LEAST_SECONDS = 0.02
"""A sample repeats what it measures until it has taken so long, so that the clock's own error does not count."""


@dataclass(frozen=True)
class Timing:
    """CPU seconds of one thing.

    Attributes:
        samples: One entry a repeat, in the order they were taken.
    """

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """The quickest and the slowest."""
        return min(self.samples), max(self.samples)


def interleaved(
    things: Mapping[str, Callable[[], object]], *, repeats: int, advance: Callable[[], None] = lambda: None
) -> dict[str, Timing]:
    """Time things side by side: in each repeat one sample of each, after one run of each that does not count.

    Args:
        things: What to run, by name.
        repeats: Samples of each.
        advance: Called after every sample.
    """
    often = {}
    for name, run in things.items():
        run()
        started = process_time()
        run()
        often[name] = max(1, int(LEAST_SECONDS / max(1e-6, process_time() - started)))
    samples: dict[str, list[float]] = {name: [] for name in things}
    for _ in range(repeats):
        for name, run in things.items():
            gc.collect()
            gc.disable()
            started = process_time()
            for _ in range(often[name]):
                run()
            samples[name].append((process_time() - started) / often[name])
            gc.enable()
            advance()
    return {name: Timing(tuple(taken)) for name, taken in samples.items()}
