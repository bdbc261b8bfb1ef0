"""Splitting: prove that all completions give one answer, by cases where running on all of them at once is too coarse.

Where the answer is in doubt, the doubt is followed backwards through the program to one facet that it comes from: from a
number that may differ to a set that it counts, to an object that may be a member of it, to what makes it one. That facet
is split, and both cases run. Facets that the answer does not hang on are thus never split. Two cases with different answers
end the search: there is nothing to prove.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, TypeAlias

from nmn.possible.compiled import PossibleAnswer, PossibleProgram
from nmn.possible.rules import RULES
from nmn.possible.scene import ATTRIBUTE_FACET, PRESENCE_FACET, RELATION_FACET, Facet, PossibleScene, bits

MOST_CASES = 32


@dataclass(frozen=True)
class Leaf:
    """A case in which one run tells the answer.

    Attributes:
        values: Of the nodes, up to the one that surely fails if one does.
    """

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Split:
    """A facet's options, told apart.

    Attributes:
        facet: Which.
        parts: Masks of some of its options, each with the proof of that case; together they are all.
    """

    facet: Facet
    parts: tuple[tuple[int, "Proof"], ...]

    @property
    def cases(self) -> int:
        """How many leaves there are."""
        return sum(part.cases if isinstance(part, Split) else 1 for _, part in self.parts)


Proof: TypeAlias = Leaf | Split


@dataclass(frozen=True)
class Proved:
    """What all completions answer, and why.

    Attributes:
        answer: The answer; None where something that is taken for granted holds in none.
        proof: The cases.
    """

    answer: str | None
    proof: Proof


class _NothingToProveError(Exception):
    """Completions differ, or there are too many cases to tell."""


def prove(program: PossibleProgram, scene: PossibleScene, most: int = MOST_CASES) -> Proved | None:
    """A proof that all completions of a scene give one answer; None where they do not, or none was found.

    Args:
        program: What is asked.
        scene: What is known.
        most: Cases to go through before giving up.
    """
    search = _Search(program, most)
    try:
        proof = search.prove(scene)
    except _NothingToProveError:
        return None
    return Proved(search.answers[0], proof)


class _Search:
    def __init__(self, program: PossibleProgram, most: int) -> None:
        self.program = program
        self.left = most
        self.answers: list[str | None] = []

    def prove(self, scene: PossibleScene) -> Proof:
        found = self.program.run(scene)
        if found.certain:
            self.left -= 1
            if not self.answers:
                self.answers.append(found.answer)
            if found.answer != self.answers[0]:
                raise _NothingToProveError
            return Leaf(found.values)
        split = doubted(self.program, scene, found) if self.left > 1 else None
        if split is None:
            raise _NothingToProveError
        facet, parts = split
        return Split(facet, tuple((part, self.prove(scene.narrowed(facet, part))) for part in parts))


def doubted(program: PossibleProgram, scene: PossibleScene, found: PossibleAnswer) -> tuple[Facet, list[int]] | None:
    """A facet that the answer hangs on, and how to tell its options apart."""
    return _Blame(program, scene, found).of(found.fails[0] if found.fails else len(found.values) - 1)


_READING_SETS = frozenset(RULES[each] for each in ("scene", "select", "filter", "filter_not", "intersect", "union"))

Doubt: TypeAlias = tuple[Facet, list[int]] | None


class _Blame:
    """Follows the doubt of a value backwards."""

    def __init__(self, program: PossibleProgram, scene: PossibleScene, found: PossibleAnswer) -> None:
        self.program = program
        self.scene = scene
        self.values = found.values

    def of(self, node: int) -> Doubt:
        """What makes a value that is no set of objects doubtful, or what it takes for granted."""
        rule, sources, constants, _ = self.program.steps[node]
        for source in sources:
            value = self.values[source]
            if not isinstance(value, tuple) and value & (value - 1):
                return self.of(source)
        direct = _DIRECT.get(rule)
        if direct is not None:
            for found in direct(self, [self.values[source] for source in sources], constants):
                if found is not None:
                    return found
        for source in sources:
            value = self.values[source]
            if isinstance(value, tuple) and value[0] != value[1]:
                return self.member(source, bits(value[1] & ~value[0])[0])
        return None

    def member(self, node: int, index: int) -> Doubt:
        """What makes an object a doubtful member of a set."""
        rule, sources, constants, _ = self.program.steps[node]
        for source in sources:
            value = self.values[source]
            if not isinstance(value, tuple) and value & (value - 1):
                return self.of(source)
        for source in sources:
            value = self.values[source]
            if isinstance(value, tuple) and (value[1] & ~value[0]) >> index & 1:
                return self.member(source, index)
        if not sources or rule not in _READING_SETS:
            there = self._split(Facet(PRESENCE_FACET, 0, index))
            if there is not None:
                return there
        if rule in _READING_SETS:
            return self.carries(index, constants[0]) if constants else None
        anchor, named = _one(self.values[sources[0]]), constants[0]
        if rule is RULES["relate"]:
            return self.related(named, anchor, index)
        if rule is RULES["relate_inverse"]:
            return self.related(named, index, anchor)
        return self.value(named, anchor) or self.value(named, index, self.scene.values[named][anchor])

    def carries(self, index: int, concept: int) -> Doubt:
        """Whether an object carries a concept."""
        return self.value(self.attribute(concept), index, 1 << concept)

    def value(self, attribute: int, index: int, apart: int = 0) -> Doubt:
        """The value of an attribute: what is in a mask from what is not, or each apart."""
        return self._split(Facet(ATTRIBUTE_FACET, attribute, index), apart)

    def related(self, relation: int, anchor: int, other: int) -> Doubt:
        """Whether an object stands in a relation to an anchor."""
        return self._split(Facet(RELATION_FACET, relation, anchor, other)) if anchor != other else None

    def attribute(self, concept: int) -> int:
        """The attribute of a concept."""
        return self.program.domain.concept_attributes[concept]

    def _split(self, facet: Facet, apart: int = 0) -> Doubt:
        options = self.scene.options(facet)
        if options & (options - 1) == 0:
            return None
        parts = [options & apart, options & ~apart] if apart else [1 << each for each in bits(options)]
        return (facet, parts) if all(parts) else None


Direct: TypeAlias = Callable[[_Blame, list[Any], tuple[Any, ...]], Iterator[Doubt]]
"""The facets that a rule reads itself, of inputs that are certain as far as they are no sets of objects."""


def _one(mask: int) -> int:
    return mask.bit_length() - 1


def _query(blame: _Blame, inputs: list[Any], constants: tuple[Any, ...]) -> Iterator[Doubt]:
    yield blame.value(constants[0], _one(inputs[0]))


def _carrying(blame: _Blame, inputs: list[Any], constants: tuple[Any, ...]) -> Iterator[Doubt]:
    for subject, concept in product(inputs, constants):
        yield blame.carries(_one(subject), concept)


def _related(blame: _Blame, inputs: list[Any], constants: tuple[Any, ...]) -> Iterator[Doubt]:
    for each in bits(inputs[1][0]):
        yield blame.related(constants[0], _one(inputs[0]), each)


def _related_inverse(blame: _Blame, inputs: list[Any], constants: tuple[Any, ...]) -> Iterator[Doubt]:
    for each in bits(inputs[1][0]):
        yield blame.related(constants[0], each, _one(inputs[0]))


def _choosing(blame: _Blame, inputs: list[Any], constants: tuple[Any, ...]) -> Iterator[Doubt]:
    for relation in constants:
        yield blame.related(relation, _one(inputs[1]), _one(inputs[0]))


def _comparing(blame: _Blame, inputs: list[Any], constants: tuple[Any, ...]) -> Iterator[Doubt]:
    for attribute, subject in product(constants[0], inputs):
        yield blame.value(attribute, _one(subject))


def _alike(blame: _Blame, inputs: list[Any], constants: tuple[Any, ...]) -> Iterator[Doubt]:
    for each in bits(inputs[0][0]):
        yield blame.value(constants[0], each)


_DIRECT: dict[Any, Direct] = {
    RULES["query"]: _query,
    RULES["verify"]: _carrying,
    RULES["choose"]: _carrying,
    RULES["compare"]: _carrying,
    RULES["verify_rel"]: _related,
    RULES["verify_rel_inverse"]: _related_inverse,
    RULES["choose_rel"]: _choosing,
    RULES["common"]: _comparing,
    RULES["all_same"]: _alike,
    RULES["all_different"]: _alike,
}
