"""Meaning: the sets of objects that the nouns of a reading stand for.

The order of inputs is that of CLEVR's official programs: filters by attribute in the domain's order, the last of two
conditions joined by "and" first, two alternatives joined by "or" as they stand. Every noun starts from a scene of its own;
what is named once and used twice ("it", or the cube of "left or right of the cube") is one shared node.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from nmn.domain import Domain
from nmn.errors import Span
from nmn.parser.attachment import Clause, Group, Noun, Reading, Unfit
from nmn.parser.lexicon import Lexeme
from nmn.parser.phrases import Head
from nmn.program import Concept, Constant, Node


@dataclass(slots=True)
class Calls:
    """The calls of a program in the making, each with the stretch of the question that it comes from."""

    nodes: list[Node] = field(default_factory=list)
    spans: list[Span | None] = field(default_factory=list)

    def add(
        self,
        operation: str,
        inputs: tuple[int, ...],
        span: Span | None,
        *,
        of: str | None = None,
        to: Constant | None = None,
    ) -> int:
        """Add a call; returns its index."""
        self.nodes.append(Node(operation, inputs, of, () if to is None else (to,)))
        self.spans.append(span)
        return len(self.nodes) - 1


@dataclass(slots=True)
class _Fact:
    """What is known of an object: that it is in some sets, and has some values."""

    sets: list[int] = field(default_factory=list)
    filters: list[Lexeme] = field(default_factory=list)


class Meaning:
    """Turns nouns into sets of objects, and single objects.

    Args:
        domain: Gives the order of filters.
        calls: Where the calls go.
        about: The reading of "There is ...;", which "it" stands for, if the question has one.
        spread: Whether "small red or blue cubes" are all small.
    """

    def __init__(self, domain: Domain, calls: Calls, about: Reading | None, *, spread: bool) -> None:
        self.order = domain.attribute_ids
        self.noun = domain.nouns[0]
        self.calls = calls
        self.add = calls.add
        self.about = about
        self.spread = spread
        self.could_spread = False
        self.facts: dict[Noun, _Fact] = {}
        self.it: int | None = None

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
                raise Unfit("'other' needs a 'same' or a place to be other than: 'of the same size as ...'", noun.head)
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
        return self.add("same", (anchor,), word_span(word), of=word.meaning.name)

    def relate(self, anchor: int, word: Lexeme) -> int:
        return self.add("relate", (anchor,), word_span(word), to=word.meaning.name)

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
            joined = self.add("union", (joined, members), head_span(noun))
        return joined

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
        if len(group.nouns) == 1 and group.nouns[0].head is not None and group.nouns[0].head.noun is not None:
            return group.nouns
        donor: Noun | None = None
        for noun in reversed(group.nouns):
            if noun.head is None or noun.head.noun is not None:
                donor = noun
                continue
            if donor is None or donor.head is None or donor.head.noun is None:
                raise Unfit(f"a noun such as {self.noun!r} is missing after {str(noun.head.words[-1])!r}", noun.head)
            filters = self.facts[noun].filters
            if donor.head.noun.meaning.concept is not None and donor.head.noun not in filters:
                filters.append(donor.head.noun)
        self.spread_values(group.nouns)
        return group.nouns

    def spread_values(self, nouns: Sequence[Noun]) -> None:
        """Give "small" of "small red or blue cubes" to the blue ones, unless a size is said of them."""
        if not _is_one(nouns) or nouns[0].head is None or nouns[0].head.noun is not None:
            return
        for word in nouns[0].head.words[:-1]:
            for noun in nouns[1:]:
                filters = self.facts[noun].filters
                if word in filters or _attribute(word) in {_attribute(other) for other in filters}:
                    continue
                self.could_spread = True
                if self.spread:
                    filters.append(word)

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
        for noun in nouns:
            _check_one(noun)
        return self.add("unique", (self.union_of(nouns),), head_span(nouns[0]))

    def object(self, noun: Noun) -> int:
        if noun.head is not None and noun.head.determiner == "it":
            if self.it is None:
                antecedent = self.antecedent()
                self.it = self.add("unique", (self.set_of(antecedent),), head_span(noun))
            return self.it
        _check_one(noun)
        return self.add("unique", (self.set_of(noun),), head_span(noun))

    def any_of(self, group: Group) -> int:
        nouns = self.completed(group)
        return self.set_of(nouns[0]) if len(nouns) == 1 else self.union_of(nouns)

    def union_of(self, nouns: Sequence[Noun]) -> int:
        return self.union([self.set_of(noun) for noun in nouns], nouns[-1])

    def set_of(self, noun: Noun) -> int:
        if noun.head is not None and noun.head.determiner == "it" and not noun.clauses:
            raise Unfit("'it' is one thing; a noun is needed here")
        return self.members(self.facts[noun], noun)

    def members(self, fact: _Fact, noun: Noun) -> int:
        """The objects that a fact is true of."""
        members = self.intersect(fact.sets) if fact.sets else self.add("scene", (), head_span(noun))
        words: dict[Concept, Lexeme] = {}
        for word in fact.filters:
            if word.meaning.concept is not None:
                words.setdefault(word.meaning.concept, word)
        for concept in sorted(words, key=lambda concept: self.order[concept.attribute]):
            members = self.add("filter", (members,), word_span(words[concept]), to=concept)
        return members


def _attribute(word: Lexeme) -> str:
    return word.meaning.concept.attribute if word.meaning.concept is not None else ""


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
    if head is not None and (head.determiner == "any" or head.plural):
        raise Unfit(f"one thing is meant here, so say 'the' and a singular, not {_several(head)!r}", head)


def _several(head: Head) -> str:
    return "any" if head.determiner == "any" else str(head.noun)


def word_span(word: Lexeme) -> Span:
    """Where a word stands."""
    return Span(word.start_pos or 0, word.end_pos or 0)


def head_span(noun: Noun) -> Span | None:
    """Where a noun stands."""
    return None if noun.head is None else Span(noun.head.start, noun.head.end)
