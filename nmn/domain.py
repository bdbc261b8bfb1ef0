"""Domain: what can be talked about, declared once in a TOML file.

A domain file holds::

    name = "clevr"                     # the domain's name
    version = 1                        # raised when its meaning changes
    nouns = ["thing", "object"]        # words for an object of any kind
    largest_count = 10                 # optional: the largest number in the answer vocabulary

    [attributes.material]              # one table an attribute, in the order of the layout
    words = ["material"]               # what the attribute is called; the first is used in print
    values_are = "adjectives"          # optional: "adjectives" (default) or "nouns"
    exclusive = true                   # optional: whether an object has exactly one of the values (default)
    predicate = "made of"              # optional: "what is it made of", "made of the same material"
    asked_as = ["how big"]             # optional: "how big is it"
    [attributes.material.values]       # value = its words; the first is used in print
    rubber = ["rubber", "matte"]

    [geometry]                         # optional
    margin = 0.2                       # a coordinate must exceed another by this much for a relation to hold

    [relations.left]
    words = ["left of", "to the left of"]
    inverse = "right"                  # optional
    axis = 0                           # optional: the ground-plane axis it is measured on (0 right, 1 front)
    sign = -1                          # -1 or 1, with axis

From it derive the constants of the language, the lexicon of the English grammar and the layout of perception's heads.
"""

import hashlib
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

from nmn.errors import DomainError, nearest

YES, NO = "yes", "no"


@dataclass(frozen=True)
class Attribute:
    """One attribute: its values, in layout order, and the words for it and for them."""

    name: str
    values: tuple[str, ...]
    words: tuple[str, ...]
    value_words: tuple[tuple[str, ...], ...]
    values_are: str = "adjectives"
    exclusive: bool = True
    predicate: str | None = None
    asked_as: tuple[str, ...] = ()

    def index(self, value: str) -> int:
        """Position of a value. Raises: DomainError, naming the nearest value."""
        try:
            return self.values.index(value)
        except ValueError:
            known = nearest(value, self.values)
            raise DomainError(f"{value!r} is not a value of attribute {self.name!r}{known}") from None


@dataclass(frozen=True)
class Relation:
    """One relation: ``relate(anchor, left)`` are the objects that are left of the anchor."""

    name: str
    words: tuple[str, ...]
    inverse: str | None = None
    axis: int | None = None
    sign: int = 1
    margin: float = 0.0


