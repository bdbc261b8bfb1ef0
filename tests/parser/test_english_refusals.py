"""English questions, what is refused: always a QuestionError that shows the place and says what would be right."""

import pytest
from examples import examples
from hypothesis import given
from hypothesis import strategies as st

from nmn.domain import Domain
from nmn.errors import QuestionError, Span
from nmn.parser.english import EnglishParser
from nmn.parser.lexicon import LONGEST_QUESTION

PARSER = EnglishParser(Domain.load("clevr"))
WORDS = sorted(PARSER.lexicon.words)
QUESTIONS = (
    "How many other cubes are the same size as the red thing?",
    "What number of objects are either big gray cubes or tiny cyan balls that are left of the metal thing?",
    "There is a block that is both left of the ball and behind the cylinder; is its color the same as the sphere?",
    "Are there fewer cubes right of the small ball than shiny things?",
    "Do the red thing in front of the cube and the blue ball have the same material?",
)


def refusal(question: str) -> QuestionError:
    with pytest.raises(QuestionError) as raised:
        PARSER.parse(question)
    error = raised.value
    assert error.text == question
    assert error.span is not None
    assert "\n" not in error.message
    assert str(error)
    return error


@pytest.mark.parametrize("question", ["", " ", "\n\t ", "?", " ... ?!"])
def test_nothing_is_no_question(question: str) -> None:
    assert "the question is empty" in refusal(question).message


def test_length_is_limited() -> None:
    fitting = "How many cubes are there".ljust(LONGEST_QUESTION)
    assert PARSER.parse(fitting)
    assert "10,001 characters; at most 10,000" in refusal(fitting + " ").message


@pytest.mark.parametrize(
    ("question", "message", "place"),
    [
        ("How many cubse are there?", "unknown word 'cubse'; did you mean 'cube' or 'cubes'?", "cubse"),
        ("How many things are not red?", "the language has no negation", "not"),
        ("Are there 3 cubes?", "the language has no numbers", "3"),
        ("Wie viele Würfel gibt es?", "questions are read in English", "Wie"),
        ("How many café cubes are there?", "unknown word 'café': questions are read in English", "café"),
        ("How many red @ cubes are there?", "unknown sign '@'", "@"),
        (
            "How many left cubes are there?",
            "'left' means nothing by itself; it is known in 'on the left of'",
            "left",
        ),
        ("How many left of the cube are there?", "expected a thing, such as 'the thing'", "left of"),
        ("cubes how many are there?", "'how many' does not fit here", "how many"),
        ("How many cubes are left of", "the question breaks off; expected a thing", ""),
        ("What material made of is the cube?", "'made of' does not fit here; expected 'is' or 'are'", "made of"),
        ("The red cube is left of the ball.", "nothing is asked", "The red cube is left of the ball."),
        ("Is it red?", "'it' stands for nothing here; begin with 'There is a ...;'", "Is it red?"),
        ("How many other cubes are there?", "'other' needs a 'same' or a place", "other cubes"),
        ("How many things are left of cubes?", "say 'the' and a singular, not 'cubes'", "cubes"),
        ("What color is any cube?", "say 'the' and a singular, not 'any'", "any cube"),
        ("How many things are left of the cubes?", "one thing is meant here", "the cubes"),
        ("Are the cubes red?", "whether several things are so cannot be asked", "the cubes"),
        ("Are all cubes red?", "'all' means nothing by itself", "all"),
        ("Is there a cube made of red?", "'red' is about color, but 'made of' about material", "red"),
        (
            "What color is the cube and the ball?",
            "one thing is meant here, not two",
            "What color is the cube and the ball?",
        ),
        ("Are there any cubes and balls?", "one question at a time", "Are there any cubes and balls?"),
        ("Is the cube the same size and color as the ball?", "one attribute at a time", None),
        ("Do the cube and the ball and the cylinder have the same size?", "", None),
        ("Does the cube have the same size?", "two things to compare are needed", None),
        ("Is the cube?", "nothing is said of the subject", None),
        ("How many blue are there?", "a noun such as 'thing' is missing after 'blue'", "blue"),
        ("What is left of the cube?", "'left of' does not fit here", "left of"),
    ],
)
def test_refusals_say_what_is_wrong_and_where(question: str, message: str, place: str | None) -> None:
    error = refusal(question)
    assert message in error.message
    if place is not None:
        assert error.span is not None
        assert question[error.span.start : error.span.end] == place


def test_no_name_of_a_terminal_shows() -> None:
    for question in QUESTIONS:
        words = question.split()
        for length in range(len(words)):
            try:
                PARSER.parse(" ".join(words[:length]))
            except QuestionError as error:
                assert not any(
                    terminal.name in error.message for terminal in PARSER._grammar.terminals if len(terminal.name) > 2
                )


def reads_or_refuses(question: str) -> None:
    try:
        parses = PARSER.parse(question)
    except QuestionError as error:
        assert isinstance(error.span, Span)
        assert error.message
        assert str(error)
    else:
        assert parses
        assert all(len(parse.spans) == len(parse.program.nodes) for parse in parses)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    reads_or_refuses(text)


@examples(400)
@given(st.lists(st.sampled_from([*WORDS, ";", ",", "?"]), max_size=25))
def test_any_words_are_read_or_refused(words: list[str]) -> None:
    reads_or_refuses(" ".join(words))


@examples(300)
@given(st.sampled_from(QUESTIONS).flatmap(lambda question: st.permutations(question.split())))
def test_shuffled_questions_are_read_or_refused(words: list[str]) -> None:
    reads_or_refuses(" ".join(words))


@examples(300)
@given(st.sampled_from(QUESTIONS), st.lists(st.tuples(st.integers(0, 30), st.sampled_from(WORDS)), max_size=4))
def test_questions_with_words_put_in_are_read_or_refused(question: str, extra: list[tuple[int, str]]) -> None:
    words = question.split()
    for place, word in extra:
        words.insert(place, word)
    reads_or_refuses(" ".join(words))


@pytest.mark.parametrize(
    "unit",
    [
        " that is left of the cube",
        " behind a cube",
        " and behind a cube",
        " or cubes",
        " red",
        " or red and",
        " left of it",
    ],
)
@pytest.mark.parametrize(
    "start", ["How many cubes", "There is a cube; how many things", "Do the cube", "Is the cube behind the ball"]
)
def test_the_longest_questions_are_read_or_refused(start: str, unit: str) -> None:
    reads_or_refuses((start + unit * LONGEST_QUESTION)[: LONGEST_QUESTION // len(unit) * len(unit)])
