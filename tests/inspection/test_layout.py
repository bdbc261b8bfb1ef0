"""Layout: inputs stand above their readers, and nothing overlaps."""

from collections import defaultdict
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from nmn.inspection.layout import NODE_GAP, Layout, layered
from nmn.program import Program


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[int, ...]], list[tuple[float, float]]]:
    """Inputs of every node of a program, and sizes."""
    count = draw(st.integers(1, 25))
    random = Random(draw(st.integers(0, 10**6)))
    inputs: list[tuple[int, ...]] = []
    unread: list[int] = []
    for node in range(count):
        own = {unread.pop()} if unread and random.random() < 0.8 else set()
        if node and random.random() < 0.4:
            own.add(random.randrange(node))
        if node == count - 1:
            own |= set(unread)
        inputs.append(tuple(sorted(own)))
        unread = [each for each in unread if each not in own]
        unread.append(node)
    return inputs, [(random.uniform(60, 260), 44.0) for _ in range(count)]


@given(graphs())
def test_no_two_nodes_overlap_and_all_lie_inside(
    graph: tuple[list[tuple[int, ...]], list[tuple[float, float]]],
) -> None:
    drawn = layered(*graph)
    rows = defaultdict(list)
    for box, layer in zip(drawn.boxes, drawn.layers, strict=True):
        rows[layer].append(box)
        assert box.left >= 0
        assert box.left + box.width <= drawn.width + 1e-6
        assert box.top >= 0
        assert box.bottom <= drawn.height + 1e-6
    for row in rows.values():
        for one, other in pairwise(sorted(row, key=lambda box: box.x)):
            assert other.left - (one.left + one.width) >= NODE_GAP - 1e-6
    bottoms = [max(box.bottom for box in rows[layer]) for layer in sorted(rows)]
    tops = [min(box.top for box in rows[layer]) for layer in sorted(rows)]
    assert all(bottom < top for bottom, top in zip(bottoms, tops[1:], strict=False))


@given(graphs())
def test_inputs_stand_above_their_readers_and_edges_join_them(
    graph: tuple[list[tuple[int, ...]], list[tuple[float, float]]],
) -> None:
    inputs, sizes = graph
    drawn = layered(inputs, sizes)
    assert len(drawn.edges) == sum(map(len, inputs))
    for source, reader, points in drawn.edges:
        assert drawn.layers[source] < drawn.layers[reader]
        assert points[0] == (drawn.boxes[source].x, drawn.boxes[source].bottom)
        end = drawn.boxes[reader]
        assert end.left <= points[-1][0] <= end.left + end.width
        assert points[-1][1] == end.top
        assert all(upper[1] < lower[1] for upper, lower in pairwise(points))


def crossings(drawn: Layout) -> int:
    """Crossings of edges that run between the same two layers."""
    total = 0
    pieces = [piece for _, _, points in drawn.edges for piece in pairwise(points)]
    for at, (start, end) in enumerate(pieces):
        for other_start, other_end in pieces[at + 1 :]:
            if (start[1], end[1]) == (other_start[1], other_end[1]):
                total += (start[0] - other_start[0]) * (end[0] - other_end[0]) < -1e-9
    return total


def test_trees_are_drawn_without_crossings(programs: list[Program]) -> None:
    trees = [program for program in programs if max(program.uses) <= 1]
    assert len(trees) >= 10
    for program in trees:
        drawn = layered([node.inputs for node in program.nodes], [(120.0, 44.0)] * len(program.nodes))
        assert crossings(drawn) == 0, program.text


def test_inputs_keep_their_order_in_trees() -> None:
    drawn = layered([(), (), (0, 1)], [(100.0, 44.0)] * 3)
    assert drawn.boxes[0].x < drawn.boxes[1].x


def test_a_chain_is_straight() -> None:
    drawn = layered([(), (0,), (1,), (2,)], [(100.0, 44.0), (180.0, 44.0), (60.0, 44.0), (90.0, 44.0)])
    assert len({round(box.x, 6) for box in drawn.boxes}) == 1
