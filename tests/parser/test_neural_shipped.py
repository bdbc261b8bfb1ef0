"""The weights that ship: what they read, and what they weigh."""

from pathlib import Path

import pytest

from nmn.domain import Domain
from nmn.parser.english import EnglishParser
from nmn.parser.neural.parser import NeuralParser

WEIGHTS = Path(__file__).resolve().parents[2] / "nmn" / "weights" / "clevr-parser"


@pytest.fixture(scope="module")
def parser() -> NeuralParser:
    return NeuralParser.from_pretrained()


# A question in other words or with typos, and one that asks for the same in the grammar's words.
PAIRS = [
    ("How many red cubes are left of the big ball?", "How many red cubes are left of the big ball?"),
    ("waht colour is teh big metal blok", "What color is the big metal block?"),
    (
        "the shiny box behind the cyan ball, what's it made of",
        "What is the shiny block behind the cyan ball made of?",
    ),
    ("count the crimson orbs", "How many red spheres are there?"),
    ("does this picture have any small purple cylinders", "Are there any small purple cylinders?"),
]


@pytest.mark.parametrize(("question", "plain"), PAIRS)
def test_it_reads_other_words_and_typos(parser: NeuralParser, question: str, plain: str) -> None:
    (expected, *_) = EnglishParser(Domain.load("clevr")).parse(plain)
    assert parser.parse(question)[0].program.canonical() == expected.program.canonical()


def test_words_that_name_something_are_found_in_the_question(parser: NeuralParser) -> None:
    question = "How many red cubes are left of the big ball?"
    best = parser.parse(question)[0]
    named = {
        str(node.constants[0]): question[span.start : span.end]
        for node, span in zip(best.program.nodes, best.spans, strict=True)
        if node.constants and span is not None
    }
    assert named["color=red"] == "red"
    assert named["shape=sphere"] == "ball"


def test_it_is_less_sure_of_what_is_outside_the_domain(parser: NeuralParser) -> None:
    inside, outside = parser.read(["How many red cubes are there?", "Who painted this picture, and when?"])
    assert inside[0].outside_probability < 0.1 < outside[0].outside_probability


def test_all_files_together_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 15_000_000
