"""Expectation: what could have stood at a place of a question, in words."""

from collections.abc import Callable, Collection
from typing import TypeAlias

from nmn.domain import Domain
from nmn.parser.lexicon import plural

_Say: TypeAlias = Callable[[Domain], str]

_END = "$END"
_THING = frozenset({"THE", "A", "NOUN"})


def _noun(domain: Domain) -> str:
    return domain.nouns[0]


def _value(domain: Domain) -> str:
    words = [attribute.value_words[0][0] for attribute in domain.attributes if attribute.values_are == "adjectives"]
    return words[0] if words else domain.nouns[0]


def _relation(domain: Domain) -> str:
    return domain.relations[0].words[0] if domain.relations else ""


# In the order of how much they help; only the first few that apply are said.
_SAID: tuple[tuple[frozenset[str], _Say], ...] = (
    (frozenset({"HOW_MANY"}), lambda d: f"a question, such as 'How many {plural(_noun(d))} ...' or 'Is there a ...'"),
    (frozenset({"THE", "IT"}), lambda d: f"a thing, such as 'the {_noun(d)}'"),
    (frozenset({"A", "NOUN"}), lambda d: f"a thing, such as 'the {_noun(d)}'"),
    (frozenset({"NOUN"}), lambda d: f"a noun, such as '{_noun(d)}'"),
    (frozenset({"ATTRIBUTE"}), lambda d: f"what is compared or asked for, such as '{d.attributes[0].words[0]}'"),
    (frozenset({"NUMBER_OF"}), lambda d: "'the number of ...'"),
    (frozenset({"AS"}), lambda d: "'as'"),
    (frozenset({"THAN"}), lambda d: "'than ...'"),
    (frozenset({"SAME_AS", "LESS_THAN"}), lambda d: "'the same as', 'less than' or 'greater than'"),
    (frozenset({"SAME_AS"}), lambda d: "'the same as ...'"),
    (frozenset({"WHAT"}), lambda d: "'what ...'"),
    (frozenset({"IS"}), lambda d: "'is' or 'are'"),
    (frozenset({"HAVE"}), lambda d: "'have'"),
    (frozenset({"RELATION"}), lambda d: f"where it is, such as '{_relation(d)} the ...'"),
    (frozenset({"VALUE"}), lambda d: f"a value, such as '{_value(d)}'"),
    (frozenset({"SEPARATOR"}), lambda d: "';' and a question about it"),
    (frozenset({_END}), lambda d: "the end of the question"),
)
_MOST_SAID = 4


def expectation(terminals: Collection[str], domain: Domain) -> str:
    """What was expected: ``expected a noun, such as 'thing', or the end of the question``."""
    said: list[str] = []
    named: set[str] = set()
    for wanted, say in _SAID:
        if wanted <= set(terminals) and not wanted & named and (say(domain) not in said):
            said.append(say(domain))
            named |= wanted | (_THING if wanted & _THING else set())
    said = said[:_MOST_SAID]
    if not said:
        return "nothing that could stand here makes a question of it"
    return "expected " + (said[0] if len(said) == 1 else ", ".join(said[:-1]) + f", or {said[-1]}")
