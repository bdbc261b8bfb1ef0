"""Outside: questions that a domain's language has no program for, to be met with "I don't know".

Talk about anything; questions of the domain in which one word is of another world; phrases of the domain in questions that
no operation answers, such as distances, superlatives, numbers and negation; questions that break off.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from random import Random
from typing import Any

from nmn.domain import Domain, shipped_domains
from nmn.parser.generation.description import Question
from nmn.parser.generation.inflection import article
from nmn.parser.generation.names import Names, Words
from nmn.parser.generation.patterns import Wordings, read_wordings, wordings
from nmn.parser.generation.questions import Speaker, capital, tidied
from nmn.parser.grammar import closed_phrases, grammar
from nmn.parser.lexicon import domain_phrases, plural
from nmn.program import Concept
from nmn.registry import default_registry

_SHORTEST_TYPO = 4  # letters of a word that another may be mistyped for
_KINDS = ("general", "strange", "operation", "broken", "twofold"), (28, 33, 30, 7, 2)
_WORD = re.compile(r"[a-z][a-z -]*")
_THEN = ("? And ", "? Also, ", "? Then, ", " and second, ", " and, by the way, ", "? Besides, ")
_STRANGE, _STRANGER = 0.2, 0.08  # chances that a word is of another world, for the first and for more
_LISTS = {
    "noun": "nouns",
    "adjective": "adjectives",
    "verb": "verbs",
    "relation": "relations",
    "attribute": "attributes",
    "person": "persons",
    "place": "places",
    "superlative": "superlatives",
    "comparative": "comparatives",
    "number": "numbers",
    "ordinal": "ordinals",
}
_FREE = frozenset({"person", "place", "superlative", "comparative", "number", "ordinal", "verb"})
_FOREIGN = frozenset({"noun", "adjective", "relation"})
_HELD = frozenset({"attribute", "attribute2"})


@lru_cache(maxsize=8)
def _others(domain: Domain) -> "Outside":
    return Outside(domain, Names(domain))


def outside(domain: Domain, random: Random) -> str:
    """A question outside a domain.

    Args:
        domain: Whose words are left out, or stand in a question that no operation answers.
        random: Chooses; equal states give equal texts.
    """
    return _others(domain).text(random)


class Outside:
    """Composes questions outside one domain.

    Args:
        domain: The domain.
        names: Its words.
    """

    def __init__(self, domain: Domain, names: Names) -> None:
        self.domain = domain
        self.names = names
        self.sampler = names.sampler(default_registry())
        table = read_wordings("outside")
        self.patterns = {name: Wordings(table["patterns"][name]) for name in ("general", "operations")}
        self.lists = self._lists(table)
        self.own_values = [
            each.formal for value, each in names.values.items() if value.attribute not in names.noun_values
        ] or [each.formal for each in names.values.values()]
        self.broken_after = frozenset(table["words"]["broken_after"].split())

    def text(self, random: Random) -> str:
        """One question."""
        kind = random.choices(*_KINDS)[0]
        return getattr(self, kind)(random)  # type: ignore[no-any-return]

    def general(self, random: Random) -> str:
        """A question about pictures or the world, or no question at all."""
        return self._ended(self._said("general", random, None), random)

    def strange(self, random: Random) -> str:
        """A question of the domain in which one word, sometimes more, is of another world."""
        question = self.sampler.question(random)
        style = random.choice(("plain", "clevr", "spoken", "spoken", "spoken"))
        chance = _STRANGE
        while True:
            speaker = _Stranger(self, style, question, random, chance)
            text = speaker.ask()
            if speaker.strange:
                return text
            chance = min(1.0, 2 * chance)

    def operation(self, random: Random) -> str:
        """What no operation gives, about things of the domain."""
        sides = (self.sampler.thing(random), self.sampler.thing(random))
        speaker = Speaker(self.names, wordings("spoken"), Question("", sides), random, informal=True)
        return self._ended(self._said("operations", random, speaker), random)

    def twofold(self, random: Random) -> str:
        """Two questions at once."""
        asked = []
        for _ in range(2):
            question = self.sampler.question(random)
            text = Speaker(self.names, wordings("plain"), question, random, informal=False).ask()
            asked.append(text.rstrip("?."))
        return f"{asked[0]}{random.choice(_THEN)}{asked[1][0].lower()}{asked[1][1:]}?"

    def broken(self, random: Random) -> str:
        """A question that breaks off."""
        question = self.sampler.question(random)
        said = Speaker(self.names, wordings("spoken"), question, random, informal=True).ask().split()
        ends = [place for place, word in enumerate(said[:-1], 1) if word.lower() in self.broken_after]
        if not ends:
            return " ".join(said[:1])
        return " ".join(said[: random.choice(ends)]) + random.choice(("", "", "?", "..."))

    def word(self, kind: str, random: Random) -> str:
        """A word of another world."""
        return random.choice(self.lists[kind])

    def _said(self, purpose: str, random: Random, speaker: Speaker | None) -> str:
        missing = frozenset() if speaker is None else speaker.missing()
        pattern = self.patterns[purpose].choose(random, missing - _HELD)
        assert pattern is not None
        return pattern.spoken(random, lambda slot: self._fill(slot, random, speaker))

    def _fill(self, slot: str, random: Random, speaker: Speaker | None) -> str:
        if slot in self.lists:
            return self.word(slot, random)
        if slot == "nouns":
            return _several(self.word("noun", random))
        if slot == "a_noun":
            return article(self.word("noun", random))
        if slot in ("own_attribute", "own_attributes"):
            words = random.choice([each.formal for each in self.names.attributes.values() if each.formal])
            return plural(random.choice(words)) if slot.endswith("s") else random.choice(words)
        if slot == "own_value":
            return random.choice(random.choice(self.own_values))
        assert speaker is not None
        return speaker.fill(slot)

    def _ended(self, text: str, random: Random) -> str:
        text = tidied(text + random.choice(("?", "?", "?", "", "", ".")))
        return text if random.random() < 0.4 else capital(text)

    def _lists(self, table: Mapping[str, Any]) -> Mapping[str, Sequence[str]]:
        """The words of another world by kind, less those that are the domain's or could be mistyped for them."""
        informal = tuple(self.domain.informal.words())
        known = _Typos((*domain_phrases(self.domain), *informal, *map(plural, informal)))
        lists: dict[str, Sequence[str]] = {}
        for kind, name in _LISTS.items():
            listed = table["words"][name]
            words = listed.split("|") if "|" in listed else listed.split()
            words = [word.strip().replace("-", " ") for word in words if word.strip()]
            if kind in _FOREIGN:
                words += [word for word in _foreign(self.domain, kind) if known.words.isdisjoint(_long(word))]
            # Numbers and the like belong to no domain, and persons may be named in any.
            lists[kind] = tuple(
                word
                for word in dict.fromkeys(words)
                if kind in _FREE or (_WORD.fullmatch(word) and word not in known and word not in _closed_words())
            )
        return lists


