"""The neural parser: laws that hold for any weights, files, and confidence."""

import json
import math
from pathlib import Path

import pytest
import torch
from tiny_parser import random_parser

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError, QuestionError, WeightsError
from nmn.parse import Parser
from nmn.parser.neural.confidence import Calibration, Features, features, uncalibrated
from nmn.parser.neural.decoding import Decoder
from nmn.parser.neural.parser import CALIBRATION_FILE, CONFIG_FILE, PIECES_FILE, WEIGHTS_FILE, NeuralParser
from nmn.registry import default_registry

CLEVR = Domain.load("clevr")
TINY = random_parser(CLEVR)
QUESTIONS = (
    "How many red cubes are there?",
    "WHAT colour is the thing that is left of the other ball???",
    "is there a smal blok",
    "¿Cuántas esferas verdes hay?",
    "\N{GRINNING FACE} yes \ud800",
    "x",
)


def test_it_is_a_parser() -> None:
    parser: Parser = TINY
    parses = parser.parse(QUESTIONS[0])
    assert {parse.link for parse in parses} == {parser.name} == {"neural"}
    assert all(len(parse.spans) == len(parse.program.nodes) for parse in parses)
    assert all(parse.cost > 0 for parse in parses)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("budget", [2, 3, 5, 9, 30])
@pytest.mark.parametrize("beams", [1, 2, 5])
def test_any_weights_say_well_typed_programs_within_the_budget(seed: int, budget: int, beams: int) -> None:
    parser = random_parser(CLEVR, longest_program=budget, seed=seed)
    for candidates in parser.read(QUESTIONS, beams=beams):
        assert 1 <= len(candidates) <= beams
        for each in candidates:
            assert len(each.tokens) <= budget
            check(each.program, CLEVR, default_registry())


@pytest.mark.parametrize("budget", [2, 4, 30])
def test_samples_are_well_typed_within_the_budget(budget: int) -> None:
    pieces = [TINY.pieces.question(question, 60) for question in QUESTIONS] * 5
    decoder = Decoder(TINY.network, TINY.vocabulary, budget)
    for decoded in decoder.sample(pieces, torch.Generator().manual_seed(budget)):
        (drawn,) = decoded.complete
        assert len(drawn.tokens) <= budget
        check(TINY.vocabulary.delinearise(drawn.tokens), CLEVR, default_registry())


def test_another_domain_works_alike() -> None:
    gqa = Domain.load("gqa")
    parser = random_parser(gqa, longest_program=12)
    for candidates in parser.read(QUESTIONS, beams=3):
        for each in candidates:
            check(each.program, gqa, default_registry())


def test_a_budget_below_the_shortest_program_is_refused() -> None:
    with pytest.raises(InputError, match="holds no program"):
        random_parser(CLEVR, longest_program=1)


def test_probabilities_of_all_programs_within_a_budget_add_up_to_one() -> None:
    parser = random_parser(CLEVR, longest_program=2, spread=0.3)
    (decoded,) = parser._decoder.search([[1, 2, 3]], 5000)
    assert math.fsum(math.exp(each.total) for each in decoded.complete) == pytest.approx(1.0, abs=1e-5)


def test_readings_come_likeliest_first_and_more_beams_find_nothing_less_likely() -> None:
    for few, many in zip(TINY.read(QUESTIONS, beams=1), TINY.read(QUESTIONS, beams=8), strict=True):
        chances = [each.log_probability for each in many]
        assert chances == sorted(chances, reverse=True)
        assert chances[0] >= few[0].log_probability - 1e-4
        assert len({each.program for each in many}) == len(many)


def test_a_batch_gives_what_its_questions_give_one_by_one() -> None:
    together = TINY.parse_many(QUESTIONS, batch_size=4)
    for question, parses in zip(QUESTIONS, together, strict=True):
        alone = TINY.parse(question)
        assert [each.program for each in alone] == [each.program for each in parses]
        assert [each.confidence for each in alone] == pytest.approx([each.confidence for each in parses], abs=1e-4)


def test_spans_are_words_of_the_question_for_calls_that_name_something() -> None:
    for question, parses in zip(QUESTIONS, TINY.parse_many(QUESTIONS), strict=True):
        for node, span in zip(parses[0].program.nodes, parses[0].spans, strict=True):
            if span is not None:
                assert node.attribute is not None or node.constants
                assert question[span.start : span.end].strip() == question[span.start : span.end] != ""


def test_no_questions_give_no_readings() -> None:
    assert TINY.parse_many([]) == []


@pytest.mark.parametrize("question", ["", "  \n", "?!"])
def test_an_empty_question_is_refused(question: str) -> None:
    with pytest.raises(QuestionError, match="the question is empty"):
        TINY.parse(question)


def test_a_question_that_is_too_long_is_refused_in_one_line() -> None:
    with pytest.raises(QuestionError, match="10,001 characters"):
        TINY.parse("a" * 10_001)
    with pytest.raises(QuestionError, match="too long for the neural parser") as refused:
        TINY.parse("cube " * 100)
    assert refused.value.span is not None
    assert "\n" not in refused.value.message


