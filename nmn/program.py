"""Program: a typed DAG of calls, the one form that every parser emits and the executor runs.

Its text form reads ``count(filter(relate(unique(filter(scene(), shape=sphere)), left), color=red))``: brackets name an
attribute (``query[color](x)``), the parentheses hold the inputs, then the constants. A node that is used twice is named
first: ``let a = unique(...); equal[color](query[color](a), ...)``. Text is read by :mod:`nmn.parser.text`.
"""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count as counting
from itertools import product
from typing import TYPE_CHECKING, Any, TypeAlias

from nmn.errors import ProgramError, require_keys

if TYPE_CHECKING:
    import networkx

JSON_VERSION = 1
_PLAIN_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_KEYWORD = "let"


@dataclass(frozen=True)
class Concept:
    """An attribute and one of its values: ``color=red``."""

    attribute: str
    value: str

    def __str__(self) -> str:
        return f"{quoted(self.attribute)}={quoted(self.value)}"


Constant: TypeAlias = Concept | str


@dataclass(frozen=True)
class Node:
    """One call: an operation, the attribute in its brackets, the nodes it reads, its constants."""

    operation: str
    inputs: tuple[int, ...] = ()
    attribute: str | None = None
    constants: tuple[Constant, ...] = ()

    @property
    def head(self) -> str:
        """``query[color]``."""
        return self.operation if self.attribute is None else f"{self.operation}[{quoted(self.attribute)}]"


@dataclass(frozen=True)
class Program:
    """A DAG of calls in post-order: a node reads only nodes before it, the last one is the answer.

    Two programs are equal when they have the same calls and share the same nodes. Build one from calls in any order with
    :meth:`of`; the constructor takes calls that are already in order.

    Raises: ProgramError when the calls are not in order, or one is not used.
    """

    nodes: tuple[Node, ...]

    def __post_init__(self) -> None:
        if not self.nodes:
            raise ProgramError("a program needs at least one call")
        used = {index for node in self.nodes for index in node.inputs}
        for index, node in enumerate(self.nodes):
            if not all(0 <= source < index for source in node.inputs):
                raise ProgramError(
                    f"node {index} ({node.operation}) reads {list(node.inputs)}: only earlier nodes may be read"
                )
            if index not in used and index != len(self.nodes) - 1:
                raise ProgramError(f"node {index} ({node.operation}) is used by no other node")

    @staticmethod
    def of(nodes: Sequence[Node], root: int | None = None) -> "Program":
        """Put calls in post-order from ``root`` (the last one if None), dropping what it does not need.

        Raises: ProgramError on a cycle or an input that is no node.
        """
        order = post_order(nodes, len(nodes) - 1 if root is None else root)
        return Program(reindexed(nodes, order))

    @property
    def root(self) -> int:
        """Index of the node that gives the answer."""
        return len(self.nodes) - 1

    def shared(self) -> tuple[tuple[Node, ...], tuple[int, ...]]:
        """The calls with equal ones shared, in an order that runs, and for each node its call."""
        seen: dict[Node, int] = {}
        place: list[int] = []
        for node in self.nodes:
            moved = Node(node.operation, tuple(place[i] for i in node.inputs), node.attribute, node.constants)
            place.append(seen.setdefault(moved, len(seen)))
        return tuple(seen), tuple(place)

    def canonical(self) -> "Program":
        """The same program with equal sub-programs shared: equal for programs that compute the same calls."""
        calls, place = self.shared()
        return Program.of(calls, place[self.root])

    @cached_property
    def _hash(self) -> int:
        return hash(self.nodes)

    def __hash__(self) -> int:
        # Programs key caches; hashing nested records anew takes longer than answering on a described scene.
        return self._hash

    def __reduce__(self) -> tuple[type["Program"], tuple[tuple[Node, ...]]]:
        # What is cached stays behind: another process hashes strings differently.
        return Program, (self.nodes,)

    @cached_property
    def uses(self) -> tuple[int, ...]:
        """How often each node is read."""
        times = [0] * len(self.nodes)
        for node in self.nodes:
            for source in node.inputs:
                times[source] += 1
        return tuple(times)

    @cached_property
    def text(self) -> str:
        """The program as text; :func:`nmn.parser.text.parse_program` gives the same program back."""
        return "; ".join(_Printer(self).statements())

    def __str__(self) -> str:
        return self.text

    def to_json(self) -> dict[str, Any]:
        """A JSON object: ``{"version": 1, "nodes": [{"operation", "attribute", "inputs", "constants"}]}``."""
        return {"version": JSON_VERSION, "nodes": [_node_to_json(node) for node in self.nodes]}

    @staticmethod
    def from_json(record: Any) -> "Program":
        """Read what :meth:`to_json` wrote. Raises: ProgramError on anything else."""
        require_keys(record, ("version", "nodes"), what="a program", error=ProgramError)
        if record["version"] != JSON_VERSION:
            raise ProgramError(f"program of version {record['version']!r}: this nmn reads version {JSON_VERSION}")
        if not isinstance(record["nodes"], list):
            raise ProgramError("a program's 'nodes' must be a list")
        return Program.of([_node_from_json(entry, index) for index, entry in enumerate(record["nodes"])])

    def graph(self) -> "networkx.DiGraph[int]":
        """The program as a graph, an edge from each input to its reader with its position as ``argument``."""
        import networkx

        graph: networkx.DiGraph[int] = networkx.DiGraph()
        for index, node in enumerate(self.nodes):
            constants = tuple(str(constant) for constant in node.constants)
            graph.add_node(index, operation=node.operation, attribute=node.attribute, constants=constants)
        for index, node in enumerate(self.nodes):
            for argument, source in enumerate(node.inputs):
                if graph.has_edge(source, index):
                    graph.edges[source, index]["arguments"] += (argument,)
                else:
                    graph.add_edge(source, index, arguments=(argument,))
        return graph


