"""Views: what there is to see of an answer, without a page."""

import json

import pytest

from nmn.domain import Domain
from nmn.engine import Engine
from nmn.inspection import fragment, view
from nmn.inspection.running import inspect
from nmn.inspection.view import ANCHOR, FAILS, IN, OUT, View
from nmn.parser.text import parse_program
from nmn.program import Node, Program
from nmn.registry import default_registry
from nmn.scenes import Scene
from nmn.trace import Answer, Looking, LookTaken, NodeTrace, Trace


def program(text: str) -> Program:
    return parse_program(text, default_registry()).program


def seen(described: Engine, scene: Scene, text: str) -> View:
    return inspect(described, scene, program(text)).view


def test_every_node_of_every_program_is_shown(
    described: Engine, scenes: dict[int, Scene], programs: list[Program]
) -> None:
    for each in programs:
        for scene in list(scenes.values())[:3]:
            found = inspect(described, scene, each)
            assert [node.index for node in found.view.nodes] == list(range(len(each.nodes)))
            assert [node.inputs for node in found.view.nodes] == [node.inputs for node in each.nodes]
            assert found.view.answer == found.answer.value
            json.dumps(found.view.to_json(), allow_nan=False)


def test_marks_are_the_members_of_a_set(described: Engine, scenes: dict[int, Scene]) -> None:
    scene = scenes[0]
    found = seen(described, scene, "count(filter(scene(), shape=cylinder))")
    wanted = [index for index, each in enumerate(scene.objects) if each.attributes["shape"] == "cylinder"]
    assert [mark.object for mark in found.nodes[1].marks] == wanted
    assert found.nodes[1].brief == f"{len(wanted)} of {len(scene.objects)} objects"


def test_a_number_shows_the_objects_that_it_counts(described: Engine, scenes: dict[int, Scene]) -> None:
    found = seen(described, scenes[0], "count(filter(scene(), shape=cylinder))")
    assert found.nodes[2].marks == found.nodes[1].marks


def test_the_two_sides_of_a_comparison_are_told_apart(described: Engine, scenes: dict[int, Scene]) -> None:
    text = "less_than(count(filter(scene(), shape=sphere)), count(filter(scene(), shape=cylinder)))"
    found = seen(described, scenes[0], text)
    roles = {role: {mark.object for mark in found.nodes[-1].marks if mark.role == role} for role in (0, 1)}
    assert roles[0] == {mark.object for mark in found.nodes[1].marks}
    assert roles[1] == {mark.object for mark in found.nodes[4].marks}


def test_a_relation_is_drawn_from_the_attended_object(described: Engine, scenes: dict[int, Scene]) -> None:
    scene = scenes[0]
    found = seen(described, scene, "count(relate(unique(filter(scene(), color=green)), left))")
    relate = found.nodes[3]
    assert {arrow.start for arrow in relate.arrows} == {found.nodes[2].marks[0].object}
    assert {arrow.end for arrow in relate.arrows} == set(scene.relations["left"][relate.arrows[0].start])
    assert [column.side for column in relate.columns] == [ANCHOR, OUT]


def test_objects_that_fall_out_say_why(described: Engine, scenes: dict[int, Scene]) -> None:
    scene = scenes[0]
    node = seen(described, scene, "count(filter(scene(), color=brown))").nodes[1]
    assert [column.side for column in node.columns] == [IN, OUT]
    fallen = {index: each.attributes["color"] for index, each in enumerate(scene.objects)}
    assert dict(node.reasons) == {index: f"color: {value} 1.00" for index, value in fallen.items() if value != "brown"}


def test_what_fails_is_said_at_its_node(described: Engine, scenes: dict[int, Scene]) -> None:
    found = seen(described, scenes[0], "query[size](unique(filter(scene(), color=red)))")
    assert [note.level for note in found.nodes[2].notes] == [FAILS]
    assert "red" in found.nodes[2].notes[0].words
    assert found.failures == (found.nodes[2].notes[0].words,)
    assert found.answer is None


