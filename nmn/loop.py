"""Loop: run one program, one call at a time.

What small batches use, where planning would take longer than it saves, and what the executor is held equal to.
"""

from dataclasses import dataclass
from functools import lru_cache
from time import perf_counter

import torch
from torch import Tensor, nn

from nmn.cost import Sizes
from nmn.domain import Domain
from nmn.executor import CallRecord, Modules, call_module, declared_cost, in_order
from nmn.lowering import constant_ids
from nmn.program import Node, Program
from nmn.scene import FacetStore, Note, SceneGraph
from nmn.signature import Signature


@dataclass(frozen=True)
class BoundCall:
    """One call with everything looked up that does not depend on the image.

    Attributes:
        signature: Its operation.
        module: What runs it.
        inputs: Calls that it reads.
        constants: Ids of its constants, each [1].
    """

    signature: Signature
    module: nn.Module
    inputs: tuple[int, ...]
    constants: tuple[Tensor, ...]


@dataclass(frozen=True)
class BoundProgram:
    """A program with everything looked up that does not depend on the image.

    Attributes:
        calls: Equal ones shared.
        place: For each node of the program as written, its call.
        attributes: Those that it reads, by its constants.
        relations: Likewise.
    """

    calls: tuple[BoundCall, ...]
    place: tuple[int, ...]
    attributes: tuple[int, ...]
    relations: tuple[int, ...]


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

    def run(
        self, program: Program, image: int, store: FacetStore, *, trace: bool = False, ahead: bool = False
    ) -> LoopRun:
        """Run a checked program on one image of the store; facets that are asked for are added to it.

        Args:
            program: What to run.
            image: The image's position.
            store: What is known of the images.
            trace: Also keep what every call left.
            ahead: First compute every facet that the program reads, of all objects, each in one call.
        """
        device = store.presence.device
        bound = self.bind(program, device)
        if ahead:
            store.compute_of_image(image, bound.attributes, bound.relations)
        store.settled = ahead
        try:
            return self._run(program, bound, image, store, trace)
        finally:
            store.settled = False

    def _run(self, program: Program, bound: "BoundProgram", image: int, store: FacetStore, trace: bool) -> LoopRun:
        images = torch.tensor([image], device=store.presence.device)
        values: list[Tensor] = []
        holds: list[Tensor | None] = []
        records: list[CallRecord] = []
        for call in bound.calls:
            started = perf_counter() if trace else 0.0
            notes: list[Note] | None = [] if trace else None
            arguments = in_order(call.signature, [values[each] for each in call.inputs], call.constants)
            scene = SceneGraph(store, images, call.constants, notes)
            value, held = call_module(call.signature, call.module, scene, arguments)
            values.append(value)
            holds.append(held)
            if trace:
                flops = declared_cost(call.module, Sizes(store.glance.mask.shape[1], len(self.domain.concepts)))
                records.append(CallRecord(call.signature, value, held, notes or (), flops, perf_counter() - started))
        return LoopRun(program, image, store, bound.calls, bound.place, tuple(values), tuple(holds), tuple(records))

    def _bind(self, program: Program, device: torch.device) -> BoundProgram:
        shared, place = program.shared()
        attributes: dict[int, None] = {}
        relations: dict[int, None] = {}
        for node in shared:
            signature = self.modules.registry.signature(node.operation)
            ids = constant_ids(node, signature, self.domain)
            for kind, each in zip(signature.constant_kinds, ids, strict=True):
                number = self.domain.attribute_ids[self.domain.concepts[each][0]] if kind == "Concept" else each
                (relations if kind == "Relation" else attributes)[number] = None
        return BoundProgram(
            tuple(self._bound(node, device) for node in shared), place, tuple(attributes), tuple(relations)
        )

    def _bound(self, node: Node, device: torch.device) -> BoundCall:
        signature = self.modules.registry.signature(node.operation)
        ids = constant_ids(node, signature, self.domain)
        constants = tuple(torch.tensor([each], device=device) for each in ids)
        return BoundCall(signature, self.modules[node.operation], node.inputs, constants)
