"""Monitor: an alarm that is raised when a promise is broken in use, valid at any time.

A random share of questions is also answered by looking at everything. Against the claim that the promise holds, that the
expected loss is at most ``alpha``, capital is staked that starts at 1; if the claim is true it ever reaches ``1 / delta`` with
probability ``delta`` at most, however long one watches (Ville's inequality). It is spread over bets on several risks, each
of which would grow fastest if that were the risk, and over times at which the promise may have begun to fail: half is staked at
once, a sixth after one block of questions, a twelfth after two, and so on. So a change after a long good time is still noticed.

Of an image at most one question is audited, so that losses of one image, which go together, are not taken for evidence
twice. With more than one question an image the audited one stands for all: its expected loss is that of the image.

Source: e-processes (Ramdas, Grünwald, Vovk and Shafer 2023, Statistical Science 38:4, section 5); mixtures over the time of a
change as in e-detectors (Shin, Ramdas and Rinaldo 2023, NEJSDS 2:2), but of total weight 1, so that false alarms are
bounded for ever.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from math import ceil, isfinite
from pathlib import Path
from typing import Any

from nmn.errors import InputError, require_keys
from nmn.files import read_json, write_json
from nmn.promise.risk import DELTA

VERSION = 1
SHARE = 0.01
RATIOS = (1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""How many times alpha the risks are that are bet on."""

REMEMBERED = 4096  # images of which one question was audited

_FIELDS = (
    "version",
    "calibration",
    "alpha",
    "delta",
    "share",
    "seed",
    "audited",
    "changed",
    "most",
    "staked",
    "images",
)


@dataclass
class Monitor:
    """Watches one promise.

    Attributes:
        calibration: Fingerprint of the calibration that promised it.
        alpha: The promised risk.
        delta: Probability of ever raising an alarm if it holds.
        share: Of questions that are audited.
        seed: Of which they are.
        audited: How many were.
        changed: Their losses, summed.
        most: The most that the capital grew to.
        staked: What each bet has grown to.
        images: Digests of images that had a question audited, the latest last.
    """

    calibration: str
    alpha: float
    delta: float = DELTA
    share: float = SHARE
    seed: int = 0
    audited: int = 0
    changed: float = 0.0
    most: float = 1.0
    staked: list[float] = field(default_factory=list)
    images: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def __post_init__(self) -> None:
        if not (0.0 < self.alpha < 1.0 and 0.0 < self.delta < 1.0 and 0.0 <= self.share <= 1.0):
            raise InputError("a monitor's alpha and delta must lie between 0 and 1, its share from 0 to 1")
        self.staked = self.staked or [0.0] * len(self.staked_on)

    @property
    def staked_on(self) -> tuple[float, ...]:
        """How many times alpha the risks are that are bet on: those below 1."""
        return tuple(each for each in RATIOS if each * self.alpha < 1.0) or (1.0 / self.alpha,)

    @property
    def alarmed(self) -> bool:
        """Whether the promise was found broken, now or before."""
        return self.most >= 1.0 / self.delta

    def wants(self, image: str, question: str) -> bool:
        """Whether a question is to be audited: a random choice, the same whenever and in whatever batch it is asked.

        Args:
            image: What tells images apart, such as a path or a digest.
            question: The text or the program.
        """
        own = _digest(f"{self.seed}\n{image}\n{question}")
        if int(own, 16) >= self.share * 2 ** (4 * len(own)):
            return False
        seen = _digest(image)
        if seen in self.images:
            return False
        self.images.append(seen)
        return True

    def note(self, loss: float) -> bool:
        """Take in what an audit found; whether this raised the alarm.

        Args:
            loss: 1 where the answer was changed, 0 where not; or a share.

        Raises: InputError when it is not from 0 to 1.
        """
        if not (isfinite(loss) and 0.0 <= loss <= 1.0):
            raise InputError(f"a loss must be from 0 to 1, not {loss}")
        before = self.alarmed
        block, begun = divmod(self.audited, ceil(1.0 / self.alpha))
        ratios = self.staked_on
        fresh = 1.0 / ((block + 1) * (block + 2)) / len(ratios) if begun == 0 else 0.0
        for place, ratio in enumerate(ratios):
            stake = (ratio - 1.0) / (1.0 - self.alpha)
            self.staked[place] = (self.staked[place] + fresh) * (1.0 + stake * (loss - self.alpha))
        self.audited += 1
        self.changed += loss
        self.most = max(self.most, sum(self.staked) + 1.0 / (block + 2))
        return self.alarmed and not before

    @property
    def words(self) -> str:
        """How it stands, in one line."""
        seen = f"{self.changed:.4g} of {self.audited:,} audited answers changed"
        held = f"a risk of {self.alpha:.4g}"
        if self.alarmed:
            return f"ALARM: {held} was promised and is not kept ({seen}; evidence {self.most:.3g})"
        return f"{held} is promised, and nothing speaks against it ({seen}; evidence {self.most:.3g} of {1 / self.delta:.3g})"

    def to_record(self) -> dict[str, Any]:
        """As JSON."""
        own = {name: getattr(self, name) for name in _FIELDS[1:]}
        return {"version": VERSION, **own, "images": list(self.images), "staked": list(self.staked)}

    def save(self, path: str | Path) -> None:
        """Write the state in one step. Raises: OSError."""
        write_json(path, self.to_record())

    @staticmethod
    def from_record(record: Any, calibration: str | None = None) -> "Monitor":
        """The monitor that :meth:`to_record` wrote down.

        Args:
            record: The state.
            calibration: Fingerprint that it must be of; any if None.

        Raises: InputError when it is none, or of another calibration.
        """
        require_keys(record, _FIELDS, what="a monitor's state", error=InputError)
        if record["version"] != VERSION:
            raise InputError(f"a monitor's state of version {record['version']!r}: this nmn reads version {VERSION}")
        if calibration is not None and record["calibration"] != calibration:
            raise InputError(
                f"the monitor's state is of another calibration ({record['calibration']}, not {calibration}): "
                f"what it has seen says nothing about this promise; start a new one"
            )
        try:
            return _monitor(record)
        except (TypeError, ValueError) as error:
            raise InputError(f"a monitor's state is malformed: {error}") from None

    @staticmethod
    def load(path: str | Path, calibration: str | None = None) -> "Monitor":
        """Go on where :meth:`save` left off. Raises: InputError, as :meth:`from_record`, or when the file cannot be read."""
        record = read_json(path, InputError)
        try:
            return Monitor.from_record(record, calibration)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _monitor(record: Mapping[str, Any]) -> Monitor:
    alpha, delta, share, changed, most = (
        float(record[name]) for name in ("alpha", "delta", "share", "changed", "most")
    )
    staked = [float(each) for each in record["staked"]]
    images = deque([str(each) for each in record["images"]], maxlen=REMEMBERED)
    seed, audited = int(record["seed"]), int(record["audited"])
    found = Monitor(str(record["calibration"]), alpha, delta, share, seed, audited, changed, most, staked, images)
    if len(staked) != len(found.staked_on) or not all(
        isfinite(each) and each >= 0 for each in (*staked, changed, most)
    ):
        raise ValueError("its bets are not numbers from 0 upwards, one for each risk")
    if audited < 0 or not 0.0 <= changed <= audited or most < 1.0:
        raise ValueError("its counts do not add up")
    return found


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
