"""Type checker: do a program's calls fit together, and are its constants in the domain?"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from nmn.domain import Domain
from nmn.errors import DomainError, ProgramTypeError, Span, nearest
from nmn.program import Concept, Constant, Node, Program
from nmn.registry import Registry
from nmn.signature import ANSWER_KINDS, CHOICE_KIND, Parameter, Signature
from nmn.words import choices

_MADE_BY = {
    "ObjectSet": "scene() or filter(...)",
    "Object": "unique(...)",
    "Count": "count(...)",
    "Value": "query[...](...)",
}


@dataclass(frozen=True)
class ProgramType:
    """Type of a node: its kind, and for a ``Value`` the attribute that it is a value of."""

    kind: str
    attribute: str | None = None

    def __str__(self) -> str:
        return self.kind if self.attribute is None else f"{self.kind}[{self.attribute}]"


def check(
    program: Program,
    domain: Domain,
    registry: Registry,
    *,
    text: str | None = None,
    spans: Sequence[Span | None] | None = None,
    constant_spans: Sequence[Sequence[Span]] | None = None,
    answers: bool = True,
) -> tuple[ProgramType, ...]:
    """The type of every node.

    Args:
        program: What to check.
        domain: Declares the constants.
        registry: Declares the operations.
        text: The text the program was read from; the error then carries a caret.
        spans: For each node, its place in the text.
        constant_spans: For each node, the places of its constants in the text.
        answers: Whether the program must end in something that can be answered: a number, yes or no, or a value.

    Raises:
        ProgramTypeError: at the first call that does not fit.
    """
    if text is None:
        text = program.text if len(program.nodes) < 1000 else None
    checker = _Checker(program, domain, registry, text, spans, constant_spans)
    types = checker.run()
    if answers and types[-1].kind not in ANSWER_KINDS:
        checker.fail(
            program.root,
            f"a program must end in a number, yes or no, or a value, not in {types[-1]}; try count(...) or exist(...)",
        )
    return types


def _a(found: ProgramType) -> str:
    return f"{'an' if found.kind[0] in 'AEIOU' else 'a'} {found}"


class _Checker:
    def __init__(
        self,
        program: Program,
        domain: Domain,
        registry: Registry,
        text: str | None,
        spans: Sequence[Span | None] | None,
        constant_spans: Sequence[Sequence[Span]] | None,
    ) -> None:
        self.program = program
        self.domain = domain
        self.registry = registry
        self.text = text
        self.spans = spans
        self.constant_spans = constant_spans
        self.types: list[ProgramType] = []

    def run(self) -> tuple[ProgramType, ...]:
        for index, node in enumerate(self.program.nodes):
            self.types.append(self.node(index, node))
        return tuple(self.types)

    def fail(self, index: int, message: str, *, constant: int | None = None) -> NoReturn:
        span = self.spans[index] if self.spans is not None else None
        if constant is not None and self.constant_spans is not None and constant < len(self.constant_spans[index]):
            span = self.constant_spans[index][constant]
        where = f"node {index}, " if span is None else ""
        raise ProgramTypeError(where + message, text=self.text if span is not None else None, span=span)

    def node(self, index: int, node: Node) -> ProgramType:
        if node.operation not in self.registry:
            known = nearest(node.operation, self.registry.signatures)
            self.fail(index, f"there is no operation {node.operation!r}{known}")
        signature = self.registry.signature(node.operation)
        self.needs(index, node, signature)
        self.bracket(index, node, signature)
        self.inputs(index, node, signature)
        self.constants(index, node, signature)
        return ProgramType(signature.output, node.attribute if signature.output == "Value" else None)

    def needs(self, index: int, node: Node, signature: Signature) -> None:
        known = (*self.domain.attribute_ids, *self.domain.relation_ids)
        for name in signature.needs:
            if name not in known:
                self.fail(index, f"{node.operation} needs {name!r}, which {self.domain.name} does not have")

    def bracket(self, index: int, node: Node, signature: Signature) -> None:
        if signature.bracket and node.attribute is None:
            names = ", ".join(self.domain.attribute_ids)
            self.fail(
                index, f"{node.operation} needs an attribute in brackets, one of {names}: {node.operation}[...](...)"
            )
        if node.attribute is None:
            return
        if not signature.bracket:
            self.fail(index, f"{node.operation} takes no attribute in brackets, but has [{node.attribute}]")
        if node.attribute not in self.domain.attribute_ids:
            known = nearest(node.attribute, self.domain.attribute_ids)
            self.fail(index, f"{self.domain.name} has no attribute {node.attribute!r}{known}")

    def inputs(self, index: int, node: Node, signature: Signature) -> None:
        expected = signature.inputs
        # A bare word where an input belongs is most often a name that nothing was given.
        loose = [constant for constant in node.constants if isinstance(constant, str)]
        if len(node.inputs) < len(expected) and len(loose) > len(signature.constants):
            self.fail(index, f"{loose[0]!r} names no node; name one with: let {loose[0]} = ...;", constant=0)
        if len(node.inputs) != len(expected):
            takes = f"{len(expected)} input{'' if len(expected) == 1 else 's'}"
            self.fail(index, f"{node.operation} takes {takes}, not {len(node.inputs)}: {signature}")
        for parameter, source in zip(expected, node.inputs, strict=True):
            self.input(index, node, parameter, source)

    def input(self, index: int, node: Node, parameter: Parameter, source: int) -> None:
        attribute = node.attribute if parameter.kind == "Value" else None
        wanted, found = ProgramType(parameter.kind, attribute), self.types[source]
        if found == wanted:
            return
        hint = f"; one comes from {_MADE_BY[wanted.kind]}" if wanted.kind in _MADE_BY else ""
        giver = self.program.nodes[source].head
        self.fail(index, f"{node.head} needs {_a(wanted)} as {parameter.name!r}, but {giver} gives {_a(found)}{hint}")

    def constants(self, index: int, node: Node, signature: Signature) -> None:
        expected = signature.constants
        if len(node.constants) != len(expected):
            takes = f"{len(expected)} constant{'' if len(expected) == 1 else 's'}"
            self.fail(index, f"{node.operation} takes {takes}, not {len(node.constants)}: {signature}")
        for position, (parameter, constant) in enumerate(zip(expected, node.constants, strict=True)):
            try:
                self.constant(node, parameter, constant)
            except DomainError as error:
                self.fail(index, str(error), constant=position)
        if signature.output == CHOICE_KIND and len(set(choices(node, self.domain))) < len(node.constants):
            self.fail(index, f"{node.operation} chooses between two things, but both are called the same", constant=1)

    def constant(self, node: Node, parameter: Parameter, constant: Constant) -> None:
        if parameter.kind == "Concept":
            if not isinstance(constant, Concept):
                owners = [attribute for attribute, value in self.domain.concepts if value == constant]
                example = f"{owners[0]}={constant}" if owners else "attribute=value"
                raise DomainError(f"{node.operation} needs a concept, such as {example}, not {constant!r}")
            self.domain.concept_id(constant.attribute, constant.value)
        elif isinstance(constant, Concept):
            raise DomainError(f"{node.operation} needs a relation, not the concept {constant}")
        else:
            self.domain.relation(constant)
