"""Executor: run a plan over the scene graphs of a batch of images, in one loop.

Values stand in one buffer for each program type. A group gathers what it reads, runs its layers and repetitions, each one
call of a module over all its rows, and writes its values behind those of the groups before. All of it is differentiable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nmn.blocks import Integers
from nmn.cost import Sizes
from nmn.planner import FacetsRead, Group, Plan
from nmn.registry import Registry
from nmn.scene import FacetStore, Note, SceneGraph
from nmn.signature import INPUT_KINDS, Signature


class Modules(nn.Module):
    """One instance of every operation's module."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.registry = registry
        # Names are prefixed because an operation may be called like a method of ModuleDict.
        self.by_operation = nn.ModuleDict(
            {f"operation_{each.operation}": registry.make(each.operation) for each in registry}
        )
        self._direct = {each.operation: self.by_operation[f"operation_{each.operation}"] for each in registry}

    def __getitem__(self, operation: str) -> nn.Module:
        return self._direct[operation]


@dataclass(frozen=True)
class CallRecord:
    """What one call of a module left, for a trace.

    Attributes:
        signature: The operation.
        value: [rows, ...] what it gave.
        presupposition: [rows] log-probability that what it takes for granted holds, or None.
        notes: What it asked the scene for.
        flops: What it declares for one row.
        seconds: How long it took.
    """

    signature: Signature
    value: Tensor
    presupposition: Tensor | None
    notes: Sequence[Note]
    flops: int
    seconds: float

    @property
    def rows(self) -> int:
        """How many nodes ran in the call."""
        return int(self.value.shape[0])


@dataclass(frozen=True)
class Granted:
    """What a layer of a group takes for granted.

    Attributes:
        layer: Number of the layer.
        members: [rows, objects] log-odds of the sets that should have exactly one member.
        holds: [rows] log-probability that they have.
    """

    layer: int
    members: Tensor
    holds: Tensor


@dataclass(frozen=True)
class Run:
    """The values of a plan.

    Attributes:
        plan: What was run.
        store: The scene graphs' facets after the run.
        values: For each kind, the values of the steps that give it.
        granted: For each group, what its layers take for granted.
        records: For each group, what each of its calls left; empty when not traced.
    """

    plan: Plan
    store: FacetStore
    values: Mapping[str, Tensor]
    granted: tuple[tuple[Granted, ...], ...]
    records: tuple[tuple[CallRecord, ...], ...]

    @property
    def traced(self) -> bool:
        """Whether what every call left was kept."""
        return any(self.records)

    def certainty(self) -> Tensor:
        """[programs] log-probability that all that a program takes for granted holds."""
        plan = self.plan
        total = self.store.presence.new_zeros(len(plan.programs))
        taken = [(group, each) for group, layers in zip(plan.groups, self.granted, strict=True) for each in layers]
        if not taken:
            return total
        at = np.concatenate([group.first + np.arange(len(each.holds)) % len(group.images) for group, each in taken])
        of_step = total.new_zeros(len(plan.kinds)).index_add(
            0, _tensor(at, total), torch.cat([each.holds for _, each in taken])
        )
        owner = np.repeat(np.arange(len(plan.programs)), np.diff(plan.offsets))
        return total.index_add(0, _tensor(owner, total), of_step.index_select(0, _tensor(plan.steps, total)))

    def roots(self, kind: str) -> tuple[Integers, Tensor]:
        """The programs whose answer is of a kind, and their values."""
        roots = self.plan.roots
        programs = np.flatnonzero(self.plan.kinds[roots] == INPUT_KINDS.index(kind))
        places = self.plan.places[roots[programs]]
        return programs, self.values[kind].index_select(0, _tensor(places, self.values[kind]))


def execute(plan: Plan, store: FacetStore, modules: Modules, *, trace: bool = False, ahead: bool = False) -> Run:
    """Run a plan.

    Args:
        plan: From :class:`nmn.planner.Planner`, for images in the order of the store's.
        store: What is known of the images; facets that are asked for are added to it.
        modules: What runs the operations.
        trace: Also keep what every call left.
        ahead: First compute every facet that the programs read, of all objects of their images, each in one call;
            without, facets are computed when a call asks for them, for the objects that it asks for.
    """
    if ahead:
        read = FacetsRead.by(plan, store.domain, store.glance.mask.shape[0])
        store.compute(_tensor(read.attributes, store.presence), _tensor(read.relations, store.presence))
    store.settled = ahead
    try:
        return _execute(plan, store, modules, trace)
    finally:
        store.settled = False


def _execute(plan: Plan, store: FacetStore, modules: Modules, trace: bool) -> Run:
    values = _buffers(plan, store)
    granted: list[tuple[Granted, ...]] = []
    records: list[tuple[CallRecord, ...]] = []
    for group in plan.groups:
        runner = GroupRunner(group, store, modules, trace)
        value = runner.run(values)
        kind = group.pattern.output
        values[kind][group.start : group.start + value.shape[0]] = value
        granted.append(tuple(runner.granted))
        records.append(tuple(runner.records))
    return Run(plan, store, values, tuple(granted), tuple(records))


