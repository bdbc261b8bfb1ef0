"""Coverage: how often a promise would have been broken, had other images been drawn to calibrate it."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nmn.promise.risk import DELTA, Losses, capital


@dataclass(frozen=True)
class Coverage:
    """What many calibrations chose.

    Attributes:
        draws: How many there were.
        broken: In how many the chosen doubt's risk on the whole pool is above what was promised.
        chosen: How often each doubt was chosen; None where not even the first was safe.
        risks: The pool's risk of each doubt.
    """

    draws: int
    broken: int
    chosen: Mapping[float | None, int]
    risks: Mapping[float, float]

    def allowed(self, delta: float = DELTA) -> float:
        """The share of draws that may be broken: delta, and three standard errors of so many draws."""
        return delta + 3.0 * math.sqrt(delta * (1.0 - delta) / self.draws)


def simulate(
    doubts: Sequence[float],
    pool: Losses,
    alpha: float,
    *,
    images: int,
    draws: int,
    binary: bool = False,
    delta: float = DELTA,
    seed: int = 0,
) -> Coverage:
    """Calibrate many times on images drawn from a pool with replacement.

    Args:
        doubts: Rising.
        pool: [doubts, images] losses.
        alpha: The risk that is promised.
        images: How many each calibration draws.
        draws: How many calibrations.
        binary: As :func:`nmn.promise.risk.choose_doubt`.
        delta: Likewise.
        seed: Of the draws.
    """
    random = np.random.default_rng(seed)
    drawn = random.integers(pool.shape[1], size=(draws, images))
    going, reached = np.ones(draws, bool), np.full(draws, -1)
    for place in range(len(doubts)):
        if not going.any():
            break
        evidence = capital(pool[place][drawn[going]], alpha, binary=binary, delta=delta)
        safe = evidence >= 1.0 / delta
        places = np.flatnonzero(going)
        reached[places[safe]] = place
        going[places[~safe]] = False
    risks = dict(zip(doubts, pool.mean(1).tolist(), strict=True))
    chosen = Counter(None if place < 0 else doubts[place] for place in reached.tolist())
    broken = sum(times for doubt, times in chosen.items() if doubt is not None and risks[doubt] > alpha)
    return Coverage(draws, broken, dict(chosen), risks)
