"""Vocabulary: attributes with their values, and relations, as a domain file declares them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nmn.errors import DomainError, nearest
from nmn.toml_file import Entries


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
    hypernyms: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @cached_property
    def value_ids(self) -> Mapping[str, int]:
        """Value to its position."""
        return {value: position for position, value in enumerate(self.values)}

    def index(self, value: str) -> int:
        """Position of a value. Raises: DomainError, naming the nearest value."""
        found = self.value_ids.get(value)
        if found is None:
            known = nearest(value, self.values)
            raise DomainError(f"{value!r} is not a value of attribute {self.name!r}{known}")
        return found

    @cached_property
    def included(self) -> Mapping[str, tuple[str, ...]]:
        """For each hypernym, all the values that imply it, near and far, itself first."""
        below = dict(self.hypernyms)
        found: dict[str, tuple[str, ...]] = {}
        for hypernym in below:
            reached, pending = {hypernym: None}, list(below[hypernym])
            while pending:
                value = pending.pop(0)
                if value not in reached:
                    reached[value] = None
                    pending.extend(below.get(value, ()))
            found[hypernym] = tuple(reached)
        return found


@dataclass(frozen=True)
class Relation:
    """One relation: ``relate(anchor, left)`` are the objects that are left of the anchor."""

    name: str
    words: tuple[str, ...]
    inverse: str | None = None
    axis: int | None = None
    sign: int = 1
    margin: float = 0.0
    answer: str | None = None


@dataclass(frozen=True)
class Informal:
    """Words that people use and that the grammar of English does not read: how generated questions get their variety.

    Attributes:
        nouns: For an object of any kind.
        attributes: Attribute to more nouns for it.
        predicates: Attribute to phrases that stand before a value of it, as in "made out of rubber".
        asked_as: Attribute to phrases that ask for it, as in "how huge".
        values: Attribute and value to more words for it, of the same kind as its other words.
        adjectives: Attribute and value to adjectives, where its other words are nouns.
        relations: Relation to more phrases for it.
    """

    nouns: tuple[str, ...] = ()
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    predicates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    asked_as: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    values: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    adjectives: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    relations: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def words(self) -> Iterator[str]:
        """Every word or phrase."""
        yield from self.nouns
        for named in (self.attributes, self.predicates, self.asked_as, self.relations):
            for words in named.values():
                yield from words
        for valued in (self.values, self.adjectives):
            for words in valued.values():
                yield from words


@dataclass(frozen=True)
class VocabularyReader:
    """Reads attributes and relations of a domain file, whose format stands in :mod:`nmn.domain`.

    Every method raises DomainError where the file breaks the format.
    """

    read: Entries

    def attribute(self, name: str, entry: Any) -> Attribute:
        """One attribute."""
        read, where = self.read, f"[attributes.{name}]"
        read.word(name, where)
        if not isinstance(entry, dict):
            raise read.fail(where, "must be a table")
        known = {"words", "values_are", "exclusive", "predicate", "asked_as", "values", "synonyms", "hypernyms"}
        read.only(entry, known, where)
        values = self._values(name, entry)
        values_are = entry.get("values_are", "adjectives")
        if values_are not in ("adjectives", "nouns"):
            raise read.fail(f"{where} values_are", f"must be 'adjectives' or 'nouns', not {values_are!r}")
        exclusive = entry.get("exclusive", True)
        if not isinstance(exclusive, bool):
            raise read.fail(f"{where} exclusive", "must be true or false")
        attribute = Attribute(
            name=name,
            values=tuple(values),
            words=read.words(entry, "words", where),
            value_words=tuple(values.values()),
            values_are=values_are,
            exclusive=exclusive,
            predicate=read.word(entry["predicate"], f"{where} predicate") if "predicate" in entry else None,
            asked_as=read.words(entry, "asked_as", where) if "asked_as" in entry else (),
            hypernyms=self._lists(entry, "hypernyms", values, where) if "hypernyms" in entry else (),
        )
        self._acyclic(attribute, where)
        return attribute

    def _values(self, name: str, entry: dict[str, Any]) -> dict[str, tuple[str, ...]]:
        """Each value's words; those of a list of values are themselves and their synonyms."""
        read, where, given = self.read, f"[attributes.{name}]", entry.get("values")
        if not isinstance(given, list):
            if "synonyms" in entry:
                raise read.fail(f"{where} synonyms", "go with a list of values; a table of values has their words")
            table = read.table(entry, "values", where)
            names = [read.word(value, f"{where} value") for value in table]
            found = {value: read.words(table, value, f"[attributes.{name}.values]") for value in names}
        else:
            found = {read.word(value, f"{where} value"): (value,) for value in given}
            if len(found) != len(given):
                twice = next(value for position, value in enumerate(given) if value in given[:position])
                raise read.fail(f"{where} values", f"{twice!r} stands there twice")
            if "synonyms" in entry:
                found |= {value: (value, *more) for value, more in self._lists(entry, "synonyms", found, where)}
        if not found:
            raise read.fail(where, "needs at least one value")
        return found

    def _lists(
        self, entry: dict[str, Any], key: str, values: Mapping[str, Any], where: str
    ) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """A table from values to lists of words; those of hypernyms are values, too."""
        table = self.read.table(entry, key, where)
        found = tuple((value, self.read.words(table, value, f"{where} {key}")) for value in table)
        for value, words in found:
            for each in (value, *words) if key == "hypernyms" else (value,):
                if each not in values:
                    raise self.read.fail(f"{where} {key}", f"{each!r} is none of the values{nearest(each, values)}")
        return found

    def _acyclic(self, attribute: Attribute, where: str) -> None:
        below = dict(attribute.hypernyms)
        for hypernym, values in attribute.included.items():
            if any(hypernym in below.get(value, ()) for value in values):
                raise self.read.fail(f"{where} hypernyms", f"{hypernym!r} would be a kind of itself")

    def relation(self, name: str, entry: Any, margin: float) -> Relation:
        """One relation; the margin is the file's."""
        read, where = self.read, f"[relations.{name}]"
        read.word(name, where)
        if not isinstance(entry, dict):
            raise read.fail(where, "must be a table")
        read.only(entry, {"words", "inverse", "axis", "sign", "answer"}, where)
        if ("axis" in entry) != ("sign" in entry):
            raise read.fail(where, "'axis' and 'sign' go together")
        axis, sign = entry.get("axis"), entry.get("sign", 1)
        if axis not in (None, 0, 1) or sign not in (-1, 1):
            raise read.fail(where, "'axis' must be 0 or 1 and 'sign' -1 or 1")
        inverse = entry.get("inverse")
        answer = read.word(entry["answer"], f"{where} answer") if "answer" in entry else None
        return Relation(name, read.words(entry, "words", where), inverse, axis, sign, margin, answer)

    def informal(self, table: Any, attributes: Iterable[Attribute], relations: Iterable[str]) -> Informal:
        """The informal words for what has been declared."""
        read, where = self.read, "[informal]"
        if not isinstance(table, dict):
            raise read.fail(where, "must be a table")
        by_attribute = ("attributes", "predicates", "asked_as")
        read.only(table, {"nouns", "values", "adjectives", "relations", *by_attribute}, where)
        values = {each.name: each.values for each in attributes}
        listed = {key: self._listed(table, key, values) for key in by_attribute}
        valued = {key: self._valued(table, key, values) for key in ("values", "adjectives")}
        return Informal(
            nouns=read.words(table, "nouns", where) if "nouns" in table else (),
            values=valued["values"],
            adjectives=valued["adjectives"],
            relations=self._listed(table, "relations", relations),
            **listed,
        )

    def _listed(self, table: dict[str, Any], key: str, known: Iterable[str], within: str = "[informal") -> Any:
        """A table in which names of what is known have lists of words."""
        where = f"{within}.{key}]"
        entries = self.read.table(table, key, f"{within}]") if key in table else {}
        self.read.only(entries, set(known), where)
        return {name: self.read.words(entries, name, where) for name in entries}

    def _valued(self, table: dict[str, Any], key: str, values: Mapping[str, tuple[str, ...]]) -> Any:
        """The same for the values of attributes."""
        entries = self.read.table(table, key, "[informal]") if key in table else {}
        self.read.only(entries, set(values), f"[informal.{key}]")
        return {
            (name, value): words
            for name in entries
            for value, words in self._listed(entries, name, values[name], f"[informal.{key}").items()
        }
