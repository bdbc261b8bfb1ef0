"""Questions as they come: with slips of the keyboard, without small words, in other words, in other wordings.

Four equal parts; every question has its program by construction. Nothing here is taken from what parsers are trained on.
"""

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count as counting
from pathlib import Path
from random import Random

from ordinary import any_question
from paraphrasing import paraphrased
from phrasing import Question

from nmn.domain import Domain
from nmn.parser.english import EnglishParser

QUESTIONS_OF_EACH_PART = 250
WORDINGS = Path(__file__).resolve().parent / "wordings"

_SHORTEST_MISTYPED = 4  # letters
_LONG_QUESTION = 12  # words, from which a second slip is made now and then
_MOST_SYNONYMS = 3
_BESIDE = {  # on the keyboard
    **dict(zip("qwertyuiop", "wertyuioqi", strict=True)),
    **dict(zip("asdfghjkl", "sdfghjkla", strict=True)),
    **dict(zip("zxcvbnm", "xcvbnmz", strict=True)),
}
_ARTICLES = frozenset({"the", "a", "an", "any"})
_VERBS = frozenset({"is", "are"})


@dataclass(frozen=True)
class Noisy:
    """A question of the suite: which part it belongs to, what it says, and what it means."""

    part: str
    text: str
    question: Question


@lru_cache(maxsize=4)
def noise_suite(domain: Domain) -> tuple[Noisy, ...]:
    """All parts, always the same ones."""
    return tuple(Noisy(part, text, question) for part, write in PARTS.items() for text, question in write(domain))


def outside_questions() -> list[str]:
    """Questions that no program of CLEVR's domain answers."""
    lines = (WORDINGS / "outside.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


Changed = tuple[str, Question]
"""A text, and the question that it says in its way."""


def _distinct(name: str, make: Callable[[Random], Changed | None]) -> Iterator[Changed]:
    random = Random(f"noise {name}")
    seen: set[str] = set()
    while len(seen) < QUESTIONS_OF_EACH_PART:
        made = make(random)
        if made is not None and made[0] not in seen:
            seen.add(made[0])
            yield made


def known_words(domain: Domain) -> Collection[str]:
    """What the grammar's lexicon holds."""
    return EnglishParser(domain).lexicon.words


def mistyped(domain: Domain) -> Iterator[Changed]:
    """With one or two slips of the keyboard, none of which gives another word of the language."""
    known = frozenset(known_words(domain))

    def make(random: Random) -> Changed:
        question = any_question(random, domain)
        words = question.text.split(" ")
        slips = 1 + (len(words) >= _LONG_QUESTION and random.random() < 0.5)
        places = [index for index, word in enumerate(words) if len(word.strip("?.,;")) >= _SHORTEST_MISTYPED]
        for place in random.sample(places, min(slips, len(places))):
            words[place] = _slip(words[place], random, known)
        text = " ".join(words)
        if random.random() < 0.1:  # a space is missing
            space = random.choice([index for index, letter in enumerate(text) if letter == " "])
            text = text[:space] + text[space + 1 :]
        return text, question

    return _distinct("mistyped", make)


def _slip(word: str, random: Random, known: Collection[str]) -> str:
    end = len(word.rstrip("?.,;"))
    letters, mark = word[:end], word[end:]
    for _ in counting():
        at = random.randrange(1, len(letters))  # the first letter is seldom wrong
        before, letter, after = letters[:at], letters[at], letters[at + 1 :]
        kind = random.choice(("swapped", "missing", "doubled", "beside"))
        if kind == "swapped":
            changed = before[:-1] + letter + before[-1] + after
        elif kind == "missing":
            changed = before + after
        elif kind == "doubled":
            changed = before + letter + letter + after
        else:
            changed = before + _BESIDE.get(letter, letter) + after
        if changed != letters and changed.lower() not in known:
            return changed + mark
    raise AssertionError


def shortened(domain: Domain) -> Iterator[Changed]:
    """Without articles and other small words, as in notes and searches."""

    def make(random: Random) -> Changed | None:
        question = any_question(random, domain)
        joined = any(word in question.text for word in (" both ", " either ", ","))
        text = question.text
        style = random.random()
        if style < 0.25 and not joined:  # telegraphic
            for phrase in (" that is", " that are", " are there?", " are visible?"):
                text = text.replace(phrase, "?" if phrase.endswith("?") else "")
        words = text.split(" ")
        keep = 0.5 if 0.25 <= style < 0.75 else 0.0
        verbs = 0.25 <= style < 0.5
        left = [
            word
            for before, word in zip(["", *words], words, strict=False)
            if not _may_go(before, word, verbs=verbs) or random.random() < keep
        ]
        text = " ".join(left)
        return (text, question) if text != question.text and len(left) > 1 else None

    return _distinct("shortened", make)


def _may_go(before: str, word: str, *, verbs: bool) -> bool:
    """Whether a word can be left out: an article, or a verb that neither begins the question nor follows "that"."""
    return word.lower() in _ARTICLES or (verbs and word in _VERBS and before.lower() not in ("", "that", "there"))


def reworded(domain: Domain) -> Iterator[Changed]:
    """With one to three words that the lexicon does not hold."""
    mixed = with_more_words(domain, Domain.load(WORDINGS / "synonyms.toml"))
    known = frozenset(known_words(domain))

    def make(random: Random) -> Changed | None:
        question = any_question(random, mixed)
        words = question.text.lower().replace("-", " ").split()
        strange = [word for word in words if word.strip("?.,;") not in known]
        return (question.text, question) if 0 < len(strange) <= _MOST_SYNONYMS else None

    return _distinct("reworded", make)


def with_more_words(domain: Domain, other: Domain) -> Domain:
    """A domain with the words of another one besides its own."""
    attributes = tuple(
        replace(
            attribute,
            words=(*attribute.words, *more.words),
            asked_as=(*attribute.asked_as, *more.asked_as),
            value_words=tuple(
                (*words, *more.value_words[more.index(value)])
                for value, words in zip(attribute.values, attribute.value_words, strict=True)
            ),
        )
        for attribute in domain.attributes
        for more in [other.attribute(attribute.name)]
    )
    relations = tuple(
        replace(relation, words=(*relation.words, *other.relation(relation.name).words))
        for relation in domain.relations
    )
    return replace(domain, nouns=(*domain.nouns, *other.nouns), attributes=attributes, relations=relations)


def paraphrases() -> dict[str, dict[str, list[str]]]:
    """Kind of question -> what the wording settles -> wordings."""
    found: dict[str, dict[str, list[str]]] = tomllib.loads((WORDINGS / "paraphrases.toml").read_text(encoding="utf-8"))
    return found


def turned(domain: Domain) -> Iterator[Changed]:
    """In wordings of another kind than the grammar's, each wording once before any comes again."""
    wordings = [
        (kind, settled, wording)
        for kind, tables in paraphrases().items()
        for settled, found in tables.items()
        for wording in found
    ]
    random = Random("noise turned order")
    order = random.sample(wordings, len(wordings)) + random.sample(wordings, len(wordings))
    chosen = iter(order)
    return _distinct("turned", lambda random: paraphrased(random, domain, *next(chosen)))


PARTS: Mapping[str, Callable[[Domain], Iterator[Changed]]] = {
    "typos": mistyped,
    "small words left out": shortened,
    "synonyms": reworded,
    "paraphrases": turned,
}
