"""Steps: a trace beside the exact run of the same program on the true scene, and the first step that went wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nmn.errors import ProgramError
from nmn.evaluation.sight import Sight
from nmn.exact import ExactBackend
from nmn.trace import NodeTrace, Trace
from nmn.words import LIKELY, value_words


@dataclass(frozen=True)
class Step:
    """One node of a program as it ran, beside the truth.

    Attributes:
        call: The call as written.
        seen: Its value in words, objects numbered as they were seen.
        true: What it should have been, true objects named as :func:`true_names` does; None where the truth is not known.
        wrong: Whether the two differ, the likeliest being taken; False where the truth is not known.
        inputs: The nodes that it reads.
    """

    call: str
    seen: str
    true: str | None
    wrong: bool
    inputs: tuple[int, ...] = ()


def true_names(sight: Sight) -> tuple[str, ...]:
    """What true objects are called: by the number that they were seen under, or ``missed 1``, ``missed 2``."""
    names: list[str] = []
    missed = 0
    for true in range(len(sight.scene.objects)):
        if true in sight.proposed:
            names.append(str(sight.proposed[true]))
        else:
            missed += 1
            names.append(f"missed {missed}")
    return tuple(names)


def steps_of(trace: Trace, sight: Sight | None, exact: ExactBackend) -> tuple[Step, ...]:
    """Every node of a traced program.

    Args:
        trace: What ran, on what was seen.
        sight: The image as it was seen, beside the truth; None where the truth is not known.
        exact: Runs the program on the true scene.
    """
    truths: Sequence[NodeTrace | None] = [None] * len(trace.nodes)
    if sight is not None:
        truths = _exactly(trace, sight, exact) or truths
    return tuple(_step(node, trace, truth, sight) for node, truth in zip(trace.nodes, truths, strict=True))


def origins(steps: Sequence[Step]) -> tuple[int, ...]:
    """The steps where something went wrong: they differ from the truth though all that they read is right."""
    return tuple(
        index
        for index, step in enumerate(steps)
        if step.wrong and not any(steps[source].wrong for source in step.inputs)
    )


def first_wrong(steps: Sequence[Step]) -> int | None:
    """The first step where something went wrong; None where nothing did."""
    return next(iter(origins(steps)), None)


def _exactly(trace: Trace, sight: Sight, exact: ExactBackend) -> tuple[NodeTrace, ...] | None:
    try:
        found = exact.run([sight.scene], [trace.program], trace=True)[0].trace
    except ProgramError:  # an operation without an exact rule
        return None
    return None if found is None else found.nodes


def _step(node: NodeTrace, trace: Trace, truth: NodeTrace | None, sight: Sight | None) -> Step:
    seen = value_words(node, trace.presence)
    if truth is None or sight is None:
        return Step(node.call, seen, None, False, node.inputs)
    if truth.value is None:
        words = "undefined: not exactly one" if truth.presupposition is not None else "undefined"
        return Step(node.call, seen, words, False, node.inputs)
    return Step(node.call, seen, _true_words(truth, true_names(sight)), _differs(node, truth, sight), node.inputs)


def _true_words(truth: NodeTrace, names: Sequence[str]) -> str:
    members = _members(truth)
    if members is None:
        return value_words(truth)
    if truth.kind == "Object":
        return f"object {names[members[0]]}"
    named = sorted((names[each] for each in members), key=lambda name: (len(name), name))
    listed = f": {', '.join(named)}" if 0 < len(members) < len(names) else ""
    return f"{len(members)} of {len(names)} object{'' if len(names) == 1 else 's'}{listed}"


def _differs(node: NodeTrace, truth: NodeTrace, sight: Sight) -> bool:
    mine, its = _members(node), _members(truth)
    if mine is None or its is None:
        return _decided(node) != _decided(truth)
    return {sight.places.get(each) for each in mine} != set(its)


def _members(node: NodeTrace) -> list[int] | None:
    """The objects that a value is taken to hold; None where it is no objects."""
    if not isinstance(node.value, tuple) or node.kind not in ("ObjectSet", "Object"):
        return None
    if node.kind == "ObjectSet":
        return [index for index, chance in enumerate(node.value) if chance >= LIKELY]
    return [max(range(len(node.value)), key=node.value.__getitem__)] if node.value else []


def _decided(node: NodeTrace) -> object:
    """What a value that is no objects is taken to be."""
    value = node.value
    if isinstance(value, Mapping):
        return max(value, key=lambda name: value[name])
    if isinstance(value, tuple):
        return max(range(len(value)), key=value.__getitem__)
    return None if value is None else value >= LIKELY
