"""Loop: run one program, one call at a time.

What small batches use, where planning would take longer than it saves, and what the executor is held equal to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter

import torch
from torch import Tensor, nn

from nmn.cost import Sizes
from nmn.domain import Domain
from nmn.executor import CallRecord, Modules, call_module, declared_cost
from nmn.lowering import constant_ids
from nmn.planner import Facets
from nmn.program import Node, Program
from nmn.scene import FacetStore, Note, SceneGraph
from nmn.signature import INPUT_KINDS, Signature


@dataclass(frozen=True)
class BoundCall:
    """One call with everything looked up that does not depend on the image.

    Attributes:
        signature: Its operation.
        module: What runs it.
        inputs: Calls that it reads.
        arguments: In the order of ``forward``: position of an input, or the constant's id as [1].
        facets: What it may read.
    """

    signature: Signature
    module: nn.Module
    inputs: tuple[int, ...]
    arguments: tuple[int | Tensor, ...]
    facets: Facets


@dataclass(frozen=True)
class LoopRun:
    """The values of one program, equal calls shared.

    Attributes:
        program: The program as written.
        image: Its image.
        store: The scene graphs' facets after the run.
        calls: What ran.
        place: For each node of the program, its call.
        values: Of each call, [1, ...].
        holds: For each call that takes something for granted, [1] log-probability that it holds; else None.
        records: What each call left; empty when not traced.
    """

    program: Program
    image: int
    store: FacetStore
    calls: tuple[BoundCall, ...]
    place: tuple[int, ...]
    values: tuple[Tensor, ...]
    holds: tuple[Tensor | None, ...]
    records: tuple[CallRecord, ...]

    def certainty(self) -> Tensor:
        """[1] log-probability that all that the program takes for granted holds."""
        taken = [each for each in self.holds if each is not None]
        return torch.stack(taken).sum(0) if taken else self.store.presence.new_zeros(1)


class Looper:
    """Runs programs one at a time.

    Args:
        domain: Gives constants their ids.
        modules: What runs the operations.
    """

    def __init__(self, domain: Domain, modules: Modules) -> None:
        self.domain = domain
        self.modules = modules
        self.bind = lru_cache(maxsize=1024)(self._bind)

    def run(self, program: Program, image: int, store: FacetStore, *, trace: bool = False) -> LoopRun:
        """Run a checked program on one image of the store; facets that are asked for are added to it."""
        device = store.presence.device
        calls, place = self.bind(program, device)
        images = torch.tensor([image], device=device)
        values: list[Tensor] = []
        holds: list[Tensor | None] = []
        records: list[CallRecord] = []
        for call in calls:
            started = perf_counter() if trace else 0.0
            notes: list[Note] | None = [] if trace else None
            arguments = [values[call.inputs[each]] if isinstance(each, int) else each for each in call.arguments]
            scene = SceneGraph(store, images, call.facets.attributes, call.facets.relations, notes)
            value, held = call_module(call.signature, call.module, scene, arguments)
            values.append(value)
            holds.append(held)
            if trace:
                flops = declared_cost(call.module, Sizes(store.glance.mask.shape[1], len(self.domain.concepts)))
                records.append(CallRecord(call.signature, value, held, notes or (), flops, perf_counter() - started))
        return LoopRun(program, image, store, calls, place, tuple(values), tuple(holds), tuple(records))

    def _bind(self, program: Program, device: torch.device) -> tuple[tuple[BoundCall, ...], tuple[int, ...]]:
        shared, place = program.shared()
        return tuple(self._bound(node, device) for node in shared), place

    def _bound(self, node: Node, device: torch.device) -> BoundCall:
        signature = self.modules.registry.signature(node.operation)
        ids = iter(constant_ids(node, signature, self.domain))
        inputs = iter(range(len(node.inputs)))
        arguments: list[int | Tensor] = []
        facets: dict[str, list[int]] = {"attributes": [], "relations": []}
        for parameter in signature.parameters:
            if parameter.kind in INPUT_KINDS:
                arguments.append(next(inputs))
                continue
            number = next(ids)
            arguments.append(torch.tensor([number], device=device))
            if parameter.kind == "Relation":
                facets["relations"].append(number)
            else:
                concept = parameter.kind == "Concept"
                name = self.domain.concepts[number][0] if concept else self.domain.attributes[number].name
                facets["attributes"].append(self.domain.attribute_ids[name])
        read = Facets(tuple(facets["attributes"]), tuple(facets["relations"]))
        return BoundCall(signature, self.modules[node.operation], node.inputs, tuple(arguments), read)


def run_all(looper: Looper, programs: Sequence[Program], images: Sequence[int], store: FacetStore) -> list[LoopRun]:
    """Run programs one after another."""
    return [looper.run(program, image, store) for program, image in zip(programs, images, strict=True)]