@dataclass(frozen=True)
class Domain:
    """What can be talked about. Load one with :meth:`load`."""

    name: str
    version: int
    nouns: tuple[str, ...]
    attributes: tuple[Attribute, ...]
    relations: tuple[Relation, ...]
    largest_count: int = 10

    @staticmethod
    def load(source: str | Path) -> "Domain":
        """Load a domain that ships with the package, by name, or any domain file, by path.

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
    def _concept_ids(self) -> Mapping[tuple[str, str], int]:
        return {concept: index for index, concept in enumerate(self.concepts)}

    def concept_id(self, attribute: str, value: str) -> int:
        """Position of (attribute, value) in the layout. Raises: DomainError."""
        found = self._concept_ids.get((attribute, value))
        if found is None:
            return self.span(attribute)[0] + self.attribute(attribute).index(value)
        return found

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
        layout = {
            "name": self.name,
            "attributes": [(attribute.name, attribute.values) for attribute in self.attributes],
            "relations": [
                (relation.name, relation.axis, relation.sign, relation.margin) for relation in self.relations
            ],
        }
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
    if path.suffix == ".toml" or path.is_file():
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DomainError(f"cannot read domain file {source!r}: {error}") from None
    else:
        if source not in shipped_domains():
            raise DomainError(
                f"no domain {source!r}{nearest(source, shipped_domains())}; or give the path of a .toml file"
            )
        text = (resources.files("nmn.datasets") / f"{source}.toml").read_text(encoding="utf-8")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DomainError(f"domain file {source!r} is not TOML: {error}") from None
    return _Reader(source).domain(table)


_IDENTIFIER = "a lower-case word of letters, digits and '_'"


@dataclass(frozen=True)
class _Reader:
    """Turns a parsed TOML table into a Domain, checking every entry."""

    source: str

    def fail(self, where: str, message: str) -> DomainError:
        return DomainError(f"domain file {self.source!r}, {where}: {message}")

    def domain(self, table: Mapping[str, Any]) -> Domain:
        known = {"name", "version", "nouns", "largest_count", "attributes", "geometry", "relations"}
        self.only(table, known, "top level")
        attributes = self.table(table, "attributes", "top level")
        relations = self.table(table, "relations", "top level") if "relations" in table else {}
        geometry = self.table(table, "geometry", "top level") if "geometry" in table else {}
        self.only(geometry, {"margin"}, "[geometry]")
        margin = self.number(geometry.get("margin", 0.0), "[geometry] margin")
        if not attributes:
            raise self.fail("[attributes]", "needs at least one attribute")
        domain = Domain(
            name=self.identifier(table.get("name"), "name"),
            version=self.integer(table.get("version"), "version"),
            nouns=self.words(table, "nouns", "top level"),
            attributes=tuple(self.attribute(name, entry) for name, entry in attributes.items()),
            relations=tuple(self.relation(name, entry, margin) for name, entry in relations.items()),
            largest_count=self.integer(table.get("largest_count", 10), "largest_count"),
        )
        self.agree(domain)
        return domain

    def attribute(self, name: str, entry: Any) -> Attribute:
        where = f"[attributes.{name}]"
        self.identifier(name, where)
        if not isinstance(entry, dict):
            raise self.fail(where, "must be a table")
        self.only(entry, {"words", "values_are", "exclusive", "predicate", "asked_as", "values"}, where)
        values = self.table(entry, "values", where)
        if len(values) < 1:
            raise self.fail(where, "needs at least one value")
        values_are = entry.get("values_are", "adjectives")
        if values_are not in ("adjectives", "nouns"):
            raise self.fail(f"{where} values_are", f"must be 'adjectives' or 'nouns', not {values_are!r}")
        exclusive = entry.get("exclusive", True)
        if not isinstance(exclusive, bool):
            raise self.fail(f"{where} exclusive", "must be true or false")
        return Attribute(
            name=name,
            values=tuple(self.identifier(value, f"{where} value") for value in values),
            words=self.words(entry, "words", where),
            value_words=tuple(self.words(values, value, f"[attributes.{name}.values]") for value in values),
            values_are=values_are,
            exclusive=exclusive,
            predicate=self.word(entry["predicate"], f"{where} predicate") if "predicate" in entry else None,
            asked_as=self.words(entry, "asked_as", where) if "asked_as" in entry else (),
        )

    def relation(self, name: str, entry: Any, margin: float) -> Relation:
        where = f"[relations.{name}]"
        self.identifier(name, where)
        if not isinstance(entry, dict):
            raise self.fail(where, "must be a table")
        self.only(entry, {"words", "inverse", "axis", "sign"}, where)
        if ("axis" in entry) != ("sign" in entry):
            raise self.fail(where, "'axis' and 'sign' go together")
        axis, sign = entry.get("axis"), entry.get("sign", 1)
        if axis not in (None, 0, 1) or sign not in (-1, 1):
            raise self.fail(where, "'axis' must be 0 or 1 and 'sign' -1 or 1")
        inverse = entry.get("inverse")
        return Relation(name, self.words(entry, "words", where), inverse, axis, sign, margin)

    def agree(self, domain: Domain) -> None:
        names = {relation.name: relation for relation in domain.relations}
        for relation in domain.relations:
            if relation.inverse is None:
                continue
            if relation.inverse not in names:
                known = nearest(str(relation.inverse), names)
                raise self.fail(f"[relations.{relation.name}] inverse", f"no relation {relation.inverse!r}{known}")
            if names[relation.inverse].inverse != relation.name:
                message = f"{relation.inverse!r} does not name {relation.name!r} as its inverse"
                raise self.fail(f"[relations.{relation.name}] inverse", message)
        seen: set[str] = set()
        for word in domain.words():
            if word in seen:
                raise self.fail("words", f"{word!r} stands for two things; a word or phrase may name only one")
            seen.add(word)

    def only(self, table: Mapping[str, Any], known: set[str], where: str) -> None:
        for key in table:
            if key not in known:
                raise self.fail(where, f"unknown key {key!r}{nearest(key, known)}")

    def table(self, table: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
        value = table.get(key)
        if not isinstance(value, dict):
            raise self.fail(where, f"needs a table {key!r}")
        return value

    def words(self, table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = table.get(key)
        if not isinstance(value, list) or not value:
            raise self.fail(f"{where} {key}", "must be a list of at least one word or phrase")
        return tuple(self.word(word, f"{where} {key}") for word in value)

    def word(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or not value or value != " ".join(value.lower().split()):
            raise self.fail(where, f"must be lower-case words with single spaces, not {value!r}")
        return value

    def identifier(self, value: Any, where: str) -> str:
        if not isinstance(value, str) or not value.isidentifier() or value != value.lower():
            raise self.fail(where, f"must be {_IDENTIFIER}, not {value!r}")
        return value

    def integer(self, value: Any, where: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.fail(where, f"must be a whole number, not {value!r}")
        return value

    def number(self, value: Any, where: str) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
            raise self.fail(where, f"must be a number of at least 0, not {value!r}")
        return float(value)
