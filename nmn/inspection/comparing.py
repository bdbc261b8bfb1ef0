"""Comparing: two runs side by side, each node with the one that stands for it in the other."""

from collections.abc import Hashable, Sequence
from difflib import SequenceMatcher

from nmn.inspection.view import ALONE, CHANGED, SAME, Difference, NodeView, View

NOTICED = 0.1
"""Probabilities that differ by less than this are said to be the same."""


def compare(first: View, second: View, *, other: str = "In the other run") -> tuple[View, View]:
    """Two views, each with what became of its nodes in the other.

    Args:
        first: One run.
        second: Another one, of whatever question, program, image or policy.
        other: How the other run is spoken of.
    """
    pairs = matched(first.nodes, second.nodes)
    return (
        first.with_differences(_differences(first.nodes, second.nodes, dict(pairs), other)),
        second.with_differences(_differences(second.nodes, first.nodes, {right: left for left, right in pairs}, other)),
    )


def matched(first: Sequence[NodeView], second: Sequence[NodeView]) -> list[tuple[int, int]]:
    """Pairs of nodes that stand for one another, in order: equal calls, between them equal operations, then equal kinds."""
    pairs: list[tuple[int, int]] = []
    _align(first, second, 0, pairs)
    return sorted(pairs)


def _align(first: Sequence[NodeView], second: Sequence[NodeView], level: int, pairs: list[tuple[int, int]]) -> None:
    if level == len(_KEYS) or not first or not second:
        return
    key = _KEYS[level]
    matcher = SequenceMatcher(None, [key(node) for node in first], [key(node) for node in second], autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        if tag == "equal":
            own, others = first[start:end], second[other_start:other_end]
            pairs.extend((one.index, two.index) for one, two in zip(own, others, strict=True))
        elif tag == "replace":
            _align(first[start:end], second[other_start:other_end], level + 1, pairs)


def _call(node: NodeView) -> Hashable:
    return node.title, node.argument, len(node.inputs)


def _operation(node: NodeView) -> Hashable:
    return node.title.partition("[")[0], len(node.inputs)


def _kind(node: NodeView) -> Hashable:
    return node.kind


_KEYS = (_call, _operation, _kind)


def _differences(
    own: Sequence[NodeView], others: Sequence[NodeView], pairs: dict[int, int], other: str
) -> dict[int, Difference]:
    found = {}
    for node in own:
        place = pairs.get(node.index)
        if place is None:
            found[node.index] = Difference(ALONE, None, f"{other}: no such step")
        else:
            found[node.index] = _difference(node, others[place], other)
    return found


def _difference(node: NodeView, there: NodeView, other: str) -> Difference:
    same_call = _call(node) == _call(there)
    if same_call and _same_value(node, there):
        return Difference(SAME, there.index)
    name = "" if same_call else f"{there.title} {there.argument}".strip()
    words = ": ".join(part for part in (other, name, there.value) if part)
    return Difference(CHANGED, there.index, words)


def _same_value(node: NodeView, there: NodeView) -> bool:
    """Whether no probability differs by more than anybody would notice."""
    own, others = dict(_chances(node)), dict(_chances(there))
    if not own and not others:
        return node.value == there.value
    return all(abs(own.get(name, 0.0) - others.get(name, 0.0)) < NOTICED for name in own | others)


def _chances(node: NodeView) -> list[tuple[Hashable, float]]:
    if node.kind in ("ObjectSet", "Object") and node.columns:
        return list(enumerate(node.columns[-1].scores))
    return [(name, chance) for name, chance in node.chances]
