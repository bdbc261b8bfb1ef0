"""Risk: how far a policy may go so that, with high probability, it changes few answers; as pure mathematics.

The *loss* of an image is the share of its questions that are answered otherwise than by looking at everything, 0 to 1;
the *risk* of a doubt is the expected loss of an image. Doubts are tested in a fixed sequence from 0 upwards, each against
the claim that its risk is above ``alpha``, until one is not refuted; the one before it is safe with probability ``1 - delta``
(Learn then Test, Angelopoulos et al. 2021, arXiv:2110.01052, section 4). A claim is refuted by betting against it: capital
that starts at 1 and is staked, image by image, on losses below ``alpha`` grows to ``1 / delta`` with probability ``delta`` at
most if the claim is true, whatever the distribution (Ville's inequality; Waudby-Smith and Ramdas 2024, JRSS B 86:1,
section 4). Images are taken as exchangeable: neither their order nor the kind of bets may depend on their losses.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil, log, log1p

import numpy as np
from numpy.typing import NDArray

from nmn.errors import InputError

Losses = NDArray[np.float64]
"""[..., images], each 0 to 1."""

DELTA = 0.05
BOLDEST = 1.0 - 1e-6
"""Share of the capital that may be staked: all of it would be lost for good with one image."""

ROUNDING = 1e-9


@dataclass(frozen=True)
class Tested:
    """One doubt.

    Attributes:
        doubt: Which.
        loss: Mean loss of the images.
        evidence: The most that the capital grew to, starting at 1, against the claim that the risk is above ``alpha``.
        safe: Whether that is enough.
    """

    doubt: float
    loss: float
    evidence: float
    safe: bool


@dataclass(frozen=True)
class Chosen:
    """The greatest doubt that is safe.

    Attributes:
        doubt: The choice; None where not even the first is safe.
        tested: Those that were tested, in order; the last one may not be safe.
    """

    doubt: float | None
    tested: tuple[Tested, ...]


def image_losses(changed: Sequence[bool], images: Sequence[Hashable]) -> Losses:
    """[images] share of each image's questions that changed, in the order in which the images first occur."""
    counts: dict[Hashable, list[int]] = {}
    for each, image in zip(changed, images, strict=True):
        entry = counts.setdefault(image, [0, 0])
        entry[0] += each
        entry[1] += 1
    return np.array([wrong / asked for wrong, asked in counts.values()])


def least_images(alpha: float, delta: float = DELTA) -> int:
    """How many images a promise of ``alpha`` takes if not one answer changes: 299 for 1 %, 598 for 0.5 %, 1,497 for 0.2 %."""
    _check(alpha, delta)
    return ceil(log(delta) / log1p(-alpha))


def likely_images(losses: Losses, alpha: float, delta: float = DELTA) -> int | None:
    """About how many images with losses like these a promise takes; None where their mean is not below ``alpha``."""
    _check(alpha, delta)
    if not len(losses):
        return least_images(alpha, delta)
    stakes = np.linspace(0.01, BOLDEST, 100)[:, None] / (1.0 - alpha)
    growth = float(np.log1p(stakes * (alpha - losses)).mean(1).max())
    return max(least_images(alpha, delta), ceil(-log(delta) / growth)) if growth > 0 and losses.mean() < alpha else None


def choose_doubt(
    doubts: Sequence[float],
    losses: Sequence[Losses],
    alpha: float,
    *,
    binary: bool = False,
    delta: float = DELTA,
    seed: int = 0,
) -> Chosen:
    """The greatest doubt whose risk is at most ``alpha``, with probability ``1 - delta`` over the images.

    Args:
        doubts: Rising; fixed without a look at the losses.
        losses: [images] for each doubt, of the same images in the same order.
        alpha: The risk that is to be promised.
        binary: Whether a loss can only be 0 or 1, as with one question an image.
        delta: Probability that the promise is not kept.
        seed: Of the order in which the images are bet on.

    Raises: InputError when the doubts do not rise, a loss is not from 0 to 1, or there are too few images for ``alpha``
        even without a single changed answer; it says how many it takes.
    """
    _check(alpha, delta)
    if list(doubts) != sorted(set(doubts)) or len(doubts) != len(losses):
        raise InputError("doubts must rise, with as many lists of losses")
    images = {len(each) for each in losses}
    if len(images) != 1:
        raise InputError("every doubt needs the losses of the same images")
    require_images(images.pop(), alpha, delta)
    order = np.random.default_rng(seed).permutation(len(losses[0]))
    tested: list[Tested] = []
    for doubt, own in zip(doubts, losses, strict=True):
        evidence = float(capital(np.asarray(own, np.float64)[order], alpha, binary=binary, delta=delta))
        tested.append(Tested(doubt, float(np.mean(own)), evidence, evidence >= 1.0 / delta))
        if not tested[-1].safe:
            break
    safe = [each.doubt for each in tested if each.safe]
    return Chosen(safe[-1] if safe else None, tuple(tested))


