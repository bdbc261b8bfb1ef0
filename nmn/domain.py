"""Domain: what can be talked about, declared once in a TOML file.

A domain file holds::

    name = "clevr"                     # the domain's name
    version = 1                        # raised when its meaning changes
    nouns = ["thing", "object"]        # words for an object of any kind
    largest_count = 10                 # optional: the largest number in the answer vocabulary
    ambiguous = ["dark"]               # optional: words that stand for several things; any other word names only one
    comparable = ["material"]          # optional: the attributes that two things may have in common; all if not given

    [attributes.material]              # one table an attribute, in the order of the layout
    words = ["material"]               # what the attribute is called; the first is used in print
    values_are = "adjectives"          # optional: "adjectives" (default) or "nouns"
    exclusive = true                   # optional: whether an object has exactly one of the values (default), or any number
    predicate = "made of"              # optional: "what is it made of", "made of the same material"
    asked_as = ["how big"]             # optional: "how big is it"
    [attributes.material.values]       # value = its words; the first is used in print
    rubber = ["rubber", "matte"]

    [attributes.name]
    words = ["kind"]
    values = ["dog", "polar bear", "animal"]    # instead of a table, where each value is its own and only word
    synonyms = { "polar bear" = ["ice bear"] }  # optional, with a list: more words for some of the values
    hypernyms = { animal = ["dog", "polar bear"] }    # optional: what has a value listed here has that before it, too

    [geometry]                         # optional
    margin = 0.2                       # a coordinate must exceed another by this much for a relation to hold

    [relations.left]
    words = ["left of", "to the left of"]
    inverse = "right"                  # optional
    answer = "left"                    # optional: what it is called as an answer; its name if not given
    axis = 0                           # optional: the ground-plane axis it is measured on (0 right, 1 front)
    sign = -1                          # -1 or 1, with axis

    [comparatives]                     # optional
    larger = ["size", "large"]         # the attribute and the value of which the larger one has more

    [informal]                         # optional: words of people that the English grammar does not read; generated
    nouns = ["item"]                   # questions use them, so that a trained parser learns them
    attributes = { material = ["substance"] }
    predicates = { material = ["made out of"] }
    asked_as = { material = ["what stuff"] }
    values.material = { rubber = ["rubbery"] }    # of the same kind as the value's own words
    adjectives.kind = { dog = ["canine"] }        # where the value's own words are nouns
    relations = { left = ["leftward of"] }

Attributes, values and relations are named by lower-case words with single spaces: ``[relations."to the left of"]``.

From it derive the constants of the language, the lexicon of the English grammar and the layout of perception's heads.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from nmn import plugins
from nmn.errors import DomainError, nearest
from nmn.toml_file import Entries
from nmn.vocabulary import Attribute, Informal, Relation, VocabularyReader

__all__ = ["NO", "YES", "Attribute", "Domain", "Informal", "Relation", "shipped_domains"]

YES, NO = "yes", "no"


@dataclass(frozen=True)
class Domain:
    """What can be talked about. Load one with :meth:`load`."""

    name: str
    version: int
    nouns: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    relations: tuple[Relation, ...]
    largest_count: int = 10
    ambiguous: frozenset[str] = frozenset()
    comparatives: tuple[tuple[str, tuple[str, str]], ...] = ()
    comparable: tuple[str, ...] = ()
    informal: Informal = field(default_factory=Informal, hash=False)

    @staticmethod
    def load(source: str | Path) -> "Domain":
        """Load a domain that ships with this or an installed package, by name, or any domain file, by path.

        Raises: DomainError when there is no such domain or the file breaks the format.
        """
        return _load(str(source))

    @cached_property
    def _attribute_by_name(self) -> Mapping[str, Attribute]:
        return {attribute.name: attribute for attribute in self.attributes}

    @cached_property
    def _relation_by_name(self) -> Mapping[str, Relation]:
        return {relation.name: relation for relation in self.relations}

    def attribute(self, name: str) -> Attribute:
        """The attribute of this name. Raises: DomainError, naming the nearest."""
        found = self._attribute_by_name.get(name)
        if found is None:
            raise DomainError(f"{self.name} has no attribute {name!r}{nearest(name, self._attribute_by_name)}")
        return found

    def relation(self, name: str) -> Relation:
        """The relation of this name. Raises: DomainError, naming the nearest."""
        found = self._relation_by_name.get(name)
        if found is None:
            raise DomainError(f"{self.name} has no relation {name!r}{nearest(name, self._relation_by_name)}")
        return found

    @cached_property
    def concepts(self) -> tuple[tuple[str, str], ...]:
        """All (attribute, value) pairs, in the one layout that every ``Value`` and concept id uses."""
        return tuple((attribute.name, value) for attribute in self.attributes for value in attribute.values)

    @cached_property
    def concept_attributes(self) -> tuple[int, ...]:
        """For each concept of the layout, the position of its attribute."""
        return tuple(self.attribute_ids[name] for name, _ in self.concepts)

    @cached_property
    def _concept_ids(self) -> Mapping[tuple[str, str], int]:
        return {concept: index for index, concept in enumerate(self.concepts)}

    def concept_id(self, attribute: str, value: str) -> int:
        """Position of (attribute, value) in the layout. Raises: DomainError."""
        found = self._concept_ids.get((attribute, value))
        if found is None:
            return self.span(attribute)[0] + self.attribute(attribute).index(value)
        return found

    @cached_property
    def included(self) -> Mapping[int, tuple[int, ...]]:
        """For each concept that others imply (a dog is an animal), the ids of all that do, its own first."""
        return {
            self.concept_id(attribute.name, value): tuple(self.concept_id(attribute.name, each) for each in values)
            for attribute in self.attributes
            for value, values in attribute.included.items()
        }

    @cached_property
    def _spans(self) -> Mapping[str, tuple[int, int]]:
        spans: dict[str, tuple[int, int]] = {}
        start = 0
        for attribute in self.attributes:
            spans[attribute.name] = (start, start + len(attribute.values))
            start += len(attribute.values)
        return spans

    def span(self, attribute: str) -> tuple[int, int]:
        """First and last-plus-one position of an attribute's values in the layout. Raises: DomainError."""
        return self._spans[self.attribute(attribute).name]

    @cached_property
    def attribute_ids(self) -> Mapping[str, int]:
        """Attribute name to its position."""
        return {attribute.name: index for index, attribute in enumerate(self.attributes)}

    @cached_property
    def comparable_ids(self) -> tuple[int, ...]:
        """Positions of the attributes that two objects may have in common; of all, if the domain names none."""
        return tuple(self.attribute_ids[name] for name in self.comparable or self.attribute_ids)

    @cached_property
    def relation_ids(self) -> Mapping[str, int]:
        """Relation name to its position."""
        return {relation.name: index for index, relation in enumerate(self.relations)}

    @cached_property
    def answers(self) -> tuple[str, ...]:
        """The answer vocabulary: yes, no, every number up to the largest, every value."""
        numbers = tuple(str(number) for number in range(self.largest_count + 1))
        return (YES, NO, *numbers, *dict.fromkeys(value for _, value in self.concepts))

    @cached_property
    def fingerprint(self) -> str:
        """Changes when a name, a value or their order changes; words and versions do not count. Kept with weights."""
        layout: dict[str, Any] = {
            "name": self.name,
            "attributes": [(attribute.name, attribute.values) for attribute in self.attributes],
            "relations": [
                (relation.name, relation.axis, relation.sign, relation.margin) for relation in self.relations
            ],
        }
        hypernyms = {each.name: each.hypernyms for each in self.attributes if each.hypernyms}
        several = [each.name for each in self.attributes if not each.exclusive]
        if hypernyms or several:
            layout |= {"hypernyms": hypernyms, "several": several}
        return hashlib.sha256(json.dumps(layout).encode()).hexdigest()[:16]

    def words(self) -> Iterator[str]:
        """Every word or phrase that names something of the domain."""
        yield from self.nouns
        for attribute in self.attributes:
            yield from attribute.words
            for words in attribute.value_words:
                yield from words
        for relation in self.relations:
            yield from relation.words


