"""Names: the words with which a domain's things are spoken of, those that its grammar reads and those of people."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from random import Random

from nmn.domain import Domain
from nmn.parser.generation.sampling import QuestionSampler
from nmn.parser.lexicon import Meaning, domain_phrases, plural
from nmn.program import Concept
from nmn.registry import Registry

_ANY_NOUN = "one"  # read by every lexicon
_FIRST_TO_MIND = 1.5  # power of a random number: how much likelier the first words of a list are than the last
_DEGREE = re.compile(r"how (\w+)")  # what is asked with "how big" is compared with "as big as"
_SIDE = re.compile(r"(to|on|at|in) the (\w+(?: \w+){0,2}) of")


@dataclass(frozen=True)
class Words:
    """Words for one thing: those that the grammar reads, and all."""

    formal: tuple[str, ...]
    informal: tuple[str, ...] = ()

    def choose(self, random: Random, *, freely: float) -> str:
        """One of them; ``freely`` is the chance of one that the grammar does not read, where there is such a word."""
        words = self.formal
        if self.informal and (not words or random.random() < freely):
            # Those that come first to mind are listed first.
            return self.informal[int(random.random() ** _FIRST_TO_MIND * len(self.informal))]
        return words[0] if len(words) == 1 else words[int(random.random() * len(words))]


@dataclass
class Names:
    """All words of a domain, by what they name.

    Words that a domain's lexicon reads as something else are left out, so a thing without any of its own has no name.

    Args:
        domain: Declares the words.
    """

    domain: Domain
    nouns: Words = field(init=False)
    values: Mapping[Concept, Words] = field(init=False)
    noun_values: frozenset[str] = field(init=False)
    adjectives: Mapping[Concept, Words] = field(init=False)
    attributes: Mapping[str, Words] = field(init=False)
    predicates: Mapping[str, Words] = field(init=False)
    asked: Mapping[str, Words] = field(init=False)
    degrees: Mapping[str, tuple[str, ...]] = field(init=False)
    relations: Mapping[str, Words] = field(init=False)
    sides: Mapping[str, tuple[tuple[str, str], ...]] = field(init=False)
    protected: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        domain = self.domain
        informal = domain.informal
        lexicon = domain_phrases(domain)
        self.noun_values = frozenset(each.name for each in domain.attributes if each.values_are == "nouns")
        self.nouns = Words(_read(domain.nouns, lexicon, "NOUN") or (_ANY_NOUN,), informal.nouns)
        self.values, self.adjectives = {}, {}
        for attribute in domain.attributes:
            terminal = "NOUN" if attribute.name in self.noun_values else "VALUE"
            for value, words in zip(attribute.values, attribute.value_words, strict=True):
                concept = Concept(attribute.name, value)
                found = Words(
                    _read(words, lexicon, terminal, concept=concept), informal.values.get((attribute.name, value), ())
                )
                if found.formal:
                    self.values[concept] = found
                adjectives = informal.adjectives.get((attribute.name, value))
                if adjectives:
                    self.adjectives[concept] = Words((), adjectives)
        self.attributes = {
            each.name: Words(
                _read(each.words, lexicon, "ATTRIBUTE", name=each.name), informal.attributes.get(each.name, ())
            )
            for each in domain.attributes
        }
        self.predicates = {
            each.name: Words((each.predicate,) if each.predicate else (), informal.predicates.get(each.name, ()))
            for each in domain.attributes
        }
        self.asked = {
            each.name: Words(each.asked_as, informal.asked_as.get(each.name, ())) for each in domain.attributes
        }
        self.degrees = {
            name: tuple(how[1] for each in words.formal if (how := _DEGREE.fullmatch(each)))
            for name, words in self.asked.items()
        }
        self.relations = {
            each.name: Words(
                _read(each.words, lexicon, "RELATION", name=each.name), informal.relations.get(each.name, ())
            )
            for each in domain.relations
        }
        self.sides = {name: tuple(_sides((*each.formal, *each.informal))) for name, each in self.relations.items()}
        informal_words = [*informal.words(), *map(plural, informal.words())]
        self.protected = frozenset(word for phrase in (*lexicon, *informal_words) for word in phrase.split())
        self.noun_words = {
            word
            for concept, words in self.values.items()
            if concept.attribute in self.noun_values
            for word in words.formal
        }
        self.by_attribute: dict[str, list[Concept]] = {}
        for concept in self.values:
            self.by_attribute.setdefault(concept.attribute, []).append(concept)
        self.plurals: dict[str, str] = {}

    @property
    def unnamed(self) -> Mapping[str, int]:
        """How many values, attributes and relations have no word that only they have, so that nothing is asked about them."""
        counted = {
            "values": len(self.domain.concepts) - len(self.values),
            "attributes": sum(not each.formal for each in self.attributes.values()),
            "relations": sum(not each.formal for each in self.relations.values()),
        }
        return {what: number for what, number in counted.items() if number}

    def sampler(self, registry: Registry) -> QuestionSampler:
        """Draws questions of whatever has a name, with the operations of a registry."""
        return QuestionSampler(
            self.domain,
            concepts=self.values,
            attributes={name for name, words in self.attributes.items() if words.formal},
            relations=[name for name, words in self.relations.items() if words.formal],
            operations={each.operation for each in registry},
        )

    def several(self, noun: str) -> str:
        """The plural of a noun or a phrase that ends in one."""
        found = self.plurals.get(noun)
        if found is None:
            # "Chairs" may be a value beside "chair"; nobody says "chairses".
            already = noun.endswith("s") and noun[:-1] in self.noun_words
            found = self.plurals[noun] = noun if already else plural(noun)
        return found


def _sides(phrases: Iterable[str]) -> Iterator[tuple[str, str]]:
    """The preposition and the noun of phrases such as "on the left side of", which allow "on its left side"."""
    for phrase in phrases:
        found = _SIDE.fullmatch(phrase)
        if found is not None:
            yield found[1], found[2]


def _read(
    words: Iterable[str],
    lexicon: Mapping[str, Meaning],
    terminal: str,
    *,
    name: str = "",
    concept: Concept | None = None,
) -> tuple[str, ...]:
    """The words that a lexicon reads as what they are here."""
    meaning = Meaning(terminal, name, concept)
    return tuple(word for word in words if lexicon.get(word) == meaning)
