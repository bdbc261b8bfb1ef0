"""Words: say what a program node stands for, as a person would point at it."""

from collections.abc import Mapping

from nmn.domain import NO, YES, Attribute, Domain
from nmn.program import Concept, Node, Program
from nmn.trace import NodeTrace

LONGEST = 40
"""Programs of more nodes are shown as text: a phrase would be longer than it helps."""


def phrase(program: Program, node: int, domain: Domain) -> str:
    """A noun phrase for a node that stands for objects: ``large cube left of the red sphere``; text for anything else."""
    needed = Program.of(program.nodes, node)
    if len(needed.nodes) > LONGEST:
        return needed.text
    words: list[str] = []
    for each in needed.nodes:
        words.append(_phrase(each, [words[source] for source in each.inputs], domain))
    return words[-1]


def _phrase(node: Node, inputs: list[str], domain: Domain) -> str:
    thing = domain.nouns[0]
    constant = node.constants[0] if node.constants else None
    if node.operation == "scene":
        return thing
    if node.operation == "filter" and isinstance(constant, Concept):
        return _with_concept(inputs[0], constant, domain)
    if node.operation == "unique":
        return f"the {inputs[0]}"
    if node.operation == "relate" and isinstance(constant, str):
        return f"{thing} {domain.relation(constant).words[0]} {inputs[0]}"
    if node.operation == "same":
        return f"{thing} with the same {domain.attribute(node.attribute or '').words[0]} as {inputs[0]}"
    if node.operation == "union":
        return f"{inputs[0]} or {inputs[1]}"
    if node.operation == "intersect":
        return f"{thing} that is both a {inputs[0]} and a {inputs[1]}"
    constants = [str(each) for each in node.constants]
    return f"{node.head}({', '.join(inputs + constants)})"


def _with_concept(inner: str, concept: Concept, domain: Domain) -> str:
    attribute: Attribute = domain.attribute(concept.attribute)
    word = attribute.value_words[attribute.index(concept.value)][0]
    if attribute.values_are == "adjectives":
        return _before_noun(inner, word, domain)
    head, thing, tail = inner.partition(domain.nouns[0])
    return f"{head}{word}{tail}" if thing else f"{inner} that is a {word}"


def _before_noun(inner: str, adjective: str, domain: Domain) -> str:
    head, thing, tail = inner.partition(domain.nouns[0])
    return f"{head}{adjective} {thing}{tail}" if thing else f"{adjective} {inner}"


def value_words(node: NodeTrace) -> str:
    """A node's value as a person would say it: ``3 of 7 objects: 0, 2, 5``."""
    value, kind = node.value, node.kind
    if isinstance(value, float):
        return f"{YES if value >= 0.5 else NO} {max(value, 1 - value):.2f}"
    if isinstance(value, Mapping):
        best = max(value, key=lambda name: value[name])
        return f"{best} {value[best]:.2f}"
    if not value:
        return "no objects"
    if kind == "ObjectSet":
        members = [index for index, probability in enumerate(value) if probability >= 0.5]
        shown = f": {', '.join(map(str, members))}" if 0 < len(members) < len(value) else ""
        return f"{len(members)} of {len(value)} objects{shown}"
    best_index = max(range(len(value)), key=lambda index: value[index])
    return f"{'object ' if kind == 'Object' else ''}{best_index} {value[best_index]:.2f}"
