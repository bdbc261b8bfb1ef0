"""Questions: what is asked of sets of things, in words."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from random import Random

from nmn.errors import ProgramError
from nmn.parser.generation.description import (
    COUNT,
    GREATER,
    LESS,
    QUERY,
    Alike,
    Base,
    Both,
    Either,
    Question,
    Related,
    Things,
    bases_of,
    parts_of,
)
from nmn.parser.generation.inflection import EITHER, article, listed
from nmn.parser.generation.names import Names
from nmn.parser.generation.noun_phrases import NounPhrases
from nmn.parser.generation.patterns import Wordings
from nmn.parser.generation.stories import STORY_SLOTS, missing_in_stories
from nmn.program import Concept

_SPACES = re.compile(r"\s+")
_BEFORE_MARK = re.compile(r",? +(?=[,.;:?!])|,(?=[.;:?!])")
_CONTRACTIONS = re.compile(r"\b(what|there|that|it|where) is\b", re.IGNORECASE)
_END_MARKS = ("?",) * 15 + ("",) * 4 + (".", "??", "!", " ?")
_OPENED, _CLOSED, _FILLED, _CONTRACTED, _UNCAPITALIZED = 0.22, 0.12, 0.04, 0.3, 0.35  # chances
# Where a verb does not say where its subject ends: "is the ball behind the cube of the same size as the block".
_READ_IN_SEVERAL_WAYS = ("is {", "is the {", "are ")
_ADDED_UP = (COUNT, LESS, GREATER)  # questions in which "cubes and balls" are all of them together
_FEW_VALUES = 3  # that are all said in a question that asks which of them it is
_ANY_ARE = "are {any}"


class Speaker(NounPhrases):
    """Asks one question.

    Args:
        names: Words of the domain.
        patterns: Of questions and clauses, by kind.
        question: What is asked.
        random: Chooses.
        informal: Whether words and ways may be used that the grammar does not read.
    """

    def __init__(
        self, names: Names, patterns: Mapping[str, Wordings], question: Question, random: Random, *, informal: bool
    ) -> None:
        super().__init__(names, patterns, random, informal=informal)
        self.question = question
        self.adds = question.operation in _ADDED_UP

    def ask(self) -> str:
        """The question's text. Raises: ProgramError when there are no words for it."""
        question = self.question
        found = self.patterns[question.operation].choose(self.random, self.missing())
        if found is None:
            raise ProgramError(f"there is no wording for {question.operation} here")
        if not self.informal and found.text.startswith(_READ_IN_SEVERAL_WAYS):
            self.nested = found.text.startswith(_ANY_ARE) or any(map(_is_doubtful, question.sides))
        text = found.spoken(self.random, self.fill)
        return tidied(self.framed(text)) if self.informal else capital(tidied(text))

    def framed(self, text: str) -> str:
        """A text with what people say around it."""
        chance, random = self.chance, self.random
        if chance() < _OPENED:
            text = self.patterns["opening"].say(random) + text
        if chance() < _CLOSED:
            text += self.patterns["closing"].say(random)
        if chance() < _FILLED:
            text = self.with_filler(text)
        if chance() < _CONTRACTED:
            text = _CONTRACTIONS.sub(r"\1's", text)
        text += random.choice(_END_MARKS)
        return text if chance() < _UNCAPITALIZED else capital(text)

    def with_filler(self, text: str) -> str:
        """A text with what people say while they think."""
        words = text.split()
        place = int(self.chance() * len(words))
        filler, mark = self.patterns["filler"].say(self.random), "," if self.chance() < 0.5 else ""
        return " ".join([*words[:place], f"{mark and ','} {filler}{mark}", *words[place:]])

    def missing(self) -> frozenset[str]:
        """Slots that cannot be filled for this question."""
        names, attribute = self.names, self.question.attribute
        found: set[str] = set()
        for number, side in enumerate(self.question.sides):
            missing = _missing(_shape(side, names))
            found |= missing if number == 0 else {f"{slot}2" for slot in missing}
        if attribute is not None:
            for slot, words in (("made", names.predicates[attribute]), ("how", names.asked[attribute])):
                if not (words.formal or (self.informal and words.informal and self.question.operation == QUERY)):
                    found.add(slot)
            if not names.degrees[attribute]:
                found.add("degree")
            if attribute not in names.noun_values or self.has_noun(self.question.sides[0]):
                found.add("nameless")
            if not 1 < len(self.choices()) <= _FEW_VALUES:
                found.add("choices")
        return frozenset(found)

    def fill(self, slot: str) -> str:
        """The words for a place in the pattern of a question; "2" stands for its second set."""
        if slot in _OF_ATTRIBUTE:
            return self.of_attribute(slot)
        second = slot[-1] == "2"
        side = self.question.sides[second]
        return _SLOTS[slot[:-1] if second else slot](self, side)

    def of_attribute(self, slot: str) -> str:
        attribute = self.question.attribute
        assert attribute is not None
        if slot == "choices":
            values = [self.value(each) for each in self.choices()]
            nouns = attribute in self.names.noun_values
            return listed([article(each) for each in values] if nouns else values, "or")
        if slot == "attributes":
            return self.names.several(self.word(self.names.attributes, attribute))
        if slot == "degree":
            return self.random.choice(self.names.degrees[attribute])
        words = {"attribute": self.names.attributes, "made": self.names.predicates, "how": self.names.asked}
        return self.word(words[slot], attribute)

    def choices(self) -> list[Concept]:
        """All values that may be the answer."""
        return self.names.by_attribute.get(self.question.attribute or "", [])

    def any(self, things: Things) -> str:
        other = isinstance(things.base, Related | Alike) and self.chance() < 0.3
        return f"any {self.phrase(things, several=True, other=other).removeprefix(EITHER)}"

    def any_one(self, things: Things) -> str:
        return f"any {self.phrase(things, several=False).removeprefix(EITHER)}"

    def anything(self, things: Things) -> str:
        words = ["anything" if self.chance() < 0.8 else "something"]
        if isinstance(things.base, Related | Alike) and self.chance() < 0.5:
            words.append("else")
        words += [self.value(concept) for concept in things.values]
        if things.base is not None:
            words.append(self.clause(things.base, several=False))
        return " ".join(words)

    def others(self, things: Things) -> str:
        """Things, said to be other ones."""
        return self.phrase(things, several=True, other=True)

    def a_other(self, things: Things) -> str:
        words = self.phrase(things, several=False, other=True)
        return f"an{words}" if words.startswith("other ") else article(words)

    def heads(self, things: Things) -> str:
        other = isinstance(things.base, Related | Alike) and self.chance() < 0.2
        return self.head(things, several=True, other=other)

    def single_head(self, things: Things) -> str:
        return self.head(things, several=False)

    def rest(self, things: Things, *, several: bool) -> str:
        """What is said of things after "are", or "is"."""
        assert things.base is not None
        return self.predicate(things.base, several)

    def have(self, things: Things) -> str:
        """What stands after "have": "the same color as the cube"."""
        base = things.base
        assert isinstance(base, Alike)
        return self.condition(base, True, "have")

    def leading(self, things: Things) -> str:
        """What may stand before the question: "behind the cube"."""
        base = things.base
        assert base is not None
        if not isinstance(base, Related):
            return self.predicate(base, several=True)
        return f"{self.word(self.names.relations, base.relation)} {self.the(base.anchor)}"

    def about_it(self, things: Things) -> str:
        """The thing that is spoken of first, and from then on called "it"."""
        base = things.base
        assert isinstance(base, Related | Alike)
        words = self.a(base.anchor)
        self.about = base.anchor
        return words

    def about_the(self, things: Things) -> str:
        base = things.base
        assert isinstance(base, Related | Alike)
        words = self.the(base.anchor)
        self.about = base.anchor
        return words

    def unsaid(self, things: Things) -> str:
        """A thing without its last value, which is asked for."""
        return self.the(_without_last(things, self.names))

    def unsaids(self, things: Things) -> str:
        """The same for several things."""
        return self.phrase(_without_last(things, self.names), several=True)

    def said(self, things: Things) -> str:
        return self.value(_last(things, self.names))

    def unkind(self, things: Things) -> str:
        """A thing without its noun, which is asked for."""
        values = tuple(each for each in things.values if each.attribute not in self.names.noun_values)
        return self.the(Things(values, things.base))

    def unkinds(self, things: Things) -> str:
        """The same for several things."""
        values = tuple(each for each in things.values if each.attribute not in self.names.noun_values)
        return self.phrase(Things(values, things.base), several=True)

    def kinds(self, things: Things) -> str:
        words = [self.value(each) for each in things.values if each.attribute in self.names.noun_values]
        return self.names.several(words[0])

    def kind(self, things: Things) -> str:
        words = [self.value(each) for each in things.values if each.attribute in self.names.noun_values]
        return article(words[0])

    def whole(self, things: Things) -> str:
        return self.phrase(things, several=True)

    def one(self, things: Things) -> str:
        return self.phrase(things, several=False)


