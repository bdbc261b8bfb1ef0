"""Calibration: what a source's images allow to promise, in ``promise.json`` beside the weights.

The file holds the losses of every image at every doubt, so that any risk can be asked for later, and refused with what it
would take. It is of one source, one set of weights, one table of costs and one way of asking, and says nothing of others.
"""

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from nmn.errors import InputError, WeightsError, require_keys
from nmn.files import read_json, write_json
from nmn.promise.risk import DELTA, Chosen, Losses, choose_doubt, image_losses, likely_images, require_images

FORMAT = 1
FILE = "promise.json"

DOUBTS = (0.0, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3)
"""Tolerated doubts that are tested, in this order."""

_KEYS = (
    "format",
    "source",
    "weights",
    "costs",
    "policy",
    "labelled",
    "images",
    "questions",
    "seed",
    "doubts",
    "losses",
)


@dataclass(frozen=True)
class Basis:
    """What a promise is about.

    Attributes:
        source: Digest of the calibration images.
        weights: Fingerprint of the weights.
        costs: Fingerprint of the table of costs.
        policy: Name of the policy whose doubts are tested.
        labelled: Whether only right answers that became wrong are counted; else all that changed.
    """

    source: str
    weights: str
    costs: str
    policy: str
    labelled: bool


@dataclass(frozen=True)
class Calibration:
    """Losses of images at rising doubts.

    Attributes:
        basis: What they are of.
        questions: How many were asked on all images together.
        doubts: Rising, from 0.
        losses: [doubts, images] share of each image's questions that count, each asked by itself.
        seed: Of the order in which images are bet on.
    """

    basis: Basis
    questions: int
    doubts: tuple[float, ...]
    losses: Losses
    seed: int = 0

    @staticmethod
    def of(
        basis: Basis,
        images: Sequence[Hashable],
        thorough: Sequence[str | None],
        answers: Mapping[float, Sequence[str | None]],
        truth: Sequence[str] | None = None,
    ) -> "Calibration":
        """Compare answers.

        Args:
            basis: What they are of.
            images: For each question, what tells its image apart.
            thorough: The answers by looking at everything.
            answers: Those of the policy, by doubt.
            truth: The right ones; needed where the basis is labelled.

        Raises: InputError when labels are missing.
        """
        if basis.labelled and truth is None:
            raise InputError("questions have no answers to compare with: calibrate with --unlabelled")
        rows = []
        for doubt in sorted(answers):
            pairs = zip(thorough, answers[doubt], strict=True)
            changed = [one != other for one, other in pairs]
            if basis.labelled and truth is not None:
                right = [one == each for one, each in zip(thorough, truth, strict=True)]
                changed = [both and was for both, was in zip(changed, right, strict=True)]
            rows.append(image_losses(changed, images))
        return Calibration(basis, len(images), tuple(sorted(answers)), np.stack(rows))

    @property
    def images(self) -> int:
        """How many there are."""
        return int(self.losses.shape[1])

    @property
    def binary(self) -> bool:
        """Whether a loss can only be 0 or 1."""
        return self.questions == self.images

    def choose(self, alpha: float, delta: float = DELTA) -> Chosen:
        """The greatest doubt that is safe at a risk, and what was tested. Raises: InputError when images are too few."""
        rows = list(self.losses)
        return choose_doubt(self.doubts, rows, alpha, binary=self.binary, delta=delta, seed=self.seed)

    def doubt(self, alpha: float, delta: float = DELTA) -> float:
        """The greatest doubt with which a risk can be promised.

        Raises: InputError when it cannot be, with the number of images that it would take.
        """
        require_images(self.images, alpha, delta)
        found = self.choose(alpha, delta)
        if found.doubt is None:
            needed = likely_images(self.losses[0], alpha, delta)
            more = "no number of images helps" if needed is None else f"it would take about {needed:,}"
            raise InputError(
                f"a risk of {alpha:.4g} cannot be promised: even with no doubt tolerated {found.tested[0].loss:.2%} of the "
                f"answers on {self.images:,} images count as changed; {more}"
            )
        return found.doubt

    @cached_property
    def fingerprint(self) -> str:
        """Changes with anything in it; monitors and certificates name it."""
        text = json.dumps(self.to_record(), sort_keys=True, separators=(",", ":"))
        return sha256(text.encode()).hexdigest()[:16]

    def to_record(self) -> dict[str, Any]:
        """As JSON; of the losses only those above 0, as (image, loss)."""
        losses = [[[int(at), float(row[at])] for at in np.flatnonzero(row)] for row in self.losses]
        own = {name: getattr(self.basis, name) for name in ("source", "weights", "costs", "policy", "labelled")}
        return {
            "format": FORMAT,
            **own,
            "images": self.images,
            "questions": self.questions,
            "seed": self.seed,
            "doubts": list(self.doubts),
            "losses": losses,
        }

    def write(self, folder: str | Path) -> None:
        """Write ``promise.json`` in one step. Raises: OSError."""
        write_json(Path(folder) / FILE, self.to_record())

    @staticmethod
    def from_record(record: Any) -> "Calibration":
        """What :meth:`to_record` gave. Raises: WeightsError."""
        require_keys(record, _KEYS, what="a promise", error=WeightsError)
        try:
            return _calibration(record)
        except (TypeError, ValueError, IndexError) as error:
            raise WeightsError(f"a promise is malformed: {error}") from None

    @staticmethod
    def read(folder: str | Path, *, weights: str, costs: str) -> "Calibration":
        """What stands beside weights.

        Raises: WeightsError when it is missing, broken, or of other weights or costs: such a promise is void.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            raise WeightsError(f"weights {folder} have no {FILE}, and promise no risk: nmn calibrate policy writes it")
        try:
            found = Calibration.from_record(read_json(path, WeightsError))
        except WeightsError as error:
            raise WeightsError(f"{path}: {error}") from None
        for name, own, given in (
            ("weights", weights, found.basis.weights),
            ("table of costs", costs, found.basis.costs),
        ):
            if own != given:
                raise WeightsError(f"{path} is of another {name} ({given}, not {own}) and promises nothing of this one")
        return found


def digests(files: Iterable[Path]) -> list[str]:
    """What tells images apart by content, in the order of the files. Raises: InputError when one cannot be read."""
    found = []
    for file in files:
        try:
            found.append(sha256(file.read_bytes()).hexdigest())
        except OSError as error:
            raise InputError(f"cannot read {file}: {error.strerror or error}") from None
    return found


def require_fresh(files: Sequence[Path], used: Mapping[str, Path]) -> str:
    """The digest of a set of images none of which was used before.

    Args:
        files: To calibrate with.
        used: Images that something was trained or fitted on, by digest.

    Raises: InputError when one of them was, or two are the same; it names the first.
    """
    seen: dict[str, Path] = {}
    for file, digest in zip(files, digests(files), strict=True):
        if digest in used:
            raise InputError(
                f"{file} is also {used[digest]}, which was trained or fitted on: calibrate with other images"
            )
        if digest in seen:
            raise InputError(
                f"{file} is the same image as {seen[digest]}: calibration images must be drawn independently"
            )
        seen[digest] = file
    return sha256("".join(sorted(seen)).encode()).hexdigest()[:16]


def _calibration(record: Mapping[str, Any]) -> Calibration:
    if record["format"] != FORMAT:
        raise ValueError(f"it is of format {record['format']!r}, and this nmn reads {FORMAT}")
    doubts = tuple(float(each) for each in record["doubts"])
    losses = np.zeros((len(doubts), int(record["images"])))
    for row, entries in zip(losses, record["losses"], strict=True):
        for place, loss in entries:
            if place < 0:
                raise ValueError("an image has a number below 0")
            row[place] = float(loss)
    if not doubts or list(doubts) != sorted(set(doubts)) or not losses.size:
        raise ValueError("it has no images, or doubts that do not rise")
    if not np.isfinite(losses).all() or losses.min() < 0 or losses.max() > 1:
        raise ValueError("losses must be from 0 to 1")
    source, weights, costs, policy = (str(record[name]) for name in ("source", "weights", "costs", "policy"))
    basis = Basis(source, weights, costs, policy, bool(record["labelled"]))
    return Calibration(basis, int(record["questions"]), doubts, losses, int(record["seed"]))
