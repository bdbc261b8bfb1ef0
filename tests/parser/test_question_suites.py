"""The suites that question parsers are measured with: what they hold, and what the grammar makes of them."""

from collections import Counter

import pytest
from noise import PARTS, QUESTIONS_OF_EACH_PART, known_words, noise_suite, outside_questions, paraphrases
from phrasing import Question

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import QuestionError
from nmn.parser.english import EnglishParser
from nmn.registry import default_registry

CLEVR = Domain.load("clevr")
PARSER = EnglishParser(CLEVR)
SUITE = noise_suite(CLEVR)


def reads(text: str) -> bool:
    try:
        return bool(PARSER.parse(text))
    except QuestionError:
        return False


def test_noise_has_four_equal_parts_of_different_questions() -> None:
    assert Counter(noisy.part for noisy in SUITE) == dict.fromkeys(PARTS, QUESTIONS_OF_EACH_PART)
    assert len({noisy.text for noisy in SUITE}) == len(SUITE) == 1000


def test_noise_is_the_same_every_time() -> None:
    noise_suite.cache_clear()
    assert noise_suite(CLEVR) == SUITE


def test_programs_of_noise_are_well_typed() -> None:
    for noisy in SUITE:
        assert check(noisy.question.program, CLEVR, default_registry())


def test_slips_and_missing_words_change_the_text() -> None:
    changed = [noisy for noisy in SUITE if noisy.part in ("typos", "small words left out")]
    assert all(noisy.text != noisy.question.text for noisy in changed)
    assert all(PARSER.parse(noisy.question.text) for noisy in changed)


def test_a_synonym_is_a_word_that_the_lexicon_does_not_hold() -> None:
    known = known_words(CLEVR)
    for noisy in SUITE:
        if noisy.part == "synonyms":
            assert set(noisy.text.lower().replace("-", " ").rstrip("?.").split()) - set(known)


def test_wordings_are_many_and_different() -> None:
    wordings = [text for tables in paraphrases().values() for found in tables.values() for text in found]
    assert len(wordings) == len({text.lower().strip(" ?.") for text in wordings}) >= 150


@pytest.mark.parametrize("part", PARTS)
def test_what_the_grammar_reads_of_noise_it_reads_right(part: str) -> None:
    for noisy in SUITE:
        if noisy.part == part and reads(noisy.text):
            assert PARSER.parse(noisy.text)[0].program.canonical() == noisy.question.program, noisy.text


def test_the_grammar_reads_most_questions_without_small_words() -> None:
    read = [reads(noisy.text) for noisy in SUITE if noisy.part == "small words left out"]
    assert sum(read) / len(read) >= 0.9


def test_the_grammar_knows_that_it_does_not_know_what_lies_outside() -> None:
    outside = outside_questions()
    assert len(outside) == len({text.lower() for text in outside}) >= 300
    assert [text for text in outside if reads(text)] == []


def test_every_question_is_a_question_of_its_own() -> None:
    assert isinstance(SUITE[0].question, Question)
    assert not {noisy.text for noisy in SUITE} & set(outside_questions())
