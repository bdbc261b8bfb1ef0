"""Programs: order, sharing, text, JSON, graph."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.parser.text import parse_program
from nmn.program import Concept, Node, Program
from nmn.registry import default_registry
from nmn.sampling import sample_program

CLEVR = Domain.load("clevr")
REGISTRY = default_registry()


def sampled(seed: int, depth: int = 9, sharing: float = 0.2) -> Program:
    return sample_program(Random(seed), CLEVR, REGISTRY, depth=depth, sharing=sharing)


@given(st.integers(0, 10**9))
def test_printing_then_parsing_gives_the_same_program(seed: int) -> None:
    program = sampled(seed)
    assert parse_program(program.text, REGISTRY).program == program


@given(st.integers(0, 10**9))
def test_json_gives_the_same_program(seed: int) -> None:
    program = sampled(seed)
    assert Program.from_json(program.to_json()) == program


@given(st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_the_order_of_the_calls_does_not_matter(seed: int, random: Random) -> None:
    program = sampled(seed)
    order = list(range(len(program.nodes)))
    random.shuffle(order)
    place = {old: new for new, old in enumerate(order)}
    shuffled = [
        Node(node.operation, tuple(place[i] for i in node.inputs), node.attribute, node.constants)
        for node in (program.nodes[old] for old in order)
    ]
    assert Program.of(shuffled, place[program.root]) == program


@given(st.integers(0, 10**9))
def test_the_canonical_form_shares_every_equal_call_and_is_its_own(seed: int) -> None:
    canonical = sampled(seed).canonical()
    calls = [(node.operation, node.inputs, node.attribute, node.constants) for node in canonical.nodes]
    assert len(set(calls)) == len(calls)
    assert canonical.canonical() == canonical


@given(st.integers(0, 10**9))
def test_the_graph_has_the_programs_edges(seed: int) -> None:
    program = sampled(seed)
    graph = program.graph()
    assert graph.number_of_nodes() == len(program.nodes)
    for index, node in enumerate(program.nodes):
        for argument, source in enumerate(node.inputs):
            assert argument in graph.edges[source, index]["arguments"]


def test_a_node_used_twice_is_named_and_chains_are_one_call() -> None:
    text = "let a = unique(filter(scene(), size=large, shape=cube)); equal[color](query[color](a), query[color](a))"
    program = parse_program(text, REGISTRY).program
    assert program.text == text
    assert [node.operation for node in program.nodes] == [
        "scene", "filter", "filter", "unique", "query", "query", "equal",
    ]  # fmt: skip


def test_words_that_are_no_plain_names_are_quoted() -> None:
    concept = Concept("face expression", 'so-called "smile" \\')
    program = Program.of([Node("scene"), Node("filter", (0,), None, (concept,)), Node("count", (1,))])
    assert parse_program(program.text, REGISTRY).program == program


def test_a_chain_ten_thousand_calls_deep_prints_and_parses() -> None:
    nodes = [Node("scene")]
    for _ in range(10_000):
        nodes.append(Node("unique", (len(nodes) - 1,)))
        nodes.append(Node("relate", (len(nodes) - 1,), None, ("left",)))
    program = Program.of([*nodes, Node("count", (len(nodes) - 1,))])
    assert parse_program(program.text, REGISTRY).program == program


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        ([], "at least one call"),
        ([Node("count", (1,)), Node("exist", (0,))], "a cycle"),
        ([Node("count", (0,))], "a cycle"),
        ([Node("count", (7,))], "reads node 7, but there are 1"),
        ([Node("count", (-1,))], "reads node -1"),
    ],
)
def test_what_is_no_program_is_refused(nodes: list[Node], message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        Program.of(nodes)


def test_calls_that_nothing_uses_are_refused_by_the_constructor_and_dropped_by_of() -> None:
    nodes = (Node("scene"), Node("scene"), Node("count", (1,)))
    with pytest.raises(ProgramError, match="used by no other"):
        Program(nodes)
    assert len(Program.of(nodes).nodes) == 2


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "must be an object"),
        ({"nodes": []}, "lacks 'version'"),
        ({"version": 99, "nodes": []}, "version 99"),
        ({"version": 1, "nodes": {}}, "must be a list"),
        ({"version": 1, "nodes": [{}]}, "node 0 lacks"),
        (
            {"version": 1, "nodes": [{"operation": 1, "attribute": None, "inputs": [], "constants": []}]},
            "must be a string",
        ),
        (
            {"version": 1, "nodes": [{"operation": "a", "attribute": None, "inputs": ["0"], "constants": []}]},
            "node numbers",
        ),
        (
            {"version": 1, "nodes": [{"operation": "a", "attribute": None, "inputs": [], "constants": [3]}]},
            "a constant",
        ),
    ],
)
def test_json_that_is_no_program_is_refused(record: object, message: str) -> None:
    with pytest.raises(ProgramError, match=message):
        Program.from_json(record)
