"""Comparing: nodes are matched in order, each once; a run beside itself does not differ."""

from nmn.engine import Engine
from nmn.inspection.comparing import compare, matched
from nmn.inspection.running import inspect
from nmn.inspection.view import ALONE, CHANGED, SAME, View
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import default_registry
from nmn.scenes import Scene


def seen(described: Engine, scene: Scene, text: str) -> View:
    return inspect(described, scene, parse_program(text, default_registry()).program).view


def states(shown: View) -> list[str]:
    return [node.difference.state for node in shown.nodes if node.difference is not None]


def test_a_run_beside_itself_does_not_differ(
    described: Engine, scenes: dict[int, Scene], programs: list[Program]
) -> None:
    for each in programs[:15]:
        shown = inspect(described, scenes[2], each).view
        for side in compare(shown, shown):
            assert states(side) == [SAME] * len(each.nodes)


def test_matches_are_one_to_one_and_in_order(
    described: Engine, scenes: dict[int, Scene], programs: list[Program]
) -> None:
    views = [inspect(described, scenes[2], each).view for each in programs[:12]]
    for first in views:
        for second in views:
            pairs = matched(first.nodes, second.nodes)
            assert len({left for left, _ in pairs}) == len({right for _, right in pairs}) == len(pairs)
            assert [right for _, right in pairs] == sorted(right for _, right in pairs)


def test_another_concept_changes_its_node_and_what_follows(described: Engine, scenes: dict[int, Scene]) -> None:
    first = seen(described, scenes[0], "count(filter(scene(), color=brown))")
    second = seen(described, scenes[0], "count(filter(scene(), color=green))")
    left, right = compare(first, second)
    assert states(left) == states(right) == [SAME, CHANGED, CHANGED]
    assert left.nodes[1].difference is not None
    assert left.nodes[1].difference.words == "In the other run: filter green: 1 of 6 objects: 5"


def test_an_inserted_node_stands_alone(described: Engine, scenes: dict[int, Scene]) -> None:
    first = seen(described, scenes[0], "count(filter(scene(), color=brown))")
    second = seen(described, scenes[0], "count(filter(scene(), color=brown, shape=cube))")
    left, right = compare(first, second)
    assert states(left) == [SAME, SAME, CHANGED]
    assert states(right) == [SAME, SAME, ALONE, CHANGED]
