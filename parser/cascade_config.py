"""What a cascade is calibrated to: for each link its threshold, and how its readings become probabilities."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nmn.domain import Domain
from nmn.errors import WeightsError, require_keys
from nmn.files import read_json, write_json
from nmn.parse import Parse

CASCADE_FILE = "cascade.json"
CASCADE_FORMAT = "nmn-cascade-1"

FEATURES = ("constant", "log_odds", "calls")
RISING = ("log_odds",)
"""Features that may only raise a probability: a link that is surer of its reading is not less often right."""

EXPECTED = {"log_odds": 0.5}
"""Weights where the questions tell nothing else: half of what the link itself says."""

LARGEST_LOG_ODDS = 6.0
LEAST, MOST = 1e-4, 1 - 1e-4  # no link is ever surer or less sure than that


def features(readings: Sequence[Parse]) -> tuple[float, ...]:
    """What the readings of a question tell of whether the first is right, in the order of :data:`FEATURES`.

    1; the log-odds of the first's own confidence, at most 6 either way; and the logarithm of how many calls it has.
    """
    first = readings[0]
    return 1.0, _log_odds(first.confidence), math.log(len(first.program.nodes))


def _log_odds(probability: float) -> float:
    kept = min(MOST, max(LEAST, probability))
    return max(-LARGEST_LOG_ODDS, min(LARGEST_LOG_ODDS, math.log(kept / (1 - kept))))


@dataclass(frozen=True)
class ReadingConfidence:
    """Logistic map from the readings of a link to the probability that each is what was meant.

    The first reading's comes from the features of them all (Platt 1999, with more than the score); the others share what
    it leaves as they did before, none getting more than the first.

    Attributes:
        weights: One for each of :data:`FEATURES`.
    """

    weights: tuple[float, ...]

    def __call__(self, readings: Sequence[Parse]) -> list[float]:
        """For each reading, the likeliest first, its probability."""
        score = sum(weight * value for weight, value in zip(self.weights, features(readings), strict=True))
        first = min(MOST, max(LEAST, 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))))
        rest = 1 - readings[0].confidence
        shares = [min(1.0, each.confidence / rest) if rest > 0 else 0.0 for each in readings[1:]]
        return [first, *(min(first, (1 - first) * share) for share in shares)]


@dataclass(frozen=True)
class LinkSettings:
    """One link's part of a calibration.

    Attributes:
        threshold: Confidence from which its readings are taken, 0 to 1.
        confidence: How its readings become probabilities; None takes the parser's own.
    """

    threshold: float
    confidence: ReadingConfidence | None = None


@dataclass(frozen=True)
class Costs:
    """What an outcome costs, in one unit; the thresholds of a cascade are those of least expected cost.

    Attributes:
        wrong: To answer by a program that was not meant.
        unknown: To say "I don't know" to a question that has an answer.
        time: A second of reading.
    """

    wrong: float = 4.0
    unknown: float = 1.0
    time: float = 0.1

    def to_json(self) -> dict[str, float]:
        """The fields by name."""
        return asdict(self)


DEFAULT_COSTS = Costs()


@dataclass(frozen=True)
class CascadeConfig:
    """A calibration of the links of one domain.

    Attributes:
        domain: Name of the domain.
        fingerprint: Of the domain's names and values (:attr:`nmn.domain.Domain.fingerprint`).
        links: By name of the link.
        costs: What the thresholds are best for.
    """

    domain: str
    fingerprint: str
    links: Mapping[str, LinkSettings]
    costs: Costs = DEFAULT_COSTS

    def save(self, folder: Path) -> None:
        """Write it beside a parser's weights, in one step."""
        links = {
            name: {
                "threshold": each.threshold,
                "confidence": None
                if each.confidence is None
                else dict(zip(FEATURES, each.confidence.weights, strict=True)),
            }
            for name, each in self.links.items()
        }
        about = {"name": self.domain, "fingerprint": self.fingerprint}
        record = {"format": CASCADE_FORMAT, "domain": about, "links": links, "costs": self.costs.to_json()}
        write_json(folder / CASCADE_FILE, record, indent=2)

    @staticmethod
    def load(folder: Path, domain: Domain) -> "CascadeConfig | None":
        """Read what :meth:`save` wrote; None when there is none.

        Raises: WeightsError when it is broken or of another domain.
        """
        path = folder / CASCADE_FILE
        if not path.exists():
            return None
        record = read_json(path, WeightsError)
        require_keys(record, ("format", "domain", "links", "costs"), what=str(path), error=WeightsError)
        if record["format"] != CASCADE_FORMAT:
            raise WeightsError(f"{path} is of format {record['format']!r}: this nmn reads {CASCADE_FORMAT}")
        try:
            found = _from_record(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"{path} is no calibration of a cascade: {error}") from None
        if found.fingerprint != domain.fingerprint:
            raise WeightsError(f"{path} was made for domain {found.domain!r}, not for {domain.name!r} as it is here")
        return found


def _from_record(record: Mapping[str, Any]) -> CascadeConfig:
    links = {}
    for name, each in record["links"].items():
        weights = each["confidence"]
        given = None if weights is None else ReadingConfidence(tuple(_finite(weights[key]) for key in FEATURES))
        links[str(name)] = LinkSettings(_finite(each["threshold"]), given)
    costs = Costs(**{str(key): _finite(value) for key, value in record["costs"].items()})
    return CascadeConfig(str(record["domain"]["name"]), str(record["domain"]["fingerprint"]), links, costs)


def _finite(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(f"{value!r} is not finite")
    return number