def shipped_domains() -> tuple[str, ...]:
    """Names of the domains that ship with the package."""
    folder = resources.files("nmn.datasets")
    return tuple(sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml")))


@lru_cache(maxsize=32)
def _load(source: str) -> Domain:
    path = Path(source)
    if source not in shipped_domains() and source in plugins.names(plugins.DOMAINS):
        path = plugins.domain_file(source)
    if path.suffix == ".toml" or path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DomainError(f"cannot read domain file {source!r}: {error}") from None
    else:
        if source not in shipped_domains():
            known = (*shipped_domains(), *plugins.names(plugins.DOMAINS))
            raise DomainError(f"no domain {source!r}{nearest(source, known)}; or give the path of a .toml file")
        text = (resources.files("nmn.datasets") / f"{source}.toml").read_text(encoding="utf-8")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DomainError(f"domain file {source!r} is not TOML: {error}") from None
    return _Reader(Entries(source)).domain(table)


@dataclass(frozen=True)
class _Reader:
    """Turns a parsed TOML table into a Domain, checking every entry."""

    read: Entries

    def domain(self, table: Mapping[str, Any]) -> Domain:
        read, vocabulary = self.read, VocabularyReader(self.read)
        known = {
            "name",
            "version",
            "nouns",
            "largest_count",
            "ambiguous",
            "attributes",
            "comparable",
            "comparatives",
            "geometry",
            "informal",
            "relations",
        }
        read.only(table, known, "top level")
        attributes = read.table(table, "attributes", "top level")
        relations = read.table(table, "relations", "top level") if "relations" in table else {}
        geometry = read.table(table, "geometry", "top level") if "geometry" in table else {}
        read.only(geometry, {"margin"}, "[geometry]")
        margin = read.number(geometry.get("margin", 0.0), "[geometry] margin")
        if not attributes:
            raise read.fail("[attributes]", "needs at least one attribute")
        found = tuple(vocabulary.attribute(name, entry) for name, entry in attributes.items())
        domain = Domain(
            name=read.identifier(table.get("name"), "name"),
            version=read.integer(table.get("version"), "version"),
            nouns=read.words(table, "nouns", "top level"),
            attributes=found,
            relations=tuple(vocabulary.relation(name, entry, margin) for name, entry in relations.items()),
            largest_count=read.integer(table.get("largest_count", 10), "largest_count"),
            comparatives=self.comparatives(table, found),
            comparable=self.comparable(table, found),
            ambiguous=frozenset(read.words(table, "ambiguous", "top level") if "ambiguous" in table else ()),
            informal=vocabulary.informal(table.get("informal", {}), found, relations),
        )
        self.agree(domain)
        return domain

    def comparatives(
        self, table: Mapping[str, Any], attributes: Sequence[Attribute]
    ) -> tuple[tuple[str, tuple[str, str]], ...]:
        """Each comparative with the attribute and the value that it compares by."""
        found = []
        for word in self.read.table(table, "comparatives", "top level") if "comparatives" in table else {}:
            where = f"[comparatives] {word}"
            named = self.read.words(table["comparatives"], word, "[comparatives]")
            values = {each.name: each.values for each in attributes}
            if len(named) != 2 or named[0] not in values:
                raise self.read.fail(where, f"must be [attribute, value], not {list(named)}{nearest(named[0], values)}")
            if named[1] not in values[named[0]]:
                raise self.read.fail(
                    where, f"{named[1]!r} is no value of {named[0]}{nearest(named[1], values[named[0]])}"
                )
            found.append((self.read.word(word, where), (named[0], named[1])))
        return tuple(found)

    def comparable(self, table: Mapping[str, Any], attributes: Sequence[Attribute]) -> tuple[str, ...]:
        """Names of the attributes that two things may have in common."""
        found = self.read.words(table, "comparable", "top level") if "comparable" in table else ()
        names = [each.name for each in attributes]
        for name in found:
            if name not in names:
                raise self.read.fail("comparable", f"no attribute {name!r}{nearest(name, names)}")
            if found.count(name) > 1:
                raise self.read.fail("comparable", f"{name!r} stands there twice")
        return found

    def agree(self, domain: Domain) -> None:
        names = {relation.name: relation for relation in domain.relations}
        for relation in domain.relations:
            if relation.inverse is None:
                continue
            if relation.inverse not in names:
                known = nearest(str(relation.inverse), names)
                raise self.read.fail(f"[relations.{relation.name}] inverse", f"no relation {relation.inverse!r}{known}")
            if names[relation.inverse].inverse != relation.name:
                message = f"{relation.inverse!r} does not name {relation.name!r} as its inverse"
                raise self.read.fail(f"[relations.{relation.name}] inverse", message)
        seen: set[str] = set()
        several: set[str] = set()
        for word in (*domain.words(), *domain.informal.words()):
            if word in seen and word not in domain.ambiguous:
                message = (
                    f"{word!r} stands for two things; a word or phrase may name only one, or be listed as 'ambiguous'"
                )
                raise self.read.fail("words", message)
            (several if word in seen else seen).add(word)
        for word in sorted(domain.ambiguous - several):
            raise self.read.fail("ambiguous", f"{word!r} does not stand for several things{nearest(word, several)}")
