"""Program grammar: the well-typed programs of a domain as a context-free grammar, for decoders that follow one.

Written in Lark's notation, which `llguidance` reads too. There is one rule for each kind of value, with values of different
attributes apart, so that what it derives is well typed; programs are trees, as names for shared calls are no matter of a
context-free grammar. What such a grammar cannot say, such as how long a program may be, is for the decoder to see to.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from nmn.domain import Domain
from nmn.program import Concept, Node, quoted
from nmn.registry import Registry
from nmn.signature import ANSWER_KINDS, Parameter, Signature

SEPARATOR = ", "
_VALUE = "Value"


@dataclass(frozen=True)
class _Alternative:
    """One way to derive a kind: literals and rules in turn."""

    parts: tuple[str, ...]
    needs: frozenset[str]  # rules

    def __str__(self) -> str:
        return " ".join(self.parts)


def program_grammar(domain: Domain, registry: Registry, *, start: str = "start", wrap: str = "{answer}") -> str:
    """The grammar of programs that end in an answer, as the text form writes them.

    Args:
        domain: Declares the constants.
        registry: Declares the operations; those that nothing in the domain can be given to are left out.
        start: Name of the first rule.
        wrap: That rule, with ``{answer}`` where the program stands.
    """
    alternatives: dict[str, list[_Alternative]] = defaultdict(list)
    constants = {
        "concept": [str(Concept(*each)) for each in domain.concepts],
        "relation": [quoted(each.name) for each in domain.relations],
    }
    for kind, words in constants.items():
        alternatives[kind] += [_Alternative((_literal(word),), frozenset()) for word in words]
    for signature in registry:
        for rule, alternative in _calls(signature, domain):
            alternatives[rule].append(alternative)
    kinds = [rule for kind in ANSWER_KINDS for rule in _rules(kind, domain)]
    alternatives["answer"] += [_Alternative((kind,), frozenset({kind})) for kind in kinds]
    useful = _reachable(_productive(alternatives), "answer")
    lines = [f"{start}: {wrap.format(answer='answer')}"]
    lines += [f"{rule}: {' | '.join(map(str, useful[rule]))}" for rule in sorted(useful)]
    return "\n".join(lines) + "\n"


def _calls(signature: Signature, domain: Domain) -> Iterator[tuple[str, _Alternative]]:
    """Rule and alternative of an operation; one for each attribute if it takes one in brackets."""
    attributes = [attribute.name for attribute in domain.attributes] if signature.bracket else [None]
    for attribute in attributes:
        head = Node(signature.operation, attribute=attribute).head
        arguments = [_rule(each, attribute, domain) for each in (*signature.inputs, *signature.constants)]
        parts = [_literal(f"{head}("), *_joined(arguments)]
        if signature.chains:  # filter(x, size=large, shape=cube)
            parts[-1] = f"({_literal(SEPARATOR)} {arguments[-1]})+"
            del parts[-2]
        output = Parameter("", signature.output)
        yield _rule(output, attribute, domain), _Alternative((*parts, _literal(")")), frozenset(arguments))


def _joined(arguments: Sequence[str]) -> Iterator[str]:
    for position, argument in enumerate(arguments):
        if position:
            yield _literal(SEPARATOR)
        yield argument


def _rule(parameter: Parameter, attribute: str | None, domain: Domain) -> str:
    """Name of the rule for a parameter of a call with an attribute in brackets."""
    if parameter.kind == _VALUE and attribute is not None:
        return f"value_{domain.attribute_ids[attribute]}"
    return parameter.kind.lower()


def _rules(kind: str, domain: Domain) -> list[str]:
    if kind == _VALUE:
        return [f"value_{number}" for number in range(len(domain.attributes))]
    return [kind.lower()]


def _literal(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _productive(alternatives: dict[str, list[_Alternative]]) -> dict[str, list[_Alternative]]:
    """What derives something finite."""
    done: set[str] = set()
    while True:
        more = {
            rule for rule, ways in alternatives.items() if rule not in done and any(way.needs <= done for way in ways)
        }
        if not more:
            break
        done |= more
    return {rule: [way for way in alternatives[rule] if way.needs <= done] for rule in done}


def _reachable(alternatives: dict[str, list[_Alternative]], start: str) -> dict[str, list[_Alternative]]:
    """What the start leads to. Raises: KeyError when nothing can be answered."""
    found: dict[str, list[_Alternative]] = {}
    pending: list[str] = [start]
    while pending:
        rule = pending.pop()
        if rule not in found:
            found[rule] = alternatives[rule]
            pending.extend(_needed(found[rule]))
    return found


def _needed(ways: Iterable[_Alternative]) -> Iterator[str]:
    for way in ways:
        yield from way.needs
