"""The output language of the neural parser: it says every program, and nothing that is ill-typed."""

from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.check import check
from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.parser.neural.vocabulary import OUTSIDE, ProgramVocabulary
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import Registry, default_registry, module
from nmn.sampling import sample_program

REGISTRY = default_registry()
CLEVR = ProgramVocabulary(Domain.load("clevr"), REGISTRY)
SEEDS = st.integers(0, 10**6)


def program_of(text: str) -> Program:
    return parse_program(text, REGISTRY).program


def random_sequence(vocabulary: ProgramVocabulary, budget: int, random: Random) -> list[int]:
    stack, said = vocabulary.start, []
    while stack is not None:
        said.append(random.choice(np.flatnonzero(vocabulary.allowed(stack, budget - len(said))).tolist()))
        stack = vocabulary.advance(stack, said[-1])
    return said


@given(SEEDS, st.integers(1, 9))
def test_every_program_comes_back_as_it_was(seed: int, depth: int) -> None:
    program = sample_program(Random(seed), CLEVR.domain, REGISTRY, depth=max(3, depth))
    assert CLEVR.delinearise(CLEVR.linearise(program)) == program.canonical()


@given(SEEDS)
def test_each_token_of_a_call_knows_its_node(seed: int) -> None:
    program = sample_program(Random(seed), CLEVR.domain, REGISTRY, depth=7, sharing=0.3)
    said = CLEVR.linearise(program)
    placed, nodes = CLEVR.placed(said)
    assert placed == program.canonical()
    assert set(nodes.values()) == set(range(len(placed.nodes)))
    for place, node in nodes.items():
        call = CLEVR.tokens[said[place]].call
        assert call is not None
        assert (call.operation, call.attribute) == (placed.nodes[node].operation, placed.nodes[node].attribute)
        assert call.constants in ((), placed.nodes[node].constants)


@pytest.mark.parametrize("name", ["clevr", "gqa"])
@given(seed=SEEDS, extra=st.integers(0, 30))
def test_whatever_is_allowed_is_well_typed_and_ends_in_time(name: str, seed: int, extra: int) -> None:
    vocabulary = VOCABULARIES[name]
    budget = vocabulary.shortest + extra
    said = random_sequence(vocabulary, budget, Random(seed))
    assert len(said) <= budget
    check(vocabulary.delinearise(said), vocabulary.domain, vocabulary.registry)


VOCABULARIES = {"clevr": CLEVR, "gqa": ProgramVocabulary(Domain.load("gqa"), REGISTRY)}


@given(SEEDS)
def test_every_well_typed_program_is_allowed_token_by_token(seed: int) -> None:
    program = sample_program(Random(seed), CLEVR.domain, REGISTRY, depth=6)
    said = CLEVR.linearise(program)
    stack = CLEVR.start
    for place, token in enumerate(said):
        assert stack is not None
        assert CLEVR.allowed(stack, len(said) - place)[token]
        stack = CLEVR.advance(stack, token)
    assert stack is None


def test_a_budget_of_the_shortest_program_holds_only_shortest_programs() -> None:
    for seed in range(50):
        assert len(random_sequence(CLEVR, CLEVR.shortest, Random(seed))) == CLEVR.shortest


def test_a_choice_is_never_between_two_things_of_one_name() -> None:
    first, second = CLEVR.index["choose"], CLEVR.index["color=red"]
    stack = CLEVR.advance(CLEVR.start, first)
    assert stack is not None
    stack = CLEVR.advance(stack, second)
    assert stack is not None
    allowed = CLEVR.allowed(stack, 20)
    assert not allowed[second]
    assert allowed[CLEVR.index["color=blue"]]


def test_a_program_is_said_in_prefix_order() -> None:
    program = program_of("count(filter(relate(unique(filter(scene(), shape=sphere)), left), color=red))")
    said = [CLEVR.tokens[token].name for token in CLEVR.linearise(program)]
    assert said == ["count", "filter(color=red)", "relate(left)", "unique", "filter(shape=sphere)", "scene"]


def test_what_is_shared_is_said_each_time_and_shared_again() -> None:
    program = program_of("let a = unique(scene()); equal[color](query[color](a), query[color](a))")
    assert len(CLEVR.linearise(program)) == 7
    assert CLEVR.delinearise(CLEVR.linearise(program)) == program.canonical()


def test_a_program_that_would_be_too_long_is_refused() -> None:
    with pytest.raises(ProgramError, match="more than 5 tokens"):
        CLEVR.linearise(program_of("let a = unique(scene()); equal[color](query[color](a), query[color](a))"), most=5)


def test_a_call_that_the_domain_does_not_have_is_refused() -> None:
    with pytest.raises(ProgramError, match="no call of the parser's vocabulary"):
        CLEVR.linearise(program_of("count(filter(scene(), color=pink))"))


@pytest.mark.parametrize("names", [["count"], ["scene"], ["color=red"], ["count", "scene", "scene"], []])
def test_a_sequence_that_is_no_program_is_refused(names: list[str]) -> None:
    with pytest.raises(ProgramError):
        CLEVR.delinearise([CLEVR.index[name] for name in names] * (2 if names == ["scene"] else 1))


def test_outside_is_never_part_of_a_program() -> None:
    assert not CLEVR.allowed(CLEVR.start, 20)[OUTSIDE]


def test_operations_of_a_plug_in_have_tokens(toy: tuple[Domain, Registry]) -> None:
    vocabulary = ProgramVocabulary(*toy)
    assert {"nearest", "count", "scene"} <= set(vocabulary.names)
    assert not any(name.startswith("relate(") for name in vocabulary.names)  # the domain has no relations
    for seed in range(50):
        check(vocabulary.delinearise(random_sequence(vocabulary, 12, Random(seed))), *toy)


@pytest.fixture
def toy(tmp_path: Any) -> tuple[Domain, Registry]:
    path = tmp_path / "toy.toml"
    path.write_text(
        'name = "toy"\nversion = 1\nnouns = ["fruit"]\n[attributes.taste]\nwords = ["taste"]\n'
        'values = ["sweet", "sour"]\n'
    )
    from nmn.types import Object, ObjectSet

    @module("nearest")
    class Nearest:
        """Stands for a plug-in's module."""

        def forward(self, anchor: Object, members: ObjectSet) -> Object:
            raise NotImplementedError

    return Domain.load(path), REGISTRY.extended(Nearest)
