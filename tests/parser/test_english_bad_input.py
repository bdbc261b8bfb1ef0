"""Bad input: whatever is given as a question is read or refused in one clear line, in bounded work and memory."""

import cProfile
import tracemalloc

import pytest

from nmn.domain import Domain
from nmn.errors import QuestionError
from nmn.parser.english import EnglishParser
from nmn.parser.lexicon import LONGEST_QUESTION

PARSER = EnglishParser(Domain.load("clevr"))
MOST_MEMORY = 16e6  # bytes, for any text of up to a megabyte; 10 MB are used
MOST_CALLS = 300  # of functions, a character of the question; 240 are made for the hardest of these
MOST_CALLS_TO_REFUSE = 2000  # of functions, for what is too long; 900 are made
LONGEST_MESSAGE = 300  # characters
UNICODE = {
    "nul": ("How many \0 cubes are there?", "U+0000"),
    "escape": ("How many \x1b[31mcubes are there?", "U+001B"),
    "bell": ("How many cubes\a are there?", "U+0007"),
    "right-to-left override": ("How many \u202esebuc\u202c are there?", "U+202E (RIGHT-TO-LEFT OVERRIDE)"),
    "right-to-left mark": ("How many cubes\u200f are there?", "RIGHT-TO-LEFT MARK"),
    "zero width joiner": ("How many cu\u200dbes are there?", "ZERO WIDTH JOINER"),
    "byte order mark": ("\ufeffHow many cubes are there?", "U+FEFF"),
    "combining": ("How many cu\u0301bes are there?", "COMBINING ACUTE ACCENT"),
    "lone surrogate": ("How many \ud800 cubes are there?", "U+D800"),
    "surrogates alone": ("\udcff\udcfe", "holds no word"),
    "no character": ("How many \uffff cubes are there?", "U+FFFF"),
    "emoji": ("How many \U0001f7e5 cubes are there?", "unknown sign '\U0001f7e5'"),
    "emoji alone": ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "holds no word"),
    "mixed scripts": ("How \u043cany cubes are there?", "in which '\u043c' is CYRILLIC SMALL LETTER EM"),
    "another script": ("\u06a9\u062a\u0646\u06d2 \u0645\u06a9\u0639\u0628\u061f", "questions are read in English"),
    "accents": ("How many cubés are there?", "unknown word 'cubés': questions are read in English"),
    "dotted i": ("\u0130s there a cube?", "unknown word"),
    "fractions": ("\u00bd \u00b2 \u0663", "unknown word"),
    "dashes": ("\u2014 \u2014", "holds no word"),
    "brackets": ("How many [cubes} are there?", "unknown sign '['"),
    "hash": ("# cubes?", "unknown sign '#'"),
    "no-break spaces": ("\u00a0\u2003\u3000", "the question is empty"),
    "marks": ("?!?!" * 2000, "the question is empty"),
    "parentheses": ("(" * 9000, "the question is empty"),
    "a long word": ("How many " + "x" * 9000, "unknown word 'xxx"),
    "two questions": ("How many cubes are there?\nHow many balls are there?", "does not fit here"),
}
TOO_LONG = {
    "a megabyte of a word": "a" * 10**6,
    "a megabyte of words": "cube " * 200_000,
    "a megabyte of spaces": " " * 10**6,
    "a megabyte of signs": "\0" * 10**6,
    "ten thousand clauses": "How many things are left of the cube" + " that is left of the cube" * 10_000 + "?",
}
REPEATED = (  # a beginning, what is repeated, an end
    ("How many things are left of the cube", " that is left of the cube", "?"),
    ("How many things are left of the cube", " and behind the ball", "?"),
    ("How many cubes", " behind the cube", " are there?"),
    ("How many ", "red or ", "blue cubes are there?"),
    ("How many ", "red ", "cubes are there?"),
    ("How many cubes", ",", " are there?"),
    ("There is a cube", ";", " is it red?"),
    ("How many cubes", " and", " are there?"),
    ("Do the cube", " and the ball", " have the same size?"),
    ("How many things are either cubes", " or balls that are behind the cube", ""),
    ("How many things are the same size", " and size", " as the cube?"),
    ("How many cubes are left of", " or behind", " the cube?"),
    ("What is the ", "cube's ", "color?"),
    ("How many ", "foo ", "are there?"),
)


def refusal(text: str) -> QuestionError:
    with pytest.raises(QuestionError) as raised:
        PARSER.parse(text)
    return raised.value


@pytest.mark.parametrize(("text", "message"), UNICODE.values(), ids=UNICODE)
def test_what_is_no_english_is_refused_in_one_line_that_can_be_printed(text: str, message: str) -> None:
    error = refusal(text)
    assert message in error.message
    assert len(error.message) <= LONGEST_MESSAGE
    assert error.message.isprintable()
    assert error.span is not None
    assert 0 <= error.span.start <= error.span.end <= len(text)
    assert all(line.isprintable() for line in str(error).splitlines())
    str(error).encode()


@pytest.mark.parametrize("text", ["How\tmany\r\ncubes\vare\fthere?", 'How many ((("cubes) \u2013 are "there\u2026'])
def test_spaces_of_all_kinds_quotes_and_parentheses_do_not_matter(text: str) -> None:
    assert PARSER.parse(text)[0].program == PARSER.parse("How many cubes are there?")[0].program


def calls(text: str) -> int:
    """Calls of functions that reading a text, or saying why it cannot be read, takes: work that no clock has to measure."""
    profile = cProfile.Profile()
    profile.runcall(attempt, text)
    return sum(entry.callcount for entry in profile.getstats())


@pytest.mark.parametrize("text", TOO_LONG.values(), ids=TOO_LONG)
def test_what_is_too_long_costs_next_to_nothing(text: str) -> None:
    tracemalloc.start()
    error = refusal(text)
    shown = str(error)
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "at most 10,000 are read" in error.message
    assert len(shown) < 1000
    assert memory < MOST_MEMORY
    assert calls(text) < MOST_CALLS_TO_REFUSE


def long(start: str, unit: str, end: str, share: int = 1) -> str:
    return start + unit * ((LONGEST_QUESTION - len(start) - len(end)) // len(unit) // share) + end


def attempt(text: str) -> None:
    try:
        PARSER.parse(text)
    except QuestionError as error:
        assert str(error)


@pytest.mark.parametrize("parts", REPEATED, ids=lambda parts: parts[1].strip())
def test_work_grows_with_the_length_and_no_faster(parts: tuple[str, str, str]) -> None:
    longest = long(*parts)
    work = calls(longest)
    assert work < MOST_CALLS * len(longest)
    assert work < 2.1 * calls(long(*parts, share=2))


@pytest.mark.parametrize("parts", REPEATED, ids=lambda parts: parts[1].strip())
def test_long_questions_take_bounded_memory(parts: tuple[str, str, str]) -> None:
    tracemalloc.start()
    attempt(long(*parts, share=5))  # watching memory is slow
    memory = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert memory < MOST_MEMORY / 5
