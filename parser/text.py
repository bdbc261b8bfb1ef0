"""Program text -> Program."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from nmn.errors import ProgramSyntaxError, Span
from nmn.program import Concept, Constant, Node, Program, post_order, reindexed
from nmn.registry import Registry

if TYPE_CHECKING:
    from lark import Lark
    from lark.exceptions import UnexpectedInput

LONGEST_TEXT = 1_000_000  # characters


@dataclass(frozen=True)
class ProgramText:
    """A program with the text that it was read from.

    Attributes:
        program: The program.
        text: Its text.
        spans: For each node, the call it was written as.
        constant_spans: For each node, where each of its constants was written.
    """

    program: Program
    text: str
    spans: tuple[Span, ...]
    constant_spans: tuple[tuple[Span, ...], ...]


def parse_program(text: str, registry: Registry) -> ProgramText:
    """Read a program's text. Whether its operations and constants exist is for :func:`nmn.check.check` to say.

    Args:
        text: Such as ``count(filter(scene(), color=red))``.
        registry: Tells which operations may carry several concepts in one call.

    Raises:
        ProgramSyntaxError: with a caret, when it does not parse.
    """
    if len(text) > LONGEST_TEXT:
        raise ProgramSyntaxError(f"a program text of {len(text):,} characters: the longest allowed is {LONGEST_TEXT:,}")
    if not text.strip():
        raise ProgramSyntaxError("an empty program: give a call such as count(scene())")
    from lark.exceptions import UnexpectedInput

    try:
        tree = _grammar().parse(text)
    except UnexpectedInput as error:
        raise _syntax_error(error, text) from None
    builder = _Builder(text, registry)
    root = builder.statements(tree)
    order = post_order(builder.nodes, root)
    return ProgramText(
        Program(reindexed(builder.nodes, order)),
        text,
        tuple(builder.spans[old] for old in order),
        tuple(builder.constant_spans[old] for old in order),
    )


@lru_cache(maxsize=1)
def _grammar() -> "Lark":
    from lark import Lark

    grammar = (resources.files("nmn.parser") / "text.lark").read_text(encoding="utf-8")
    return Lark(grammar, start="program", parser="lalr", propagate_positions=True)


@dataclass(frozen=True)
class _Word:
    """A bare word in a call: a named node or a constant."""

    text: str
    span: Span


class _Builder:
    """Turns the syntax tree (trees and tokens of lark) into nodes, without recursion: nesting has no limit."""

    def __init__(self, text: str, registry: Registry) -> None:
        self.text = text
        self.registry = registry
        self.nodes: list[Node] = []
        self.spans: list[Span] = []
        self.constant_spans: list[tuple[Span, ...]] = []
        self.names: dict[str, int] = {}
        self.used: set[str] = set()

    def statements(self, tree: Any) -> int:
        """Build every statement and give the index of the answer's node."""
        for statement in tree.children:
            if statement.data == "binding":
                self.bind(statement)
        root = self.call(tree.children[-1])
        for name, node in self.names.items():
            if name not in self.used:
                raise self.error(f"{name!r} is named but never used", self.spans[node])
        return root

    def bind(self, binding: Any) -> None:
        token, call = binding.children
        if str(token) in self.names:
            raise self.error(f"{str(token)!r} is named twice", _span(token))
        self.names[str(token)] = self.call(call)

    def call(self, root: Any) -> int:
        """Build one call tree, depth first, and give its node."""
        built: dict[int, int] = {}
        stack = [(root, False)]
        while stack:
            tree, ready = stack.pop()
            if ready:
                built[id(tree)] = self.finish(tree, built)
                continue
            stack.append((tree, True))
            stack.extend((child, False) for child in reversed(_arguments(tree)) if _data(child) == "call")
        return built[id(root)]

    def finish(self, tree: Any, built: dict[int, int]) -> int:
        inputs: list[int] = []
        constants: list[Constant] = []
        places: list[Span] = []
        for child in _arguments(tree):
            argument = built[id(child)] if _data(child) == "call" else self.argument(child)
            if isinstance(argument, int):
                if constants:
                    raise self.error("inputs stand before constants", _span(child))
                inputs.append(argument)
            else:
                constants.append(argument)
                places.append(_span(child))
        operation = str(tree.children[0])
        bracket = next((child for child in tree.children if _data(child) == "bracket"), None)
        attribute = None if bracket is None else _word(bracket.children[0])
        span = _span(tree)
        concepts = [constant for constant in constants if isinstance(constant, Concept)]
        chains = operation in self.registry and self.registry.signature(operation).chains
        if chains and len(concepts) == len(constants) > 1 and len(inputs) == 1:
            node = inputs[0]
            for concept, place in zip(concepts, places, strict=True):
                node = self.add(Node(operation, (node,), attribute, (concept,)), Span(span.start, place.end), (place,))
            return node
        return self.add(Node(operation, tuple(inputs), attribute, tuple(constants)), span, tuple(places))

    def argument(self, child: Any) -> int | Constant:
        if child.data == "concept":
            attribute, value = child.children
            return Concept(_word(attribute), _word(value))
        token = child.children[0].children[0]
        word = _word(child.children[0])
        if token.type == "NAME" and word in self.names:
            self.used.add(word)
            return self.names[word]
        return word

    def add(self, node: Node, span: Span, places: tuple[Span, ...]) -> int:
        self.nodes.append(node)
        self.spans.append(span)
        self.constant_spans.append(places)
        return len(self.nodes) - 1

    def error(self, message: str, span: Span) -> ProgramSyntaxError:
        return ProgramSyntaxError(message, text=self.text, span=span)


def _data(child: Any) -> str:
    return str(getattr(child, "data", ""))


def _arguments(tree: Any) -> Sequence[Any]:
    return [child for child in tree.children[1:] if _data(child) in ("call", "concept", "name")]


def _word(tree: Any) -> str:
    token = tree.children[0]
    if token.type == "STRING":
        return str(token)[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return str(token)


def _span(tree: Any) -> Span:
    place = getattr(tree, "meta", tree)
    return Span(place.start_pos, place.end_pos)


_TERMINALS = {
    "NAME": "a name",
    "STRING": "a quoted word",
    "LPAR": "'('",
    "RPAR": "')'",
    "LSQB": "'['",
    "RSQB": "']'",
    "COMMA": "','",
    "EQUAL": "'='",
    "SEMICOLON": "';'",
    "LET": "'let'",
    "$END": "the end",
}


def _syntax_error(error: "UnexpectedInput", text: str) -> ProgramSyntaxError:
    expected = sorted({_TERMINALS.get(name, name) for name in getattr(error, "accepts", None) or _expected(error)})
    token = getattr(error, "token", None)
    found: str | None
    if token is not None and token.type != "$END":
        start, end, found = token.start_pos, token.end_pos, repr(str(token))
    elif token is not None:
        start, end, found = len(text.rstrip()), len(text.rstrip()) + 1, None
    else:
        start = int(getattr(error, "pos_in_stream", None) or 0)
        end, found = start + 1, repr(text[start : start + 1])
    ending = f": expected {' or '.join(expected)}" if expected else ""
    what = "the program ends too early" if found is None else f"unexpected {found}"
    return ProgramSyntaxError(f"{what}{ending}", text=text, span=Span(start, end))


def _expected(error: Any) -> set[str]:
    return set(getattr(error, "expected", None) or getattr(error, "allowed", None) or ())
