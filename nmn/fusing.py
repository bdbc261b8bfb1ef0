"""Fusing: which calls of a program run as one step.

A *step* runs several calls as one: ``unique``, the ``relate`` that reads it, and the filters behind that. What may run in
whose step is the table :data:`FUSIONS` and nothing else; an operation that is not in it, such as a plug-in's, is a step of
its own. A person never sees a step: a trace maps back to the program's calls.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nmn.signature import Signature

FUSIONS: Mapping[str, frozenset[str]] = {
    "filter": frozenset({"filter", "scene", "relate", "same", "union", "intersect"}),
    "relate": frozenset({"unique"}),
    "same": frozenset({"unique"}),
    "query": frozenset({"unique"}),
    "equal_object": frozenset({"unique"}),
}
"""For each operation, those that may run in its step: when all that it reads are calls of one of them, read by it alone.

An operation that may run in its own step repeats: any number of its calls in a row are one step.
"""

NO_FUSIONS: Mapping[str, frozenset[str]] = {}
"""Every call is a step: what a run is given when values of single calls are to be replaced."""


@dataclass(frozen=True)
class Layer:
    """Calls of one operation that run side by side in a step: one for most, two below a comparison."""

    signature: Signature
    width: int


@dataclass(frozen=True)
class Pattern:
    """What a step runs.

    Attributes:
        layers: From the inputs up. The calls of a layer read those of the layer below, in order.
        repeated: Operation of one input and one constant that is then applied any number of times, or None.
    """

    layers: tuple[Layer, ...]
    repeated: str | None

    @property
    def name(self) -> tuple[tuple[str, int], ...]:
        """What tells it from other patterns: the operations of its layers with their widths. Quick to hash."""
        return tuple((layer.signature.operation, layer.width) for layer in self.layers)

    @property
    def input_kinds(self) -> tuple[str, ...]:
        """Kinds of the values that it reads from other steps."""
        return tuple(each.kind for each in self.layers[0].signature.inputs) * self.layers[0].width

    @property
    def constants(self) -> int:
        """How many constants the layers need, without the repetitions'."""
        return sum(layer.width * layer.signature.constant_count for layer in self.layers)

    @property
    def output(self) -> str:
        """Kind of its value."""
        return self.layers[-1].signature.output

    @property
    def presupposes(self) -> bool:
        """Whether a layer takes something for granted."""
        return any(layer.signature.presupposes for layer in self.layers)


@dataclass(frozen=True)
class Call:
    """A call of a program with equal calls shared: its operation and the calls that it reads."""

    signature: Signature
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """Calls that run as one.

    Attributes:
        pattern: What it runs.
        layers: For each layer, its calls, by number.
        repeats: The calls that repeat, in the order they run.
        inputs: The calls of other steps that it reads.
    """

    pattern: Pattern
    layers: tuple[tuple[int, ...], ...]
    repeats: tuple[int, ...]
    inputs: tuple[int, ...]

    @property
    def top(self) -> int:
        """The call whose value is the step's."""
        return self.repeats[-1] if self.repeats else self.layers[-1][0]


def steps_of(calls: Sequence[Call], fusions: Mapping[str, frozenset[str]]) -> tuple[Step, ...]:
    """Split calls into steps, each after those that it reads.

    Args:
        calls: In an order that runs; the last is the answer, and every other is read.
        fusions: For each operation, those that may run in its step.
    """
    uses = [0] * len(calls)
    for call in calls:
        for source in call.inputs:
            uses[source] += 1
    splitter = _Splitter(calls, fusions, uses)
    steps: list[Step] = []
    taken: set[int] = set()
    # From the answer down, so that a call's reader has had its chance to take it.
    for number in range(len(calls) - 1, -1, -1):
        if number not in taken:
            step = splitter.step(number)
            taken.update(step.repeats, *step.layers)
            steps.append(step)
    return tuple(reversed(steps))


@dataclass(frozen=True)
class _Splitter:
    calls: Sequence[Call]
    fusions: Mapping[str, frozenset[str]]
    uses: Sequence[int]

    def step(self, top: int) -> Step:
        repeats, base = self.repeats(top)
        layers: list[tuple[int, ...]] = [(base,)]
        while self.fuses(layers[-1]):
            layers.append(self.read_by(layers[-1]))
        layers.reverse()
        shown = tuple(Layer(self.calls[layer[0]].signature, len(layer)) for layer in layers)
        pattern = Pattern(shown, self.repeatable(self.calls[base].signature.operation))
        return Step(pattern, tuple(layers), tuple(repeats), self.read_by(layers[0]))

    def repeatable(self, operation: str) -> str | None:
        """The operation that may repeat behind another: a step that has none of it runs with those that have some."""
        found = (reader for reader, below in self.fusions.items() if reader in below and operation in below)
        return next(found, None)

    def repeats(self, top: int) -> tuple[list[int], int]:
        """The calls that repeat, in running order, and the call below them."""
        signature = self.calls[top].signature
        operation = signature.operation
        if operation not in self.fusions.get(operation, ()) or not signature.chains:
            return [], top
        repeats, source = [top], self.calls[top].inputs[0]
        while self.uses[source] == 1 and self.calls[source].signature is signature:
            repeats.append(source)
            source = self.calls[source].inputs[0]
        if self.fuses((repeats[-1],)):
            return repeats[::-1], source
        return repeats[-2::-1], repeats[-1]

    def read_by(self, layer: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(source for number in layer for source in self.calls[number].inputs)

    def fuses(self, layer: tuple[int, ...]) -> bool:
        """Whether all calls that a layer reads are of one operation that may run in its step, and read by it alone."""
        sources = self.read_by(layer)
        if not sources or any(self.uses[source] != 1 for source in sources):
            return False
        below = {self.calls[source].signature.operation for source in sources}
        reader = self.calls[layer[0]].signature.operation
        return len(below) == 1 and below <= self.fusions.get(reader, frozenset()) - {reader}