def _is_doubtful(things: Things) -> bool:
    """Whether it holds what may also be said of the subject, as "the same size", or takes in a word more: "red or blue"."""
    return any(isinstance(base, Alike | Either) for part in parts_of(things) for base in bases_of(part))


def _last(things: Things, names: Names) -> Concept:
    return next(each for each in reversed(things.values) if each.attribute not in names.noun_values)


def _without_last(things: Things, names: Names) -> Things:
    last = _last(things, names)
    return Things(tuple(each for each in things.values if each is not last), things.base)


def _shape(things: Things, names: Names) -> tuple[str, bool, bool, int]:
    """What decides which slots a set can fill."""
    nouns = sum(concept.attribute in names.noun_values for concept in things.values)
    return _base_kind(things.base), nouns > 0, nouns == 1, len(things.values) - nouns


def _base_kind(base: Base | None) -> str:
    if base is None:
        return ""
    if isinstance(base, Related):
        return "related"
    if isinstance(base, Alike):
        return "alike"
    return "places" if _only_places(base) else "joined"


def _only_places(base: Base) -> bool:
    if isinstance(base, Both):
        return all(isinstance(each, Related) for each in base.parts)
    return isinstance(base, Either) and all(not part.values and isinstance(part.base, Related) for part in base.parts)


