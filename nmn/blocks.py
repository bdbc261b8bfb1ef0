"""Blocks: what a program is when it is planned, rows of integers.

A program's block has a row for each of its steps (:mod:`nmn.fusing`), in the columns of :class:`Columns`; the blocks of a
batch, one below the other, are its table.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int64]

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
class StepForm:
    """A step of a structure: its row with the constants left out.

    Attributes:
        head: Pattern, level and height.
        inputs: Steps that it reads.
        constants: For each constant of its layers, the run of calls that has it and the position there.
        repeats: The run of calls whose constants repeat, or ``NOTHING``.
        skipped: How many calls of that run are a layer of the step, not repetitions: one where it begins the step.
        layers: How many layers there are.
    """

    head: tuple[int, int, int]
    inputs: tuple[int, ...]
    constants: tuple[tuple[int, int], ...]
    repeats: int
    skipped: int
    layers: int


@dataclass(frozen=True)
class Structure:
    """What programs have in common that differ in constants and in lengths of runs (filters in a row) alone.

    Attributes:
        steps: In an order that runs.
        places: For each run of calls, where its first call runs, or would if it were no repetition.
    """

    steps: tuple[StepForm, ...]
    places: tuple[Place, ...]


@dataclass(frozen=True)
class Lowered:
    """A program ready to be packed.

    Attributes:
        block: Its steps' rows, as the bytes of int64.
        structure: Its steps without constants.
        members: For each node of the program as written, its run of calls and its position there. Equal calls run once.
    """

    block: bytes
    structure: Structure
    members: tuple[tuple[int, int], ...]

    @property
    def steps(self) -> int:
        """How many rows there are."""
        return len(self.structure.steps)

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """For each node of the program as written, where it runs."""
        return tuple(self._place(run, position) for run, position in self.members)

    def _place(self, run: int, position: int) -> Place:
        place = self.structure.places[run]
        step = self.structure.steps[place.step]
        if step.repeats != run or position < step.skipped:
            return place
        return Place(place.step, step.layers + position - step.skipped, 0)
