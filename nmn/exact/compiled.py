"""Compiled: a program made ready to be answered by exact rules, as a flat list of steps."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from nmn.domain import NO, YES, Domain
from nmn.errors import ProgramError
from nmn.exact.scene import ExactScene, NotOne
from nmn.program import Concept, Constant, Node, Program
from nmn.registry import Registry
from nmn.signature import ANSWER_KINDS, ATTRIBUTE_NAME_KIND, BRACKET_KIND, CHOICE_KIND, INPUT_KINDS, Signature
from nmn.words import choices

Rule = Callable[..., int]

RULE = "exact"
"""Name of the static method of a module that is its exact rule."""

CONSTANT, ALONE, NOTHING, PAIR, ANY = range(5)
"""Forms of a step: (x, constant), (x), (), (x, y), and whatever else. The first four are nearly all there is."""

Step = tuple[int, Rule, Any, Any]
"""Form, rule, and its two operands: indices of earlier nodes or a constant; of form ANY, the arguments and nothing.

A plain tuple, because unpacking one is the fastest that Python has.
"""


@dataclass(frozen=True)
class FromNode:
    """An argument of a step of form ANY that is the value of a node."""

    node: int


class _Numbers(dict[int, str]):
    """Numbers in digits."""

    def __missing__(self, number: int) -> str:
        return str(number)


_NUMBERS = _Numbers({number: str(number) for number in range(65)})


@dataclass(frozen=True)
class Compiled:
    """A program as steps, one a node, in its order.

    Attributes:
        steps: What to call with what.
        words: What each value of the last node is called as an answer.
        signatures: The operation of every node.
    """

    program: Program
    steps: tuple[Step, ...]
    words: Mapping[int, str]
    signatures: tuple[Signature, ...]

    @cached_property
    def consumed(self) -> tuple[tuple[int, ...], ...]:
        """For each step, the nodes whose sets it consumes: it must see no object there that does not exist.

        A step that gives a set object by object may see such: one that reads no scene, or that filters by a concept.
        """
        return tuple(
            _consumed(node, signature) for node, signature in zip(self.program.nodes, self.signatures, strict=True)
        )

    def answer(self, scene: ExactScene) -> str | None:
        """The answer; None where something that the program takes for granted does not hold."""
        values: list[int] = []
        add = values.append
        try:
            for form, rule, first, second in self.steps:
                if form == CONSTANT:
                    add(rule(scene, values[first], second))
                elif form == ALONE:
                    add(rule(scene, values[first]))
                elif form == NOTHING:
                    add(rule(scene))
                elif form == PAIR:
                    add(rule(scene, values[first], values[second]))
                else:
                    add(rule(scene, *_arguments(first, values)))
        except NotOne:
            return None
        return self.words[values[-1]]

    def step(self, index: int, scene: ExactScene, values: list[int]) -> int:
        """The value of one node. Raises: NotOne where what it takes for granted does not hold."""
        form, rule, first, second = self.steps[index]
        if form == CONSTANT:
            return rule(scene, values[first], second)
        if form == ALONE:
            return rule(scene, values[first])
        if form == NOTHING:
            return rule(scene)
        if form == PAIR:
            return rule(scene, values[first], values[second])
        return rule(scene, *_arguments(first, values))


def _consumed(node: Node, signature: Signature) -> tuple[int, ...]:
    by_object = not signature.reads_scene or any(each.kind == "Concept" for each in signature.constants)
    if signature.output == "ObjectSet" and by_object:
        return ()
    sources = zip(node.inputs, signature.inputs, strict=True)
    return tuple(source for source, parameter in sources if parameter.kind == "ObjectSet")


def _arguments(arguments: tuple[FromNode | int, ...], values: list[int]) -> list[int]:
    return [values[each.node] if isinstance(each, FromNode) else each for each in arguments]


def compile_program(program: Program, domain: Domain, registry: Registry) -> Compiled:
    """Look up the rules and constants of a checked program.

    Raises: ProgramError when an operation has no exact rule, or the program ends in nothing that can be answered.
    """
    signatures = tuple(registry.signature(node.operation) for node in program.nodes)
    ending = signatures[-1].output
    if ending not in ANSWER_KINDS:
        raise ProgramError(f"a program must end in a number, yes or no, a value or a choice, not in {ending}")
    steps = tuple(
        _step(node, signature, domain, registry) for node, signature in zip(program.nodes, signatures, strict=True)
    )
    return Compiled(program, steps, _words(ending, program.nodes[-1], domain), signatures)


def exact_rule(operation: str, registry: Registry) -> Rule:
    """The exact rule of an operation. Raises: ProgramError when its module has none."""
    loaded = registry.load(operation)
    rule: Rule | None = getattr(loaded, RULE, None)
    if rule is None:
        raise ProgramError(
            f"{operation!r} cannot be answered exactly: its module {loaded.__module__}.{loaded.__name__} "
            f"has no static method {RULE!r}"
        )
    return rule


def _step(node: Node, signature: Signature, domain: Domain, registry: Registry) -> Step:
    rule = exact_rule(node.operation, registry)
    inputs, constants = iter(node.inputs), iter(node.constants)
    arguments: list[FromNode | int] = []
    for parameter in signature.parameters:
        if parameter.kind in INPUT_KINDS:
            arguments.append(FromNode(next(inputs)))
        elif parameter.kind == BRACKET_KIND:
            arguments.append(domain.attribute_ids[node.attribute or ""])
        else:
            arguments.append(_constant_id(next(constants), domain))
    match arguments:
        case [FromNode(first), int(constant)]:
            return CONSTANT, rule, first, constant
        case [FromNode(first)]:
            return ALONE, rule, first, None
        case []:
            return NOTHING, rule, None, None
        case [FromNode(first), FromNode(second)]:
            return PAIR, rule, first, second
    return ANY, rule, tuple(arguments), None


def _constant_id(constant: Constant, domain: Domain) -> int:
    if isinstance(constant, Concept):
        return domain.concept_id(constant.attribute, constant.value)
    return domain.relation_ids[constant]


def _words(kind: str, node: Node, domain: Domain) -> Mapping[int, str]:
    if kind == CHOICE_KIND:
        return dict(enumerate(choices(node, domain)))
    if kind == ATTRIBUTE_NAME_KIND:
        return dict(enumerate(domain.attribute_ids))
    if kind == "Bool":
        return {True: YES, False: NO}
    if kind == "Count":
        return _NUMBERS
    return {index: value for index, (_, value) in enumerate(domain.concepts)}
