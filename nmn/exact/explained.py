"""Explained: the values of every node, what was read for them, and what failed; for traces and refusals, not for speed."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from nmn.domain import Domain
from nmn.exact.compiled import Compiled
from nmn.exact.scene import DescribedScene, NotOne, objects_of
from nmn.program import Node
from nmn.signature import ATTRIBUTE_NAME_KIND, CHOICE_KIND
from nmn.trace import FacetCost, FailedPresupposition, NodeTrace, Trace
from nmn.words import choices, not_granted, speaks_of_one


@dataclass
class _Reading:
    """A described scene that notes what is read of it, for the first time, since it was last asked."""

    scene: DescribedScene
    domain: Domain
    read: dict[str, int] = field(default_factory=dict)
    fresh: dict[str, int] = field(default_factory=dict)

    @property
    def everything(self) -> int:
        return self.scene.everything

    def fitting(self, concept: int, members: int) -> int:
        self._note(self.domain.concepts[concept][0], members)
        return self.scene.fitting(concept, members)

    def value(self, attribute: int, subject: int) -> int:
        self._note(self.domain.attributes[attribute].name, 1 << subject)
        return self.scene.value(attribute, subject)

    def related(self, relation: int, anchor: int) -> int:
        self._note(self.domain.relations[relation].name, 1 << anchor)
        return self.scene.related(relation, anchor)

    def in_common(self, first: int, second: int) -> tuple[int, ...]:
        for attribute in self.domain.comparable_ids:
            self._note(self.domain.attributes[attribute].name, 1 << first | 1 << second)
        return self.scene.in_common(first, second)

    def _note(self, facet: str, objects: int) -> None:
        known = self.read.get(facet, 0)
        self.read[facet] = known | objects
        self.fresh[facet] = self.fresh.get(facet, 0) + (objects & ~known).bit_count()

    def facets(self) -> tuple[FacetCost, ...]:
        """What was read since this was last called."""
        found = tuple(FacetCost(name, rows, 0) for name, rows in self.fresh.items() if rows)
        self.fresh = {}
        return found


@dataclass(frozen=True)
class Explained:
    """One program on one scene, node by node.

    Attributes:
        values: Of every node; None where what it takes for granted does not hold, here or further up.
        failed: What does not hold, in the order of the nodes.
        facets: What every node read and no earlier one had.
        seconds: What every node took.
    """

    compiled: Compiled
    values: tuple[int | None, ...]
    failed: tuple[FailedPresupposition, ...]
    facets: tuple[tuple[FacetCost, ...], ...]
    seconds: tuple[float, ...]


def explain(compiled: Compiled, scene: DescribedScene, domain: Domain) -> Explained:
    """Run a program with every node's value kept; what does not depend on a failure runs all the same."""
    reading = _Reading(scene, domain)
    values: list[int | None] = []
    failed: list[FailedPresupposition] = []
    facets: list[tuple[FacetCost, ...]] = []
    seconds: list[float] = []
    for index, node in enumerate(compiled.program.nodes):
        started = perf_counter()
        known = [0 if value is None else value for value in values]
        value: int | None = None
        if all(values[source] is not None for source in node.inputs):
            try:
                value = compiled.step(index, reading, known)
            except NotOne:
                failed.append(_failure(compiled, index, known, domain))
        values.append(value)
        facets.append(reading.facets())
        seconds.append(perf_counter() - started)
    return Explained(compiled, tuple(values), tuple(failed), tuple(facets), tuple(seconds))


def _failure(compiled: Compiled, node: int, values: Sequence[int], domain: Domain) -> FailedPresupposition:
    source = compiled.program.nodes[node].inputs[0]
    if not speaks_of_one(compiled.program.nodes[node]):
        return FailedPresupposition(node, 0.0, not_granted(compiled.program, node, "", domain), ())
    candidates = objects_of(values[source])
    found = f"there are {len(candidates)}: objects {', '.join(map(str, candidates))}" if candidates else "there is none"
    words = not_granted(compiled.program, node, found, domain)
    return FailedPresupposition(node, 0.0, words, tuple((index, 1.0) for index in candidates))


def make_trace(found: Explained, scene: DescribedScene, domain: Domain) -> Trace:
    """What ran, in the form of the soft executor's trace; every probability is 0 or 1."""
    program = found.compiled.program
    failed = {each.node for each in found.failed}
    nodes = []
    for index, (node, signature) in enumerate(zip(program.nodes, found.compiled.signatures, strict=True)):
        attribute = f"[{node.attribute}]" if signature.output == "Value" else ""
        arguments = [*(f"#{source}" for source in node.inputs), *(str(constant) for constant in node.constants)]
        holds = None if found.values[index] is None and index not in failed else float(index not in failed)
        nodes.append(
            NodeTrace(
                index=index,
                call=f"{node.head}({', '.join(arguments)})",
                kind=f"{signature.output}{attribute}",
                module=f"{signature.module}.{signature.class_name}",
                inputs=node.inputs,
                value=_plain(signature.output, found.values[index], scene.objects, domain, node),
                presupposition=holds if signature.presupposes else None,
                facets=found.facets[index],
                flops=0,
                seconds=found.seconds[index],
                batch=1,
                shared=1,
            )
        )
    boxes = tuple(each.box for each in scene.source.objects)
    return Trace(program, tuple(nodes), boxes, (1.0,) * scene.objects, 0)


def _plain(kind: str, value: int | None, objects: int, domain: Domain, node: Node) -> Any:
    if value is None:
        return None
    if kind == "ObjectSet":
        return tuple(float(value >> index & 1) for index in range(objects))
    if kind in ("Object", "Count"):
        length = objects if kind == "Object" else objects + 1
        return tuple(float(index == value) for index in range(length))
    if kind == "Bool":
        return float(value)
    if kind == CHOICE_KIND:
        return {word: float(index == value) for index, word in enumerate(choices(node, domain))}
    if kind == ATTRIBUTE_NAME_KIND:
        return {domain.attributes[number].name: float(number == value) for number in domain.comparable_ids}
    first, end = domain.span(node.attribute or "")
    return {domain.concepts[concept][1]: float(concept == value) for concept in range(first, end)}
