"""Compose: the program that a reading of a question stands for."""

from collections.abc import Callable, Sequence

from nmn.errors import Span
from nmn.parser.attachment import Group, Reading, Unfit
from nmn.parser.lexicon import Lexeme
from nmn.parser.meaning import Meaning, word_span
from nmn.parser.phrases import Ask
from nmn.program import Program, post_order, reindexed

_COMPARISONS = {
    "SAME_AS": "equal_integer",
    "AS_MANY": "equal_integer",
    "LESS_THAN": "less_than",
    "FEWER": "less_than",
    "MORE_THAN": "greater_than",
    "MORE": "greater_than",
}


class Composer:
    """Builds the program of one reading.

    Args:
        domain: Gives the order of filters.
        ask: The question.
        readings: Of its phrases.
        meaning: What the nouns in them stand for.
    """

    def __init__(self, ask: Ask, readings: Sequence[Reading], meaning: Meaning) -> None:
        self.ask = ask
        self.readings = readings
        self.meaning = meaning
        self.add = meaning.calls.add

    def compose(self) -> tuple[Program, tuple[Span | None, ...]]:
        """The program, and for each of its nodes where it comes from.

        Raises: Unfit when the reading makes no sense.
        """
        calls = self.meaning.calls
        order = post_order(calls.nodes, _QUESTIONS[self.ask.kind](self))
        return Program(reindexed(calls.nodes, order)), tuple(calls.spans[index] for index in order)

    @property
    def word(self) -> Lexeme:
        """The word of the question that asks."""
        return self.ask.words[0]

    @property
    def root(self) -> Group:
        """What is asked about, where that is one phrase."""
        return self.meaning.read(self.readings[0])

    def count(self) -> int:
        return self.count_of(self.readings[0])

    def exist(self) -> int:
        root = self.readings[0].root
        whole = root.nouns[0].clauses[0].group if root.nouns[0].head is None else None
        if "and" in (root.links if whole is None else whole.links):
            raise Unfit("one question at a time; whether it is the one or the other can be asked with 'or'")
        return self.add("exist", (self.meaning.any_of(self.root),), word_span(self.word))

    def query(self) -> int:
        return self.value(self.meaning.object_of(self.root), self.word)

    def compare_counts(self) -> int:
        counts = [self.count_of(reading) for reading in self.readings]
        return self.add(_COMPARISONS[self.word.type], (counts[0], counts[1]), word_span(self.word))

    def same_number(self) -> int:
        sets = [self.meaning.set_of(noun) for noun in self.meaning.completed(self.root)]
        counts = [self.add("count", (members,), word_span(self.word)) for members in sets]
        return self.add("equal_integer", (counts[0], counts[1]), word_span(self.word))

    def compare_values(self) -> int:
        objects = [self.meaning.object_of(self.meaning.read(reading)) for reading in self.readings]
        return self.equal(objects[0], objects[1], self.ask.words)

    def same_value(self) -> int:
        first, second = self.pair()
        return self.equal(first, second, self.ask.words)

    def same_object(self) -> int:
        return self.add("equal_object", self.pair(), word_span(self.word))

    def verify(self) -> int:
        """What is said of one thing: that it is like another, or else whether there is such a thing."""
        noun = self.readings[0].root.nouns[-1]
        predicate = noun.clauses[-1] if noun.clauses else None
        bare = noun.head is not None and not noun.head.determiner and not noun.head.plural  # "does cube have ..."
        pointed = bare or (noun.head is not None and noun.head.determiner in ("the", "it"))
        if noun.head is not None and noun.head.plural and noun.head.determiner != "any":
            raise Unfit("whether several things are so cannot be asked; ask of one thing, or of 'any'", noun.head)
        if predicate is None or not predicate.is_predicate or not pointed:
            return self.exist()
        part, other = predicate.part, predicate.group
        if part is None or other is None or part.kind not in ("same", "object"):
            return self.exist()
        noun.clauses.pop()
        objects = self.meaning.object_of(self.root), self.meaning.object_of(other)
        if part.kind == "same":
            return self.equal(*objects, part.words)
        return self.add("equal_object", objects, word_span(part.words[0]))

    def pair(self) -> tuple[int, int]:
        root = self.root
        if root.links != ["and"]:
            raise Unfit("the two things to compare are joined by 'and'")
        first, second = self.meaning.completed(root)
        return self.meaning.object(first), self.meaning.object(second)

    def equal(self, first: int, second: int, attributes: Sequence[Lexeme]) -> int:
        if len(attributes) != 1:
            raise Unfit("two things can be compared in one attribute at a time")
        word = attributes[0]
        values = self.value(first, word), self.value(second, word)
        return self.add("equal", values, word_span(word), of=word.meaning.name)

    def value(self, source: int, word: Lexeme) -> int:
        return self.add("query", (source,), word_span(word), of=word.meaning.name)

    def count_of(self, reading: Reading) -> int:
        return self.add("count", (self.meaning.any_of(self.meaning.read(reading)),), word_span(self.word))


_QUESTIONS: dict[str, Callable[[Composer], int]] = {
    "count": Composer.count,
    "exist": Composer.exist,
    "query": Composer.query,
    "compare_counts": Composer.compare_counts,
    "same_number": Composer.same_number,
    "compare_values": Composer.compare_values,
    "same_value": Composer.same_value,
    "same_object": Composer.same_object,
    "verify": Composer.verify,
}
