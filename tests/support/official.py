"""CLEVR's official semantics over sets, written for the tests alone: facts in, answer out, no probabilities."""

from nmn.program import Concept, Program
from nmn.registry import Registry, default_registry
from nmn.scenes import Scene


class Invalid(Exception):
    """The program asks for the one object of a set that has not exactly one."""


def official_answer(program: Program, scene: Scene) -> str:
    """The answer of a program on a scene. Raises: Invalid."""
    values: list[object] = []
    for node in program.nodes:
        inputs = [values[source] for source in node.inputs]
        values.append(_call(node.operation, node.attribute, inputs, node.constants, scene))
    found = values[-1]
    return {True: "yes", False: "no"}[found] if isinstance(found, bool) else str(found)


def _call(operation, attribute, inputs, constants, scene):
    everything = set(range(len(scene.objects)))

    def value(index, name=attribute):
        return scene.objects[index].attributes[name]

    match operation, inputs:
        case "scene", []:
            return everything
        case "filter", [members]:
            (concept,) = constants
            assert isinstance(concept, Concept)
            return {index for index in members if value(index, concept.attribute) == concept.value}
        case "unique", [members]:
            if len(members) != 1:
                raise Invalid
            return next(iter(members))
        case "relate", [anchor]:
            return set(scene.relations[constants[0]][anchor])
        case "same", [anchor]:
            return {index for index in everything if index != anchor and value(index) == value(anchor)}
        case "union", [first, second]:
            return first | second
        case "intersect", [first, second]:
            return first & second
        case "count", [members]:
            return len(members)
        case "exist", [members]:
            return bool(members)
        case "query", [subject]:
            return value(subject)
        case (("equal" | "equal_integer" | "equal_object"), [first, second]):
            return first == second
        case "less_than", [first, second]:
            return first < second
        case "greater_than", [first, second]:
            return first > second
    raise AssertionError(operation)


CLEVRS = (
    *("scene", "filter", "unique", "relate", "same", "union", "intersect", "count", "exist", "query", "equal"),
    *("equal_integer", "less_than", "greater_than", "equal_object"),
)


def clevr_registry() -> Registry:
    """The operations of CLEVR's functional programs."""
    return Registry({operation: default_registry().signature(operation) for operation in CLEVRS})