def post_order(nodes: Sequence[Node], root: int) -> list[int]:
    """Indices of the nodes that ``root`` needs, every node after its inputs, depth first, inputs left to right.

    Raises: ProgramError on a cycle or an input that is no node.
    """
    if not 0 <= root < len(nodes):
        raise ProgramError(f"a program needs at least one call, and node {root} is none of {len(nodes)}")
    order: list[int] = []
    finished = [False] * len(nodes)
    open_nodes: set[int] = {root}
    stack: list[tuple[int, Iterator[int]]] = [(root, iter(nodes[root].inputs))]
    while stack:
        index, pending = stack[-1]
        source = next(pending, None)
        if source is None:
            stack.pop()
            open_nodes.discard(index)
            finished[index] = True
            order.append(index)
        elif not 0 <= source < len(nodes):
            raise ProgramError(
                f"node {index} ({nodes[index].operation}) reads node {source}, but there are {len(nodes)}"
            )
        elif source in open_nodes:
            raise ProgramError(
                f"node {index} ({nodes[index].operation}) reads node {source}, which depends on it: a cycle"
            )
        elif not finished[source]:
            open_nodes.add(source)
            stack.append((source, iter(nodes[source].inputs)))
    return order


def reindexed(nodes: Sequence[Node], order: Sequence[int]) -> tuple[Node, ...]:
    """The nodes of ``order``, with their inputs renumbered to it."""
    place = {old: new for new, old in enumerate(order)}
    return tuple(
        Node(
            nodes[old].operation, tuple(place[i] for i in nodes[old].inputs), nodes[old].attribute, nodes[old].constants
        )
        for old in order
    )


def quoted(word: str) -> str:
    """A word as program texts write it: in quotes unless it is a plain name."""
    if _PLAIN_WORD.fullmatch(word) and word != _KEYWORD:
        return word
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _node_to_json(node: Node) -> dict[str, Any]:
    constants = [
        {"attribute": constant.attribute, "value": constant.value} if isinstance(constant, Concept) else constant
        for constant in node.constants
    ]
    return {
        "operation": node.operation,
        "attribute": node.attribute,
        "inputs": list(node.inputs),
        "constants": constants,
    }


