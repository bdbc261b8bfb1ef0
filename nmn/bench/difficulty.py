"""Difficulty: whether a policy looks more closely where a glance sees less."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from nmn.bench.dynamic import Work
from nmn.images import load_image
from nmn.perceiver import Staged
from nmn.policies.fitting import Asked, Trial
from nmn.policies.outcomes import Outcome, gather
from nmn.policies.rules import GlanceAlone
from nmn.policies.settings import PolicySettings, rate_of
from nmn.policies.value import Value
from nmn.registry import Registry

Pixels = NDArray[np.uint8]

QUALITY = 95
NOISE = 20.0  # standard deviation, of 255
DARK = 0.35  # of the light
BLUR = 1.5  # px
POOR = 20  # JPEG quality


def _noisy(pixels: Pixels) -> Pixels:
    random = np.random.default_rng(int(pixels.sum()) % 2**32)
    return np.asarray(np.clip(pixels + random.normal(0, NOISE, pixels.shape), 0, 255), np.uint8)


def _dark(pixels: Pixels) -> Pixels:
    return np.asarray(pixels * DARK, np.uint8)


def _blurred(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(BLUR)))


def _same(pixels: Pixels) -> Pixels:
    return pixels


CONDITIONS: Mapping[str, tuple[Callable[[Pixels], Pixels], int]] = {
    "clean": (_same, QUALITY),
    "noise": (_noisy, QUALITY),
    "dark": (_dark, QUALITY),
    "JPEG 20": (_same, POOR),
    "blur": (_blurred, QUALITY),
}
"""What is done to images, and the quality that they are written with."""


@dataclass(frozen=True)
class DifficultyRow:
    """Questions of one kind.

    Attributes:
        kind: What they have in common.
        questions: How many.
        glance: Share of right answers at a glance.
        value: By the policy.
        everything: With every look taken.
        looks_per_image: That the policy took, a question at a time.
        opened: Share of images that were looked at more closely at all.
        price_ms: Of glance and looks, by the table of costs.
    """

    kind: str
    questions: int
    glance: float
    value: float
    everything: float
    looks_per_image: float
    opened: float
    price_ms: float

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)


def by_difficulty(
    staged: Staged,
    registry: Registry,
    settings: PolicySettings,
    work: Work,
    folder: Path,
    advance: Callable[[str], None] = lambda _: None,
) -> list[DifficultyRow]:
    """Rows for images as they are and made worse, and, as they are, for numbers of objects and lengths of programs.

    Args:
        staged: What looks.
        registry: The operations.
        settings: What was fitted for its weights.
        work: What is asked.
        folder: Where the changed images are written.
        advance: Told what is done next.
    """
    rows: list[DifficultyRow] = []
    clean: list[Outcome] = []
    for name, (change, quality) in CONDITIONS.items():
        advance(name)
        files = [_changed(path, folder, name, change, quality) for path in work.files]
        outcomes = gather(staged, files)
        clean = clean or outcomes
        rows.append(_row(name, staged, registry, settings, work, outcomes, range(len(work.programs))))
    for kind, chosen in _kinds(work, clean):
        advance(kind)
        rows.append(_row(kind, staged, registry, settings, work, clean, chosen))
    return rows


def _changed(path: Path, folder: Path, name: str, change: Callable[[Pixels], Pixels], quality: int) -> Path:
    target = folder / name.replace(" ", "_") / f"{path.stem}.jpg"
    target.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(change(load_image(path))).save(target, quality=quality)
    return target


def _kinds(work: Work, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, list[int]]]:
    """Questions in three parts by the number of objects, and in three by the length of their programs."""
    objects = [int(outcomes[image].reported.sum()) for image in work.positions]
    lengths = [len(program.nodes) for program in work.programs]
    for words, sizes in (("objects", objects), ("calls", lengths)):
        low, high = (int(each) for each in np.quantile(sizes, [1 / 3, 2 / 3]))
        for first, last in ((min(sizes), low), (low + 1, high), (high + 1, max(sizes))):
            chosen = [place for place, size in enumerate(sizes) if first <= size <= last]
            if chosen:
                yield f"{first} to {last} {words}", chosen


def _row(
    kind: str,
    staged: Staged,
    registry: Registry,
    settings: PolicySettings,
    work: Work,
    outcomes: Sequence[Outcome],
    chosen: Sequence[int],
) -> DifficultyRow:
    asked = Asked(outcomes, [work.programs[each] for each in chosen], [work.positions[each] for each in chosen])
    trial = Trial(staged, registry, settings.reporting, asked)
    doubt, prices = settings.doubt["value"], settings.prices
    found, backend = trial.answers(Value(doubt, rate_of(doubt, prices), prices))
    glance, _ = trial.answers(GlanceAlone())
    right = [work.answers[each] for each in chosen]

    def share(answers: Sequence[str | None]) -> float:
        return float(np.mean([one == other for one, other in zip(answers, right, strict=True)]))

    tally = backend.tally
    return DifficultyRow(
        kind,
        len(chosen),
        share(glance),
        share(found),
        share(trial.thorough),
        sum(tally.looks.values()) / max(1, tally.images),
        tally.opened / max(1, tally.images),
        tally.price(prices),
    )
