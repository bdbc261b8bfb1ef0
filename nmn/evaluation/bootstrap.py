"""Confidence intervals by resampling whole images, and the exact test of two systems on the same questions.

Questions on one image share what was seen of it, so they are right or wrong together: drawing questions one by one would
give intervals that are too narrow. Here images are drawn with replacement, each with all its questions.

Sources: the cluster bootstrap (Cameron, Gelbach and Miller 2008, "Bootstrap-based improvements for inference with
clustered errors", section II), percentile intervals; where all are right or all wrong, and resampling would say that there
is no doubt, the exact interval of Clopper and Pearson (1934) with the effective number of trials (Korn and Graubard 1998,
"Confidence intervals for proportions with small expected number of positive counts"); McNemar (1947), exact.
"""

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

RESAMPLES = 2000
SEED = 0
LEVEL = 0.95
ROWS_AT_A_TIME = 200  # resamples drawn together: 25 MB of numbers for 15,000 images

Numbers = NDArray[np.float64]
Interval = tuple[float, float]


def sums_by_cluster(
    clusters: NDArray[np.int64], groups: NDArray[np.int64], values: ArrayLike, shape: tuple[int, int]
) -> Numbers:
    """Add up values by (cluster, group).

    Args:
        clusters: [items] number of each item's cluster, from 0.
        groups: [items] number of each item's group, from 0.
        values: [items], or one number for all.
        shape: How many clusters and groups there are.
    """
    total = np.zeros(shape)
    np.add.at(total, (clusters, groups), values)
    return total


def resampled_ratios(
    numerators: Numbers, denominators: Numbers, *, resamples: int = RESAMPLES, seed: int = SEED
) -> Numbers:
    """Ratios of sums over clusters that are drawn with replacement.

    Args:
        numerators: [clusters, groups].
        denominators: [clusters, groups], none negative.
        resamples: How often to draw.
        seed: Of the draws; all groups share them.

    Returns:
        [resamples, groups]; NaN where nothing of a group was drawn.
    """
    clusters, groups = numerators.shape
    found = np.full((resamples, groups), np.nan)
    if clusters == 0:
        return found
    generator = np.random.default_rng(seed)
    for start in range(0, resamples, ROWS_AT_A_TIME):
        rows = min(ROWS_AT_A_TIME, resamples - start)
        drawn = generator.integers(clusters, size=(rows, clusters)) + np.arange(rows)[:, None] * clusters
        times = np.bincount(drawn.ravel(), minlength=rows * clusters).reshape(rows, clusters).astype(np.float64)
        above, below = times @ numerators, times @ denominators
        np.divide(above, below, out=found[start : start + rows], where=below > 0)
    return found


def percentile_intervals(ratios: Numbers, *, level: float = LEVEL) -> list[Interval | None]:
    """The middle of resampled ratios [resamples, groups], by group; None where there are none."""
    intervals: list[Interval | None] = []
    for column in ratios.T:
        drawn = column[~np.isnan(column)]
        if len(drawn) == 0:
            intervals.append(None)
            continue
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        intervals.append((float(low), float(high)))
    return intervals


def share_intervals(
    numerators: Numbers,
    denominators: Numbers,
    *,
    reference: int | None = None,
    resamples: int = RESAMPLES,
    seed: int = SEED,
    level: float = LEVEL,
) -> list[Interval | None]:
    """Intervals of shares, by group.

    Where all or none are right, the exact interval of as many trials as the questions are worth: their number divided by
    the design effect of the reference, by how much its variance over images exceeds that of independent questions. Without
    a reference that tells, each cluster counts as one trial. A share of one cluster that is neither has no interval.

    Args:
        numerators: [clusters, groups] how many are right.
        denominators: [clusters, groups] of how many.
        reference: A group to which all others belong.
        resamples: How often to draw.
        seed: Of the draws.
        level: Probability that an interval holds the share.
    """
    ratios = resampled_ratios(numerators, denominators, resamples=resamples, seed=seed)
    intervals = percentile_intervals(ratios, level=level)
    above, below, clusters = numerators.sum(0), denominators.sum(0), (denominators > 0).sum(0)
    effect = None
    if reference is not None:
        effect = _design_effect(ratios[:, reference], float(above[reference]), float(below[reference]))
    for group in range(numerators.shape[1]):
        if clusters[group] == 0:
            intervals[group] = None
            continue
        trials = float(clusters[group]) if effect is None else max(float(clusters[group]), below[group] / effect)
        if above[group] >= below[group]:
            intervals[group] = (_exact_bound(trials, level), 1.0)
        elif above[group] <= 0:
            intervals[group] = (0.0, 1.0 - _exact_bound(trials, level))
        elif clusters[group] == 1:
            intervals[group] = None
    return intervals


def _design_effect(ratios: Numbers, above: float, below: float) -> float | None:
    """Variance of a resampled share [resamples] by that of independent trials, at least 1; None where all are alike."""
    if not 0 < above < below:
        return None
    share = above / below
    return max(1.0, float(np.nanvar(ratios)) * below / (share * (1 - share)))


def _exact_bound(trials: float, level: float) -> float:
    """Clopper and Pearson's lower bound when all trials succeed."""
    return float(((1 - level) / 2) ** (1 / trials))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of McNemar's test.

    Under the null hypothesis each question that just one of two systems gets right is as likely to be the one's as the
    other's: the smaller number is at the tail of a binomial distribution with probability one half. Computed in whole
    numbers.

    Args:
        only_first: Questions that the first alone gets right.
        only_second: Questions that the second alone gets right.
    """
    trials = only_first + only_second
    term = tail = 1
    for number in range(1, min(only_first, only_second) + 1):
        term = term * (trials - number + 1) // number
        tail += term
    return float(min(Fraction(1), Fraction(2 * tail, 2**trials)))
