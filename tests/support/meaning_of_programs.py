"""What a program of CLEVR's operations means, whatever the order of its filters and of what it joins."""

from typing import Any, TypeAlias

from nmn.program import Program

Meaning: TypeAlias = Any  # nested tuples and frozensets: equal for programs that mean the same

_SYMMETRIC = frozenset({"equal", "equal_integer", "equal_object"})


def meaning(program: Program) -> Meaning:
    """A form that is equal for programs that differ in the order of filters and of inputs alone.

    A set of objects is the conditions that its members meet; a union keeps outside what all of it has in common.
    """
    found: list[Meaning] = []
    for node in program.nodes:
        sources = [found[source] for source in node.inputs]
        match node.operation, sources:
            case "scene", []:
                found.append(frozenset())
            case "filter", [members]:
                found.append(_conditions(members) | {node.constants})
            case "intersect", [first, second]:
                found.append(_conditions(first) | _conditions(second))
            case "union", [first, second]:
                alternatives = _conditions(first), _conditions(second)
                common = alternatives[0] & alternatives[1]
                rest = frozenset(each - common for each in alternatives)
                found.append(common if frozenset() in rest else common | {_alternatives(rest)})
            case (("relate" | "same"), [anchor]):
                found.append(frozenset({(node.operation, node.attribute, node.constants, anchor)}))
            case "less_than", [first, second]:
                found.append(("greater_than", None, second, first))
            case operation, _ if operation in _SYMMETRIC:
                found.append((operation, node.attribute, frozenset(sources)))
            case operation, _:
                found.append((operation, node.attribute, *node.constants, *sources))
    return found[program.root]


def _conditions(members: Meaning) -> frozenset[Meaning]:
    """A set by its conditions; that of another operation than CLEVR's is a condition of its own."""
    return members if isinstance(members, frozenset) else frozenset({members})


def _alternatives(sets: frozenset[Meaning]) -> Meaning:
    """One condition for a union, those of unions within it taken out."""
    flat: set[Meaning] = set()
    for members in sets:
        inner = next(iter(members)) if len(members) == 1 else None
        if isinstance(inner, tuple) and inner[0] == "any of":
            flat |= inner[1]
        else:
            flat.add(members)
    return ("any of", frozenset(flat))
