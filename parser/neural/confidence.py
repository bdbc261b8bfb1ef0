"""Confidence: the probability that the neural parser's program is right, from how it was found.

The probability that a network gives to what it says is too high as a rule. A logistic regression over a few features of a
reading puts it right; it is fitted on questions that the network was not trained on. Source: Platt 1999 (Probabilistic
outputs for support vector machines), on the features of Dong et al. 2018 (Confidence modeling for neural semantic parsing,
arXiv:1805.04604, section 3) that need no second pass.
"""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from nmn.errors import WeightsError, require_keys
from nmn.parser.neural.pieces import split
from nmn.program import Program

FORMAT = 1
_SMALLEST, _LARGEST = 1e-6, 1 - 1e-6


@dataclass(frozen=True)
class Candidate:
    """A reading of a question.

    Attributes:
        program: The program.
        log_probability: Of the whole sequence, over all well-typed programs within the budget.
        least_token_probability: Of its least likely token, 0 to 1.
        outside_probability: That the question has no program, 0 to 1; the same for all readings of a question.
        tokens: Names of the tokens of the sequence.
    """

    program: Program
    log_probability: float
    least_token_probability: float
    outside_probability: float
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Features:
    """What confidence is computed from.

    Attributes:
        log_probability: Of the reading.
        least_log_probability: Of its least likely token.
        margin: Log-probability of the reading less that of the next one, at most 20; 20 if there is none.
        outside: Log-odds that the question has no program.
        length: Tokens of the program, divided by 10.
        strange: Share of the words of the question that are not known, 0 to 1.
    """

    log_probability: float
    least_log_probability: float
    margin: float
    outside: float
    length: float
    strange: float


_WIDEST_MARGIN = 20.0
_LENGTH_UNIT = 10  # tokens


def features(candidates: Sequence[Candidate], question: str, known: Collection[str] = ()) -> Features:
    """Features of the best of a question's readings, which come best first.

    Args:
        candidates: At least one.
        question: The text.
        known: Words that are not strange; if none are given, no word is.
    """
    best = candidates[0]
    margin = best.log_probability - candidates[1].log_probability if len(candidates) > 1 else _WIDEST_MARGIN
    words = [word.strip() for word, _, _ in split(question)]
    strange = sum(word.isalnum() and word not in known for word in words) if known else 0
    return Features(
        log_probability=best.log_probability,
        least_log_probability=math.log(max(best.least_token_probability, _SMALLEST)),
        margin=min(margin, _WIDEST_MARGIN),
        outside=_log_odds(best.outside_probability),
        length=len(best.tokens) / _LENGTH_UNIT,
        strange=strange / max(1, len(words)),
    )


@dataclass(frozen=True)
class Calibration:
    """Weights of a logistic regression over :class:`Features`.

    Attributes:
        weights: One for each feature, by its name.
        offset: Log-odds where all features are 0.
    """

    weights: Mapping[str, float]
    offset: float

    def confidence(self, found: Features) -> float:
        """Probability that the reading is right, 0 to 1."""
        values = asdict(found)
        odds = self.offset + math.fsum(weight * values[name] for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-max(-50.0, min(50.0, odds))))

    def to_json(self) -> dict[str, Any]:
        """A JSON object that :meth:`from_json` reads."""
        return {"format": FORMAT, "weights": dict(self.weights), "offset": self.offset}

    @staticmethod
    def from_json(record: Any) -> "Calibration":
        """Read what :meth:`to_json` wrote. Raises: WeightsError on anything else."""
        require_keys(record, ("format", "weights", "offset"), what="a parser's calibration", error=WeightsError)
        weights, offset = record["weights"], record["offset"]
        if record["format"] != FORMAT:
            raise WeightsError(f"a parser's calibration of format {record['format']!r}: {FORMAT} is read")
        require_keys(weights, names := tuple(Features.__dataclass_fields__), what="its weights", error=WeightsError)
        numbers = [offset, *(weights[name] for name in names)]
        if len(weights) != len(names) or not all(_is_finite(number) for number in numbers):
            raise WeightsError(f"a parser's calibration must have one finite number for each of {', '.join(names)}")
        return Calibration({name: float(weights[name]) for name in names}, float(offset))


def uncalibrated(candidate: Candidate) -> float:
    """Probability of a reading as the network gives it: that of its sequence, times that of there being a program."""
    return math.exp(min(0.0, candidate.log_probability)) * (1 - candidate.outside_probability)


def _log_odds(probability: float) -> float:
    kept = min(max(probability, _SMALLEST), _LARGEST)
    return math.log(kept / (1 - kept))


def _is_finite(number: Any) -> bool:
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)
