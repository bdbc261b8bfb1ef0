"""Noun phrases: sets and single things in words, with all that is said of them."""

from collections.abc import Callable, Mapping, Sequence
from random import Random

from nmn.errors import ProgramError
from nmn.parser.generation.description import Alike, Base, Both, Either, Related, Things, is_deep
from nmn.parser.generation.inflection import EITHER, PLURAL, SINGULAR, article, listed
from nmn.parser.generation.names import Names, Words
from nmn.parser.generation.patterns import Wordings
from nmn.parser.generation.sides import missing_sides, turned
from nmn.program import Concept

_ONE, _SHUFFLED, _OTHER, _SAID_AFTER, _AS_ADJECTIVE = 0.04, 0.25, 0.15, 0.14, 0.15  # chances
_SLOPPY = 0.03  # chance of singulars for plurals, in a whole question
_COMMAS, _NO_APOSTROPHE = 0.08, 0.06
_KIND_AFTER, _HYPHENATED = 0.05, 0.3
_SIDE_BY_SIDE, _SIDE_BY_SIDE_FREELY = 0.2, 0.4  # chances of "cubes and balls" for "things that are cubes or balls"
_CLAUSES = 0.35  # chance of several clauses where one of them could say it all
_PARTS = ("one", "two", "three")
_JOINED_SHORTLY = 0.5  # chance of "left or right of it" for two places beside one thing
_FREELY = (0.0, 0.0, 0.1, 0.2, 0.35, 0.7)  # chances of a word that the grammar does not read
_DEFINITE = ("the",) * 30 + ("that", "this", "", "")


