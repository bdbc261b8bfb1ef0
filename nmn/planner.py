"""Planner: many programs -> one plan of groups, each group one call of one module.

Nodes are aligned by their distance from the root and grouped by operation, so that any mix of programs runs as a few
calls. What an operation works on (concepts, attributes, relations) is data of the call, never part of the group's key.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nmn.domain import Domain
from nmn.program import Concept, Node, Program
from nmn.registry import Registry
from nmn.signature import BRACKET_KIND, INPUT_KINDS, Parameter, Signature

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Argument:
    """One argument of a group's call.

    Attributes:
        kind: Its program type.
        ids: [batch] node numbers where the kind is a value, ids of the domain where it is a constant.
    """

    kind: str
    ids: Indices

    @property
    def from_nodes(self) -> bool:
        """Whether the ids are nodes whose values are to be gathered."""
        return self.kind in INPUT_KINDS


@dataclass(frozen=True)
class Group:
    """Nodes that run as one call of their module.

    Attributes:
        signature: The operation.
        nodes: [batch] their numbers in the plan.
        images: [batch] the image each is about.
        arguments: In the order of the module's ``forward``.
    """

    signature: Signature
    nodes: Indices
    images: Indices
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Plan:
    """What to run, in order.

    A node's number in the plan is its program's offset plus its index in the program.

    Attributes:
        groups: Every group after those that it reads.
        offsets: [programs + 1] number of each program's first node.
        programs: The programs, in the order they were given.
    """

    groups: tuple[Group, ...]
    offsets: Indices
    programs: tuple[Program, ...]

    @property
    def roots(self) -> Indices:
        """[programs] number of the node that gives each program's answer."""
        return self.offsets[1:] - 1

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return int(self.offsets[-1])


def make_plan(programs: Sequence[Program], images: Sequence[int], domain: Domain, registry: Registry) -> Plan:
    """Plan one run of many programs.

    Args:
        programs: Checked programs.
        images: For each program, the position of its image in the batch.
        domain: Gives constants their ids.
        registry: Gives operations their signatures.
    """
    members: dict[tuple[int, str], list[tuple[int, int]]] = defaultdict(list)
    offsets = np.zeros(len(programs) + 1, dtype=np.int64)
    for position, program in enumerate(programs):
        offsets[position + 1] = offsets[position] + len(program.nodes)
        for index, level in enumerate(distance_from_root(program)):
            members[-level, program.nodes[index].operation].append((position, index))
    groups = []
    for (_, operation), places in sorted(members.items()):
        signature = registry.signature(operation)
        nodes = [programs[position].nodes[index] for position, index in places]
        starts = offsets[[position for position, _ in places]]
        groups.append(
            Group(
                signature,
                starts + np.array([index for _, index in places], dtype=np.int64),
                np.array([images[position] for position, _ in places], dtype=np.int64),
                _arguments(signature, nodes, starts, domain),
            )
        )
    return Plan(tuple(groups), offsets, tuple(programs))


@lru_cache(maxsize=4096)
def distance_from_root(program: Program) -> tuple[int, ...]:
    """The longest way from each node to the answer: inputs always have a greater distance than their readers."""
    distance = [0] * len(program.nodes)
    for index in range(len(program.nodes) - 1, -1, -1):
        for source in program.nodes[index].inputs:
            distance[source] = max(distance[source], distance[index] + 1)
    return tuple(distance)


def _arguments(signature: Signature, nodes: Sequence[Node], starts: Indices, domain: Domain) -> tuple[Argument, ...]:
    inputs, constants = iter(range(len(signature.inputs))), iter(range(len(signature.constants)))
    arguments = []
    for parameter in signature.parameters:
        if parameter.kind in INPUT_KINDS:
            slot = next(inputs)
            ids = starts + np.array([node.inputs[slot] for node in nodes], dtype=np.int64)
        else:
            slot = 0 if parameter.kind == BRACKET_KIND else next(constants)
            ids = np.array([_constant_id(node, parameter, slot, domain) for node in nodes], dtype=np.int64)
        arguments.append(Argument(parameter.kind, ids))
    return tuple(arguments)


def _constant_id(node: Node, parameter: Parameter, slot: int, domain: Domain) -> int:
    if parameter.kind == BRACKET_KIND:
        return domain.attribute_ids[node.attribute or ""]
    constant = node.constants[slot]
    if isinstance(constant, Concept):
        return domain.concept_id(constant.attribute, constant.value)
    return domain.relation_ids[constant]
