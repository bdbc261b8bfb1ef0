"""Sampling: random well-typed programs, built from the registry's signatures and a domain."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from nmn.check import ProgramType
from nmn.domain import Domain
from nmn.errors import InputError
from nmn.program import Concept, Constant, Node, Program
from nmn.registry import Registry
from nmn.signature import ANSWER_KINDS, CHOICE_KIND, Signature
from nmn.words import choices

_UNREACHABLE = 10**9


def sample_program(
    random: Random,
    domain: Domain,
    registry: Registry,
    *,
    depth: int = 8,
    kind: str | None = None,
    sharing: float = 0.1,
) -> Program:
    """A random well-typed program.

    Args:
        random: Source of randomness.
        domain: Gives the constants.
        registry: Gives the operations.
        depth: Most calls on a way from the answer to the image.
        kind: Kind of the answer; a random one that can be an answer if None.
        sharing: Probability that an input is a node that is there already, where one of its type is.

    Raises:
        InputError: when no program of that kind is so shallow.
    """
    sampler = _Sampler(random, domain, registry, sharing)
    kinds = (
        [kind]
        if kind is not None
        else [each for each in ANSWER_KINDS if sampler.least.get(each, _UNREACHABLE) <= depth]
    )
    if not kinds or sampler.least.get(kinds[0], _UNREACHABLE) > depth:
        raise InputError(f"no program of depth {depth} gives {kind or 'an answer'}")
    chosen = random.choice(kinds)
    attribute = sampler.attribute() if chosen == "Value" else None
    return Program.of(sampler.nodes, sampler.build(ProgramType(chosen, attribute), depth))


@dataclass
class _Sampler:
    random: Random
    domain: Domain
    registry: Registry
    sharing: float
    nodes: list[Node] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    by_type: dict[ProgramType, list[int]] = field(default_factory=dict)
    least: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.signatures = [each for each in self.registry if self._sayable(each)]
        self.least = least_depths(self.signatures)

    def _sayable(self, signature: Signature) -> bool:
        """Whether the domain has a constant of every kind that the operation needs."""
        kinds = [each.kind for each in signature.constants]
        names = (
            len({value for _, value in self.domain.concepts}),
            len({r.answer or r.name for r in self.domain.relations}),
        )
        needed = 2 if signature.output == CHOICE_KIND else 1
        return names[0] >= needed * ("Concept" in kinds) and names[1] >= needed * ("Relation" in kinds)

    def attribute(self) -> str:
        return self.random.choice(self.domain.attributes).name

    def build(self, wanted: ProgramType, depth: int) -> int:
        known = [node for node in self.by_type.get(wanted, []) if self.depths[node] <= depth]
        if known and self.random.random() < self.sharing:
            return self.random.choice(known)
        fitting = [each for each in self.signatures if each.output == wanted.kind and self._needs(each) < depth]
        signature = self.random.choice(fitting)
        attribute = wanted.attribute if signature.output == "Value" else self.attribute() if signature.bracket else None
        inputs = tuple(
            self.build(ProgramType(each.kind, attribute if each.kind == "Value" else None), depth - 1)
            for each in signature.inputs
        )
        constants = self._constants(signature)
        self.nodes.append(Node(signature.operation, inputs, attribute if signature.bracket else None, constants))
        self.depths.append(1 + max((self.depths[source] for source in inputs), default=0))
        self.by_type.setdefault(wanted, []).append(len(self.nodes) - 1)
        return len(self.nodes) - 1

    def _needs(self, signature: Signature) -> int:
        return max((self.least[each.kind] for each in signature.inputs), default=0)

    def _constants(self, signature: Signature) -> tuple[Constant, ...]:
        while True:
            constants = tuple(self._constant(each.kind) for each in signature.constants)
            called = choices(Node(signature.operation, (), None, constants), self.domain)
            if signature.output != CHOICE_KIND or len(set(called)) == len(called):
                return constants

    def _constant(self, kind: str) -> Constant:
        if kind == "Relation":
            return self.random.choice(self.domain.relations).name
        return Concept(*self.random.choice(self.domain.concepts))


def least_depths(signatures: Sequence[Signature]) -> dict[str, int]:
    """For each kind, the depth of its shallowest program."""
    least = {each.output: _UNREACHABLE for each in signatures}
    for parameter in (parameter for each in signatures for parameter in each.inputs):
        least.setdefault(parameter.kind, _UNREACHABLE)
    for _ in range(len(least)):
        for each in signatures:
            deepest = max((least[parameter.kind] for parameter in each.inputs), default=0)
            least[each.output] = min(least[each.output], 1 + deepest)
    return least
