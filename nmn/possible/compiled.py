"""PossibleProgram: a program made ready to run on all completions of a scene at once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nmn.domain import NO, YES, Domain
from nmn.errors import ProgramError, nearest
from nmn.possible.rules import RULES, Rule
from nmn.possible.scene import PossibleScene, bits
from nmn.program import Concept, Constant, Program
from nmn.registry import Registry
from nmn.signature import ANSWER_KINDS, ATTRIBUTE_NAME_KIND, BRACKET_KIND, CHOICE_KIND, INPUT_KINDS, Signature
from nmn.words import choices

Step = tuple[Rule, tuple[int, ...], tuple[Any, ...], bool]
"""Rule, the nodes that it reads, its constants, and whether it takes something for granted."""


@dataclass(frozen=True)
class PossibleAnswer:
    """What a program may answer.

    Attributes:
        values: Of the nodes, as :mod:`nmn.possible.rules` has them; up to the one that surely fails.
        fails: Nodes that take something for granted that does not hold in every completion; the last one may have failed
            surely.
        ended: Whether the program ran to its end: not, where something taken for granted surely fails.
        words: What each bit of the last value is called as an answer.
    """

    values: tuple[Any, ...]
    fails: tuple[int, ...]
    ended: bool
    words: Mapping[int, str]

    @property
    def answers(self) -> frozenset[str | None]:
        """All answers there may be; None among them where something taken for granted may fail."""
        found: set[str | None] = {self.words[bit] for bit in bits(self.values[-1])} if self.ended else set()
        return frozenset(found | {None} if self.fails else found)

    @property
    def certain(self) -> bool:
        """Whether there is but one."""
        last = self.values[-1]
        return not self.ended or (not self.fails and last & (last - 1) == 0)

    @property
    def answer(self) -> str | None:
        """The first of them; None where something taken for granted surely fails."""
        return self.words[self.values[-1].bit_length() - 1] if self.ended else None


@dataclass(frozen=True)
class PossibleProgram:
    """A program as steps, one a node, in its order.

    Attributes:
        program: As written.
        domain: What its constants are of.
        steps: What to call with what.
        words: What each value of the last node is called as an answer.
    """

    program: Program
    domain: Domain
    steps: tuple[Step, ...]
    words: Mapping[int, str]

    def run(self, scene: PossibleScene) -> PossibleAnswer:
        """All that it may answer about a scene."""
        values: list[Any] = []
        fails: tuple[int, ...] = ()
        for rule, sources, constants, presupposes in self.steps:
            value = rule(scene, *[values[source] for source in sources], *constants)
            if presupposes:
                value, failing = value
                if failing:
                    fails += (len(values),)
                if not value:
                    return PossibleAnswer((*values, value), fails, False, self.words)
            values.append(value)
        return PossibleAnswer(tuple(values), fails, True, self.words)

    @cached_property
    def attributes(self) -> tuple[int, ...]:
        """The attributes that it reads, rising."""
        ids = self.domain.attribute_ids
        named = {ids[each.attribute] for each in self._constants() if isinstance(each, Concept)}
        named |= {ids[node.attribute] for node in self.program.nodes if node.attribute is not None}
        if any(rule is RULES["common"] for rule, *_ in self.steps):
            named |= {*self.domain.comparable_ids}
        return tuple(sorted(named))

    @cached_property
    def relations(self) -> tuple[int, ...]:
        """The relations that it reads, rising."""
        return tuple(sorted({self.domain.relation_ids[each] for each in self._constants() if isinstance(each, str)}))

    def _constants(self) -> Iterator[Concept | str]:
        return (each for node in self.program.nodes for each in node.constants)


def possible_program(program: Program, domain: Domain, registry: Registry) -> PossibleProgram:
    """Look up the rules and constants of a checked program.

    Raises: ProgramError when an operation has no rule, an attribute that is read has several values an object or values
        that imply one another, or the program ends in nothing that can be answered.
    """
    signatures = [registry.signature(node.operation) for node in program.nodes]
    if signatures[-1].output not in ANSWER_KINDS:
        raise ProgramError(f"a program must end in an answer, not in {signatures[-1].output}")
    steps = tuple(_step(program, index, each, domain) for index, each in enumerate(signatures))
    found = PossibleProgram(program, domain, steps, _words(signatures[-1].output, program, domain))
    for attribute in (domain.attributes[number] for number in found.attributes):
        if attribute.hypernyms or not attribute.exclusive:
            what = "values that imply one another" if attribute.hypernyms else "any number of values"
            raise ProgramError(f"nothing is proved of attribute {attribute.name!r}: an object may have {what}")
    return found


def _step(program: Program, index: int, signature: Signature, domain: Domain) -> Step:
    node = program.nodes[index]
    rule = RULES.get(node.operation)
    if rule is None:
        raise ProgramError(f"nothing is proved of operation {node.operation!r}{nearest(node.operation, RULES)}")
    constants: list[Any] = []
    written = iter(node.constants)
    for parameter in signature.parameters:
        if parameter.kind == BRACKET_KIND:
            constants.append(domain.attribute_ids[node.attribute or ""])
        elif parameter.kind not in INPUT_KINDS:
            constants.append(_constant_id(next(written), domain))
    if signature.output == ATTRIBUTE_NAME_KIND:
        constants.append(domain.comparable_ids)
    return rule, node.inputs, tuple(constants), signature.presupposes


def _constant_id(constant: Constant, domain: Domain) -> int:
    if isinstance(constant, Concept):
        return domain.concept_id(constant.attribute, constant.value)
    return domain.relation_ids[constant]


class _Numbers(dict[int, str]):
    """Numbers in digits."""

    def __missing__(self, number: int) -> str:
        return str(number)


def _words(kind: str, program: Program, domain: Domain) -> Mapping[int, str]:
    if kind == CHOICE_KIND:
        return dict(enumerate(choices(program.nodes[-1], domain)))
    if kind == ATTRIBUTE_NAME_KIND:
        return dict(enumerate(domain.attribute_ids))
    if kind == "Bool":
        return {0: NO, 1: YES}
    if kind == "Count":
        return _Numbers()
    return {index: value for index, (_, value) in enumerate(domain.concepts)}
