"""Planner: many programs -> one plan, with arrays.

Programs are lowered to blocks of integers (:mod:`nmn.lowering`), kept by program and by structure. A batch's plan is array
arithmetic over its blocks: equal steps on the same image are merged, steps are aligned by their distance from the answer
(those that read nothing all run first), and those of one pattern and level are one group. What a step works on (concepts,
attributes, relations) is data of the group, never part of its key.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nmn.blocks import FIXED, HEIGHT, LEVEL, NOTHING, PATTERN, REPEATS, Columns, Integers, Lowered
from nmn.domain import Domain
from nmn.fusing import Pattern
from nmn.lowering import Lowerer
from nmn.program import Program
from nmn.registry import Registry
from nmn.signature import INPUT_KINDS

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class RepeatCall:
    """One repetition of a group: a call over the first rows, those that repeat so often.

    Attributes:
        rows: How many rows repeat so often.
        constants: Their ids [rows].
    """

    rows: int
    constants: Integers


@dataclass(frozen=True)
class Group:
    """Steps that run together, those with more repetitions first.

    Attributes:
        pattern: What they run.
        images: [batch] the image of each.
        inputs: For each input of the first layer's ``forward``, [width * batch] places in the values of its kind.
        constants: For each layer and each constant of its ``forward``, the ids [width * batch], one call after another.
        repeats: One entry a repetition.
        start: Place of the first one's value among the values of its kind; the others follow.
        first: Number of the first step in the order of the plan; the others follow.
    """

    pattern: Pattern
    images: Integers
    inputs: tuple[Integers, ...]
    constants: tuple[tuple[Integers, ...], ...]
    repeats: tuple[RepeatCall, ...]
    start: int
    first: int

    @property
    def kernels(self) -> int:
        """Calls of modules."""
        return len(self.pattern.layers) + len(self.repeats)


@dataclass(frozen=True)
class Plan:
    """What to run, in order.

    Attributes:
        programs: The programs, in the order they were given.
        lowered: The same, as blocks.
        images: [programs] the image of each.
        groups: Each after those that it reads.
        counts: Values of each kind.
        kinds: [steps] kind of each step's value, as a position in ``INPUT_KINDS``.
        places: [steps] place of each step's value among those of its kind.
        offsets: [programs + 1] where each program's steps start in ``steps``.
        steps: For each program and each row of its block, the number of the step in the order of the plan.
        nodes: Calls of all programs as written.
    """

    programs: tuple[Program, ...]
    lowered: tuple[Lowered, ...]
    images: Integers
    groups: tuple[Group, ...]
    counts: dict[str, int]
    kinds: Integers
    places: Integers
    offsets: Integers
    steps: Integers
    nodes: int

    @property
    def roots(self) -> Integers:
        """[programs] the step that gives each program's answer."""
        return self.steps[self.offsets[1:] - 1]

    @property
    def kernels(self) -> int:
        """Calls of modules."""
        return sum(group.kernels for group in self.groups)


