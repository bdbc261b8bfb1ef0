"""Stories: sentences that lead up to a question, "There is a cube. Behind it is a ball. Look to its left: ...", and sets
of which a part is asked for, "consider the things behind it; how many are red?".
"""

from collections.abc import Callable, Mapping

from nmn.parser.generation.description import Alike, Related, Things
from nmn.parser.generation.inflection import article
from nmn.parser.generation.noun_phrases import NounPhrases
from nmn.parser.generation.sides import beside

_MOST_STEPS = 3  # sentences of a story; what lies deeper is said in the first
_PRONOUNS = ("it",) * 3 + ("that", "that one", "this one")


def story(phrases: NounPhrases, things: Things) -> str:
    """All that describes things, told one after another; the last of it is "it" from then on."""
    base = things.base
    assert isinstance(base, Related | Alike)
    told = [base.anchor]
    while len(told) < _MOST_STEPS and isinstance(told[-1].base, Related | Alike):
        told.append(told[-1].base.anchor)
    said = [_first(phrases, told[-1])]
    for before, thing in zip(told[:0:-1], told[-2::-1], strict=True):
        phrases.about = before
        said.append(_step(phrases, thing))
    phrases.about = base.anchor
    if len(told) > 1:
        phrases.pronoun = phrases.random.choice(_PRONOUNS)
    return "".join(said)


def told(phrases: NounPhrases, things: Things) -> str:
    """The same, with the thing itself."""
    text = story(phrases, things)
    return text + _step(phrases, things)


def _first(phrases: NounPhrases, thing: Things) -> str:
    return phrases.filled("story_first", {"a": lambda: phrases.a(thing), "the": lambda: phrases.the(thing)})


def _step(phrases: NounPhrases, thing: Things) -> str:
    base = thing.base
    assert isinstance(base, Related | Alike)
    places = {
        "where": lambda: phrases.predicate(base, several=False),
        "reach": lambda: _direction(phrases, thing),
        "a_head": lambda: a_head(phrases, thing),
        "head": lambda: phrases.head(thing, several=False),
    }
    return phrases.filled("story_place" if isinstance(base, Related) else "story_likeness", places)


def a_head(phrases: NounPhrases, things: Things) -> str:
    """Values and noun of one: "a red cube"."""
    return article(phrases.head(things, several=False))


def _mates(phrases: NounPhrases, things: Things) -> str:
    """All things at a place, of which some are asked for: "things behind the ball"."""
    return phrases.phrase(Things((), things.base), several=True)


def _these(phrases: NounPhrases, things: Things) -> str:
    return phrases.alternative(Things(things.values), several=True)


def _this(phrases: NounPhrases, things: Things) -> str:
    return phrases.alternative(Things(things.values), several=False)


def _direction(phrases: NounPhrases, things: Things) -> str:
    """Where to look from the thing that was spoken of: "to its left", "behind it"."""
    assert isinstance(things.base, Related)
    return beside(phrases.names, phrases.random, things.base.relation, phrases.pronoun, "its")


def _like(phrases: NounPhrases, things: Things) -> str:
    assert isinstance(things.base, Alike)
    return phrases.word(phrases.names.attributes, things.base.attribute)


def missing_in_stories(kind: str, *, valued: bool) -> frozenset[str]:
    """Slots that sets cannot fill.

    Args:
        kind: Of the base, "" without one.
        valued: Whether the sets have values of their own.
    """
    found: set[str] = set()
    if kind not in ("related", "alike"):
        found |= {"story", "told"}
    if kind != "related":
        found.add("direction")
    if kind != "alike":
        found.add("like")
    if not (kind and valued):
        found |= {"mates", "these", "this"}
    return frozenset(found)


STORY_SLOTS: Mapping[str, Callable[[NounPhrases, Things], str]] = {
    "story": story,
    "told": told,
    "a_head": a_head,
    "mates": _mates,
    "these": _these,
    "this": _this,
    "direction": _direction,
    "like": _like,
}
