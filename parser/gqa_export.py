"""Programs -> GQA's semantic programs; the correspondence stands in :mod:`nmn.parser.gqa`."""

from collections.abc import Sequence
from typing import Any

from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.parser.gqa import ANY, CATEGORIES, NAME, PAIRS, Imported
from nmn.program import Concept, Node

TYPE = "type"
SPELLED = {"sportactivity": "sportActivity"}


def export_program(imported: Imported, domain: Domain) -> list[dict[str, Any]]:
    """Write a program as a semantic program; :func:`nmn.parser.gqa.import_program` gives the same program back.

    Raises: ProgramError when a call is none of GQA's.
    """
    return _Exporter(imported, domain).record()


class _Exporter:
    def __init__(self, imported: Imported, domain: Domain) -> None:
        self.program = imported.program
        self.nodes = imported.program.nodes
        self.mentions = imported.mentions
        self.domain = domain
        self.calls: list[dict[str, Any]] = []
        self.place: dict[int, int] = {}  # node -> call
        self.absorbed: set[int] = set()  # nodes that are part of the call of their reader

    def record(self) -> list[dict[str, Any]]:
        for index in reversed(range(len(self.nodes))):
            self.absorbed.update(self.parts_of(index))
        for index, node in enumerate(self.nodes):
            if index not in self.absorbed:
                self.place[index] = self.write(index, node)
        return self.calls

    def fail(self, index: int) -> ProgramError:
        return ProgramError(f"node {index} ({self.nodes[index].head}) is no call of GQA's semantic programs")

    def parts_of(self, index: int) -> tuple[int, ...]:
        """The nodes that are written in the call of a node."""
        node = self.nodes[index]
        match node.operation:
            case "filter" if self.is_name(node) and self.alone(node.inputs[0], "relate", "relate_inverse", "same"):
                return node.inputs
            case "verify_rel" | "verify_rel_inverse" if self.is_named(node.inputs[1]):
                return node.inputs[1:]
            case "choose_rel":
                named = self.named_side(node)
                return () if named is None else (named, *self.nodes[named].inputs)
            case "query" if self.alone(node.inputs[0], "compare"):
                return node.inputs
            case "not" if self.alone(node.inputs[0], "equal"):
                return node.inputs
            case "equal" if all(self.alone(each, "query") for each in node.inputs):
                return node.inputs
        return ()

    def alone(self, index: int, *operations: str) -> bool:
        return self.program.uses[index] == 1 and self.nodes[index].operation in operations

    def is_name(self, node: Node) -> bool:
        return isinstance(node.constants[0], Concept) and node.constants[0].attribute == NAME

    def is_named(self, index: int) -> bool:
        return self.alone(index, "select") and self.is_name(self.nodes[index])

    def named_side(self, node: Node) -> int | None:
        sides = (
            each for each in node.inputs if self.alone(each, "unique") and self.is_named(self.nodes[each].inputs[0])
        )
        return next(sides, None)

    def write(self, index: int, node: Node) -> int:
        """Write the call that a node ends; gives its number."""
        values = [each.value if isinstance(each, Concept) else each for each in node.constants]
        attribute = node.attribute
        first = node.constants[0] if node.constants else None
        category = first.attribute if isinstance(first, Concept) else ""
        match node.operation:
            case "unique" if node.inputs[0] in self.place:
                return self.place[node.inputs[0]]
            case "select" if category == NAME:
                return self.add("select", (), self.mention(index, values[0]))
            case "filter" if category == NAME and node.inputs[0] in self.absorbed:
                return self.relation(node.inputs[0], values[0], index)
            case "relate" | "relate_inverse" | "same":
                return self.relation(index, ANY, index)
            case "filter" | "filter_not" if category != NAME:
                shown = values[0] if node.operation == "filter" else f"not({values[0]})"
                return self.add(self.titled("filter", category), node.inputs, shown)
            case "verify":
                return self.add(self.titled("verify", TYPE if category == NAME else category), node.inputs, values[0])
            case "choose":
                same = len({each.attribute for each in node.constants if isinstance(each, Concept)}) == 1
                return self.add(self.titled("choose", category if same else ""), node.inputs, "|".join(values))
            case "verify_rel" | "verify_rel_inverse" if node.inputs[1] in self.absorbed:
                direction = "s" if node.operation == "verify_rel" else "o"
                return self.named("verify rel", node.inputs[0], node.inputs[1], values[0], direction)
            case "choose_rel" if (side := self.named_side(node)) is not None:
                subject, anchor = node.inputs
                direction, other = ("s", anchor) if side == subject else ("o", subject)
                return self.named("choose rel", other, self.nodes[side].inputs[0], "|".join(values), direction)
            case "query" if node.inputs[0] in self.absorbed and attribute == NAME:
                return self.comparison(node.inputs[0])
            case "query":
                return self.add("query", node.inputs, SPELLED.get(attribute or "", attribute or ""))
            case "exist" | "and" | "or" | "common":
                return self.add(node.operation, node.inputs, "?" if node.operation == "exist" else "")
            case "all_same" | "all_different":
                shown = TYPE if attribute == NAME else SPELLED.get(attribute or "", attribute or "")
                return self.add(node.operation.removeprefix("all_"), node.inputs, shown)
            case "equal" if all(each in self.absorbed for each in node.inputs):
                return self.pair(index, "same", index)
            case "not" if node.inputs[0] in self.absorbed:
                return self.pair(index, "different", node.inputs[0])
        raise self.fail(index)

    def add(self, operation: str, inputs: Sequence[int], argument: str) -> int:
        try:
            sources = [self.place[each] for each in inputs]
        except KeyError as error:
            raise self.fail(int(error.args[0])) from None
        self.calls.append({"operation": operation, "dependencies": sources, "argument": argument})
        return len(self.calls) - 1

    def titled(self, operation: str, category: str) -> str:
        spelled = SPELLED.get(category, category)
        return f"{operation} {spelled}".strip() if spelled in CATEGORIES[operation] else operation

    def mention(self, index: int, words: str) -> str:
        return f"{words} ({self.mentions[index]})" if index in self.mentions else words

    def relation(self, index: int, name: str, top: int) -> int:
        node = self.nodes[index]
        direction = {"relate": "s", "relate_inverse": "o"}.get(node.operation, ANY)
        word = f"same {node.attribute}" if node.operation == "same" else str(node.constants[0])
        return self.add("relate", node.inputs, self.mention(top, f"{name},{word},{direction}"))

    def named(self, operation: str, source: int, other: int, relation: str, direction: str) -> int:
        name = self.nodes[other].constants[0]
        words = name.value if isinstance(name, Concept) else name
        return self.add(operation, (source,), self.mention(other, f"{words},{relation},{direction}"))

    def comparison(self, index: int) -> int:
        concept = self.nodes[index].constants[0]
        for word, (attribute, value) in self.domain.comparatives:
            if concept == Concept(attribute, value):
                return self.add(f"choose {word}", self.nodes[index].inputs, "")
        raise self.fail(index)

    def pair(self, index: int, verb: str, equal: int) -> int:
        operation = f"{verb} {self.nodes[equal].attribute}"
        if operation not in PAIRS:
            raise self.fail(index)
        subjects = [self.nodes[each].inputs[0] for each in self.nodes[equal].inputs]
        return self.add(operation, subjects, "")
