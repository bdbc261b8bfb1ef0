"""Lowering: program -> a block of integers, so that a batch of programs can be planned with arrays.

A program's block has a row for each of its steps (:mod:`nmn.fusing`), in the columns of :class:`Columns`; the blocks of a
batch, one below the other, are its table. Programs that differ in constants alone have one structure, which is kept: few
structures cover a data set, while few programs come twice.
"""

from array import array
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from nmn.domain import Domain
from nmn.fusing import FUSIONS, NO_FUSIONS, Call, Pattern, Step, steps_of
from nmn.program import Concept, Node, Program
from nmn.registry import Registry
from nmn.signature import BRACKET_KIND, INPUT_KINDS, Signature

Integers = NDArray[np.int64]
Key = TypeVar("Key")
Value = TypeVar("Value")

NOTHING = -1
"""Fills up rows where there is no constant or no input."""

FIRST = 1 << 40
"""Level of steps that read no other: they all run first, whatever their distance from the answer."""

PATTERN, LEVEL, HEIGHT, REPEATS, FIXED = range(5)
"""The first columns: number of the pattern; longest way to the answer; longest way from a step that reads nothing; number
of repetitions. Then come inputs, constants, and constants of the repetitions."""


@dataclass(frozen=True)
class Columns:
    """How many columns a table has for each thing that there can be several of."""

    inputs: int = 2
    constants: int = 2
    repeats: int = 4

    @property
    def width(self) -> int:
        """Columns in all."""
        return FIXED + self.inputs + self.constants + self.repeats

    def covers(self, other: "Columns") -> bool:
        """Whether there is room for what another needs."""
        return self.joined(other) == self

    def joined(self, other: "Columns") -> "Columns":
        """Room for both."""
        most = max(self.repeats, other.repeats)
        room = 1 << (most - 1).bit_length() if most else 0
        return Columns(max(self.inputs, other.inputs), max(self.constants, other.constants), room)

    def inputs_of(self, table: Integers) -> Integers:
        """[steps, inputs] the steps that are read, as rows of the program's block."""
        return table[:, FIXED : FIXED + self.inputs]

    def constants_of(self, table: Integers) -> Integers:
        """[steps, constants] the constants of the layers, layer by layer and call by call."""
        return table[:, FIXED + self.inputs : FIXED + self.inputs + self.constants]

    def repeats_of(self, table: Integers) -> Integers:
        """[steps, repeats] the constants of the repetitions."""
        return table[:, FIXED + self.inputs + self.constants :]


@dataclass(frozen=True)
class Place:
    """Where a call of a program runs: its step, its layer there (repetitions follow the layers), its call in the layer."""

    step: int
    layer: int
    call: int


@dataclass(frozen=True)
class Lowered:
    """A program ready to be packed.

    Attributes:
        block: Its steps' rows, as the bytes of int64.
        steps: How many those are.
        places: For each node of the program as written, where it runs. Equal calls run once.
    """

    block: bytes
    steps: int
    places: tuple[Place, ...]


@dataclass(frozen=True)
class _Structure:
    """What programs of equal calls but other constants have in common: a block with gaps, and which constant fills each."""

    block: tuple[int, ...]
    gaps: tuple[tuple[int, int], ...]
    steps: int
    places: tuple[Place, ...]


@dataclass
class Hits:
    """How often what was asked for was kept."""

    hits: int = 0
    misses: int = 0

    @property
    def rate(self) -> float:
        """Share of hits, 0 to 1."""
        return self.hits / max(1, self.hits + self.misses)


