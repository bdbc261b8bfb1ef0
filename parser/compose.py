"""Compose: the program that a reading of a question stands for.

The order of inputs is that of CLEVR's official programs: filters by attribute in the domain's order, the last of two
conditions joined by "and" first, two alternatives joined by "or" as they stand. Every noun starts from a scene of its own;
what is named once and used twice ("it", or the cube of "left or right of the cube") is one shared node.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from nmn.domain import Domain
from nmn.errors import Span
from nmn.parser.attachment import Clause, Group, Noun, Reading, Unfit
from nmn.parser.lexicon import Lexeme
from nmn.parser.phrases import Ask, Part
from nmn.program import Concept, Constant, Node, Program, post_order, reindexed

_COMPARISONS = {
    "SAME_AS": "equal_integer",
    "AS_MANY": "equal_integer",
    "LESS_THAN": "less_than",
    "FEWER": "less_than",
    "MORE_THAN": "greater_than",
    "MORE": "greater_than",
}


@dataclass(slots=True)
class _Fact:
    """What is known of an object: that it is in some sets, and has some values."""

    sets: list[int] = field(default_factory=list)
    filters: list[Lexeme] = field(default_factory=list)


class Composer:
    """Builds the program of one reading.

    Args:
        domain: Gives the order of filters.
        ask: The question.
        readings: Of its phrases, and of what "it" stands for.
        about: The reading of "There is ...;", if the question has one.
    """

    def __init__(self, domain: Domain, ask: Ask, readings: Sequence[Reading], about: Reading | None) -> None:
        self.order = domain.attribute_ids
        self.ask = ask
        self.readings = readings
        self.about = about
        self.nodes: list[Node] = []
        self.spans: list[Span | None] = []
        self.facts: dict[Noun, _Fact] = {}
        self.it: int | None = None

    def compose(self) -> tuple[Program, tuple[Span | None, ...]]:
        """The program, and for each of its nodes where it comes from.

        Raises: Unfit when the reading makes no sense.
        """
        root = _QUESTIONS[self.ask.kind](self)
        order = post_order(self.nodes, root)
        return Program(reindexed(self.nodes, order)), tuple(self.spans[index] for index in order)

    def add(
        self,
        operation: str,
        inputs: tuple[int, ...],
        span: Span | None,
        *,
        of: str | None = None,
        to: Constant | None = None,
    ) -> int:
        self.nodes.append(Node(operation, inputs, of, () if to is None else (to,)))
        self.spans.append(span)
        return len(self.nodes) - 1

    # Questions

    def count(self) -> int:
        return self.count_of(self.readings[0])

    def exist(self) -> int:
        root = self.readings[0].root
        if "and" in root.links:
            raise Unfit("one question at a time: whether there is the one or the other can be asked with 'or'")
        return self.add("exist", (self.any_of(self.read(self.readings[0])),), None)

    def query(self) -> int:
        word = self.ask.words[0]
        return self.value(self.object_of(self.read(self.readings[0])), word)

    def compare_counts(self) -> int:
        word = self.ask.words[0]
        counts = [self.count_of(reading) for reading in self.readings]
        return self.add(_COMPARISONS[word.type], (counts[0], counts[1]), _span(word))

    def same_number(self) -> int:
        root = self.read(self.readings[0])
        counts = [self.add("count", (self.set_of(noun),), _head_span(noun)) for noun in self.completed(root)]
        return self.add("equal_integer", (counts[0], counts[1]), None)

    def compare_values(self) -> int:
        word = self.ask.words[0]
        values = [self.value(self.object_of(self.read(reading)), word) for reading in self.readings]
        return self.add("equal", (values[0], values[1]), _span(word), of=word.meaning.name)

    def same_value(self) -> int:
        first, second = self.pair()
        return self.equal(first, second, self.ask.words)

    def same_object(self) -> int:
        return self.add("equal_object", self.pair(), None)

    def verify(self) -> int:
        noun = self.readings[0].root.nouns[-1]
        place = next((index for index, clause in enumerate(noun.clauses) if clause.is_predicate), None)
        if place is not None:
            part, anchors = noun.clauses[place].part, noun.clauses[place].group
            pointed = noun.head is not None and noun.head.determiner in ("the", "it")
            compares = part is not None and part.kind in ("same", "object")
            if compares and pointed and anchors is not None and part is not None and len(noun.clauses) == place + 1:
                del noun.clauses[place:]
                root = self.read(self.readings[0])
                objects = (self.object_of(root), self.object_of(anchors))
                return (
                    self.add("equal_object", objects, None)
                    if part.kind == "object"
                    else self.equal(*objects, part.words)
                )
        return self.exist()

    # Their parts

    def pair(self) -> tuple[int, int]:
        root = self.read(self.readings[0])
        if root.links != ["and"]:
            raise Unfit("the two things to compare are joined by 'and'")
        first, second = self.completed(root)
        return self.object(first), self.object(second)

    def equal(self, first: int, second: int, attributes: Sequence[Lexeme]) -> int:
        if len(attributes) != 1:
            raise Unfit("two things can be compared in one attribute at a time")
        word = attributes[0]
        values = self.value(first, word), self.value(second, word)
        return self.add("equal", values, _span(word), of=word.meaning.name)

    def value(self, source: int, word: Lexeme) -> int:
        return self.add("query", (source,), _span(word), of=word.meaning.name)

    def count_of(self, reading: Reading) -> int:
        return self.add("count", (self.any_of(self.read(reading)),), None)

    def read(self, reading: Reading) -> Group:
        """Work out what is known of every noun of a reading, those inside others first."""
        excused = {
            noun
            for outer in reading.nouns
            if outer.head is None and any(_sets_apart(clause) for clause in outer.clauses)
            for clause in outer.clauses
            if clause.part is None and clause.group is not None
            for noun in clause.group.nouns
        }
        for noun in reversed(reading.nouns):
            other = noun.head is not None and noun.head.other
            if other and noun not in excused and not any(_sets_apart(clause) for clause in noun.clauses):
                raise Unfit(
                    "'other' needs something to be other than, as in 'other things of the same size as the cube'"
                )
            self.facts[noun] = self.fact_of(noun)
        return reading.root

    def fact_of(self, noun: Noun) -> _Fact:
        known = _Fact()
        if noun.head is not None and noun.head.determiner == "it":
            if not noun.clauses:
                return known
            about = self.antecedent()
            known = _Fact([*self.facts[about].sets], [*self.facts[about].filters])
        elif noun.head is not None:
            known.filters = list(noun.head.words)
        condition = self.condition(noun)
        known.sets += condition.sets
        known.filters += condition.filters
        return known

    def condition(self, noun: Noun) -> _Fact:
        """All clauses of a noun together; "and" binds closer than "or"."""
        terms: list[list[_Fact]] = [[]]
        either = False
        for clause in noun.clauses:
            fact = self.clause(clause)
            if clause.link == "or" and either:
                terms[-1][-1] = _Fact([self.union([self.members(terms[-1][-1], noun), self.members(fact, noun)], noun)])
            elif clause.link == "or":
                terms.append([fact])
            else:
                if not clause.link and len(terms) > 1:
                    terms = [[self.alternatives(terms, noun)]]
                terms[-1].append(fact)
                either = clause.link == "and" and clause.part is not None and clause.part.marker == "either"
        return _both(terms[0]) if len(terms) == 1 else self.alternatives(terms, noun)

    def alternatives(self, terms: Sequence[Sequence[_Fact]], noun: Noun) -> _Fact:
        return _Fact([self.union([self.members(_both(term), noun) for term in terms], noun)])

    def clause(self, clause: Clause) -> _Fact:
        part, group = clause.part, clause.group
        if part is not None and part.kind == "values":
            return _Fact(filters=list(part.words))
        if part is None or part.kind in ("noun", "head"):
            assert group is not None
            nouns = self.completed(group)
            return self.facts[nouns[0]] if len(nouns) == 1 else _Fact([self.union_of(nouns)])
        if group is None or part.kind == "object":
            raise Unfit(
                "'the same thing' is only asked of two things, as in 'is the cube the same thing as the block'", part
            )
        step, links = (self.same, ["and"]) if part.kind == "same" else (self.relate, part.links)
        by_anchor = [self.join([step(anchor, word) for word in part.words], links) for anchor in self.anchors(group)]
        return _Fact([self.join(by_anchor, group.links)])

    def same(self, anchor: int, word: Lexeme) -> int:
        return self.add("same", (anchor,), _span(word), of=word.meaning.name)

    def relate(self, anchor: int, word: Lexeme) -> int:
        return self.add("relate", (anchor,), _span(word), to=word.meaning.name)

    def join(self, sets: Sequence[int], links: Sequence[str]) -> int:
        """Sets joined by "and" and "or"; "and" binds closer."""
        terms: list[list[int]] = [[sets[0]]]
        for index, members in enumerate(sets[1:]):
            if links[min(index, len(links) - 1)] == "or":
                terms.append([members])
            else:
                terms[-1].append(members)
        joined = self.intersect(terms[0])
        for term in terms[1:]:
            joined = self.add("union", (joined, self.intersect(term)), None)
        return joined

    def intersect(self, sets: Sequence[int]) -> int:
        joined = sets[-1]
        for members in reversed(sets[:-1]):
            joined = self.add("intersect", (joined, members), None)
        return joined

    def union(self, sets: Sequence[int], noun: Noun) -> int:
        joined = sets[0]
        for members in sets[1:]:
            joined = self.add("union", (joined, members), _head_span(noun))
        return joined

    # Nouns

    def antecedent(self) -> Noun:
        """The noun that "it" stands for."""
        if self.about is None:
            raise Unfit("'it' stands for nothing here; begin with 'There is a ...;'")
        noun = self.about.root.nouns[-1]
        if len(self.about.root.nouns) != 1:
            raise Unfit("'it' can stand for one thing only")
        if noun not in self.facts:
            self.read(self.about)
        return noun

    def completed(self, group: Group) -> Sequence[Noun]:
        """The nouns of a group, each with a noun: "red" of "red or blue cubes" takes it from those after it."""
        donor: Noun | None = None
        for noun in reversed(group.nouns):
            if noun.head is None or noun.head.noun is not None:
                donor = noun
            elif donor is None or donor.head is None or donor.head.noun is None:
                raise Unfit(f"a noun such as 'thing' is missing after {str(noun.head.words[-1])!r}")
            elif donor.head.noun.meaning.concept is not None and donor.head.noun not in self.facts[noun].filters:
                self.facts[noun].filters.append(donor.head.noun)
        return group.nouns

    def anchors(self, group: Group) -> list[int]:
        nouns = self.completed(group)
        if _is_one(nouns):
            return [self.object_of(group)]
        return [self.object(noun) for noun in nouns]

    def object_of(self, group: Group) -> int:
        """The one object that a group stands for: "the cube", "the red or blue cube"."""
        nouns = self.completed(group)
        if len(nouns) == 1:
            return self.object(nouns[0])
        if not _is_one(nouns):
            raise Unfit("one thing is meant here, not two")
        _check_one(nouns[0])
        return self.add("unique", (self.union_of(nouns),), _head_span(nouns[0]))

    def object(self, noun: Noun) -> int:
        if noun.head is not None and noun.head.determiner == "it":
            if self.it is None:
                antecedent = self.antecedent()
                self.it = self.add("unique", (self.set_of(antecedent),), _head_span(noun))
            return self.it
        _check_one(noun)
        return self.add("unique", (self.set_of(noun),), _head_span(noun))

    def any_of(self, group: Group) -> int:
        nouns = self.completed(group)
        return self.set_of(nouns[0]) if len(nouns) == 1 else self.union_of(nouns)

    def union_of(self, nouns: Sequence[Noun]) -> int:
        return self.union([self.set_of(noun) for noun in nouns], nouns[-1])

    def set_of(self, noun: Noun) -> int:
        if noun.head is not None and noun.head.determiner == "it" and not noun.clauses:
            raise Unfit("'it' is one thing; a noun such as 'things' is needed here")
        return self.members(self.facts[noun], noun)

    def members(self, fact: _Fact, noun: Noun) -> int:
        """The objects that a fact is true of."""
        members = self.intersect(fact.sets) if fact.sets else self.add("scene", (), _head_span(noun))
        words: dict[Concept, Lexeme] = {}
        for word in fact.filters:
            if word.meaning.concept is not None:
                words.setdefault(word.meaning.concept, word)
        for concept in sorted(words, key=lambda concept: self.order[concept.attribute]):
            members = self.add("filter", (members,), _span(words[concept]), to=concept)
        return members


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


def _both(facts: Sequence[_Fact]) -> _Fact:
    joined = _Fact()
    for fact in facts:
        joined.sets += fact.sets
        joined.filters += fact.filters
    return joined


def _sets_apart(clause: Clause) -> bool:
    """Whether a clause never holds of the object it relates to, so that "other" is already said."""
    return clause.part is not None and clause.part.kind in ("relation", "same")


def _is_one(nouns: Sequence[Noun]) -> bool:
    """Whether joined nouns are values of one noun: "the red or blue cube", not "the ball or the cube"."""
    heads = [noun.head for noun in nouns]
    return len(heads) > 1 and all(head is not None and not head.determiner for head in heads[1:])


def _check_one(noun: Noun) -> None:
    head = noun.head
    if head is not None and (head.determiner == "any" or (head.plural and not head.determiner)):
        word = "any" if head.determiner else str(head.noun)
        raise Unfit(
            f"one thing is meant here, so say 'the' rather than {word!r}", Part("head", (), head, head.start, head.end)
        )


def _span(word: Lexeme) -> Span:
    return Span(word.start_pos or 0, word.end_pos or 0)


def _head_span(noun: Noun) -> Span | None:
    return None if noun.head is None else Span(noun.head.start, noun.head.end)