class NounPhrases:
    """Speaks of sets of things, for one question.

    Args:
        names: Words of the domain.
        patterns: Of clauses, by kind.
        random: Chooses.
        informal: Whether words and ways may be used that the grammar does not read.

    Attributes:
        about: The thing that has been spoken of and is now called ``pronoun``.
        nested: Whether "and" or "or" stands where it could be read in several ways.
    """

    def __init__(self, names: Names, patterns: Mapping[str, Wordings], random: Random, *, informal: bool) -> None:
        self.names = names
        self.patterns = patterns
        self.random = random
        self.chance = random.random
        self.informal = informal
        # Some people use no words of their own, some many.
        self.sloppy = informal and random.random() < _SLOPPY
        self.freely = random.choice(_FREELY) if informal else 0.0
        self.about: Things | None = None
        self.pronoun = "it"
        self.nested = False
        self.joins = 0
        self.adds = False  # whether "and" adds things up, as in "how many cubes and balls", or asks for each of them
        self.definite = random.choice(_DEFINITE) if informal else "the"

    def word(self, words: Mapping[str, Words], name: str) -> str:
        """A word for an attribute or a relation."""
        if (found := words.get(name)) is None or not (found.formal or (self.informal and found.informal)):
            raise ProgramError(f"{self.names.domain.name} has no word of its own for {name!r}")
        return found.choose(self.random, freely=self.freely)

    def value(self, concept: Concept) -> str:
        """A word for a value."""
        if (found := self.names.values.get(concept)) is None:
            raise ProgramError(f"{self.names.domain.name} has no word of its own for {concept}")
        return self.hyphenated(found.choose(self.random, freely=self.freely))

    def hyphenated(self, words: str) -> str:
        """A phrase with a hyphen now and then, where people may write one."""
        hyphen = self.informal and " " in words and self.chance() < _HYPHENATED
        return words.replace(" ", "-", 1) if hyphen else words

    def noun(self, *, several: bool) -> str:
        """A noun for things of any kind."""
        words = (
            "one"
            if self.informal and self.chance() < _ONE
            else self.names.nouns.choose(self.random, freely=self.freely)
        )
        return self.names.several(words) if several and not self.sloppy else words

    def head(self, things: Things, *, several: bool, other: bool = False) -> str:
        """Values and noun: "small red cubes"."""
        head, after = self.described(things, several=several, other=other, late=0.0)
        return " ".join([head, *after])

    def described(
        self, things: Things, *, several: bool, other: bool = False, late: float = _SAID_AFTER
    ) -> tuple[str, list[str]]:
        """Values and noun, and the values that are said after the noun instead, with a chance of ``late`` each."""
        before: list[str] = []
        after: list[str] = []
        noun: str | None = None
        for concept in things.values:
            if concept.attribute not in self.names.noun_values:
                if self.informal and self.chance() < late:
                    after.append(self.said_after(concept, several, "value", self.value(concept)))
                else:
                    before.append(self.value(concept))
            elif noun is not None:
                after.append(self.kind_after(concept, several))
            elif self.informal and concept in self.names.adjectives and self.chance() < _AS_ADJECTIVE:
                word = self.hyphenated(self.names.adjectives[concept].choose(self.random, freely=1.0))
                if self.chance() < late:
                    after.append(self.said_after(concept, several, "adjective", word))
                else:
                    before.append(word)
            elif self.informal and late and self.chance() < _KIND_AFTER:
                after.append(self.said_after(concept, several, "kind", self.value(concept)))
            else:
                word = self.value(concept)
                noun = self.names.several(word) if several and not self.sloppy else word
        if len(before) > 1 and self.chance() < _SHUFFLED:
            self.random.shuffle(before)
        if self.informal and len(before) > 1 and self.chance() < _COMMAS:
            before = [self.random.choice((", ", ", " if several else " and ")).join(before)]
        words = [*before, noun if noun is not None else self.noun(several=several)]
        return " ".join(["other", *words] if other else words), after

    def said_after(self, concept: Concept, several: bool, purpose: str, word: str) -> str:
        predicate = self.names.predicates[concept.attribute]
        missing = frozenset() if predicate.formal or predicate.informal else frozenset({"made"})
        if not self.names.attributes[concept.attribute].formal:
            missing |= {"attribute"}
        kind = self.names.several(word) if several else article(word)
        return self.spoken(purpose, several, {"value": word, "a_kind": kind, "of": concept.attribute}, missing)

    def kind_after(self, concept: Concept, several: bool) -> str:
        self.nested = True
        word = self.value(concept)
        return f"that are {self.names.several(word)}" if several else f"that is {article(word)}"

    def phrase(self, things: Things, *, several: bool, other: bool | None = None) -> str:
        """A set, or a thing of it, without "the" or "a": "small red cube that is left of the ball"."""
        base = things.base
        if other is None:
            other = isinstance(base, Related | Alike) and self.chance() < _OTHER
        joined = self.side_by_side(base, several) if isinstance(base, Either) and not things.values else None
        if joined is not None:
            return joined
        head, after = self.described(things, several=several, other=other)
        if base is not None:
            after.append(self.clause(base, several))
        if len(after) > 1:
            self.nested = True
        return " ".join([head, *after])

    def side_by_side(self, base: Either, several: bool) -> str | None:
        if self.informal:
            return self.listed_parts(base, several) if self.chance() < _SIDE_BY_SIDE_FREELY else None
        return self.joined_nouns(base) if several and self.chance() < _SIDE_BY_SIDE else None

    def joined_nouns(self, base: Either) -> str | None:
        """Nouns side by side, "cubes and red balls", where every alternative is a plain noun of its own."""
        if any(part.base is not None or not self.has_noun(part) for part in base.parts):
            return None
        self.nested = True
        return listed([self.head(part, several=True) for part in base.parts], "and" if self.chance() < 0.5 else "or")

    def listed_parts(self, base: Either, several: bool) -> str:
        """Alternatives as people list them, "red cubes, balls plus things left of it", "cube or a red ball"."""
        said = [self.phrase(part, several=several, other=False) for part in base.parts]
        said[1:] = [article(each) for each in said[1:]] if not several and self.chance() < 0.6 else said[1:]
        far = any(part.base is not None for part in base.parts[:-1])
        purpose = ("added" if self.adds and several else "alternatives") + ("_long" if far else "")
        return self.parts(purpose, said)

    def parts(self, purpose: str, said: Sequence[str]) -> str:
        pattern = self.patterns[purpose if len(said) == 2 else f"{purpose}_three"].choose(self.random)
        assert pattern is not None
        return pattern.spoken(self.random, dict(zip(_PARTS, said, strict=False)).__getitem__)

    def has_noun(self, things: Things) -> bool:
        """Whether one of its values is a noun."""
        return any(concept.attribute in self.names.noun_values for concept in things.values)

    def the(self, things: Things) -> str:
        """One thing: "the ...", or "it"."""
        if things is self.about:
            return self.pronoun
        return f"{self.definite} {self.phrase(things, several=False).removeprefix(EITHER)}"

    def a(self, things: Things) -> str:
        """Some thing: "a ..."."""
        words = self.phrase(things, several=False)
        return f"an{words}" if words.startswith("other ") else article(words)

    def owner(self, things: Things) -> str:
        """The possessive of one thing, of which nothing stands after its noun: "the red ball's"."""
        mark = "s" if self.informal and self.chance() < _NO_APOSTROPHE else "'s"
        return f"{self.definite} {(self.phrase if things.base else self.head)(things, several=False)}{mark}"

    def clause(self, base: Base, several: bool) -> str:
        """What is said of a noun after it: "that are left of the ball"."""
        if isinstance(base, Related | Alike):
            return self.condition(base, several, "related" if isinstance(base, Related) else "alike")
        clauses = self.clauses(base, several) if self.informal and self.chance() < _CLAUSES else None
        verb = "that are" if several else "that is"
        return clauses or f"{verb} {self.predicate(base, several)}"

    def clauses(self, base: Either | Both, several: bool) -> str | None:
        """Clauses side by side: "that are left of the ball and that share its size"."""
        parts = base.parts if isinstance(base, Both) else [each.base for each in base.parts if not each.values]
        plain = [each for each in parts if isinstance(each, Related | Alike)]
        if len(plain) != len(base.parts) or any(map(is_deep, plain[:-1])) or len(plain) > len(_PARTS):
            return None
        said = [self.condition(each, several, "related" if isinstance(each, Related) else "alike") for each in plain]
        return self.parts("clauses_both" if isinstance(base, Both) else "clauses_either", said)

    def condition(self, base: Related | Alike, several: bool, purpose: str) -> str:
        if isinstance(base, Related):
            words = {"to": base.relation, "anchor": base.anchor}
            return self.spoken(
                purpose, several, words, missing_sides(self.names, base) if self.informal else frozenset()
            )
        predicate = self.names.predicates[base.attribute]
        missing = frozenset() if predicate.formal else frozenset({"made"})
        if not self.names.degrees[base.attribute]:
            missing |= {"degree"}
        if base.anchor is not self.about:
            missing |= {"its"}
            if base.anchor.base is not None:
                missing |= {"whose"}
        return self.spoken(purpose, several, {"of": base.attribute, "anchor": base.anchor}, missing)

    def spoken(
        self, purpose: str, several: bool, words: Mapping[str, object], missing: frozenset[str] = frozenset()
    ) -> str:
        """A clause of a kind, its places filled."""
        pattern = self.patterns[purpose].choose(self.random, missing)
        assert pattern is not None
        agreeing = PLURAL if several else SINGULAR

        def fill(slot: str) -> str:
            found = agreeing.get(slot)
            if found is not None:
                return found
            if slot in ("opposite", "inverse", "reach"):
                return turned(slot, self.names, self.random, str(words["to"]), agreeing)
            return self.place(slot, words)

        return pattern.spoken(self.random, fill)

    def filled(self, purpose: str, places: Mapping[str, Callable[[], str]]) -> str:
        """A pattern of a kind, each of its places said when its turn comes."""
        pattern = self.patterns[purpose].choose(self.random)
        assert pattern is not None
        return pattern.spoken(self.random, lambda slot: places[slot]())

    def place(self, slot: str, words: Mapping[str, object]) -> str:
        value = words.get(slot)
        if isinstance(value, Things):
            return self.the(value)
        if slot == "to":
            return self.word(self.names.relations, str(value))
        if slot == "attribute":
            return self.word(self.names.attributes, str(words["of"]))
        if slot == "attributes":
            return self.names.several(self.word(self.names.attributes, str(words["of"])))
        if slot == "made":
            return self.word(self.names.predicates, str(words["of"]))
        if slot == "degree":
            return self.random.choice(self.names.degrees[str(words["of"])])
        if slot == "a_value":
            return article(str(words["value"]))
        if slot == "beside":
            preposition, side = self.random.choice(self.names.sides[str(words["to"])])
            return f"{preposition} {self.place('whose', words)} {side}"
        if slot == "its":
            return "its"
        if slot == "whose":
            anchor = words["anchor"]
            assert isinstance(anchor, Things)
            return "its" if anchor is self.about else self.owner(anchor)
        return str(value)

    def predicate(self, base: Base, several: bool) -> str:
        """What stands after "is" or "are": "left of the ball", "either cubes or red"."""
        if isinstance(base, Related | Alike):
            return self.condition(base, several, "place" if isinstance(base, Related) else "likeness")
        short = self.short(base, several) if self.chance() < _JOINED_SHORTLY else None
        if short is not None:
            self.nested |= self.joins > 0
            return short
        self.joins += 1
        if isinstance(base, Both):
            said = self.joined(base.parts, [self.predicate(part, several) for part in base.parts], "both", "and")
        else:
            said = self.joined(base.parts, [self.alternative(part, several) for part in base.parts], "either", "or")
        self.joins -= 1
        return said

    def form(self, part: Things | Base) -> tuple[bool, bool, int]:
        """Parts of one form are joined without doubt."""
        if not isinstance(part, Things):
            return True, False, 0
        return part.base is not None, self.has_noun(part), min(len(part.values), 2)

    def joined(self, parts: Sequence[Things | Base], said: Sequence[str], marker: str, link: str) -> str:
        nested = self.joins > 1 or any(is_deep(part) for part in parts[:-1])
        self.nested |= self.joins > 1 or is_deep(parts[-1]) or len(set(map(self.form, parts))) > 1
        if self.informal and len(said) <= len(_PARTS):
            return self.parts(marker + ("_long" if nested else ""), said)
        words = listed(said, link)
        if len(parts) > 2 and marker == "both":
            return words
        return f"{marker} {words}" if nested or self.chance() < 0.6 else words

    def alternative(self, things: Things, several: bool) -> str:
        """One of several alternatives, as it stands after "is" or "are"."""
        if things.base is not None and not things.values:
            return self.predicate(things.base, several)
        if things.base is None and things.values and not self.has_noun(things):
            return " ".join(self.value(concept) for concept in things.values)
        return (
            self.phrase(things, several=several, other=False)
            if several
            else article(self.phrase(things, several=False, other=False))
        )

    def short(self, base: Either | Both, several: bool) -> str | None:
        """What need not be said twice: "left of or behind the ball", "left of the ball or the cube"."""
        parts = base.parts if isinstance(base, Both) else [each.base for each in base.parts if not each.values]
        if len(parts) != len(base.parts):
            return None
        link = "and" if isinstance(base, Both) else "or"
        related = [each for each in parts if isinstance(each, Related)]
        if len(related) == len(parts):
            return self.short_places(related, link)
        alike = [each for each in parts if isinstance(each, Alike)]
        if len(alike) == len(parts) and (link == "and" or self.informal) and len({each.anchor for each in alike}) == 1:
            attributes = [self.word(self.names.attributes, each.attribute) for each in alike]
            said = listed(attributes, link) if self.informal else " and ".join(attributes)
            return f"the same {said} as {self.the(alike[0].anchor)}"
        return None

    def short_places(self, places: Sequence[Related], link: str) -> str | None:
        if len({each.anchor for each in places}) == 1 and len({each.relation for each in places}) == len(places):
            relations = [self.word(self.names.relations, each.relation) for each in places]
            return f"{listed(relations, link)} {self.the(places[0].anchor)}"
        if len({each.relation for each in places}) == 1 and not any(is_deep(each) for each in places):
            anchors = [self.the(each.anchor) for each in places]
            return f"{self.word(self.names.relations, places[0].relation)} {listed(anchors, link)}"
        return None