@dataclass
class Lowerer:
    """Lowers programs of one domain and registry, and keeps what it has seen.

    Attributes:
        fuse: Whether calls share steps; without, each call is a step, with a value of its own.
        columns: Of the blocks; they grow when a program needs more, and what was kept is then forgotten.
        patterns: All that were met, by number.
        capacity: How many programs to keep, and how many structures; the least recently used are forgotten.
        programs: How often a program was kept.
        structures: How often, where the program was not, its structure was.
    """

    domain: Domain
    registry: Registry
    fuse: bool = True
    capacity: int = 8192
    columns: Columns = Columns()
    patterns: list[Pattern] = field(default_factory=list)
    programs: Hits = field(default_factory=Hits)
    structures: Hits = field(default_factory=Hits)

    def __post_init__(self) -> None:
        self._kept_programs: OrderedDict[Program, Lowered] = OrderedDict()
        self._kept_structures: OrderedDict[tuple[tuple[int, ...], ...], _Structure] = OrderedDict()
        self._calls: dict[tuple[object, ...], tuple[int, tuple[int, ...]]] = {}
        self._signatures: tuple[Signature, ...] = tuple(self.registry)
        self._numbers = {each.operation: number for number, each in enumerate(self._signatures)}
        self._pattern_numbers: dict[Pattern, int] = {}

    @property
    def _fusions(self) -> Mapping[str, frozenset[str]]:
        return FUSIONS if self.fuse else NO_FUSIONS

    def lower(self, program: Program) -> Lowered:
        """A checked program as a row."""
        kept = _recall(self._kept_programs, program, self.programs)
        if kept is None:
            kept = self._lower(program)
            _keep(self._kept_programs, program, kept, self.capacity)
        return kept

    def lower_all(self, programs: Sequence[Program]) -> list[Lowered]:
        """Checked programs as blocks of equal columns."""
        columns = self.columns
        lowered = [self.lower(program) for program in programs]
        # What was lowered before the columns grew is too narrow.
        return lowered if columns == self.columns else self.lower_all(programs)

    def forget(self) -> None:
        """Forget every program and structure."""
        self._kept_programs.clear()
        self._kept_structures.clear()

    def _lower(self, program: Program) -> Lowered:
        key, constants, place = self._canonical(program)
        structure = _recall(self._kept_structures, key, self.structures)
        if structure is None:
            structure = self._structure(key)
            _keep(self._kept_structures, key, structure, self.capacity)
        block = list(structure.block)
        for position, constant in structure.gaps:
            block[position] = constants[constant]
        places = structure.places
        return Lowered(array("q", block).tobytes(), structure.steps, tuple([places[node] for node in place]))

    def _canonical(self, program: Program) -> tuple[tuple[tuple[int, ...], ...], list[int], list[int]]:
        """Share equal calls: (operation, inputs...) of each that is left, all their constants, each node's call."""
        seen: dict[tuple[int, ...], int] = {}
        key: list[tuple[int, ...]] = []
        constants: list[int] = []
        place: list[int] = []
        for node in program.nodes:
            operation, ids = self._call(node)
            inputs = tuple([place[source] for source in node.inputs])
            call = (operation, *ids, NOTHING, *inputs)
            found = seen.get(call)
            if found is None:
                found = seen[call] = len(key)
                key.append((operation, *inputs))
                constants.extend(ids)
            place.append(found)
        return tuple(key), constants, place

    def _call(self, node: Node) -> tuple[int, tuple[int, ...]]:
        call = (node.operation, node.attribute, node.constants)
        found = self._calls.get(call)
        if found is None:
            number = self._numbers[node.operation]
            found = self._calls[call] = (number, constant_ids(node, self._signatures[number], self.domain))
        return found

    def _structure(self, key: tuple[tuple[int, ...], ...]) -> _Structure:
        calls = [Call(self._signatures[operation], tuple(inputs)) for operation, *inputs in key]
        steps = steps_of(calls, self._fusions)
        self._make_room(steps)
        block, gaps = self._block(steps, calls)
        places = [Place(0, 0, 0)] * len(calls)
        for number, step in enumerate(steps):
            for layer, members in enumerate((*step.layers, *((each,) for each in step.repeats))):
                for position, call in enumerate(members):
                    places[call] = Place(number, layer, position)
        return _Structure(tuple(block), tuple(gaps), len(steps), tuple(places))

    def _make_room(self, steps: Sequence[Step]) -> None:
        needed = Columns(
            max(len(step.inputs) for step in steps),
            max(step.pattern.constants for step in steps),
            max(len(step.repeats) for step in steps),
        )
        if not self.columns.covers(needed):
            self.columns = self.columns.joined(needed)
            self._kept_programs.clear()
            self._kept_structures.clear()

    def _block(self, steps: Sequence[Step], calls: Sequence[Call]) -> tuple[list[int], list[tuple[int, int]]]:
        """The rows with gaps, and for each gap its position in the block and that of its constant among the program's."""
        columns = self.columns
        starts = [0, *accumulate(call.signature.constant_count for call in calls)]
        number_of = {step.top: number for number, step in enumerate(steps)}
        reads = [[number_of[source] for source in step.inputs] for step in steps]
        heights, levels = _heights(reads), _levels(reads)
        block: list[int] = []
        gaps: list[tuple[int, int]] = []
        for step, sources, height, level in zip(steps, reads, heights, levels, strict=True):
            pattern = _number(self._pattern_numbers, self.patterns, step.pattern)
            block += [pattern, FIRST if height == 0 else level, height, len(step.repeats), *sources]
            block += [NOTHING] * (columns.inputs - len(sources))
            wanted = [
                constant
                for layer in step.layers
                for call in layer
                for constant in range(starts[call], starts[call] + calls[call].signature.constant_count)
            ]
            gaps += enumerate(wanted, start=len(block))
            block += [NOTHING] * columns.constants
            gaps += enumerate([starts[call] for call in step.repeats], start=len(block))
            block += [NOTHING] * columns.repeats
        return block, gaps


def _heights(reads: Sequence[Sequence[int]]) -> list[int]:
    """The longest way from each step to one that reads nothing."""
    heights: list[int] = []
    for sources in reads:
        heights.append(max([heights[source] + 1 for source in sources], default=0))
    return heights


def _levels(reads: Sequence[Sequence[int]]) -> list[int]:
    """The longest way from each step to the answer."""
    levels = [0] * len(reads)
    for step in range(len(reads) - 1, -1, -1):
        for source in reads[step]:
            levels[source] = max(levels[source], levels[step] + 1)
    return levels


def constant_ids(node: Node, signature: Signature, domain: Domain) -> tuple[int, ...]:
    """The domain's ids of a checked call's constants and of its attribute, in the order of ``forward``."""
    constants = iter(node.constants)
    ids = []
    for parameter in signature.parameters:
        if parameter.kind == BRACKET_KIND:
            ids.append(domain.attribute_ids[node.attribute or ""])
        elif parameter.kind not in INPUT_KINDS:
            constant = next(constants)
            if isinstance(constant, Concept):
                ids.append(domain.concept_id(constant.attribute, constant.value))
            else:
                ids.append(domain.relation_ids[constant])
    return tuple(ids)


def _number(numbers: dict[Key, int], listed: list[Key], wanted: Key) -> int:
    found = numbers.get(wanted)
    if found is None:
        found = numbers[wanted] = len(listed)
        listed.append(wanted)
    return found


def _recall(kept: "OrderedDict[Key, Value]", key: Key, hits: Hits) -> Value | None:
    found = kept.get(key)
    if found is None:
        hits.misses += 1
    else:
        hits.hits += 1
        kept.move_to_end(key)
    return found


def _keep(kept: "OrderedDict[Key, Value]", key: Key, value: Value, capacity: int) -> None:
    kept[key] = value
    if len(kept) > capacity:
        kept.popitem(last=False)
