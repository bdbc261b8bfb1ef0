"""Laws of noise and of questions outside a domain: what they never say, and how many different things they do."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from nmn.domain import Domain
from nmn.errors import DomainError, QuestionError
from nmn.parser.english import EnglishParser
from nmn.parser.generation.generator import QuestionGenerator
from nmn.parser.generation.names import Names
from nmn.parser.generation.noise import noisy
from nmn.parser.generation.outside import Outside, outside
from nmn.parser.lexicon import pieces

CLEVR = Domain.load("clevr")
NAMES = Names(CLEVR)
GENERATOR = QuestionGenerator(CLEVR)
PARSER = EnglishParser(CLEVR, most_readings=1)
QUESTION = "How many other small cylinders are there that have the same colour as their big red neighbour, the cube?"


def said(text: str) -> set[str]:
    """The words of the domain in a text."""
    return NAMES.protected & set(pieces(text))


def test_a_seed_gives_the_same_noise_again() -> None:
    assert noisy(QUESTION, Random(5)) == noisy(QUESTION, Random(5))
    assert len({noisy(QUESTION, Random(seed)) for seed in range(200)}) > 150


def test_noise_never_says_another_word_of_the_domain() -> None:
    random = Random(0)
    for _ in range(800):
        text = GENERATOR.sample(random, "spoken").text
        assert said(noisy(text, random, words=NAMES.protected)) <= said(text), text


def test_noise_leaves_most_of_a_question() -> None:
    random = Random(1)
    changed = [noisy(QUESTION, random, words=NAMES.protected) for _ in range(500)]
    same = [
        len(set(QUESTION.lower().split()) & set(text.lower().split())) / len(set(QUESTION.split())) for text in changed
    ]
    assert sum(same) / len(same) > 0.8
    assert sum(text != QUESTION for text in changed) > 480


@pytest.mark.parametrize("text", ["", "?", "a", "?!", "the", "  ", "xx"])
def test_noise_takes_any_text(text: str) -> None:
    for seed in range(50):
        noisy(text, Random(seed), words=NAMES.protected)


def test_most_noisy_questions_are_not_read_by_the_grammar() -> None:
    def is_read(text: str) -> bool:
        try:
            PARSER.parse(text)
        except QuestionError:
            return False
        return True

    random = Random(2)
    assert sum(is_read(GENERATOR.sample(random, "noisy").text) for _ in range(300)) < 100


def test_the_grammar_reads_nothing_from_outside() -> None:
    random = Random(3)
    for _ in range(800):
        text = outside(CLEVR, random)
        with pytest.raises(QuestionError):
            PARSER.parse(text)


def test_a_question_of_the_domain_but_for_a_word_holds_a_strange_word() -> None:
    world, random = Outside(CLEVR, NAMES), Random(4)
    strange = {word for words in world.lists.values() for phrase in words for word in phrase.split()}
    strange |= (
        {f"{word}s" for word in strange} | {f"{word}es" for word in strange} | {f"{word[:-1]}ies" for word in strange}
    )
    for _ in range(300):
        text = world.strange(random)
        assert strange & {*pieces(text), *text.lower().split()}, text


def test_strange_words_are_none_of_the_domain_and_no_slips_of_them() -> None:
    world = Outside(CLEVR, NAMES)
    for kind in ("noun", "adjective", "relation", "attribute"):
        assert len(world.lists[kind]) >= 40, kind
        assert not NAMES.protected & {word for word in world.lists[kind] if " " not in word}, kind
    assert not {"cubs", "blocks", "steal", "blu", "boxes", "shin"} & set(world.lists["noun"])


def test_questions_from_outside_are_many() -> None:
    random = Random(5)
    texts = [outside(CLEVR, random).lower() for _ in range(2_000)]
    assert len(set(texts)) > 1_600
    assert Counter(text.split()[0] for text in texts).most_common(1)[0][1] < 400


def test_informal_words_stand_for_one_thing_and_are_not_read_by_the_grammar() -> None:
    words = list(CLEVR.informal.words())
    assert len(words) == len(set(words)) > 200
    assert not set(words) & set(CLEVR.words())
    with pytest.raises(QuestionError, match="unknown word 'crimson'"):
        PARSER.parse("How many crimson cubes are there?")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("values.colour = { red = ['crimson'] }", r"\[informal.values\]: unknown key 'colour'"),
        (
            "values.color = { rad = ['crimson'] }",
            r"\[informal.values.color\]: unknown key 'rad', did you mean 'red'|rad",
        ),
        ("nouns = ['cube']", "'cube' stands for two things"),
        ("attributes = { color = ['hue'], size = ['hue'] }", "'hue' stands for two things"),
        ("relations = { left = [] }", "must be a list of at least one word"),
        ("verbs = ['go']", r"\[informal\]: unknown key 'verbs'"),
    ],
)
def test_informal_words_are_checked(lines: str, message: str, tmp_path: Path) -> None:
    text = """
        name = "small"
        version = 1
        nouns = ["thing"]
        [attributes.size]
        words = ["size"]
        values = ["large"]
        [attributes.color]
        words = ["color"]
        values = ["red"]
        [attributes.shape]
        words = ["shape"]
        values = ["cube"]
        [relations.left]
        words = ["left of"]
        [informal]
        """
    path = tmp_path / "small.toml"
    path.write_text(text + lines, encoding="utf-8")
    with pytest.raises(DomainError, match=message):
        Domain.load(path)
