"""Calibrating a cascade: the fit finds what made the data, thresholds are the best there are, files round-trip."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.domain import Domain
from nmn.errors import QuestionError, WeightsError
from nmn.parse import Parse, Readings
from nmn.parser.cascade_calibration import calibrate, draw_examples, fit_logistic, probability, save
from nmn.parser.cascade_config import CASCADE_FILE, CascadeConfig, Costs, LinkSettings, ReadingConfidence
from nmn.parser.cascade_readout import ReadingsLink
from nmn.parser.cascade_thresholds import NEVER, LinkOutcomes, best_thresholds, calibration_error, score
from nmn.parser.generation.generator import Example
from nmn.parser.links import default_parser, load_grammar, shipped_weights
from nmn.program import Node, Program

CLEVR = Domain.load("clevr")
RIGHT, WRONG = Program((Node("scene"), Node("count", (0,)))), Program((Node("scene"), Node("exist", (0,))))


def outcomes(name: str, confidence: Sequence[float], right: Sequence[bool], seconds: float = 0.0) -> LinkOutcomes:
    return LinkOutcomes(name, np.array(confidence, dtype=float), np.array(right, dtype=bool), seconds)


def expected_cost(links: Sequence[LinkOutcomes], thresholds: Sequence[float], answerable: Any, costs: Costs) -> float:
    """Question by question, as the docstring says it."""
    total = 0.0
    for place, has_answer in enumerate(answerable):
        for link, threshold in zip(links, thresholds, strict=True):
            total += costs.time * link.seconds
            if link.confidence[place] >= max(threshold, 0.0):
                total += costs.wrong * (1 - link.confidence[place])
                break
        else:
            total += costs.unknown if has_answer else 0.0
    return total


tenths = st.integers(-1, 10).map(lambda number: max(-1.0, number / 10 - 0.01) if number >= 0 else -1.0)


@given(st.lists(st.tuples(tenths, tenths, st.booleans()), min_size=1, max_size=8), st.sampled_from([0.0, 0.5, 2.0]))
def test_no_thresholds_cost_less_than_the_best(rows: list[tuple[float, float, bool]], time: float) -> None:
    first, second, answerable = zip(*rows, strict=True)
    costs = Costs(wrong=4.0, unknown=1.0, time=time)
    links = [outcomes("a", first, [True] * len(rows), 0.1), outcomes("b", second, [True] * len(rows), 0.6)]
    best = best_thresholds(links, np.array(answerable), costs)
    least = min(
        expected_cost(links, pair, answerable, costs) for pair in product([each / 20 for each in range(21)], repeat=2)
    )
    assert expected_cost(links, best, answerable, costs) == pytest.approx(least)


def test_thresholds_follow_from_what_mistakes_and_silence_cost() -> None:
    confidence = np.linspace(0.01, 0.99, 99)
    link = outcomes("link", confidence, [True] * 99)
    for wrong, unknown in ((4.0, 1.0), (10.0, 1.0), (2.0, 1.0)):
        (threshold,) = best_thresholds([link], np.ones(99, dtype=bool), Costs(wrong, unknown, 0.0))
        assert threshold == pytest.approx(1 - unknown / wrong, abs=0.011)
    assert best_thresholds([link], np.ones(99, dtype=bool), Costs(0.0, 1.0, 0.0)) == (0.0,)
    assert best_thresholds([link], np.zeros(99, dtype=bool), Costs(1.0, 0.0, 0.0)) == (NEVER,)


def test_a_dear_link_is_asked_less() -> None:
    random = np.random.default_rng(0)
    first, second = outcomes("a", random.random(200), [True] * 200), outcomes("b", [0.95] * 200, [True] * 200, 1.0)
    asked = []
    for time in (0.0, 1.0, 5.0):
        threshold, _ = best_thresholds([first, second], np.ones(200, dtype=bool), Costs(4.0, 1.0, time))
        asked.append(float((first.confidence < threshold).mean()))
    assert asked == sorted(asked, reverse=True)
    assert asked[0] > 0.9
    assert asked[2] == 0


def test_the_score_counts_silence_where_there_is_no_answer_as_right() -> None:
    link = outcomes("link", [0.9, 0.8, 0.3, 0.2, -1.0], [True, False, True, False, False], 1.0)
    answerable = np.array([True, True, True, False, True])
    found = score([link], [0.5], answerable, Costs(wrong=4.0, unknown=1.0, time=0.1))
    assert (found.questions, found.coverage, found.accuracy, found.correct) == (5, 0.4, 0.5, 0.4)
    assert found.cost == pytest.approx((0 + 4 + 1 + 0 + 1) / 5 + 0.1)
    assert found.by_link == {"link": 0.4}
    assert found.ece == pytest.approx((0.1 + 0.8 + 0.7 + 0.2) / 4)


def test_confidences_that_are_right_as_often_as_they_say_have_no_calibration_error() -> None:
    random = np.random.default_rng(0)
    confidence = random.random(20_000)
    assert calibration_error(confidence, random.random(20_000) < confidence) < 0.02
    assert calibration_error(np.ones(10), np.zeros(10, dtype=bool)) == 1


def test_the_fit_finds_the_weights_that_made_the_labels() -> None:
    random = np.random.default_rng(0)
    features = np.column_stack([np.ones(20_000), random.normal(5, 3, 20_000), random.normal(0, 0.1, 20_000)])
    true = np.array([-1.0, 0.4, 3.0])
    right = random.random(20_000) < probability(features, true)
    assert fit_logistic(features, right) == pytest.approx(true, abs=0.25)
    assert fit_logistic(features, ~right, rising=[1])[1] == 0


def test_the_fit_stays_finite_where_nothing_is_ever_wrong_and_keeps_what_was_expected() -> None:
    features = np.column_stack([np.ones(50), np.full(50, 6.0)])
    weights = fit_logistic(features, np.ones(50, dtype=bool), expected=np.array([0.0, 0.5]))
    assert np.isfinite(weights).all()
    assert weights[1] == pytest.approx(0.5)
    assert probability(features[:1], weights)[0] == pytest.approx(51 / 52, abs=1e-3)


def reading(confidence: float, program: Program = RIGHT) -> Parse:
    return Parse(program, confidence, (None, None), "link", 0.0)


@given(st.lists(st.floats(0.001, 1), min_size=1, max_size=5), st.tuples(*(st.floats(-5, 5) for _ in range(3))))
def test_probabilities_of_readings_fall_and_stay_between_0_and_1(
    weights: list[float], fitted: tuple[float, float, float]
) -> None:
    shares = sorted((weight / sum(weights) for weight in weights), reverse=True)
    given = ReadingConfidence(fitted)([reading(share) for share in shares])
    assert len(given) == len(shares)
    assert all(0 <= each <= 1 for each in given)
    assert given == sorted(given, reverse=True)
    assert sum(given) <= 1 + 1e-9 or len(given) == 1


@dataclass
class Unsure:
    """Reads questions rightly as often as it says."""

    name: str = "unsure"

    def parse(self, question: str) -> Readings:
        number = int(question.split()[-1])
        confidence = number % 10 / 10
        if confidence == 0:
            raise QuestionError("cannot read this", text=question)
        right = Random(number).random() < confidence
        return (reading(confidence, RIGHT if right else WRONG),)


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    return [Example(f"question {number}", RIGHT, "plain") for number in range(1500)] + [
        Example(f"question {10 * number}", None, "outside") for number in range(100)
    ]


def test_a_calibrated_link_is_as_sure_as_it_is_right(examples: list[Example]) -> None:
    done: list[int] = []
    report = calibrate([ReadingsLink(Unsure())], examples, CLEVR, costs=Costs(4.0, 1.0, 0.0), advance=done.append)
    assert sum(done) == len(examples)
    assert report.score.ece is not None
    assert report.score.ece < 0.1  # 15 bins of 27 questions each
    assert report.config.links["unsure"].threshold == pytest.approx(0.75, abs=0.1)
    assert report.by_style["outside"].correct == 1
    assert report.fitted + report.score.questions == len(examples)
    again = calibrate([ReadingsLink(Unsure())], examples, CLEVR, costs=Costs(4.0, 1.0, 0.0))
    assert again.config == report.config
    assert json.loads(json.dumps(report.to_json()))["thresholds"] == {"unsure": report.config.links["unsure"].threshold}


def test_what_is_saved_is_what_is_loaded(examples: list[Example], tmp_path: Path) -> None:
    links = [ReadingsLink(Unsure())]
    report = calibrate(links, examples[:300], CLEVR)
    save(report, links, tmp_path)
    assert CascadeConfig.load(tmp_path, CLEVR) == report.config
    assert [path.name for path in tmp_path.iterdir()] == [CASCADE_FILE]
    assert CascadeConfig.load(tmp_path / "none", CLEVR) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda record: record.update(format="other"), "format"),
        (lambda record: record.pop("links"), "links"),
        (lambda record: record["links"]["link"].update(threshold="high"), "no calibration"),
        (lambda record: record["links"]["link"].update(threshold=float("nan")), "no calibration"),
        (lambda record: record["links"]["link"]["confidence"].pop("calls"), "no calibration"),
        (lambda record: record.update(links=3), "no calibration"),
        (lambda record: record["costs"].update(love=1.0), "no calibration"),
        (lambda record: record["domain"].update(fingerprint="0"), "was made for domain"),
    ],
)
def test_broken_calibrations_are_refused_in_one_line(
    tmp_path: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    settings = LinkSettings(0.5, ReadingConfidence((1.0, 2.0, 3.0)))
    CascadeConfig("clevr", CLEVR.fingerprint, {"link": settings}).save(tmp_path)
    record = json.loads((tmp_path / CASCADE_FILE).read_text())
    change(record)
    (tmp_path / CASCADE_FILE).write_text(json.dumps(record))
    with pytest.raises(WeightsError, match=words) as raised:
        CascadeConfig.load(tmp_path, CLEVR)
    assert "\n" not in str(raised.value)


def test_made_up_questions_are_the_same_for_equal_seeds() -> None:
    drawn = draw_examples(CLEVR, 40, seed=1)
    assert drawn == draw_examples(CLEVR, 40, seed=1) != draw_examples(CLEVR, 40, seed=2)
    assert {each.style for each in drawn} == {"plain", "clevr", "spoken", "noisy", "outside"}


def test_of_what_the_grammar_reads_it_is_sure() -> None:
    report = calibrate([ReadingsLink(load_grammar(CLEVR))], draw_examples(CLEVR, 200, seed=0), CLEVR)
    settings = report.config.links["grammar"]
    assert settings.confidence is not None
    assert settings.confidence([reading(1.0)])[0] > 0.97
    assert settings.threshold < 0.9


def test_a_domain_without_weights_has_the_grammar_alone_and_it_never_doubts() -> None:
    gqa = Domain.load("gqa")
    assert shipped_weights(gqa) is None
    (link,) = default_parser(gqa).links
    assert (link.name, link.threshold) == ("grammar", 0.0)
    with pytest.raises(WeightsError, match="no neural parser ships"):
        default_parser(gqa, kind="neural")


def test_missing_parser_weights_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no parser weights"):
        default_parser(CLEVR, weights=tmp_path)