def require_images(images: int, alpha: float, delta: float = DELTA) -> None:
    """Raises: InputError when so many images cannot promise ``alpha`` whatever their losses; it says how many it takes."""
    least = least_images(alpha, delta)
    if images < least:
        raise InputError(
            f"a risk of {alpha:.4g} cannot be promised with {images:,} images: it takes {least:,} without a single changed "
            f"answer, and more with any"
        )


def capital(losses: Losses, alpha: float, *, binary: bool = False, delta: float = DELTA) -> Losses:
    """[...] the most that the capital grew to, against the claim that the mean loss is above ``alpha``.

    Args:
        losses: [..., images] in the order in which they are bet on.
        alpha: The claim.
        binary: Bet as is best where losses are 0 or 1: by the exact binomial test. Else as Kelly would, by what has been seen.
        delta: Of which evidence the binomial test is replicated.

    Raises: InputError when a loss is not from 0 to 1.
    """
    _check(alpha, delta)
    if losses.size and not (np.isfinite(losses).all() and losses.min() >= 0.0 and losses.max() <= 1.0):
        raise InputError("losses must be from 0 to 1")
    return _binomial(losses, alpha, delta) if binary else _kelly(losses, alpha)


def _kelly(losses: Losses, alpha: float) -> Losses:
    """Bets that would have grown the capital most on what has been seen: mean over variance, as far as is allowed.

    Waudby-Smith and Ramdas 2024, appendix B.3 (approximate Kelly); before anything is seen half of alpha is expected.
    """
    seen = np.arange(1, losses.shape[-1] + 1)
    expected, spread = (0.5 * alpha + _before(losses)) / seen, 0.1 * alpha
    variance = (spread + _before((losses - expected) ** 2)) / seen
    margin = np.maximum(alpha - expected, 0.0)
    stakes = np.minimum(margin / (variance + margin**2), BOLDEST / (1.0 - alpha))
    grown = np.log1p(stakes * (alpha - losses)).cumsum(-1)
    return np.asarray(np.exp(np.minimum(grown.max(-1, initial=0.0), 700.0)))


def _before(values: Losses) -> Losses:
    return np.asarray(values.cumsum(-1) - values)


def _binomial(losses: Losses, alpha: float, delta: float) -> Losses:
    """Bets that end at ``1 / delta`` just where at most k images of n have a loss, for the greatest k that 1 can buy.

    At any time the capital buys a mixture of the claims "at most k more" and "at most k + 1 more"; what is left over is
    so put to use. A loss between 0 and 1 moves the capital in proportion.
    """
    count = losses.shape[-1]
    fair = _fair(count, alpha)  # [images left, claims]
    held = np.full(losses.shape[:-1], delta)
    most = held.copy()
    for place in range(count):
        now, then = fair[count - place], fair[count - place - 1]
        claim = np.minimum(np.searchsorted(now, held, side="right") - 1, len(now) - 2)
        share = (held - now[claim]) / (now[claim + 1] - now[claim])
        kept = (1.0 - share) * then[claim] + share * then[claim + 1]
        lost = (1.0 - share) * then[np.maximum(claim - 1, 0)] * (claim > 0) + share * then[claim]
        held = np.minimum(kept + losses[..., place] * (lost - kept), 1.0)
        held = np.where(most >= 1.0 - ROUNDING, most, held)
        most = np.maximum(most, held)
    return np.asarray(np.where(most >= 1.0 - ROUNDING, 1.0, most) / delta)


@lru_cache(maxsize=8)
def _fair(count: int, alpha: float) -> Losses:
    """[images left, claims] probability that at most k of them have a loss, k from -1 on, at a risk of alpha."""
    claims = 8 + ceil(count * alpha + 10 * (count * alpha) ** 0.5)
    table = np.zeros((count + 1, claims + 2))
    table[0, 1:] = 1.0
    for left in range(1, count + 1):
        table[left, 1:] = (1.0 - alpha) * table[left - 1, 1:] + alpha * table[left - 1, :-1]
    # Ties would leave a claim without a price of its own.
    return np.asarray(table + np.arange(claims + 2) * 1e-15)


def largest_threshold(losses: Losses, thresholds: Sequence[float], alpha: float) -> float | None:
    """The greatest threshold of prediction sets whose expected loss on a further image is at most ``alpha``.

    Args:
        losses: [images, thresholds] such as the share of an image's facets whose value is not in its set; they must not
            fall with the threshold.
        thresholds: Rising.
        alpha: Bound of the expected loss.

    Returns: None where there are too few images for any.

    Source: conformal risk control (Angelopoulos et al. 2022, arXiv:2208.02814, theorem 1).
    """
    images = len(losses)
    bound = (losses.sum(0) + 1.0) / (images + 1)
    if np.any(np.diff(losses, axis=1) < 0):
        raise InputError("losses must not fall with the threshold")
    kept = [threshold for threshold, each in zip(thresholds, bound.tolist(), strict=True) if each <= alpha]
    return kept[-1] if kept else None


def _check(alpha: float, delta: float) -> None:
    if not (0.0 < alpha < 1.0 and 0.0 < delta < 1.0):
        raise InputError(f"a risk must lie between 0 and 1, not {alpha:.4g}; and so must delta, not {delta:.4g}")
