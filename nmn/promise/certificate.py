"""Certificates: the record of a proof, which a checker can follow without trusting who wrote it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from nmn.domain import NO, YES
from nmn.possible import Facet, Leaf, PossibleProgram, PossibleScene, Proof, Split, prove
from nmn.possible.rules import RULES
from nmn.possible.scene import ATTRIBUTE_FACET, PRESENCE_FACET, RELATION_FACET, bits
from nmn.possible.splitting import MOST_CASES
from nmn.promise.verifying import VERSION, signed


@dataclass(frozen=True)
class Certificate:
    """That an answer holds whatever the facets that were not looked at would have turned out to be.

    Attributes:
        answer: The answer; None where something that the question takes for granted surely does not hold.
        program: What was asked.
        scene: What was known.
        proof: Why it follows.
        fingerprints: Of what it rests on: weights, domain, calibration.
    """

    answer: str | None
    program: PossibleProgram
    scene: PossibleScene = field(repr=False)
    proof: Proof = field(repr=False)
    fingerprints: Mapping[str, str]

    @cached_property
    def record(self) -> dict[str, Any]:
        """As JSON, without its digest. The format stands in ``docs/promise.md``."""
        return {
            "version": VERSION,
            "program": self.program.program.to_json()["nodes"],
            "known": _known(self.program, self.scene, _anchors(self.program, self.proof)),
            "proof": _Writer(self.program).proof(self.proof),
            "answer": self.answer,
            "fingerprints": dict(self.fingerprints),
        }

    @cached_property
    def text(self) -> str:
        """One line of JSON with its digest; :func:`nmn.promise.verify` reads it."""
        return signed(self.record)


def certify(
    program: PossibleProgram, scene: PossibleScene, fingerprints: Mapping[str, str], most: int = MOST_CASES
) -> Certificate | None:
    """A certificate that all completions of a scene give one answer; None where they do not, or no proof was found.

    Args:
        program: What is asked.
        scene: What is known.
        fingerprints: Of the weights that looked, of the domain, of the calibration that the scene's sets come from.
        most: Cases to go through before giving up.
    """
    proved = prove(program, scene, most)
    return None if proved is None else Certificate(proved.answer, program, scene, proved.proof, fingerprints)


_ANCHOR = {RULES["relate"]: 0, RULES["verify_rel"]: 0, RULES["choose_rel"]: 1}
"""Operations that read the rows of one anchor, and which of their inputs that is."""


def _anchors(program: PossibleProgram, proof: Proof) -> set[tuple[int, int]]:
    """The relations and anchors whose rows a proof reads; an anchor of -1 stands for all."""
    found: set[tuple[int, int]] = set()
    if isinstance(proof, Split):
        if proof.facet.kind == RELATION_FACET:
            found.add((proof.facet.number, proof.facet.object))
        return found.union(*(_anchors(program, part) for _, part in proof.parts))
    relations = program.domain.relation_ids
    for (rule, sources, _, _), node in zip(program.steps[: len(proof.values)], program.program.nodes, strict=False):
        anchors = bits(proof.values[sources[_ANCHOR[rule]]]) if rule in _ANCHOR else [-1]
        named = [relations[each] for each in node.constants if isinstance(each, str)]
        found |= {(number, anchor) for number in named for anchor in anchors}
    return found


def _known(program: PossibleProgram, scene: PossibleScene, anchors: set[tuple[int, int]]) -> dict[str, Any]:
    """What is known of the facets that a program reads; of relations, the rows that its proof reads."""
    domain = program.domain
    facets: dict[str, dict[str, int]] = {"presence": _claims(*scene.there, scene.objects)}
    for attribute in (domain.attributes[number] for number in program.attributes):
        first, _ = domain.span(attribute.name)
        facets[f"attribute {attribute.name}"] = {
            value: scene.may[first + place] for place, value in enumerate(attribute.values)
        }
    inverses, said = {}, {}
    for number in program.relations:
        relation, inverse = domain.relations[number], scene.inverses[number]
        rows = zip(scene.related_must[number], scene.related_may[number], strict=True)
        for anchor, row in enumerate(rows):
            if not anchors.isdisjoint({(number, anchor), (number, -1)}):
                facets[f"relation {relation.name} {anchor}"] = _claims(*row, scene.objects)
        if inverse in program.relations:
            inverses[f"relation {relation.name}"] = f"relation {domain.relations[inverse].name}"
        said[relation.name] = relation.answer or relation.name
    compared = [domain.attributes[number].name for number in domain.comparable_ids]
    return {
        "objects": scene.objects,
        "facets": facets,
        "inverses": inverses,
        "said": said,
        "compared": compared if any(rule is RULES["common"] for rule, *_ in program.steps) else [],
    }


def _claims(must: int, may: int, objects: int) -> dict[str, int]:
    return {NO: (1 << objects) - 1 & ~must, YES: may}


class _Writer:
    """Writes proofs in the certificate's own numbering: values by their place in their attribute."""

    def __init__(self, program: PossibleProgram) -> None:
        self.program = program
        self.domain = program.domain

    def proof(self, proof: Proof) -> dict[str, Any]:
        """As JSON."""
        if isinstance(proof, Leaf):
            return {"values": [self._value(node, value) for node, value in enumerate(proof.values)]}
        parts = [[self._options(proof.facet, options), self.proof(part)] for options, part in proof.parts]
        return {"split": [self._name(proof.facet), self._subject(proof.facet)], "parts": parts}

    def _value(self, node: int, value: Any) -> Any:
        rule, attribute = self.program.steps[node][0], self.program.program.nodes[node].attribute
        if isinstance(value, tuple):
            return list(value)
        if rule is RULES["query"]:
            return value >> self.domain.span(attribute or "")[0]
        if rule is RULES["common"]:
            places = enumerate(self.domain.comparable_ids)
            return sum((value >> number & 1) << place for place, number in places)
        return value

    def _name(self, facet: Facet) -> str:
        if facet.kind == PRESENCE_FACET:
            return facet.kind
        if facet.kind == ATTRIBUTE_FACET:
            return f"{facet.kind} {self.domain.attributes[facet.number].name}"
        return f"{facet.kind} {self.domain.relations[facet.number].name} {facet.object}"

    def _subject(self, facet: Facet) -> int:
        return facet.object if facet.kind in (PRESENCE_FACET, ATTRIBUTE_FACET) else facet.other

    def _options(self, facet: Facet, options: int) -> list[str]:
        if facet.kind == ATTRIBUTE_FACET:
            return [self.domain.concepts[concept][1] for concept in bits(options)]
        return [(NO, YES)[bit] for bit in bits(options)]