def _buffers(plan: Plan, store: FacetStore) -> dict[str, Tensor]:
    objects, concepts = store.glance.mask.shape[1], len(store.domain.concepts)
    widths = {"ObjectSet": (objects,), "Object": (objects,), "Count": (objects + 1,), "Value": (concepts,), "Bool": ()}
    widths |= {"Choice": (2,), "AttributeName": (len(store.domain.attributes),)}
    return {kind: store.presence.new_empty((plan.counts[kind], *widths[kind])) for kind in INPUT_KINDS}


class GroupRunner:
    """Runs one group, call by call."""

    def __init__(self, group: Group, store: FacetStore, modules: Modules, trace: bool) -> None:
        self.group = group
        self.store = store
        self.modules = modules
        self.trace = trace
        self.images = _tensor(group.images, store.presence)
        self.granted: list[Granted] = []
        self.calls = 0
        self.records: list[CallRecord] = []

    def run(self, values: Mapping[str, Tensor]) -> Tensor:
        """The values of the group's steps, reading those of steps before."""
        pattern = self.group.pattern
        kinds = pattern.input_kinds
        inputs = [
            values[kinds[position]].index_select(0, _tensor(places, self.images))
            for position, places in enumerate(self.group.inputs)
        ]
        value: Tensor | None = None
        for layer, constants in zip(pattern.layers, self.group.constants, strict=True):
            if value is not None:
                inputs = _handed_up(value, layer.width, len(layer.signature.inputs))
            images = self.images if layer.width == 1 else self.images.repeat(layer.width)
            value = self._call(layer.signature, images, inputs, [_tensor(ids, images) for ids in constants])
        assert value is not None
        return self._repeated(pattern.repeated, value) if pattern.repeated is not None and self.group.repeats else value

    def _repeated(self, operation: str, value: Tensor) -> Tensor:
        """Apply an operation as often as each row wants it: in one call where its module can, else call by call."""
        at_once = getattr(self.modules[operation], "forward_repeated", None)
        if at_once is not None and not self.trace:
            constants = [_tensor(repeat.constants, value) for repeat in self.group.repeats]
            views = [SceneGraph(self.store, self.images[: each.shape[0]], (each,)) for each in constants]
            return at_once(views, value, constants)  # type: ignore[no-any-return]
        signature = self.modules.registry.signature(operation)
        for repeat in self.group.repeats:
            first, rest = value.split_with_sizes([repeat.rows, len(value) - repeat.rows])
            changed = self._call(signature, self.images[: repeat.rows], [first], [_tensor(repeat.constants, value)])
            value = torch.cat([changed, rest])
        return value

    def _call(
        self, signature: Signature, images: Tensor, inputs: Sequence[Tensor], constants: Sequence[Tensor]
    ) -> Tensor:
        started = perf_counter() if self.trace else 0.0
        notes: list[Note] | None = [] if self.trace else None
        module = self.modules[signature.operation]
        scene = SceneGraph(self.store, images, constants, notes)
        value, presupposition = call_module(signature, module, scene, in_order(signature, inputs, constants))
        if presupposition is not None:
            self.granted.append(Granted(self.calls, inputs[0], presupposition))
        self.calls += 1
        if self.trace:
            flops = declared_cost(module, Sizes(self.store.glance.mask.shape[1], len(self.store.domain.concepts)))
            self.records.append(
                CallRecord(signature, value, presupposition, notes or (), flops, perf_counter() - started)
            )
        return value


def call_module(
    signature: Signature, module: nn.Module, scene: SceneGraph, arguments: Sequence[Tensor]
) -> tuple[Tensor, Tensor | None]:
    """What a module gives, and the log-probability that what it takes for granted holds, if it takes anything."""
    result = module(scene, *arguments) if signature.reads_scene else module(*arguments)
    return result if signature.presupposes else (result, None)


def in_order(signature: Signature, inputs: Sequence[Tensor], constants: Sequence[Tensor]) -> list[Tensor]:
    """Inputs and constants in the order of ``forward``."""
    given, named = iter(inputs), iter(constants)
    return [next(given) if parameter.kind in INPUT_KINDS else next(named) for parameter in signature.parameters]


def declared_cost(module: nn.Module, sizes: Sizes) -> int:
    """FLOPs that a module declares for one row; 0 if it declares none."""
    cost: Any = getattr(module, "cost", None)
    return int(cost(sizes)) if cost is not None else 0


def _handed_up(value: Tensor, width: int, arity: int) -> list[Tensor]:
    """What ``width`` calls with ``arity`` inputs each read of the layer below, whose calls stand one after another."""
    if width == 1:
        return list(value.view(arity, -1, *value.shape[1:]).unbind(0)) if arity > 1 else [value]
    split = value.view(width, arity, -1, *value.shape[1:])
    return [each.reshape(-1, *value.shape[1:]) for each in split.unbind(1)]


def _tensor(ids: NDArray[Any], like: Tensor) -> Tensor:
    tensor = torch.from_numpy(ids)
    return tensor if like.is_cpu else tensor.to(like.device)
