"""The type checker: what is sampled is well typed, what is wrong is pointed at."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.check import ProgramType, check
from nmn.domain import Domain
from nmn.errors import ProgramTypeError
from nmn.parser.text import parse_program
from nmn.registry import default_registry
from nmn.sampling import sample_program

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()


@given(st.integers(0, 10**9), st.sampled_from(["Count", "Bool", "Value"]), st.integers(4, 10))
def test_sampled_programs_are_well_typed(seed: int, kind: str, depth: int) -> None:
    program = sample_program(Random(seed), CLEVR, REGISTRY, depth=depth, kind=kind)
    types = check(program, CLEVR, REGISTRY)
    assert types[-1].kind == kind


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ("count(filtr(scene(), color=red))", "did you mean 'filter'", "filtr(scene(), color=red)"),
        ("count(filter(scene(), color=redd))", "did you mean 'red'", "color=redd"),
        ("count(filter(scene(), colour=red))", "did you mean 'color'", "colour=red"),
        ("count(filter(scene(), red))", "such as color=red", "red"),
        ("count(filter(scene()))", "takes 1 constant, not 0", "filter(scene())"),
        ("count(scene(), scene())", "takes 1 input, not 2", "count(scene(), scene())"),
        ("count(relate(scene(), left))", "needs an Object as 'anchor'", "relate(scene(), left)"),
        ("count(relate(unique(scene()), lefft))", "did you mean 'left'", "lefft"),
        ("count(relate(unique(scene()), color=red))", "not the concept", "color=red"),
        ("query(unique(scene()))", "needs an attribute in brackets", "query(unique(scene()))"),
        ("query[colr](unique(scene()))", "did you mean 'color'", "query[colr](unique(scene()))"),
        ("count[color](scene())", "takes no attribute", "count[color](scene())"),
        ("count(big)", "names no node", "big"),
        (
            "equal[size](query[size](unique(scene())), query[color](unique(scene())))",
            r"gives a Value\[color\]",
            "equal[size](query[size](unique(scene())), query[color](unique(scene())))",
        ),
        ("filter(scene(), color=red)", "must end in a number", "filter(scene(), color=red)"),
    ],
)
def test_the_offending_call_is_named_and_underlined(text: str, message: str, marked: str) -> None:
    parsed = parse_program(text, REGISTRY)
    with pytest.raises(ProgramTypeError, match=message) as caught:
        check(parsed.program, CLEVR, REGISTRY, text=text, spans=parsed.spans, constant_spans=parsed.constant_spans)
    span = caught.value.span
    assert span is not None
    assert text[span.start : span.end] == marked
    assert "^" in str(caught.value)


def test_without_a_text_the_node_is_numbered() -> None:
    parsed = parse_program("count(filter(scene(), color=redd))", REGISTRY)
    with pytest.raises(ProgramTypeError, match=r"^node 1, 'redd' is not"):
        check(parsed.program, CLEVR, REGISTRY)


def test_sets_are_allowed_where_no_answer_is_needed() -> None:
    parsed = parse_program("filter(scene(), color=red)", REGISTRY)
    assert check(parsed.program, CLEVR, REGISTRY, answers=False)[-1] == ProgramType("ObjectSet")
