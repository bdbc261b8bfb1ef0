"""Description: programs as English sees them, sets of things with what is said of them.

A question is an operation on one or two sets. A set has values, and at most one base: a relation to a thing, a likeness to
one, alternatives, or conditions that hold together. Exactly these programs have questions in the grammar's English, and
the order of their calls is that of :mod:`nmn.parser.meaning`: filters in the domain's order, the last condition first.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from nmn.errors import ProgramError
from nmn.program import Concept, Node, Program

COUNT, EXIST, QUERY, EQUAL, SAME_THING = "count", "exist", "query", "equal", "equal_object"
LESS, GREATER = "less_than", "greater_than"
COMPARISONS = ("equal_integer", LESS, GREATER)
QUESTIONS = (COUNT, EXIST, QUERY, EQUAL, SAME_THING, *COMPARISONS)
_SCENE, _FILTER, _UNIQUE, _RELATE, _SAME, _UNION, _INTERSECT = (
    "scene",
    "filter",
    "unique",
    "relate",
    "same",
    "union",
    "intersect",
)
_NESTING = frozenset({_RELATE, _SAME, _UNION, _INTERSECT})
_MOST_CALLS, _DEEPEST = 1_000, 32  # of a program that is put in words


@dataclass(frozen=True, slots=True)
class Things:
    """A set of things: those of its base, or of the whole image without one, that have all of its values.

    Attributes:
        values: In the domain's order.
        base: What else is said of them.
    """

    values: "tuple[Concept, ...]" = ()
    base: "Base | None" = None


@dataclass(frozen=True, slots=True)
class Related:
    """Whatever stands in a relation to a thing."""

    relation: str
    anchor: Things


@dataclass(frozen=True, slots=True)
class Alike:
    """Whatever else has the same value of an attribute as a thing."""

    attribute: str
    anchor: Things


@dataclass(frozen=True, slots=True)
class Either:
    """Whatever is in one of several sets."""

    parts: tuple[Things, ...]


@dataclass(frozen=True, slots=True)
class Both:
    """Whatever meets several conditions, in the order of the text."""

    parts: "tuple[Base, ...]"


Base: TypeAlias = Related | Alike | Either | Both


@dataclass(frozen=True, slots=True)
class Question:
    """An operation that gives an answer, of one or two sets, and the attribute that it asks for or compares."""

    operation: str
    sides: tuple[Things, ...]
    attribute: str | None = None


class _Writer:
    def __init__(self) -> None:
        self.nodes: list[Node] = []

    def add(self, operation: str, *inputs: int, of: str | None = None, to: Concept | str | None = None) -> int:
        self.nodes.append(Node(operation, inputs, of, () if to is None else (to,)))
        return len(self.nodes) - 1

    def things(self, things: Things) -> int:
        members = self.add(_SCENE) if things.base is None else self.base(things.base)
        for concept in things.values:
            members = self.add(_FILTER, members, to=concept)
        return members

    def base(self, base: Base) -> int:
        if isinstance(base, Related):
            return self.add(_RELATE, self.object(base.anchor), to=base.relation)
        if isinstance(base, Alike):
            return self.add(_SAME, self.object(base.anchor), of=base.attribute)
        if isinstance(base, Either):
            joined = self.things(base.parts[0])
            for part in base.parts[1:]:
                joined = self.add(_UNION, joined, self.things(part))
            return joined
        joined = self.base(base.parts[-1])
        for condition in reversed(base.parts[:-1]):
            joined = self.add(_INTERSECT, joined, self.base(condition))
        return joined

    def object(self, things: Things) -> int:
        return self.add(_UNIQUE, self.things(things))

    def value(self, things: Things, attribute: str | None) -> int:
        return self.add(QUERY, self.object(things), of=attribute)


def program_of(question: Question) -> Program:
    """The program of a question, in post-order, nothing shared."""
    write = _Writer()
    operation, sides, attribute = question.operation, question.sides, question.attribute
    if operation in (COUNT, EXIST):
        write.add(operation, write.things(sides[0]))
    elif operation == QUERY:
        write.value(sides[0], attribute)
    elif operation == EQUAL:
        write.add(EQUAL, write.value(sides[0], attribute), write.value(sides[1], attribute), of=attribute)
    elif operation == SAME_THING:
        write.add(SAME_THING, write.object(sides[0]), write.object(sides[1]))
    else:
        first, second = write.things(sides[0]), None
        first = write.add(COUNT, first)
        second = write.add(COUNT, write.things(sides[1]))
        write.add(operation, first, second)
    return Program(tuple(write.nodes))


def question_of(program: Program, order: Mapping[str, int]) -> Question:
    """The question that a program answers.

    Args:
        program: Any program.
        order: Attribute to its place among the domain's.

    Raises: ProgramError when it has no question in the grammar's English, or one that nobody could follow.
    """
    _check_length(program)
    return _Reader(program.nodes, order).question(program.nodes[-1])


def _check_length(program: Program) -> None:
    """Refuse what is too long to say: calls that are shared are said each time, those inside others deeply nested."""
    said, depth = [0] * len(program.nodes), [0] * len(program.nodes)
    for index, node in enumerate(program.nodes):
        said[index] = 1 + sum(said[source] for source in node.inputs)
        depth[index] = max((depth[source] for source in node.inputs), default=0) + (node.operation in _NESTING)
    if said[-1] > _MOST_CALLS or depth[-1] > _DEEPEST:
        raise ProgramError(
            f"the program is too long for a question: {said[-1]:,} calls, nested {depth[-1]:,} deep;"
            f" at most {_MOST_CALLS:,} and {_DEEPEST:,} are put in words"
        )


@dataclass(frozen=True)
class _Reader:
    nodes: Sequence[Node]
    order: Mapping[str, int]

    def question(self, node: Node) -> Question:
        inputs = node.inputs
        if node.operation in (COUNT, EXIST):
            return Question(node.operation, (self.things(inputs[0]),))
        if node.operation == QUERY:
            return Question(QUERY, (self.object(inputs[0]),), node.attribute)
        if node.operation == EQUAL:
            sides = (self.object(self.under(QUERY, index)) for index in inputs)
            return Question(EQUAL, tuple(sides), node.attribute)
        if node.operation == SAME_THING:
            return Question(SAME_THING, tuple(self.object(index) for index in inputs))
        if node.operation in COMPARISONS:
            return Question(node.operation, tuple(self.things(self.under(COUNT, index)) for index in inputs))
        raise ProgramError(f"{node.head} gives no answer that is asked for in English")

    def under(self, operation: str, index: int) -> int:
        """What a call of an operation reads."""
        node = self.nodes[index]
        if node.operation != operation:
            raise ProgramError(f"node {index} ({node.head}): English has words here for {operation} only")
        return node.inputs[0]

    def object(self, index: int) -> Things:
        return self.things(self.under(_UNIQUE, index))

    def things(self, index: int) -> Things:
        values: list[Concept] = []
        while self.nodes[index].operation == _FILTER:
            constants = self.nodes[index].constants
            values += [each for each in constants if isinstance(each, Concept)]
            index = self.nodes[index].inputs[0]
        values.reverse()
        places = [self.order.get(each.attribute, -1) for each in values]
        if sorted(places) != places or len(set(values)) != len(values):
            raise ProgramError(f"node {index}: English gives filters the order of the domain's attributes, each once")
        return Things(tuple(values), self.base(index))

    def base(self, index: int) -> Base | None:
        node = self.nodes[index]
        if node.operation == _SCENE:
            return None
        if node.operation == _RELATE and isinstance(node.constants[0], str):
            return Related(node.constants[0], self.object(node.inputs[0]))
        if node.operation == _SAME and node.attribute is not None:
            return Alike(node.attribute, self.object(node.inputs[0]))
        if node.operation == _UNION:
            return Either(tuple(self.things(each) for each in self.spine(index)))
        if node.operation == _INTERSECT:
            return Both(tuple(reversed([self.condition(each) for each in self.spine(index)])))
        raise ProgramError(f"node {index} ({node.head}): English has no words for it here")

    def spine(self, index: int) -> list[int]:
        """What a chain of one joining operation joins, in order."""
        operation, right = self.nodes[index].operation, []
        while self.nodes[index].operation == operation:
            index, last = self.nodes[index].inputs
            right.append(last)
        return [index, *reversed(right)]

    def condition(self, index: int) -> Base:
        found = self.base(index) if self.nodes[index].operation != _FILTER else None
        if found is None or isinstance(found, Both):
            raise ProgramError(f"node {index} ({self.nodes[index].head}): English joins conditions, not narrowed sets")
        return found


def bases_of(things: Things) -> Iterator[Base]:
    """The base of a set, and the conditions that it joins."""
    pending = [things.base]
    while pending:
        base = pending.pop()
        if base is not None:
            yield base
        if isinstance(base, Both):
            pending.extend(base.parts)


def parts_of(things: Things) -> Iterator[Things]:
    """A set and all sets inside it, outermost first."""
    pending = [things]
    while pending:
        found = pending.pop()
        yield found
        for base in bases_of(found):
            if isinstance(base, Related | Alike):
                pending.append(base.anchor)
            elif isinstance(base, Either):
                pending.extend(base.parts)


def is_deep(part: Things | Base) -> bool:
    """Whether what a set or a condition speaks of is itself described by something."""
    if isinstance(part, Related | Alike):
        return part.anchor.base is not None
    if isinstance(part, Things):
        return part.base is not None and (bool(part.values) or is_deep(part.base))
    return True