@lru_cache(maxsize=256)
def _missing(shape: tuple[str, bool, bool, int]) -> frozenset[str]:
    kind, noun, one_noun, adjectives = shape
    found = set(missing_in_stories(kind, valued=noun or adjectives > 0))
    if not kind:
        found |= {"head", "heads", "rest", "is_rest", "only_rest"}
    if noun or adjectives:
        found |= {"only_rest", "only_have"}
    if kind not in ("related", "places"):
        found.add("where")
    if noun or adjectives or kind not in ("related", "places"):
        found.add("only_where")
    if kind != "alike":
        found |= {"have", "only_have"}
    if kind not in ("related", "places"):
        found.add("leading")
    if kind not in ("related", "alike"):
        found |= {"about_it", "about_the", "others", "a_other"}
    if kind:
        found.add("owner")
    if noun:
        found.add("anything")
    if not adjectives or not (noun or kind or adjectives > 1):
        found |= {"unsaid", "unsaids", "said"}
    if not one_noun or not (adjectives or kind):
        found |= {"unkind", "unkinds", "kind", "kinds"}
    return frozenset(found)


_OF_ATTRIBUTE = frozenset({"attribute", "attributes", "made", "how", "choices", "degree"})
_SLOTS: Mapping[str, Callable[[Speaker, Things], str]] = {
    **STORY_SLOTS,
    "things": Speaker.whole,
    "thing": Speaker.one,
    "the": Speaker.the,
    "a": Speaker.a,
    "any": Speaker.any,
    "any_one": Speaker.any_one,
    "anything": Speaker.anything,
    "others": Speaker.others,
    "a_other": Speaker.a_other,
    "owner": Speaker.owner,
    "heads": Speaker.heads,
    "head": Speaker.single_head,
    "rest": lambda speaker, things: speaker.rest(things, several=True),
    "is_rest": lambda speaker, things: speaker.rest(things, several=False),
    "only_rest": lambda speaker, things: speaker.rest(things, several=False),
    "only_where": lambda speaker, things: speaker.rest(things, several=False),
    "where": lambda speaker, things: speaker.rest(things, several=False),
    "have": Speaker.have,
    "only_have": Speaker.have,
    "leading": Speaker.leading,
    "about_it": Speaker.about_it,
    "about_the": Speaker.about_the,
    "unsaid": Speaker.unsaid,
    "unsaids": Speaker.unsaids,
    "nameless": Speaker.the,
    "said": Speaker.said,
    "unkind": Speaker.unkind,
    "unkinds": Speaker.unkinds,
    "kinds": Speaker.kinds,
    "kind": Speaker.kind,
    "object": lambda speaker, _: speaker.noun(several=False),
    "objects": lambda speaker, _: speaker.noun(several=True),
}


def tidied(text: str) -> str:
    """A text with single spaces and none before a mark."""
    return _BEFORE_MARK.sub("", _SPACES.sub(" ", text).strip())


def capital(text: str) -> str:
    """A text with a capital letter at its beginning."""
    return text[:1].upper() + text[1:]