def _node_from_json(entry: Any, index: int) -> Node:
    require_keys(
        entry, ("operation", "attribute", "inputs", "constants"), what=f"program node {index}", error=ProgramError
    )
    operation, attribute, inputs = entry["operation"], entry["attribute"], entry["inputs"]
    if not isinstance(operation, str) or not isinstance(attribute, str | None):
        raise ProgramError(f"program node {index}: 'operation' must be a string and 'attribute' a string or null")
    if not isinstance(inputs, list) or not all(isinstance(i, int) and not isinstance(i, bool) for i in inputs):
        raise ProgramError(f"program node {index}: 'inputs' must be a list of node numbers")
    if not isinstance(entry["constants"], list):
        raise ProgramError(f"program node {index}: 'constants' must be a list")
    constants = tuple(_constant_from_json(constant, index) for constant in entry["constants"])
    return Node(operation, tuple(inputs), attribute, constants)


def _constant_from_json(constant: Any, index: int) -> Constant:
    if isinstance(constant, str):
        return constant
    require_keys(constant, ("attribute", "value"), what=f"a constant of program node {index}", error=ProgramError)
    if not isinstance(constant["attribute"], str) or not isinstance(constant["value"], str):
        raise ProgramError(f"program node {index}: a constant's 'attribute' and 'value' must be strings")
    return Concept(constant["attribute"], constant["value"])


def _names() -> Iterator[str]:
    """a, b, ..., z, aa, ab, ..."""
    for length in counting(1):
        for letters in product(string.ascii_lowercase, repeat=length):
            yield "".join(letters)


class _Printer:
    """Prints a program, naming every node that is used more than once."""

    def __init__(self, program: Program) -> None:
        self.program = program
        words = {word for node in program.nodes for word in self._words(node)}
        names = (name for name in _names() if name not in words and name != _KEYWORD)
        self.names: Mapping[int, str] = {index: next(names) for index, times in enumerate(program.uses) if times > 1}

    def _words(self, node: Node) -> Iterator[str]:
        yield node.operation
        yield from (constant for constant in node.constants if isinstance(constant, str))

    def statements(self) -> Iterator[str]:
        for index in self.names:
            yield f"let {self.names[index]} = {self._call(index)}"
        yield self._call(self.program.root)

    def _call(self, root: int) -> str:
        pieces: list[str] = []
        pending: list[int | str] = [root]
        while pending:
            piece = pending.pop()
            if isinstance(piece, str):
                pieces.append(piece)
            elif piece in self.names and piece != root:
                pieces.append(self.names[piece])
            else:
                pending.extend(reversed(self._pieces(piece)))
        return "".join(pieces)

    def _pieces(self, index: int) -> list[int | str]:
        constants: list[str] = []
        while self._continues_chain(index):
            constants.append(str(self.program.nodes[index].constants[0]))
            index = self.program.nodes[index].inputs[0]
        node = self.program.nodes[index]
        own = [quoted(constant) if isinstance(constant, str) else str(constant) for constant in node.constants]
        arguments: list[int | str] = [*node.inputs, *own, *reversed(constants)]
        pieces: list[int | str] = [f"{node.head}("]
        for position, argument in enumerate(arguments):
            pieces += [", ", argument] if position else [argument]
        return [*pieces, ")"]

    def _continues_chain(self, index: int) -> bool:
        """Whether a call can be written into the call it reads: ``filter(x, size=large, shape=cube)``."""
        node = self.program.nodes[index]
        if not _one_input_one_concept(node) or node.inputs[0] in self.names:
            return False
        source = self.program.nodes[node.inputs[0]]
        return _one_input_one_concept(source) and source.operation == node.operation


def _one_input_one_concept(node: Node) -> bool:
    return (
        len(node.inputs) == 1
        and node.attribute is None
        and len(node.constants) == 1
        and isinstance(node.constants[0], Concept)
    )
