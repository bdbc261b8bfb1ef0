"""Executor: run a plan over the scene graphs of a batch of images, in one loop.

Every group is one call of its module. Inputs are gathered from the outputs of the groups that made them, so values stay
differentiable and nothing is copied that is not read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from nmn.cost import Sizes
from nmn.planner import Argument, Group, Indices, Plan
from nmn.registry import Registry
from nmn.scene import FacetStore, SceneGraph, caused_by_row


@dataclass(frozen=True)
class GroupRun:
    """What one group's call left.

    Attributes:
        group: The nodes.
        value: [batch, ...] their values.
        presupposition: [batch] log-probability that what they take for granted holds, or None.
        facets: For each row, the facets it caused: name -> (rows, FLOPs). Empty when not traced.
        flops: Of the module for one row.
        seconds: Time of the whole call.
    """

    group: Group
    value: Tensor
    presupposition: Tensor | None
    facets: Sequence[Mapping[str, tuple[int, int]]]
    flops: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """The values of a plan's nodes.

    Attributes:
        plan: What was run.
        groups: One entry a group.
        places: [nodes, 2] for each node, its group and its row there.
        store: The scene graphs' facets after the run.
    """

    plan: Plan
    groups: tuple[GroupRun, ...]
    places: Indices
    store: FacetStore

    def value(self, node: int) -> Tensor:
        """The value of one node of the plan."""
        group, row = self.places[node]
        return self.groups[group].value[row]

    def presuppositions(self) -> Tensor:
        """[programs] log-probability that all that a program takes for granted holds."""
        total = self.store.glance.presence.new_zeros(len(self.plan.programs))
        for run in self.groups:
            if run.presupposition is not None:
                owner = np.searchsorted(self.plan.offsets, run.group.nodes, side="right") - 1
                total = total.index_add(0, torch.from_numpy(owner).to(total.device), run.presupposition)
        return total


class Modules(nn.Module):
    """One instance of every operation's module."""

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self.registry = registry
        # Names are prefixed because an operation may be called like a method of ModuleDict.
        self.by_operation = nn.ModuleDict({f"operation_{each.operation}": registry.load(each.operation)() for each in registry})

    def __getitem__(self, operation: str) -> nn.Module:
        return self.by_operation[f"operation_{operation}"]


def execute(plan: Plan, store: FacetStore, modules: Modules, *, trace: bool = False) -> Run:
    """Run a plan.

    Args:
        plan: From :func:`nmn.planner.make_plan`, for images in the order of the store's.
        store: What is known of the images; facets that are asked for are added to it.
        modules: What runs the operations.
        trace: Also note which node caused which facets.
    """
    places = np.zeros((plan.nodes, 2), dtype=np.int64)
    runs: list[GroupRun] = []
    sizes = Sizes(store.glance.mask.shape[1], len(store.domain.concepts))
    for number, group in enumerate(plan.groups):
        started = perf_counter()
        scene = _view(group, store)
        arguments = [_gather(argument, places, runs, store) for argument in group.arguments]
        module = modules[group.signature.operation]
        result = module(scene, *arguments) if group.signature.reads_scene else module(*arguments)
        value, presupposition = result if group.signature.presupposes else (result, None)
        facets = caused_by_row(scene) if trace else []
        flops = declared_cost(module, sizes)
        runs.append(GroupRun(group, value, presupposition, facets, flops, perf_counter() - started))
        places[group.nodes, 0] = number
        places[group.nodes, 1] = np.arange(len(group.nodes))
    return Run(plan, tuple(runs), places, store)


def declared_cost(module: nn.Module, sizes: Sizes) -> int:
    """FLOPs that a module declares for one row; 0 if it declares none."""
    cost: Any = getattr(module, "cost", None)
    return int(cost(sizes)) if cost is not None else 0


def _view(group: Group, store: FacetStore) -> SceneGraph:
    attributes: set[int] = set()
    relations: set[int] = set()
    for argument in group.arguments:
        present = np.unique(argument.ids).tolist()
        if argument.kind == "Attribute":
            attributes.update(present)
        elif argument.kind == "Concept":
            attributes.update(store.domain.attribute_ids[store.domain.concepts[each][0]] for each in present)
        elif argument.kind == "Relation":
            relations.update(present)
    images = torch.from_numpy(group.images).to(store.glance.mask.device)
    return SceneGraph(store, images, tuple(sorted(attributes)), tuple(sorted(relations)))


def _gather(argument: Argument, places: Indices, runs: Sequence[GroupRun], store: FacetStore) -> Tensor:
    device = store.glance.mask.device
    if not argument.from_nodes:
        return torch.from_numpy(argument.ids).to(device)
    sources = places[argument.ids]
    groups, position = np.unique(sources[:, 0], return_inverse=True)
    values = [runs[group].value for group in groups]
    starts = np.cumsum([0, *(len(value) for value in values)])
    rows = torch.from_numpy(starts[position] + sources[:, 1]).to(device)
    return (values[0] if len(values) == 1 else torch.cat(_same_width(values))).index_select(0, rows)


def _same_width(values: Sequence[Tensor]) -> list[Tensor]:
    if values[0].ndim < 2:
        return list(values)
    width = max(value.shape[1] for value in values)
    return [pad(value, (0, width - value.shape[1])) for value in values]