def test_confidences_are_probabilities_that_add_up_to_at_most_one() -> None:
    steep = TINY.calibrated(Calibration(dict.fromkeys(Features.__dataclass_fields__, 0.0), 3.0))
    for parser in (TINY, steep):
        for parses in parser.parse_many(QUESTIONS):
            chances = [each.confidence for each in parses]
            assert all(0 <= chance <= 1 for chance in chances)
            assert sum(chances) <= 1 + 1e-6
    assert steep.parse(QUESTIONS[0])[0].confidence == pytest.approx(1 / (1 + math.exp(-3.0)))


def test_without_calibration_confidence_is_that_of_the_network() -> None:
    (candidates,) = TINY.read(QUESTIONS[:1])
    best = candidates[0]
    chance = math.exp(best.log_probability) * (1 - best.outside_probability)
    assert TINY.confidence(candidates, QUESTIONS[0]) == uncalibrated(best) == pytest.approx(chance)


def test_features_tell_of_strange_words_and_of_the_next_reading() -> None:
    (candidates,) = TINY.read(QUESTIONS[:1])
    found = features(candidates, "How many red frobs?", {"how", "many", "red"})
    assert found.strange == pytest.approx(1 / 5)
    assert found.margin == pytest.approx(candidates[0].log_probability - candidates[1].log_probability)
    assert features(candidates[:1], "x").margin == 20.0


def test_a_calibration_is_written_and_read() -> None:
    calibration = Calibration(dict.fromkeys(Features.__dataclass_fields__, 0.5), -1.0)
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


@pytest.mark.parametrize(
    "record", [None, {}, {"format": 1, "weights": {}, "offset": 0}, {"format": 2, "weights": {}, "offset": 0}]
)
def test_a_broken_calibration_is_refused(record: object) -> None:
    with pytest.raises(WeightsError):
        Calibration.from_json(record)


def test_weights_are_written_and_read(tmp_path: Path) -> None:
    calibrated = TINY.calibrated(Calibration(dict.fromkeys(Features.__dataclass_fields__, 0.5), -1.0))
    calibrated.save_pretrained(tmp_path)
    loaded = NeuralParser.from_pretrained(tmp_path)
    assert loaded.read(QUESTIONS) == calibrated.read(QUESTIONS)
    assert loaded.calibration == calibrated.calibration
    assert not list(tmp_path.glob(".*"))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    TINY.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", [CONFIG_FILE, PIECES_FILE, WEIGHTS_FILE])
def test_missing_files_are_named(saved: Path, name: str) -> None:
    (saved / name).unlink()
    with pytest.raises(WeightsError, match=rf"no parser weights in .*{name} missing"):
        NeuralParser.from_pretrained(saved)


@pytest.mark.parametrize("name", [CONFIG_FILE, PIECES_FILE, WEIGHTS_FILE, CALIBRATION_FILE])
@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe\x00", b'{"format": 1}', b'{"version": "1.0"}'])
def test_damaged_files_are_one_clear_line(saved: Path, name: str, content: bytes) -> None:
    (saved / name).write_bytes(content)
    with pytest.raises(WeightsError) as refused:
        NeuralParser.from_pretrained(saved)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("format", 7, "is not of parser weights format"),
        ("domain", {"name": "clevr", "fingerprint": "0"}, "trained for domain"),
        ("operations", ["count", "teleport"], "not installed"),
        ("tokens", [], "other signatures"),
        ("longest_program", -3, "not a parser config"),
        ("network", {"width": 16}, "not a parser config"),
        ("words", 5, "not a parser config"),
    ],
)
def test_a_foreign_config_says_what_is_wrong(saved: Path, key: str, value: object, message: str) -> None:
    record = json.loads((saved / CONFIG_FILE).read_text())
    (saved / CONFIG_FILE).write_text(json.dumps(record | {key: value}))
    with pytest.raises(WeightsError, match=message):
        NeuralParser.from_pretrained(saved)


def test_weights_of_another_size_are_refused(saved: Path) -> None:
    record = json.loads((saved / CONFIG_FILE).read_text())
    record["network"] |= {"width": 32, "inner": 8}
    (saved / CONFIG_FILE).write_text(json.dumps(record))
    with pytest.raises(WeightsError, match="do not fit their config"):
        NeuralParser.from_pretrained(saved)


def test_weights_of_another_domain_are_refused(saved: Path) -> None:
    with pytest.raises(WeightsError, match="trained for domain 'clevr'"):
        NeuralParser.from_pretrained(saved, domain=Domain.load("gqa"))


def test_operations_that_the_weights_do_not_know_are_never_called(saved: Path) -> None:
    from nmn.registry import module
    from nmn.types import Object

    @module("nearest")
    class Nearest:
        """Stands for a plug-in's module."""

        def forward(self, anchor: Object) -> Object:
            raise NotImplementedError

    loaded = NeuralParser.from_pretrained(saved, registry=default_registry().extended(Nearest))
    assert loaded.read(QUESTIONS) == TINY.read(QUESTIONS)
