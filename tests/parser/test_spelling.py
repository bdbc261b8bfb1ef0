"""Questions with slips of the keyboard: read as they were meant, with a confidence that falls with what was changed."""

import pickle
from random import Random

import pytest
from examples import examples
from hypothesis import assume, given
from hypothesis import strategies as st

from nmn.domain import Domain
from nmn.errors import QuestionError
from nmn.parse import Readings
from nmn.parser.english import EnglishParser
from nmn.parser.generation.generator import QuestionGenerator
from nmn.parser.spelling import SpellingParser, distance

CLEVR = Domain.load("clevr")
GRAMMAR = EnglishParser(CLEVR)
SPELLING = SpellingParser(GRAMMAR)
GENERATOR = QuestionGenerator(CLEVR)

words = st.text("abcde", min_size=1, max_size=7)


def slip(word: str, random: Random) -> str:
    """A word with one slip."""
    place = random.randrange(len(word))
    before, letter, after = word[:place], word[place], word[place + 1 :]
    changed = [before + after, before + letter + letter + after, before + random.choice("qxz") + after]
    if after:
        changed.append(before + after[0] + letter + after[1:])
    return random.choice(changed)


@given(words, words)
def test_distances_are_the_same_both_ways_and_0_for_equal_words_only(first: str, second: str) -> None:
    assert distance(first, second) == distance(second, first)
    assert (distance(first, second) == 0) == (first == second)
    assert abs(len(first) - len(second)) <= distance(first, second) <= max(len(first), len(second))


@given(words, st.integers(0, 10**6))
def test_a_slip_is_a_distance_of_one(word: str, seed: int) -> None:
    changed = slip(word, Random(seed))
    assert distance(word, changed) == (word != changed)


@given(st.integers(0, 10**6))
@examples(40)
def test_with_a_slip_a_question_is_read_as_it_was_meant(seed: int) -> None:
    random = Random(seed)
    example = GENERATOR.sample(random, "plain")
    assert example.program is not None
    places = [place for place, word in enumerate(example.text.split(" ")) if len(word.strip("?.,;:")) >= 5]
    assume(places)
    written = example.text.split(" ")
    place = random.choice(places)
    bare = written[place].strip("?.,;:")
    mistyped = slip(bare, random)
    assume(mistyped.isalpha() and mistyped.lower() not in SPELLING.known)
    written[place] = written[place].replace(bare, mistyped)
    readings = SPELLING.parse(" ".join(written))
    assert example.program.canonical() in [each.program.canonical() for each in readings]
    assert 0 < sum(each.confidence for each in readings) <= 1 + 1e-9
    assert [each.confidence for each in readings] == sorted((each.confidence for each in readings), reverse=True)


def read(question: str) -> Readings:
    return SPELLING.parse(question)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("How many cubez are there?", "How many cubes are there?"),
        ("How mnay CUBES are thre?", "How many cubes are there?"),
        ("What is teh colr of the bigcube lfet of the ball?", "What is the color of the big cube left of the ball?"),
        ("How many cylnders are behind the metalic ball?", "How many cylinders are behind the metallic ball?"),
        ("How many cylidnres are there?", "How many cylinders are there?"),
        ("Are thereany small things?", "Are there any small things?"),
    ],
)
def test_slips_of_every_kind_are_put_right(written: str, meant: str) -> None:
    assert read(written)[0].program == GRAMMAR.parse(meant)[0].program
    assert read(written)[0].confidence > 0.5


def test_stretches_are_those_of_the_question_as_it_was_written() -> None:
    question = "What is teh colr of the bigcube lfet of the ball?"
    (reading, *_) = read(question)
    meant = GRAMMAR.parse("What is the color of the big cube left of the ball?")[0]
    assert len(reading.spans) == len(meant.spans)
    stretches = [question[span.start : span.end] for span in reading.spans if span is not None]
    assert {"colr", "lfet of", "ball"} <= set(stretches)
    assert all(stretch.strip() == stretch and stretch for stretch in stretches)


def test_what_was_changed_more_is_less_likely() -> None:
    one, two = (read(text)[0].confidence for text in ("How many cubez are there?", "How maany cubez are there?"))
    assert one > two
    long, short = read("How many cylindrs are there?")[0].confidence, read("How many bals are there?")[0].confidence
    assert long > short


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How many cubes are there?", "no word is misspelled"),
        ("How many elephants are there?", "'elephants' is like no known word"),
        ("Wie viele Würfel gibt es denn hier?", "too many"),
        ("cubez", "make a question"),
        ("", "empty"),
        ("a" * 10_001, "characters"),
    ],
)
def test_what_is_not_misspelled_is_refused(question: str, words: str) -> None:
    with pytest.raises(QuestionError, match=words) as raised:
        read(question)
    assert "\n" not in raised.value.message


def test_words_that_are_known_to_be_right_are_not_changed() -> None:
    assert read("Are there any bells?")
    with pytest.raises(QuestionError, match="'bells' is not misspelled"):
        SpellingParser(GRAMMAR, ["bells"]).parse("Are there any bells?")


def test_it_goes_to_another_process() -> None:
    sent = pickle.loads(pickle.dumps(SpellingParser(GRAMMAR, ["bells"])))
    assert sent.words == {"bells"}
    assert sent.parse("How many cubez are there?")[0].program == read("How many cubez are there?")[0].program


def test_long_texts_without_sense_are_refused_fast() -> None:
    for text in ("cubez " * 1500, "abc" * 3000, "how many " * 1000 + "cubez"):
        with pytest.raises(QuestionError):
            read(text)
