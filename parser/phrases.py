"""Phrases: what the grammar of English finds in a question, before it is settled which noun each part belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass

from nmn.parser.lexicon import Lexeme


@dataclass(slots=True)
class Head:
    """A noun with its determiner and values: "the other small red thing"; "it"; or values alone: "red" in "red or blue cubes".

    Attributes:
        determiner: "the", "a", "any", "it", or "" for none.
        other: Whether it is said to be another one.
        words: The tokens of its values, and of its noun if that names one.
        noun: The token of its noun, or of "it" or "anything"; None when only values stand there.
        start: First character in the question.
        end: Last character in the question, plus one.
    """

    determiner: str
    other: bool
    words: Sequence[Lexeme]
    noun: Lexeme | None
    start: int
    end: int

    @property
    def plural(self) -> bool:
        """Whether the noun is a plural form."""
        return self.noun is not None and self.noun.meaning.plural


@dataclass(slots=True)
class Part:
    """What follows a head: a clause about it, or another head that is joined to it.

    Attributes:
        kind: "head", "noun" (is a cube), "values", "relation", "same", "object" (is the same thing) or "visible".
        words: The tokens of the relations, attributes or values.
        links: Between relations, "and" or "or"; one less than words.
        head: What it is related to, the same as, or is; for "head" the joined noun.
        link: "and", "or", "comma" or "" before it.
        opener: "that" for a relative clause, "is" for the verb of the sentence, "" without a verb.
        marker: "both", "either" or "".
        plural: For the openers "that are" and "that have": whether they ask for a plural; else None.
        start: First character in the question.
        end: Last character in the question, plus one; that of the head counts.
    """

    kind: str
    words: Sequence[Lexeme]
    head: Head | None
    start: int
    end: int
    links: Sequence[str] = ()
    link: str = ""
    opener: str = ""
    marker: str = ""
    plural: bool | None = None


@dataclass(slots=True)
class Phrase:
    """A head and all that follows it, in the order of the text."""

    head: Head
    parts: list[Part]


@dataclass(slots=True)
class Comparand:
    """The second side of a comparison of values: "the color of the cube", "the cube", "its color"."""

    phrase: Phrase
    attribute: Lexeme | None


@dataclass(slots=True)
class Ask:
    """A question.

    Attributes:
        kind: Which rule of the grammar it is.
        phrases: The phrases in it, in order.
        words: The attributes asked for, the comparing words, or the values said of it.
        about: The phrase of "There is ...;" that "it" stands for.
    """

    kind: str
    phrases: list[Phrase]
    words: Sequence[Lexeme]
    about: Phrase | None = None
