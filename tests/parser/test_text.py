"""Program text: what is refused, and where the caret stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.errors import ProgramError, ProgramSyntaxError
from nmn.parser.text import parse_program
from nmn.registry import default_registry

REGISTRY = default_registry()


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("count(scene()", "too early", None),
        ("count(scene()))", "unexpected", ")"),
        ("count(scene() scene())", "unexpected 'scene'", "scene"),
        ("count(scene(), $)", "unexpected '\\$'", "$"),
        ("let a = scene(); let a = scene(); union(a, a)", "named twice", "a"),
        ("let a = scene(); count(scene())", "never used", "scene()"),
        ("filter(color=red, scene())", "inputs stand before constants", "scene()"),
    ],
)
def test_the_caret_stands_under_what_is_wrong(text: str, message: str, marked: str | None) -> None:
    with pytest.raises(ProgramSyntaxError, match=message) as caught:
        parse_program(text, REGISTRY)
    span = caught.value.span
    assert span is not None
    if marked is not None:
        assert text[span.start : span.end] == marked


@pytest.mark.parametrize("text", ["", "   \n", "x" * 2_000_000])
def test_empty_and_endless_texts_are_refused(text: str) -> None:
    with pytest.raises(ProgramSyntaxError):
        parse_program(text, REGISTRY)


@given(st.text(alphabet='abcount()[],=;let "\\#\n', max_size=40))
def test_any_text_is_a_program_or_refused(text: str) -> None:
    try:
        parse_program(text, REGISTRY)
    except ProgramError as error:
        assert str(error)


def test_comments_and_line_breaks_are_allowed() -> None:
    parsed = parse_program("count(   # how many\n  scene())\n", REGISTRY)
    assert parsed.program.text == "count(scene())"


def test_spans_are_the_calls_as_written() -> None:
    text = "count(filter(scene(), size=large, color=red))"
    parsed = parse_program(text, REGISTRY)
    assert [text[span.start : span.end] for span in parsed.spans] == [
        "scene()",
        "filter(scene(), size=large",
        "filter(scene(), size=large, color=red",
        text,
    ]
    assert [text[span.start : span.end] for spans in parsed.constant_spans for span in spans] == [
        "size=large",
        "color=red",
    ]
