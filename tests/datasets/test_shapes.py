"""SHAPES: queries are read, the module and the perceiver keep the laws, and it is learned from answers alone."""

from importlib import resources
from pathlib import Path
from random import Random

import numpy as np
import pytest
import torch

from nmn.datasets.shapes import (
    Beside,
    GridPerceiver,
    QueryParser,
    read_split,
    shapes_registry,
    words,
)
from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import DataError, QuestionError, WeightsError
from nmn.evaluation import evaluate
from nmn.executor import Modules
from nmn.learning import LearningConfig, Lesson, learn
from nmn.testing import check_module, check_parser, check_perceiver

SHAPES = Domain.load("shapes")
READ = {
    "(is green (left_of red))": "exist(intersect(select(color=green), beside(select(color=red), left)))",
    "(is circle (below (below red)))": "exist(intersect(select(form=circle), beside(beside(select(color=red), below), below)))",
    "(is red red)": "exist(intersect(select(color=red), select(color=red)))",
}


def random_images(seed: int, number: int = 3) -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    return [generator.integers(0, 256, (30, 30, 3), dtype=np.uint8) for _ in range(number)]


def test_queries_are_read() -> None:
    check_parser(QueryParser(SHAPES), READ, domain=SHAPES, outside=["", "(is red)"], registry=shapes_registry())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("(is gren red)", "did you mean 'green'"),
        ("(is red (abov red))", "did you mean 'above'"),
        ("(is red red))", "a '[)]' too many"),
        ("(is red (above red)", "a query is"),
        ("()", "a call is"),
        ("red", "a query is"),
    ],
)
def test_a_query_that_is_none_is_refused(query: str, message: str) -> None:
    with pytest.raises(QuestionError, match=message):
        QueryParser(SHAPES).parse(query)


def test_beside_keeps_the_laws() -> None:
    check_module(Beside, domain="shapes")


def test_an_untrained_perceiver_keeps_the_laws(root: Path) -> None:
    torch.manual_seed(0)
    perceiver = GridPerceiver(SHAPES).eval()
    with torch.no_grad():
        perceiver.offsets.normal_()
        check_perceiver(perceiver, random_images(0), unusable=root / "README.md")


def test_a_split_is_read_and_a_broken_one_refused(tmp_path: Path) -> None:
    images = np.stack(random_images(Random(1).randrange(9), 2))
    np.save(tmp_path / "mine.input.npy", images)
    (tmp_path / "mine.query").write_text("(is red red)\n(is red (above circle))\n")
    (tmp_path / "mine.output").write_text("true\nfalse\n")
    questions, read = read_split(tmp_path, "mine")
    assert [(each.text, each.answer) for each in questions] == [
        ("(is red red)", "yes"),
        ("(is red (above circle))", "no"),
    ]
    assert (read[1][..., 0] == images[1][..., 2]).all()  # red comes first
    assert words(questions[:1]) < words(questions) == {"is", "red", "above", "circle"}
    with pytest.raises(DataError, match="did you mean 'mine'"):
        read_split(tmp_path, "min")
    (tmp_path / "mine.output").write_text("true\nperhaps\n")
    with pytest.raises(DataError, match="do not fit together"):
        read_split(tmp_path, "mine")
    np.save(tmp_path / "mine.input.npy", images[:1])
    with pytest.raises(DataError, match="do not fit together"):
        read_split(tmp_path, "mine")


def test_weights_that_are_not_there_are_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no weights of SHAPES"):
        GridPerceiver.from_pretrained(tmp_path, SHAPES)


def test_the_shipped_weights_answer_val(shared_data: Path) -> None:
    questions, images = read_split(shared_data / "shapes", "val")
    perceiver = GridPerceiver.from_pretrained(Path(str(resources.files("nmn"))) / "weights" / "shapes")
    engine = Engine(perceiver, parser=QueryParser(SHAPES), registry=shapes_registry())
    report = evaluate(engine, questions, lambda question: images[question.image_index], programs="parsed")
    assert report.score.accuracy is not None
    assert report.score.accuracy >= 0.99
    pairs = zip(report.outcomes, questions, strict=True)
    new = [outcome.correct for outcome, question in pairs if not words([question]) <= perceiver.said]
    assert len(new) == 576  # "blue" and "below" are in more than half of the questions, and in none of the training's
    assert sum(map(bool, new)) >= 0.99 * len(new)


@pytest.mark.slow
def test_it_is_learned_from_answers_alone(shared_data: Path, tmp_path: Path) -> None:
    questions, images = read_split(shared_data / "shapes", "train.tiny")
    parser, losses = QueryParser(SHAPES), list[float]()
    lessons = [
        Lesson(images[each.image_index], parser.parse(each.text)[0].program, each.answer or "") for each in questions
    ]
    torch.manual_seed(0)
    how = LearningConfig(steps=150, rate=1e-2)
    modules = Modules(shapes_registry())
    learn(lessons, GridPerceiver(SHAPES), modules, how, advance=lambda _, loss: losses.append(loss))
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
