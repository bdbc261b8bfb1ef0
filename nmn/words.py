"""Words: say what a program node stands for, as a person would point at it."""

from collections.abc import Mapping, Sequence

from nmn.domain import NO, YES, Attribute, Domain
from nmn.program import Concept, Node, Program
from nmn.trace import NodeTrace

LONGEST = 40
"""Programs of more nodes are shown as text: a phrase would be longer than it helps."""

LIKELY = 0.5
"""From this probability on, something is said to be there."""


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
    if node.operation == "select" and isinstance(constant, Concept):
        return _with_concept(thing, constant, domain)
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


def choices(node: Node, domain: Domain) -> tuple[str, ...]:
    """What the constants of a call that chooses between them are called as answers."""
    return tuple(
        each.value if isinstance(each, Concept) else domain.relation(each).answer or each for each in node.constants
    )


def speaks_of_one(node: Node) -> bool:
    """Whether what a call takes for granted is that the set that it reads has one member, as far as its form tells."""
    return len(node.inputs) == 1 and node.attribute is None and not node.constants


def not_granted(program: Program, node: int, found: str, domain: Domain) -> str:
    """What a node takes for granted, and what there is instead: ``... speaks of one red cube, but there is none``."""
    if not speaks_of_one(program.nodes[node]):
        named = ", ".join(phrase(program, source, domain) for source in program.nodes[node].inputs)
        asked = " or ".join(choices(program.nodes[node], domain)) or program.nodes[node].attribute
        answer = "one answer" if asked is None else f"one answer to {asked!r}"
        return f"the question takes for granted that {answer} fits {named}, but none does, or several do"
    wanted = phrase(program, program.nodes[node].inputs[0], domain)
    return f"the question speaks of one {wanted}, but {found}"


def value_words(node: NodeTrace, presence: Sequence[float] | None = None) -> str:
    """A node's value as a person would say it: ``3 of 7 objects: 0, 2, 5``, ``yes (0.97)``.

    Args:
        node: What ran.
        presence: Probability that each object is one, as in :attr:`nmn.trace.Trace.presence`. A first look proposes more
            objects than there are; only those that are likely there count. All count if None.
    """
    value = node.value
    if value is None:
        return "-"
    if isinstance(value, float):
        return _with_chance(YES if value >= LIKELY else NO, max(value, 1 - value))
    if isinstance(value, Mapping):
        best = max(value, key=lambda name: value[name])
        return _with_chance(best, value[best])
    if node.kind == "ObjectSet":
        return _set_words(value, len(value) if presence is None else sum(each >= LIKELY for each in presence))
    if not value:
        return "no object"
    likeliest = max(range(len(value)), key=lambda index: value[index])
    return _with_chance(f"{'object ' if node.kind == 'Object' else ''}{likeliest}", value[likeliest])


def _set_words(chances: Sequence[float], there: int) -> str:
    if there == 0:
        return "no objects"
    members = [index for index, chance in enumerate(chances) if chance >= LIKELY]
    shown = f": {', '.join(map(str, members))}" if 0 < len(members) < there else ""
    return f"{len(members)} of {there} object{'' if there == 1 else 's'}{shown}"


def _with_chance(words: str, chance: float) -> str:
    """The chance is left out where it would be shown as 1.00."""
    return words if chance >= 0.995 else f"{words} ({chance:.2f})"
