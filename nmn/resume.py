"""Resume: run again only what depends on what has changed.

A run is kept with its values. When facets of an image change (a closer look, "suppose object 4 is red") or a node's value
is replaced, the steps that depend on that run again, group by group, and all other values stay.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmn.blocks import Integers
from nmn.domain import Domain
from nmn.errors import InputError
from nmn.executor import CallRecord, Granted, GroupRunner, Modules, Run
from nmn.planner import Group, RepeatCall
from nmn.signature import ATTRIBUTE_NAME_KIND, INPUT_KINDS

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Changed:
    """A facet of an image that is no longer what it was.

    Attributes:
        image: Position of the image in the run's store.
        facet: Name of the attribute or relation; None where which objects there are has changed.
    """

    image: int
    facet: str | None


@dataclass(frozen=True)
class Resumed:
    """A run brought up to date.

    Attributes:
        run: All values, old and new.
        reruns: What ran again.
    """

    run: Run
    reruns: tuple["Rerun", ...]

    @property
    def steps(self) -> int:
        """How many steps ran again."""
        return sum(len(each.rows) for each in self.reruns)


@dataclass(frozen=True)
class Rerun:
    """Steps of one group that ran again.

    Attributes:
        group: Its number in the plan.
        rows: Which of its rows.
        records: What each of their calls left, a row for each of them; empty when not traced.
    """

    group: int
    rows: Integers
    records: tuple[CallRecord, ...]


def resume(
    run: Run,
    modules: Modules,
    *,
    changed: Sequence[Changed] = (),
    values: Mapping[tuple[int, int], Tensor] | None = None,
) -> Resumed:
    """Bring a run up to date; the run that is given stays as it is.

    Args:
        run: What was run. Its store must hold the changed facets already, or not know them any more.
        modules: What runs the operations.
        changed: Facets that have changed.
        values: For (program, node), the value that takes the place of the node's own, and of those of equal nodes; the
            node does not run again, and takes nothing for granted any more. The run's plan must have been made without
            fusing, where every node has a value of its own.

    Raises:
        InputError: when a node has no value of its own, or a value is of another shape.
    """
    resumer = _Resumer(run, modules, changed)
    for (program, node), value in (values or {}).items():
        resumer.put(program, node, value)
    return resumer.resumed()


class _Resumer:
    def __init__(self, run: Run, modules: Modules, changed: Sequence[Changed]) -> None:
        self.run = run
        self.modules = modules
        self.domain = run.store.domain
        self.values = {kind: value.clone() for kind, value in run.values.items()}
        self.dirty: dict[str, Flags] = {kind: np.zeros(len(value), dtype=bool) for kind, value in run.values.items()}
        self.pinned: dict[str, Flags] = {kind: np.zeros(len(value), dtype=bool) for kind, value in run.values.items()}
        self.facets = _ChangedFacets.of(changed, self.domain, run.store.glance.mask.shape[0])
        self.reruns: list[Rerun] = []

    def put(self, program: int, node: int, value: Tensor) -> None:
        plan = self.run.plan
        place = plan.lowered[program].places[node]
        step = int(plan.steps[int(plan.offsets[program]) + place.step])
        group = next(each for each in reversed(plan.groups) if each.first <= step)
        if place.layer != group.kernels - 1 or place.call:
            raise InputError(
                f"node {node} has no value of its own: it runs in one step with others; plan without fusing"
            )
        kind = INPUT_KINDS[int(plan.kinds[step])]
        at = int(plan.places[step])
        if value.shape != self.values[kind].shape[1:]:
            shape = tuple(self.values[kind].shape[1:])
            raise InputError(f"a value of {kind} has shape {shape} here, not {tuple(value.shape)}")
        self.values[kind][at] = value
        self.dirty[kind][at] = self.pinned[kind][at] = True

    def resumed(self) -> Resumed:
        granted, records = [], []
        for number, group in enumerate(self.run.plan.groups):
            kind = group.pattern.output
            own = slice(group.start, group.start + len(group.images))
            rows = np.flatnonzero(self.affected(group) & ~self.pinned[kind][own])
            held, kept = self.given(group, self.run.granted[number], self.run.records[number])
            if len(rows):
                held, kept = self.rerun(number, rows, held, kept)
                self.dirty[kind][group.start + rows] = True
            granted.append(held)
            records.append(kept)
        run = replace(self.run, values=self.values, granted=tuple(granted), records=tuple(records))
        return Resumed(run, tuple(self.reruns))

    def given(
        self, group: Group, held: tuple[Granted, ...], kept: tuple[CallRecord, ...]
    ) -> tuple[tuple[Granted, ...], tuple[CallRecord, ...]]:
        """What a group takes for granted, and what it left, where values were put in the place of its own."""
        kind, batch = group.pattern.output, len(group.images)
        rows = np.flatnonzero(self.pinned[kind][group.start : group.start + batch])
        if not len(rows):
            return held, kept
        last, holds = group.kernels - 1, self.run.store.presence.new_zeros(len(rows))
        held = tuple(
            replace(each, holds=_patched(each.holds, holds, rows, batch)) if each.layer == last else each
            for each in held
        )
        if kept:
            values = self.values[kind][torch.from_numpy(group.start + rows).to(holds.device)]
            put = replace(kept[last], value=values, presupposition=holds)
            kept = (*kept[:last], _patched_record(kept[last], put, rows, batch))
        return held, kept

    def affected(self, group: Group) -> Flags:
        """Which rows of a group read something that has changed."""
        batch = len(group.images)
        rows = np.zeros(batch, dtype=bool)
        for kind, places in zip(group.pattern.input_kinds, group.inputs, strict=False):
            rows |= self.dirty[kind][places].reshape(-1, batch).any(axis=0)
        return rows | self.facets.read_by(group)

    def rerun(
        self, number: int, rows: Integers, held: tuple[Granted, ...], kept: tuple[CallRecord, ...]
    ) -> tuple[tuple[Granted, ...], tuple[CallRecord, ...]]:
        group = self.run.plan.groups[number]
        part = part_of(group, rows)
        runner = GroupRunner(part, self.run.store, self.modules, trace=bool(kept))
        kind, like = group.pattern.output, self.run.store.presence
        where = torch.from_numpy(group.start + rows).to(like.device)
        self.values[kind] = self.values[kind].index_copy(0, where, runner.run(self.values))
        self.reruns.append(Rerun(number, rows, tuple(runner.records)))
        new_held = tuple(
            Granted(
                old.layer,
                _patched(old.members, new.members, rows, len(group.images)),
                _patched(old.holds, new.holds, rows, len(group.images)),
            )
            for old, new in zip(held, runner.granted, strict=True)
        )
        # A repetition that none of the rows has did not run again.
        again = dict(enumerate(runner.records))
        new_kept = tuple(
            _patched_record(old, again[number], rows, len(group.images)) if number in again else old
            for number, old in enumerate(kept)
        )
        return new_held, new_kept


def part_of(group: Group, rows: Integers) -> Group:
    """The group with some of its rows alone, in their order."""
    batch = len(group.images)

    def chosen(ids: Integers) -> Integers:
        return np.ascontiguousarray(ids.reshape(-1, batch)[:, rows].ravel())

    constants = tuple(tuple(chosen(ids) for ids in layer) for layer in group.constants)
    repeats = []
    for each in group.repeats:
        many = int(np.searchsorted(rows, each.rows))
        if many:
            repeats.append(RepeatCall(many, np.ascontiguousarray(each.constants[rows[:many]])))
    inputs = tuple(chosen(places) for places in group.inputs)
    return replace(group, images=group.images[rows], inputs=inputs, constants=constants, repeats=tuple(repeats))


def _patched(old: Tensor, new: Tensor, rows: Integers, batch: int) -> Tensor:
    """The old rows with the new in their places, call by call of the layer."""
    calls = max(1, len(new) // len(rows))
    at = (np.arange(calls)[:, None] * batch + rows[None]).ravel()[: len(new)]
    return old.index_copy(0, torch.from_numpy(at).to(old.device), new.to(old.dtype))


def _patched_record(old: CallRecord, new: CallRecord, rows: Integers, batch: int) -> CallRecord:
    held = old.presupposition
    if held is not None and new.presupposition is not None:
        held = _patched(held, new.presupposition, rows, batch)
    return replace(old, value=_patched(old.value, new.value, rows, batch), presupposition=held)


@dataclass(frozen=True)
class _ChangedFacets:
    """Which facets of which images have changed.

    Attributes:
        attributes: [images, attributes].
        relations: [images, relations].
        presence: [images].
        concepts: [concepts] the attribute of each.
        comparable: The attributes that objects are compared by.
    """

    attributes: Flags
    relations: Flags
    presence: Flags
    concepts: Integers
    comparable: Integers

    @staticmethod
    def of(changed: Sequence[Changed], domain: Domain, images: int) -> "_ChangedFacets":
        attributes = np.zeros((images, len(domain.attributes)), dtype=bool)
        relations = np.zeros((images, len(domain.relations)), dtype=bool)
        presence = np.zeros(images, dtype=bool)
        for each in changed:
            if each.facet is None:
                presence[each.image] = True
            elif each.facet in domain.attribute_ids:
                attributes[each.image, domain.attribute_ids[each.facet]] = True
            else:
                relations[each.image, domain.relation_ids[domain.relation(each.facet).name]] = True
        concepts = np.array(domain.concept_attributes, dtype=np.int64)
        comparable = np.array(domain.comparable_ids, dtype=np.int64)
        return _ChangedFacets(attributes, relations, presence, concepts, comparable)

    def read_by(self, group: Group) -> Flags:
        """Which rows of a group may read one of them."""
        batch = len(group.images)
        rows = np.zeros(batch, dtype=bool)
        for layer, columns in zip(group.pattern.layers, group.constants, strict=True):
            if layer.signature.reads_scene:
                rows |= self.presence[group.images]
            if layer.signature.output == ATTRIBUTE_NAME_KIND:
                rows |= self.attributes[np.ix_(group.images, self.comparable)].any(axis=1)
            images = np.tile(group.images, layer.width)
            for kind, ids in zip(layer.signature.constant_kinds, columns, strict=True):
                rows |= self._hit(kind, images, ids).reshape(-1, batch).any(axis=0)
        for repeat in group.repeats:
            rows[: repeat.rows] |= self._hit("Concept", group.images[: repeat.rows], repeat.constants)
        return rows

    def _hit(self, kind: str, images: Integers, ids: Integers) -> Flags:
        if kind == "Relation":
            return np.asarray(self.relations[images, ids])
        return np.asarray(self.attributes[images, self.concepts[ids] if kind == "Concept" else ids])
