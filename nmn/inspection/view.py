"""View: everything there is to see of an answer, as plain records that any page, notebook or test can read.

Nothing here knows how it will be drawn. A further thing to show of a run is a further field.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

JSON_VERSION = 1

FAILS, UNSURE, SHARED = "fails", "unsure", "shared"
"""Levels of a note: something does not hold; something is close to even; something is worth knowing."""

IN, OUT, ANCHOR = "in", "out", "anchor"
"""Sides of a node that scores stand on."""

SAME, CHANGED, ALONE = "same", "changed", "alone"
"""What became of a node in another run: the same call and value; another call or value; no node stands for it there."""


@dataclass(frozen=True)
class Mark:
    """An object that a node attends to.

    Attributes:
        object: Its index.
        probability: That it is meant.
        role: 0, or 1 where it belongs to the second of two inputs.
    """

    object: int
    probability: float
    role: int = 0


@dataclass(frozen=True)
class Arrow:
    """Something that holds from one object to another.

    Attributes:
        start: Index of the object that it is measured from.
        end: Index of the object that it leads to.
        probability: That it holds, and that both are meant.
        words: What holds, such as a relation's name.
    """

    start: int
    end: int
    probability: float
    words: str


@dataclass(frozen=True)
class Column:
    """Scores of all objects on one side of a node: ``in`` by an input, ``out``, or of being the ``anchor`` of a relation."""

    name: str
    scores: tuple[float, ...]
    side: str


@dataclass(frozen=True)
class Note:
    """Something to be said at a node, in words."""

    level: str
    words: str


@dataclass(frozen=True)
class Cost:
    """What a node, or a whole way of running, took.

    Attributes:
        flops: Floating-point operations, its facets' with them.
        seconds: Time.
        rows: Facet rows computed.
        facets: Which, as (facet, rows).
    """

    flops: int
    seconds: float
    rows: int = 0
    facets: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True)
class Difference:
    """What became of a node in another run: one of SAME, CHANGED, ALONE; the node there; and in words."""

    state: str
    other: int | None = None
    words: str = ""


@dataclass(frozen=True)
class NodeView:
    """One call of a program.

    Attributes:
        index: Its index.
        title: The operation, with its attribute.
        argument: Its constants in words; empty if it has none.
        call: As written, with its inputs as ``#index``.
        kind: Kind of its value.
        inputs: Nodes that it reads.
        value: Its value in words, in full; ``brief`` is what fits on a node. Empty where nothing ran.
        chances: What its value may be, as (name, probability), the likeliest first; for values that are no objects.
        marks: Objects that it attends to.
        arrows: What holds between objects here.
        columns: Scores of the objects in and out, the outgoing last.
        reasons: For objects that fall out here, (object, why in words).
        notes: What fails, what is close to even.
        words: What it stands for, as a noun phrase, if the domain is known.
        span: Where in the question it comes from, as (start, end).
        cost: What it took; None where nothing ran.
        beside: What it took in the run that this one is measured beside; None where there is none.
        difference: What became of it in another run, if this one is compared.
        outcomes: What it could be supposed to give, by name; none where it gives objects.
        supposed: What it was supposed to give by hand, in words.
        kept: Whether its value was kept from the run before, because nothing that it depends on has changed.
    """

    index: int
    title: str
    argument: str
    call: str
    kind: str
    inputs: tuple[int, ...]
    value: str = ""
    brief: str = ""
    chances: tuple[tuple[str, float], ...] = ()
    marks: tuple[Mark, ...] = ()
    arrows: tuple[Arrow, ...] = ()
    columns: tuple[Column, ...] = ()
    reasons: tuple[tuple[int, str], ...] = ()
    notes: tuple[Note, ...] = ()
    words: str = ""
    span: tuple[int, int] | None = None
    cost: Cost | None = None
    beside: Cost | None = None
    difference: Difference | None = None
    outcomes: tuple[str, ...] = ()
    supposed: str = ""
    kept: bool = False


@dataclass(frozen=True)
class ObjectView:
    """One object.

    Attributes:
        index: Its index.
        presence: Probability that it is one.
        box: x0, y0, x1, y1 in pixels of the picture, or None where unknown.
        words: What it looks like, if anybody has looked.
        facts: Attribute to (value, probability) of its likeliest value; what has been looked at.
        supposed: What was put in the place of what was seen, in words.
    """

    index: int
    presence: float
    box: tuple[float, float, float, float] | None
    words: str = ""
    facts: tuple[tuple[str, str, float], ...] = ()
    supposed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Picture:
    """What the objects are drawn on: its size in pixels, and the image itself as a ``data:`` address, if there is one."""

    width: float
    height: float
    source: str | None = None


@dataclass(frozen=True)
class Reading:
    """How a question was read.

    Attributes:
        link: The parser that read it.
        confidence: Probability that it is what was meant.
        seconds: How long that took.
        others: Other readings, as (program text, probability).
        tried: Every parser that was asked, as (parser, what came of it), if there were several.
        known: Whether it is likely enough to answer by.
    """

    link: str
    confidence: float
    seconds: float
    others: tuple[tuple[str, float], ...] = ()
    tried: tuple[tuple[str, str], ...] = ()
    known: bool = True


@dataclass(frozen=True)
class WayOfRunning:
    """One policy's whole cost beside the others': its name, what it took, and whether it is the one that is shown."""

    name: str
    cost: Cost
    shown: bool = False


@dataclass(frozen=True)
class Again:
    """What ran again for what is supposed: how many nodes, and what they took."""

    nodes: int
    cost: Cost


@dataclass(frozen=True)
class Beside:
    """The run that each node is measured beside, in words; and what was computed there before the first node."""

    words: str
    ahead: Cost | None = None


@dataclass(frozen=True)
class Work:
    """What ran.

    Attributes:
        total: Of all nodes, without the first look.
        ahead: What was computed before the first node.
        glance_flops: The first look at the image.
        possible_rows: Facet rows that there could be.
        modules: Names of the modules that ran.
        available: How many there are.
        ways: The same program by every policy, each measured.
        again: What ran again for what is supposed; None where nothing is.
        beside: The run that each node is measured beside; None where there is none.
        looks: Why each closer look at an object was taken, in words, and how many were left out; none where objects are
            not looked at one by one.
    """

    total: Cost
    ahead: Cost | None = None
    glance_flops: int = 0
    possible_rows: int | None = None
    modules: tuple[str, ...] = ()
    available: int | None = None
    ways: tuple[WayOfRunning, ...] = ()
    again: Again | None = None
    beside: Beside | None = None
    looks: tuple[str, ...] = ()


@dataclass(frozen=True)
class View:
    """An answer and how it came to be.

    Attributes:
        question: Its text, if there was one.
        answer: In words; None for "I don't know".
        confidence: That it is right; None where only a trace is at hand, which does not say.
        distribution: Possible answers with their probabilities, the likeliest first.
        program: The program's text.
        nodes: In program order; the last is the answer.
        objects: By index.
        failures: Presuppositions that fail, in words.
        guess: The answer by the likeliest reading with its probability, where that is not likely enough to be the answer.
        picture: What to draw objects on; None where no object has a place.
        reading: How the question was read, if known.
        work: What ran, if it was traced.
        title: What tells this run from another one, where two are shown.
        suppositions: What is supposed, in words.
        changes: What that changes, in words: the answer first.
    """

    question: str | None
    answer: str | None
    confidence: float | None
    distribution: tuple[tuple[str, float], ...]
    program: str
    nodes: tuple[NodeView, ...]
    objects: tuple[ObjectView, ...] = ()
    failures: tuple[str, ...] = ()
    guess: tuple[str, float] | None = None
    picture: Picture | None = None
    reading: Reading | None = None
    work: Work | None = None
    title: str = ""
    suppositions: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()

    @property
    def traced(self) -> bool:
        """Whether there are values to show."""
        return self.work is not None

    def with_differences(self, differences: Mapping[int, Difference]) -> "View":
        """This view with what became of its nodes in another run."""
        nodes = tuple(replace(node, difference=differences.get(node.index)) for node in self.nodes)
        return replace(self, nodes=nodes)

    def to_json(self) -> dict[str, Any]:
        """All fields by name, with numbers as short as they are worth reading."""
        return {"version": JSON_VERSION, **_short(asdict(self))}


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {key: _short(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_short(each) for each in value]
    return value
