"""Readout: what a link of a cascade tells of its readings, from which it is calibrated."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nmn.errors import QuestionError
from nmn.parse import Parser, Readings, parse_many
from nmn.parser.cascade_config import EXPECTED, FEATURES, RISING, LinkSettings, ReadingConfidence, features
from nmn.parser.generation.generator import Example
from nmn.program import Program

if TYPE_CHECKING:
    from nmn.parser.neural.confidence import Candidate
    from nmn.parser.neural.parser import NeuralParser

Numbers: TypeAlias = NDArray[np.float64]
Advance: TypeAlias = Callable[[int], None]

TOGETHER = 64  # questions
NEURAL_RISING = ("log_probability", "least_log_probability", "margin")
ALONE = 8  # questions that are read one by one, to see how long that takes


@dataclass(frozen=True)
class Readout:
    """What a link tells of its reading of each question.

    Attributes:
        features: [questions, features], the first one constant; a row of zeros where there is no reading.
        read: [questions] whether there is one.
        right: [questions] whether the likeliest is what was meant.
        seconds: What one question takes by itself.
        rising: Columns of the features that may only raise a probability.
        expected: [features] weights where the questions tell nothing else; all 0 if None.
    """

    features: Numbers
    read: NDArray[np.bool_]
    right: NDArray[np.bool_]
    seconds: float
    rising: tuple[int, ...] = ()
    expected: Numbers | None = None

    @staticmethod
    def of(
        rows: Sequence[tuple[Sequence[float], Program] | None],
        names: Sequence[str],
        examples: Sequence[Example],
        seconds: float,
        rising: Sequence[str] = (),
        expected: Mapping[str, float] = MappingProxyType({}),
    ) -> "Readout":
        """Put together features, by name, and likeliest programs of examples; None where there is no reading."""
        table = np.zeros((len(rows), len(names)))
        for number, row in enumerate(rows):
            if row is not None:
                table[number] = row[0]
        right = [
            row is not None and example.program is not None and row[1].canonical() == example.program.canonical()
            for row, example in zip(rows, examples, strict=True)
        ]
        read = np.array([row is not None for row in rows], dtype=bool)
        return Readout(
            table,
            read,
            np.array(right, dtype=bool),
            seconds,
            tuple(map(list(names).index, rising)),
            np.array([expected.get(name, 0.0) for name in names]),
        )


class CalibratedLink(Protocol):
    """A link that can be calibrated."""

    name: str

    def readout(self, examples: Sequence[Example], advance: Advance) -> Readout:
        """Read the examples, telling ``advance`` how many more are done."""
        ...

    def settings(self, weights: Numbers, threshold: float) -> LinkSettings:
        """What the cascade keeps of the link, given the weights [features] that were fitted."""
        ...

    def files(self) -> dict[str, Any]:
        """What the link keeps in files of its own, by name, as :meth:`settings` was last told."""
        ...


class ReadingsLink:
    """A link of which no more is known than its readings with their confidences.

    Args:
        parser: Reads; its own confidences, not calibrated.
    """

    def __init__(self, parser: Parser) -> None:
        self.parser = parser
        self.name = parser.name

    def readout(self, examples: Sequence[Example], advance: Advance) -> Readout:
        rows: list[tuple[Sequence[float], Program] | None] = []
        for texts in _batches(examples):
            rows += [_told(each) for each in parse_many(self.parser, texts)]
            advance(len(texts))
        seconds = _alone(lambda text: parse_many(self.parser, [text]), examples)
        return Readout.of(rows, FEATURES, examples, seconds, RISING, EXPECTED)

    def settings(self, weights: Numbers, threshold: float) -> LinkSettings:
        return LinkSettings(threshold, ReadingConfidence(tuple(weights.tolist())))

    def files(self) -> dict[str, Any]:
        return {}


class NeuralLink:
    """The neural parser, which tells of how it found its readings, and keeps its calibration beside its weights.

    Args:
        parser: Reads.
    """

    def __init__(self, parser: "NeuralParser") -> None:
        self.parser = parser
        self.name = parser.name
        self._words = frozenset(parser.config.words)
        self._weights: list[float] = []

    def readout(self, examples: Sequence[Example], advance: Advance) -> Readout:
        rows: list[tuple[Sequence[float], Program] | None] = []
        for texts in _batches(examples):
            for text, candidates in zip(texts, self._read(texts), strict=True):
                rows.append((self._told(candidates, text), candidates[0].program) if candidates else None)
            advance(len(texts))
        seconds = _alone(lambda text: self._read([text]), examples)
        return Readout.of(rows, ("constant", *_neural_features()), examples, seconds, NEURAL_RISING)

    def settings(self, weights: Numbers, threshold: float) -> LinkSettings:
        self._weights = weights.tolist()
        return LinkSettings(threshold)

    def files(self) -> dict[str, Any]:
        from nmn.parser.neural.confidence import Calibration
        from nmn.parser.neural.parser import CALIBRATION_FILE

        offset, *weights = self._weights
        return {CALIBRATION_FILE: Calibration(dict(zip(_neural_features(), weights, strict=True)), offset).to_json()}

    def _told(self, candidates: "Sequence[Candidate]", text: str) -> Sequence[float]:
        from nmn.parser.neural.confidence import features as neural_features

        found = neural_features(candidates, text, self._words)
        return 1.0, *(float(getattr(found, name)) for name in _neural_features())

    def _read(self, texts: Sequence[str]) -> "list[list[Candidate]]":
        """Readings of each question, none of one that is refused, which would spoil its batch."""
        try:
            return self.parser.read(texts)
        except QuestionError:
            if len(texts) == 1:
                return [[]]
        middle = len(texts) // 2
        return [*self._read(texts[:middle]), *self._read(texts[middle:])]


def _neural_features() -> tuple[str, ...]:
    from nmn.parser.neural.confidence import Features

    return tuple(Features.__dataclass_fields__)


def _told(found: Readings | QuestionError) -> tuple[Sequence[float], Program] | None:
    return None if isinstance(found, QuestionError) else (features(found), found[0].program)


def _batches(examples: Sequence[Example]) -> Iterator[list[str]]:
    for start in range(0, len(examples), TOGETHER):
        yield [example.text for example in examples[start : start + TOGETHER]]


def _alone(read: Callable[[str], object], examples: Sequence[Example]) -> float:
    """Median time of one question, in seconds to one digit, so that what follows hangs on no noise."""
    times = []
    for example in examples[:: max(1, len(examples) // ALONE)][:ALONE]:
        started = perf_counter()
        read(example.text)
        times.append(perf_counter() - started)
    return float(f"{float(np.median(times)):.0e}") if times else 0.0
