"""Phrases for nodes."""

import pytest

from nmn.domain import Domain
from nmn.parser.text import parse_program
from nmn.registry import default_registry
from nmn.words import phrase

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
