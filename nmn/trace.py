"""Trace: what ran for a question, node by node, as the one run left it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from nmn.program import Program

JSON_VERSION = 1


@dataclass(frozen=True)
class FacetCost:
    """Facets that a node caused to be computed.

    Attributes:
        facet: Name of the attribute or relation.
        rows: For how many objects.
        flops: Floating-point operations, two for a multiply-add.
    """

    facet: str
    rows: int
    flops: int


@dataclass(frozen=True)
class NodeTrace:
    """What one node did.

    Attributes:
        index: Its index in the program.
        call: The call as written, with its inputs as ``#index``.
        kind: Program type of its value.
        module: The class that ran.
        inputs: Indices of the nodes it read.
        value: The value in plain numbers, all probabilities: one an object (``ObjectSet``, where it is that of being
            there and a member, and ``Object``), one a number (``Count``), one a value's name (``Value``), one for yes
            (``Bool``). None where the exact rules give none, because something taken for granted fails.
        presupposition: Probability that what it takes for granted holds; None if it takes nothing for granted.
        facets: What it caused to be computed.
        flops: Its own, without the facets.
        seconds: Its share of the time of the call it ran in.
        batch: How many nodes ran in that call.
        shared: How many questions of the batch use this very value.
    """

    index: int
    call: str
    kind: str
    module: str
    inputs: tuple[int, ...]
    value: tuple[float, ...] | Mapping[str, float] | float | None
    presupposition: float | None
    facets: tuple[FacetCost, ...]
    flops: int
    seconds: float
    batch: int
    shared: int

    def to_json(self) -> dict[str, Any]:
        """The fields by name."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        facets = [{"facet": each.facet, "rows": each.rows, "flops": each.flops} for each in self.facets]
        rest = {name: getattr(self, name) for name in ("presupposition", "flops", "seconds", "batch", "shared")}
        head = {"index": self.index, "call": self.call, "kind": self.kind, "module": self.module}
        return {**head, "inputs": list(self.inputs), "value": value, "facets": facets, **rest}


@dataclass(frozen=True)
class PlanStatistics:
    """What the batch that a question ran in took, all its questions together.

    Attributes:
        questions: How many there were.
        nodes: Nodes of their programs as written.
        steps: Steps that were left to run after calls were fused and equal ones merged.
        groups: Groups of steps that ran together.
        kernels: Calls of modules.
        planner_seconds: Time that planning took.
        facet_rows: Facets that were computed.
        possible_facet_rows: Facets that there could be: every one of every object.
    """

    questions: int
    nodes: int
    steps: int
    groups: int
    kernels: int
    planner_seconds: float
    facet_rows: int
    possible_facet_rows: int


@dataclass(frozen=True)
class Trace:
    """What ran for one question.

    Attributes:
        program: What was run.
        nodes: One entry a node, in program order.
        boxes: x0, y0, x1, y1 of each object in pixels of the image, or None where unknown.
        presence: Probability that each object is one.
        glance_flops: Cost of the first look at the image, which all its questions share.
        plan: What its batch took; None where questions run one by one.
    """

    program: Program
    nodes: tuple[NodeTrace, ...]
    boxes: tuple[tuple[float, float, float, float] | None, ...]
    presence: tuple[float, ...]
    glance_flops: int
    plan: PlanStatistics | None = None

    @property
    def flops(self) -> int:
        """All that this question cost, without the glance."""
        return sum(node.flops + sum(facet.flops for facet in node.facets) for node in self.nodes)

    def to_json(self) -> dict[str, Any]:
        """``{"version", "program", "nodes": [...], "objects": [{"box", "presence"}], "flops", "glance_flops", "plan"}``."""
        objects = [
            {"box": None if box is None else list(box), "presence": presence}
            for box, presence in zip(self.boxes, self.presence, strict=True)
        ]
        return {
            "version": JSON_VERSION,
            "program": self.program.text,
            "nodes": [node.to_json() for node in self.nodes],
            "objects": objects,
            "flops": self.flops,
            "glance_flops": self.glance_flops,
            "plan": None if self.plan is None else asdict(self.plan),
        }


@dataclass(frozen=True)
class FailedPresupposition:
    """Something that a question takes for granted and that does not hold.

    Attributes:
        node: The program node.
        probability: That it holds.
        words: What fails, in words.
        candidates: Objects that could have been meant, as (index, probability of being a member).
    """

    node: int
    probability: float
    words: str
    candidates: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Attributes:
        value: The answer, or None for "I don't know".
        confidence: Probability that it is right: of the answer, and that what the question takes for granted holds.
        distribution: Probability of every possible answer.
        program: What was run.
        presuppositions: What the question takes for granted and does not hold.
        question: The text, if there was one.
        trace: What ran, if it was asked for.
    """

    value: str | None
    confidence: float
    distribution: Mapping[str, float]
    program: Program
    presuppositions: tuple[FailedPresupposition, ...] = ()
    question: str | None = None
    trace: Trace | None = field(default=None, repr=False)

    def asked(self, question: str) -> "Answer":
        """This answer with the question it was asked by."""
        return replace(self, question=question)

    def to_json(self) -> dict[str, Any]:
        """The fields by name; the trace only if there is one."""
        record: dict[str, Any] = {
            "question": self.question,
            "answer": self.value,
            "confidence": self.confidence,
            "distribution": dict(self.distribution),
            "program": self.program.text,
            "presuppositions": [
                {
                    "node": each.node,
                    "probability": each.probability,
                    "words": each.words,
                    "candidates": list(each.candidates),
                }
                for each in self.presuppositions
            ],
        }
        if self.trace is not None:
            record["trace"] = self.trace.to_json()
        return record
