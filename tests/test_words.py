"""Phrases for nodes."""

import pytest

from nmn.domain import Domain
from nmn.parser.text import parse_program
from nmn.registry import default_registry
from nmn.trace import NodeTrace
from nmn.words import phrase, value_words

CLEVR = Domain.load("clevr")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("scene()", "thing"),
        ("filter(scene(), color=red)", "red thing"),
        ("filter(scene(), size=large, color=red, shape=cube)", "large red cube"),
        ("filter(relate(unique(filter(scene(), shape=sphere)), left), color=red)", "red thing left of the sphere"),
        ("filter(same[size](unique(scene())), shape=cube)", "cube with the same size as the thing"),
        ("union(filter(scene(), color=red), filter(scene(), shape=cube))", "red thing or cube"),
    ],
)
def test_a_set_is_said_as_a_person_would(text: str, expected: str) -> None:
    program = parse_program(text, default_registry()).program
    assert phrase(program, program.root, CLEVR) == expected


def node(kind: str, value: object) -> NodeTrace:
    return NodeTrace(0, "call()", kind, "module", (), value, None, (), 0, 0.0, 1, 1)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "value", "presence", "words"),
    [
        ("ObjectSet", (0.9, 0.1, 0.8), None, "2 of 3 objects: 0, 2"),
        ("ObjectSet", (0.9, 0.1, 0.8), (0.99, 0.99, 0.97, 0.02), "2 of 3 objects: 0, 2"),
        ("ObjectSet", (0.9, 0.9, 0.01), (0.99, 0.99, 0.02), "2 of 2 objects"),
        ("ObjectSet", (0.1,), (0.99,), "0 of 1 object"),
        ("ObjectSet", (0.1, 0.1), (0.2, 0.1), "no objects"),
        ("ObjectSet", (), (), "no objects"),
        ("Object", (0.2, 0.8), (0.99, 0.99), "object 1 (0.80)"),
        ("Object", (0.0, 1.0), (0.99, 0.99), "object 1"),
        ("Object", (), (), "no object"),
        ("Count", (0.1, 0.2, 0.7), None, "2 (0.70)"),
        ("Value[color]", {"red": 0.25, "blue": 0.75}, None, "blue (0.75)"),
        ("Bool", 0.999, None, "yes"),
        ("Bool", 0.125, None, "no (0.88)"),
    ],
)
def test_a_value_is_said_in_words_and_counts_only_what_is_likely_there(
    kind: str, value: object, presence: tuple[float, ...] | None, words: str
) -> None:
    assert value_words(node(kind, value), presence) == words
