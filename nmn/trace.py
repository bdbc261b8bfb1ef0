"""Trace: what ran for a question, node by node, as the one run left it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from importlib import import_module
from typing import Any

from nmn.parse import Parse
from nmn.program import Program

JSON_VERSION = 1

UNKNOWN = "I don't know"
"""How an answer of None is said."""

MISTAKEN = 0.02
"""Probability that a question is asked whatever is there: people are mistaken, or want to be told that it is not so."""


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
class LookTaken:
    """A closer look at one object.

    Attributes:
        object: Its number.
        pathway: What it was looked at through.
        words: Why.
        flops: What it cost.
    """

    object: int
    pathway: str
    words: str
    flops: int


@dataclass(frozen=True)
class Looking:
    """How closely the image of a question was looked at.

    Attributes:
        taken: The looks, in the order in which they were taken, those for other questions on the image among them.
        possible: How many looks there are at what the question reads.
    """

    taken: tuple[LookTaken, ...]
    possible: int

    @property
    def words(self) -> tuple[str, ...]:
        """One line a look, and how many were left out."""
        left = max(0, self.possible - len(self.taken))
        why = ", none was worth it to the answer" if left else ""
        return (*(each.words for each in self.taken), f"left out: {left} of {self.possible} looks{why}")


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
        reading: How the question was read, with every parser that was asked; None for a program.
        looking: How closely the image was looked at; None where all looks are taken as programs ask.
    """

    program: Program
    nodes: tuple[NodeTrace, ...]
    boxes: tuple[tuple[float, float, float, float] | None, ...]
    presence: tuple[float, ...]
    glance_flops: int
    plan: PlanStatistics | None = None
    reading: Parse | None = None
    looking: Looking | None = None

    def _repr_html_(self) -> str:
        """How notebooks show it: the program as a graph with its values (:mod:`nmn.inspection`)."""
        return _drawn(self)

    @property
    def flops(self) -> int:
        """All that this question cost, without the glance."""
        nodes = sum(node.flops + sum(facet.flops for facet in node.facets) for node in self.nodes)
        return nodes + (0 if self.looking is None else sum(each.flops for each in self.looking.taken))

    def to_json(self) -> dict[str, Any]:
        """The fields by name; each object as ``{"box", "presence"}``, and how the question was read with its attempts."""
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
            "reading": None if self.reading is None else _reading_to_json(self.reading, whole=True),
            "looking": None if self.looking is None else asdict(self.looking),
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


def holds_as_asked(granted: float) -> float:
    """Probability that all that a question takes for granted holds, now that it has been asked.

    Most questions are asked of images that they fit, so by Bayes' rule that they are asked speaks for what they take for
    granted: a doubt of the perceiver's counts by the share of questions that are asked whatever is there.

    Args:
        granted: The same probability as the image alone gives it, 0 to 1.
    """
    return granted / (granted + (1.0 - granted) * MISTAKEN) if granted > 0.0 else 0.0


@dataclass(frozen=True)
class Answer:
    """The answer to one question.

    Where the question is not understood well enough, the answer is "I don't know": its value is None, its distribution
    empty, its confidence 0, and what the likeliest reading gives stands in ``guess``, to be shown as such.

    Attributes:
        value: The answer, or None for "I don't know".
        confidence: Probability that it is right: that the question was meant as it was read (1 for a program), times that
            what it takes for granted holds now that it has been asked (:func:`holds_as_asked`), times that of
            the answer then.
        distribution: Probability of every possible answer.
        program: What was run.
        presuppositions: What the question takes for granted and does not hold.
        question: The text, if there was one.
        trace: What ran, if it was asked for.
        reading: How the question was read; None for a program.
        guess: The answer by the likeliest reading, where that is not likely enough to be the answer.
        granted: Probability that what the question takes for granted holds, as far as the image tells.
        certificate: Proof that no look which was left out could change the value, as one line of JSON
            (:func:`nmn.promise.verify`); None where there is none.
    """

    value: str | None
    confidence: float
    distribution: Mapping[str, float]
    program: Program
    presuppositions: tuple[FailedPresupposition, ...] = ()
    question: str | None = None
    trace: Trace | None = field(default=None, repr=False)
    reading: Parse | None = field(default=None, repr=False)
    guess: "Answer | None" = None
    granted: float = 1.0
    certificate: str | None = field(default=None, repr=False)

    def _repr_html_(self) -> str:
        """How notebooks show it: with the program as a graph, and its values if it was traced (:mod:`nmn.inspection`)."""
        return _drawn(self)

    @property
    def known(self) -> bool:
        """Whether the question was understood: that of a program is."""
        return self.guess is None

    def asked(self, question: str, reading: Parse) -> "Answer":
        """This answer of a program as that of the question that it was read from."""
        trace = None if self.trace is None else replace(self.trace, reading=reading)
        confidence = self.confidence * reading.confidence
        return replace(self, question=question, reading=reading, confidence=confidence, trace=trace)

    def unknown(self) -> "Answer":
        """This answer as a guess beside "I don't know"."""
        program, question, trace, reading = self.program, self.question, self.trace, self.reading
        guess = replace(self, trace=None)
        return Answer(None, 0.0, {}, program, (), question, trace, reading, guess, self.granted)

    def to_json(self) -> dict[str, Any]:
        """The fields by name; the trace only if there is one."""
        record: dict[str, Any] = {
            "question": self.question,
            "answer": self.value,
            "confidence": self.confidence,
            "granted": self.granted,
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
            "known": self.known,
            "reading": None if self.reading is None else _reading_to_json(self.reading, whole=False),
            "guess": None if self.guess is None else self.guess._guess_to_json(),
        }
        if self.certificate is not None:
            record["certificate"] = json.loads(self.certificate)
        if self.trace is not None:
            record["trace"] = self.trace.to_json()
        return record

    def _guess_to_json(self) -> dict[str, Any]:
        return {"answer": self.value, "confidence": self.confidence, "program": self.program.text}


def _reading_to_json(reading: Parse, *, whole: bool) -> dict[str, Any]:
    """How a question was read; what it took only in the whole, since no two runs take the same time."""
    record: dict[str, Any] = {"link": reading.link, "confidence": reading.confidence, "known": reading.known}
    if whole:
        record |= {"seconds": reading.cost, "attempts": [attempt.to_json() for attempt in reading.attempts]}
    return record


def _drawn(shown: Trace | Answer) -> str:
    """Drawing knows of traces, not the other way round: it is found by name, when a notebook asks."""
    return str(import_module("nmn.inspection").notebook(shown))