def traced(kind: str, value: object, presupposition: float | None = None, looking: Looking | None = None) -> View:
    """A view of one node that ended in a value."""
    node = NodeTrace(0, "scene()", kind, "nmn.modules.scene.Scene", (), value, presupposition, (), 0, 0.0, 1, 1)  # type: ignore[arg-type]
    trace = Trace(Program((Node("scene"),)), (node,), (None, None, None), (1.0, 1.0, 1.0), 0, looking=looking)
    return view(Answer("1", 1.0, {"1": 1.0}, trace.program, trace=trace))


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("ObjectSet", (0.99, 0.55, 0.01), "Unsure of object 1 (0.55)"),
        ("Object", (0.6, 0.4, 0.0), "Unsure: object 0 (0.60) or object 1 (0.40)"),
        ("Count", (0.3, 0.7), "Unsure: 1 (0.70) or 0 (0.30)"),
        ("Bool", 0.6, "Unsure: yes (0.60) or no (0.40)"),
        ("Value[color]", {"red": 0.2, "blue": 0.8}, "Unsure: blue (0.80) or red (0.20)"),
    ],
)
def test_what_is_close_to_even_is_said(kind: str, value: object, words: str) -> None:
    assert [note.words for note in traced(kind, value).nodes[0].notes] == [words]


@pytest.mark.parametrize(("kind", "value"), [("ObjectSet", (0.99, 0.02, 1.0)), ("Bool", 0.97), ("Count", (0.05, 0.95))])
def test_nothing_is_said_of_what_is_sure(kind: str, value: object) -> None:
    assert not traced(kind, value).nodes[0].notes


def test_what_is_taken_for_granted_and_may_not_hold_is_said() -> None:
    notes = traced("Object", (0.99, 0.0, 0.0), 0.7).nodes[0].notes
    assert [note.words for note in notes] == ["What it takes for granted holds with 0.70"]


def test_why_each_closer_look_was_taken_is_told() -> None:
    looked = LookTaken(1, "attributes", "looked closer at object 1 for color: the answer depended on it", 100)
    shown = traced("Bool", 0.97, looking=Looking((looked,), 6))
    assert shown.work is not None
    assert shown.work.looks == (looked.words, "left out: 5 of 6 looks, none was worth it to the answer")
    assert "left out: 5 of 6 looks" in fragment(shown)


def test_a_question_shows_where_each_node_comes_from(described: Engine, scenes: dict[int, Scene]) -> None:
    question = "How many cylinders are left of the green thing?"
    found = inspect(described, scenes[0], question).view
    spans = {question[node.span[0] : node.span[1]] for node in found.nodes if node.span is not None}
    assert any("green" in each for each in spans)
    assert found.reading is not None
    assert found.reading.link == "grammar"


def test_an_answer_without_a_trace_shows_its_program(described: Engine, scenes: dict[int, Scene]) -> None:
    answer = described.answer(scenes[0], "How many cubes are there?")
    found = view(answer)
    assert not found.traced
    assert [node.kind for node in found.nodes] == ["ObjectSet", "ObjectSet", "Count"]
    assert all(not node.value for node in found.nodes)


def test_words_need_no_domain_but_are_better_with_one(
    described: Engine, scenes: dict[int, Scene], clevr: Domain
) -> None:
    answer = described.answer(scenes[0], "How many cubes are there?", trace=True)
    assert view(answer).nodes[1].words == ""
    assert view(answer, domain=clevr).nodes[1].words == "cube"


def test_a_traced_run_together_with_others_can_be_viewed(engine: Engine, samples: object) -> None:
    image = f"{samples}/CLEVR_val_000000.jpg"
    questions = ["How many cubes are there?", "How many spheres are there?"] * 5
    for answer in engine.answer(image, questions, trace=True):
        found = view(answer, domain=engine.domain)
        assert found.nodes[-1].value.startswith(str(answer.value))
        assert found.picture is not None
