"""Entries of a TOML file that a person wrote: read with a check, and an error that says where and what would be right."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nmn.errors import DomainError, nearest

_IDENTIFIER = "a lower-case word of letters, digits and '_'"


@dataclass(frozen=True)
class Entries:
    """Reads entries of one file. Every method raises DomainError, in one line that names the file and the place."""

    source: str

    def fail(self, where: str, message: str) -> DomainError:
        """The error to raise."""
        return DomainError(f"domain file {self.source!r}, {where}: {message}")

    def only(self, table: Mapping[str, Any], known: set[str], where: str) -> None:
        """See that a table has no other keys."""
        for key in table:
            if key not in known:
                raise self.fail(where, f"unknown key {key!r}{nearest(key, known)}")

    def table(self, table: Mapping[str, Any], key: str, where: str) -> dict[str, Any]:
        """A table in a table."""
        value = table.get(key)
        if not isinstance(value, dict):
            raise self.fail(where, f"needs a table {key!r}")
        return value

    def words(self, table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        """A list of at least one word or phrase."""
        value = table.get(key)
        if not isinstance(value, list) or not value:
            raise self.fail(f"{where} {key}", "must be a list of at least one word or phrase")
        return tuple([self.word(word, f"{where} {key}") for word in value])

    def word(self, value: Any, where: str) -> str:
        """A word or phrase."""
        if not isinstance(value, str) or not value or value != " ".join(value.lower().split()):
            raise self.fail(where, f"must be lower-case words with single spaces, not {value!r}")
        return value

    def identifier(self, value: Any, where: str) -> str:
        """A word that needs no quotes."""
        if not isinstance(value, str) or not value.isidentifier() or value != value.lower():
            raise self.fail(where, f"must be {_IDENTIFIER}, not {value!r}")
        return value

    def integer(self, value: Any, where: str) -> int:
        """A whole number of at least 0."""
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise self.fail(where, f"must be a whole number, not {value!r}")
        return value

    def number(self, value: Any, where: str) -> float:
        """A number of at least 0."""
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e9:
            raise self.fail(where, f"must be a number of at least 0, not {value!r}")
        return float(value)
