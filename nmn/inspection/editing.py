"""Editing: what can be done to a node of a program so that the program stays well typed.

Every edit is a whole program that has been checked; nothing here knows any operation by name, only signatures.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import InputError
from nmn.program import Concept, Constant, Node, Program
from nmn.registry import Registry
from nmn.signature import ANSWER_KINDS, Signature

MOST = 80
"""Edits of one sort that are offered; a domain of thousands of values is for the text editor."""

CHANGE, OPERATION, INSERT, DELETE = "Change", "Other operation", "Insert after it", "Delete"
WRAP, ASK = "Wrap with another step", "Ask about it"


@dataclass(frozen=True)
class Edit:
    """One thing that can be done.

    Attributes:
        sort: What it is.
        label: What it makes of the node, in words.
        program: The whole program after it.
        node: Index of what has become of the node there.
    """

    sort: str
    label: str
    program: Program
    node: int


def edits(program: Program, node: int, domain: Domain, registry: Registry) -> tuple[Edit, ...]:
    """Everything that can be done to a node.

    Raises: InputError when there is no such node.
    """
    if not 0 <= node < len(program.nodes):
        raise InputError(f"there is no node {node}: they are numbered 0 to {len(program.nodes) - 1}")
    check(program, domain, registry)
    editor = _Editor(program, node, domain, registry)
    sorts = (
        editor.changes(),
        editor.operations(),
        editor.insertions(),
        editor.wrappings(),
        editor.deletions(),
        editor.questions(),
    )
    return tuple(edit for sort in sorts for edit in islice(sort, MOST))


@dataclass(frozen=True)
class _Editor:
    program: Program
    index: int
    domain: Domain
    registry: Registry

    @property
    def node(self) -> Node:
        return self.program.nodes[self.index]

    @property
    def kind(self) -> str:
        return self.registry.signature(self.node.operation).output

    def checked(self, sort: str, label: str, nodes: Sequence[Node], root: int, place: int) -> Iterator[Edit]:
        """The edit, if its program is well typed and another one."""
        try:
            edited = Program.of(nodes, root)
            check(edited, self.domain, self.registry)
        except InputError:
            return
        if edited != self.program:
            yield Edit(sort, label, edited, _place_of(nodes, place, edited))

    def replaced(self, sort: str, label: str, changed: dict[int, Node]) -> Iterator[Edit]:
        nodes = [changed.get(index, node) for index, node in enumerate(self.program.nodes)]
        yield from self.checked(sort, label, nodes, self.program.root, self.index)

    def changes(self) -> Iterator[Edit]:
        """Another constant, another attribute in the brackets."""
        for place, constant in enumerate(self.node.constants):
            for other in self.like(constant):
                constants = (*self.node.constants[:place], other, *self.node.constants[place + 1 :])
                changed = replace(self.node, constants=constants)
                yield from self.replaced(CHANGE, str(other), {self.index: changed})
        if self.node.attribute is not None:
            joined = self.values_joined()
            for name in self.domain.attribute_ids:
                changed_all = {each: replace(self.program.nodes[each], attribute=name) for each in joined}
                yield from self.replaced(CHANGE, f"[{name}]", changed_all)

    def like(self, constant: Constant) -> Iterator[Constant]:
        """Constants that can take the place of one, those of its own attribute first."""
        if isinstance(constant, str):
            yield from (each.name for each in self.domain.relations)
            return
        concepts = [Concept(attribute, value) for attribute, value in self.domain.concepts]
        yield from sorted(concepts, key=lambda each: each.attribute != constant.attribute)

    def values_joined(self) -> set[int]:
        """The node, and all that must have its attribute too, because values of one pass between them."""
        joined, pending = set(), [self.index]
        while pending:
            index = pending.pop()
            if index in joined or self.program.nodes[index].attribute is None:
                continue
            joined.add(index)
            if self.gives_value(index):
                pending.extend(reader for reader, each in enumerate(self.program.nodes) if index in each.inputs)
            pending.extend(source for source in self.program.nodes[index].inputs if self.gives_value(source))
        return joined

    def gives_value(self, index: int) -> bool:
        return self.registry.signature(self.program.nodes[index].operation).output == "Value"

    def operations(self) -> Iterator[Edit]:
        """Another operation that reads the same."""
        own = self.registry.signature(self.node.operation)
        for other in self.registry:
            alike = other.bracket == own.bracket and _kinds(other.constants) == _kinds(own.constants)
            if alike and _kinds(other.inputs) == _kinds(own.inputs):
                changed = replace(self.node, operation=other.operation)
                yield from self.replaced(OPERATION, other.operation, {self.index: changed})

    def insertions(self) -> Iterator[Edit]:
        """One call, or two, between the node and its readers."""
        for chain in self.chains(self.kind):
            nodes = list(self.program.nodes)
            last = self.index
            for call in chain:
                nodes.append(replace(call, inputs=(last,)))
                last = len(nodes) - 1
            yield from self.before_readers(INSERT, ", then ".join(_said(call) for call in chain), nodes, last)

    def before_readers(self, sort: str, label: str, nodes: list[Node], last: int) -> Iterator[Edit]:
        """The edit in which all that read the node read the last of the added ones."""
        for reader, each in enumerate(self.program.nodes):
            if self.index in each.inputs:
                inputs = tuple(last if source == self.index else source for source in each.inputs)
                nodes[reader] = replace(each, inputs=inputs)
        root = last if self.index == self.program.root else self.program.root
        yield from self.checked(sort, label, nodes, root, last)

    def wrappings(self) -> Iterator[Edit]:
        """One call of the node and another step: in its place, or as the answer where it gives one of another kind."""
        others = [each for each in range(len(self.program.nodes)) if not self.depends(each)]
        for signature in self.registry:
            kinds = _kinds(signature.inputs)
            if len(kinds) != 2 or kinds[0] != self.kind or signature.constants or signature.bracket:
                continue
            for other in others:
                if self.registry.signature(self.program.nodes[other].operation).output != kinds[1]:
                    continue
                nodes = [*self.program.nodes, Node(signature.operation, (self.index, other))]
                label, last = f"{signature.operation} with #{other} {_said(self.program.nodes[other])}", len(nodes) - 1
                if signature.output == self.kind:
                    yield from self.before_readers(WRAP, label, nodes, last)
                elif signature.output in ANSWER_KINDS:
                    yield from self.checked(WRAP, label, nodes, last, last)

    def depends(self, node: int) -> bool:
        """Whether a node is this one, or reads it, by however many others."""
        reached = {self.index}
        for reader in range(self.index + 1, node + 1):
            if reached.intersection(self.program.nodes[reader].inputs):
                reached.add(reader)
        return node in reached

    def chains(self, kind: str) -> Iterator[tuple[Node, ...]]:
        """Calls that lead from a kind back to it."""
        for first in self.registry:
            if _kinds(first.inputs) != [kind]:
                continue
            if first.output == kind:
                yield from ((call,) for call in self.calls(first))
                continue
            for second in self.registry:
                if _kinds(second.inputs) == [first.output] and second.output == kind:
                    yield from ((one, other) for one in self.calls(first) for other in self.calls(second))

    def calls(self, signature: Signature) -> Iterator[Node]:
        """Calls of an operation with one input, with every constant that it may have."""
        attributes = self.domain.attribute_ids if signature.bracket else (None,)
        for attribute in attributes:
            node = Node(signature.operation, (0,), attribute)
            kinds = _kinds(signature.constants)
            if not kinds:
                yield node
            elif kinds == ["Concept"]:
                yield from (replace(node, constants=(Concept(*each),)) for each in self.domain.concepts)
            elif kinds == ["Relation"]:
                yield from (replace(node, constants=(each.name,)) for each in self.domain.relations)

    def deletions(self) -> Iterator[Edit]:
        """The nearest node before it of its kind in its place."""
        pending, seen = list(self.node.inputs), set()
        while pending:
            source = pending.pop(0)
            if source in seen:
                continue
            seen.add(source)
            if self.registry.signature(self.program.nodes[source].operation).output != self.kind:
                pending.extend(self.program.nodes[source].inputs)
                continue
            nodes = list(self.program.nodes)
            for reader, each in enumerate(nodes):
                nodes[reader] = replace(each, inputs=tuple(source if old == self.index else old for old in each.inputs))
            root = source if self.index == self.program.root else self.program.root
            kept = self.program.nodes[source]
            yield from self.checked(DELETE, f"keep #{source} {_said(kept)}", nodes, root, source)

    def questions(self) -> Iterator[Edit]:
        """Programs that end here, with something that can be answered of it."""
        for first in self.registry:
            if _kinds(first.inputs) != [self.kind]:
                continue
            if first.output in ANSWER_KINDS:
                yield from self.ending([call] for call in self.calls(first))
                continue
            for second in self.registry:
                if _kinds(second.inputs) == [first.output] and second.output in ANSWER_KINDS and not first.constants:
                    yield from self.ending([one, other] for one in self.calls(first) for other in self.calls(second))

    def ending(self, endings: "Iterator[list[Node]]") -> Iterator[Edit]:
        for calls in endings:
            nodes, last = list(self.program.nodes), self.index
            for call in calls:
                nodes.append(replace(call, inputs=(last,)))
                last = len(nodes) - 1
            yield from self.checked(ASK, ", then ".join(_said(call) for call in calls), nodes, last, last)


def _said(node: Node) -> str:
    return " ".join([node.head, *(str(constant) for constant in node.constants)])


def _kinds(parameters: Sequence[object]) -> list[str]:
    return [str(getattr(parameter, "kind", "")) for parameter in parameters]


def _place_of(nodes: Sequence[Node], place: int, edited: Program) -> int:
    """Where a node is in the edited program: the one that has its call; the answer if it is gone."""
    wanted = Program.of(nodes, place)
    for index in range(len(edited.nodes) - 1, -1, -1):
        if Program.of(edited.nodes, index) == wanted:
            return index
    return edited.root