class _Stranger(Speaker):
    """Asks a question of the domain, some of its words taken from another world."""

    def __init__(self, world: Outside, style: str, question: Question, random: Random, chance: float) -> None:
        super().__init__(world.names, wordings(style), question, random, informal=style == "spoken")
        self.world = world
        self.rate = chance
        self.strange = 0

    def _is_strange(self) -> bool:
        found = self.chance() < (self.rate if not self.strange else _STRANGER)
        self.strange += found
        return found

    def word(self, words: Mapping[str, Words], name: str) -> str:
        """A word for an attribute or a relation, or for none."""
        kind = "relation" if words is self.names.relations else "attribute" if words is self.names.attributes else ""
        return self.world.word(kind, self.random) if kind and self._is_strange() else super().word(words, name)

    def value(self, concept: Concept) -> str:
        """A word for a value, or for none."""
        kind = "noun" if concept.attribute in self.names.noun_values else "adjective"
        return self.world.word(kind, self.random) if self._is_strange() else super().value(concept)

    def noun(self, *, several: bool) -> str:
        """A noun, or one of another world."""
        if not self._is_strange():
            return super().noun(several=several)
        word = self.world.word("noun", self.random)
        return _several(word) if several else word


def _several(noun: str) -> str:
    """The plural of a noun that may be one already."""
    return noun if noun.endswith("s") else plural(noun)


class _Typos:
    """Words together with all that differ from them by one letter left out, added, changed or swapped."""

    def __init__(self, phrases: Iterable[str]) -> None:
        words = {word for phrase in phrases for word in (phrase, *phrase.split())}
        self.near = {near for word in words for near in _shortened(word)} | words
        self.words = words

    def __contains__(self, word: str) -> bool:
        return any(each in self.words or not self.near.isdisjoint(_shortened(each)) for each in (word, plural(word)))


def _shortened(word: str) -> Iterator[str]:
    if len(word) >= _SHORTEST_TYPO:
        yield word
        for place in range(len(word)):
            yield word[:place] + word[place + 1 :]


@lru_cache(maxsize=1)
def _closed_words() -> frozenset[str]:
    """Words of the grammar itself: "with" is no relation here, and "this" no noun."""
    return frozenset(
        word for each in grammar().terminals for phrase in closed_phrases(each) for word in phrase.split()
    ) | {"this", "that", "he", "she", "they"}


def _long(phrase: str) -> set[str]:
    """The words of a phrase that say something."""
    return {word for word in phrase.split() if len(word) >= _SHORTEST_TYPO}


@lru_cache(maxsize=32)
def _foreign(domain: Domain, kind: str) -> tuple[str, ...]:
    """Words of a kind from the other domains that ship."""
    found: dict[str, None] = {}
    for name in shipped_domains():
        other = Domain.load(name)
        if other.name == domain.name:
            continue
        if kind == "relation":
            found |= dict.fromkeys(word for each in other.relations for word in each.words)
            continue
        wanted = "nouns" if kind == "noun" else "adjectives"
        for attribute in other.attributes:
            if attribute.values_are == wanted:
                found |= dict.fromkeys(word for words in attribute.value_words for word in words)
    return tuple(found)