class Planner:
    """Plans runs of programs of one domain and registry.

    Args:
        domain: Gives constants their ids.
        registry: Gives operations their signatures.
        fuse: Run calls that follow one another as one step.
        merge: Run equal steps on the same image once.
        capacity: How many programs and structures to keep.
    """

    def __init__(
        self, domain: Domain, registry: Registry, *, fuse: bool = True, merge: bool = True, capacity: int = 8192
    ) -> None:
        self.lowerer = Lowerer(domain, registry, fuse=fuse, capacity=capacity)
        self.merge = merge

    def plan(self, programs: Sequence[Program], images: Sequence[int]) -> Plan:
        """Plan one run.

        Args:
            programs: Checked programs.
            images: For each program, the position of its image in the batch.
        """
        lowered = self.lowerer.lower_all(programs)
        image_ids = np.asarray(images, dtype=np.int64)
        table, offsets = self._table(lowered, image_ids)
        steps = np.arange(len(table.rows))
        if self.merge and len(set(images)) < len(programs):
            steps = merge_equal(table)
        order, number = _ordered(table, steps)
        kinds, places, counts = self._placed(table.rows[order, PATTERN])
        groups = tuple(self._groups(table, order, number, places))
        nodes = sum([len(each.members) for each in lowered])
        return Plan(
            tuple(programs), tuple(lowered), image_ids, groups, counts, kinds, places, offsets, number[steps], nodes
        )  # fmt: skip

    def _table(self, lowered: Sequence[Lowered], images: Integers) -> "tuple[Table, Integers]":
        """All steps of all programs as one table, and where each program's steps start."""
        columns = self.lowerer.columns
        lengths = np.array([len(each.structure.steps) for each in lowered], dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        packed = np.frombuffer(b"".join([each.block for each in lowered]), dtype=np.int64)
        rows = packed.reshape(-1, columns.width).copy()
        reads = columns.inputs_of(rows)
        reads += np.where(reads == NOTHING, 0, np.repeat(offsets[:-1], lengths)[:, None])
        return Table(rows, np.repeat(images, lengths), columns), offsets

    def _placed(self, patterns: Integers) -> tuple[Integers, Integers, dict[str, int]]:
        """Kind and place among the values of its kind of every step, in the order of the plan."""
        kind_of = np.array([INPUT_KINDS.index(each.output) for each in self.lowerer.patterns], dtype=np.int64)
        kinds = kind_of[patterns]
        places = np.zeros(len(patterns), dtype=np.int64)
        counts = {}
        for kind, name in enumerate(INPUT_KINDS):
            own = kinds == kind
            counts[name] = int(own.sum())
            places[own] = np.arange(counts[name])
        return kinds, places, counts

    def _groups(self, table: "Table", order: Integers, number: Integers, places: Integers) -> Iterator[Group]:
        rows, images = table.rows[order], table.images[order]
        keys = rows[:, [PATTERN, LEVEL]]
        bounds = [0, *(np.flatnonzero((keys[1:] != keys[:-1]).any(axis=1)) + 1).tolist(), len(order)]
        reads = places[number[table.columns.inputs_of(rows)]]
        for first, end in pairwise(bounds):
            if first == end:
                continue
            own = slice(first, end)
            pattern = self.lowerer.patterns[rows[first, PATTERN]]
            yield Group(
                pattern,
                images[own],
                tuple(_inputs(reads[own], pattern)),
                tuple(_constants(table.columns.constants_of(rows[own]), pattern)),
                tuple(_repeats(table.columns.repeats_of(rows[own]), rows[own, REPEATS])),
                int(places[first]),
                first,
            )


def _constants(constants: Integers, pattern: Pattern) -> Iterator[tuple[Integers, ...]]:
    """For each layer and each constant of its ``forward``, the ids, one call after another."""
    column = 0
    for layer in pattern.layers:
        own = layer.signature.constant_count
        yield tuple(
            np.concatenate([constants[:, column + call * own + each] for call in range(layer.width)])
            for each in range(own)
        )
        column += layer.width * own


def _repeats(constants: Integers, repeats: Integers) -> Iterator[RepeatCall]:
    for each in range(int(repeats[0])):
        many = int(np.searchsorted(-repeats, -each, side="left"))
        yield RepeatCall(many, np.ascontiguousarray(constants[:many, each]))


@dataclass(frozen=True)
class FacetsRead:
    """Which facets of which images programs read, by their constants.

    Attributes:
        attributes: [attributes, images] bool.
        relations: [relations, images] bool.
    """

    attributes: Flags
    relations: Flags

    @staticmethod
    def by(plan: Plan, domain: Domain, images: int) -> "FacetsRead":
        """What the programs of a plan read."""
        found = FacetsRead(
            np.zeros((len(domain.attributes), images), dtype=bool),
            np.zeros((len(domain.relations), images), dtype=bool),
        )
        of_concept = np.array(domain.concept_attributes, dtype=np.int64)
        for group in plan.groups:
            for layer, columns in zip(group.pattern.layers, group.constants, strict=True):
                for kind, ids in zip(layer.signature.constant_kinds, columns, strict=True):
                    images_of = group.images if layer.width == 1 else np.tile(group.images, layer.width)
                    found.mark(kind, of_concept[ids] if kind == "Concept" else ids, images_of)
            for repeat in group.repeats:
                found.mark("Concept", of_concept[repeat.constants], group.images[: repeat.rows])
        return found

    def mark(self, kind: str, facets: Integers, images: Integers) -> None:
        """Mark facets as read; a concept's is its attribute."""
        (self.relations if kind == "Relation" else self.attributes)[facets, images] = True


def _inputs(reads: Integers, pattern: Pattern) -> Iterator[Integers]:
    """For each input of the first layer's ``forward``, what its calls read, one call after another."""
    layer = pattern.layers[0]
    arity = len(layer.signature.inputs)
    for position in range(arity):
        yield np.concatenate([reads[:, call * arity + position] for call in range(layer.width)])


@dataclass(frozen=True)
class Table:
    """Every step of every program of a batch, one a row.

    Attributes:
        rows: [steps, columns], inputs as rows of the table.
        images: [steps] the image of each.
        columns: What stands where.
    """

    rows: Integers
    images: Integers
    columns: Columns


def merge_equal(table: Table) -> Integers:
    """For each step, the step that runs in its place: the first equal one on the same image.

    Equal steps run the same pattern with the same constants on the same image and read equal steps, so they are found
    from the image upwards, and only among those all of whose inputs have been merged. The table's inputs and levels are
    rewritten: a step that several read is as far from the answer as its furthest reader wants it.
    """
    rows = table.rows
    reads = table.columns.inputs_of(rows)
    heights = rows[:, HEIGHT]
    own = np.column_stack([rows[:, PATTERN], rows[:, REPEATS], table.images, rows[:, FIXED + table.columns.inputs :]])
    codes = _mixed(own)
    # One place more than there are steps, so that NOTHING stands for itself.
    steps = np.append(np.arange(len(rows)), NOTHING)
    merged = np.zeros(len(rows) + 1, dtype=bool)
    merged[NOTHING] = True
    for height in range(int(heights.max(initial=0)) + 1):
        some = np.flatnonzero(heights == height)
        if height:
            some = some[merged[reads[some]].all(axis=1)]
        if len(some) < 2:
            continue
        now = steps[reads[some]]
        _, firsts, inverse = np.unique(codes[some] + _mixed(now), return_index=True, return_inverse=True)
        later = np.flatnonzero(firsts[inverse] != np.arange(len(some)))
        first = firsts[inverse[later]]
        # Two codes may be equal by chance: then those steps stay apart.
        same = (own[some[first]] == own[some[later]]).all(axis=1) & (now[first] == now[later]).all(axis=1)
        first, later = some[first[same]], some[later[same]]
        steps[later] = first
        merged[first] = merged[later] = True
    reads[:] = steps[reads]
    steps = steps[:-1]
    np.maximum.at(rows[:, LEVEL], steps, rows[:, LEVEL].copy())
    return steps


_MULTIPLIERS = np.random.default_rng(0).integers(1, 1 << 62, size=64, dtype=np.uint64) * np.uint64(2) + np.uint64(1)


def _mixed(columns: Integers) -> np.ndarray[tuple[int, ...], np.dtype[np.uint64]]:
    """One code for each row: a sum of its columns, each times a large odd number."""
    width = columns.shape[1]
    return np.ascontiguousarray(columns).view(np.uint64) @ np.resize(_MULTIPLIERS, width)


def _ordered(table: Table, steps: Integers) -> tuple[Integers, Integers]:
    """The steps to run, in order, and for each row of the table its number in that order."""
    kept = np.flatnonzero(steps == np.arange(len(steps)))
    rows = table.rows[kept]
    order = kept[np.lexsort((-rows[:, REPEATS], rows[:, PATTERN], -rows[:, LEVEL]))]
    number = np.full(len(steps), NOTHING, dtype=np.int64)
    number[order] = np.arange(len(order))
    return order, number
