"""GQA's files: the real ones, and what a broken one is told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nmn.check import check
from nmn.datasets.gqa import read_questions, read_scene_graphs
from nmn.domain import Domain
from nmn.errors import DataError, SceneError
from nmn.exact import ExactBackend, answer_exactly
from nmn.parser.gqa import import_program
from nmn.parser.text import parse_program
from nmn.program import Program
from nmn.registry import default_registry
from nmn.scene_perceiver import ScenePerceiver
from nmn.soft import SoftBackend

GQA = Domain.load("gqa")
REGISTRY = default_registry()

GRAPH: dict[str, Any] = {
    "7": {
        "width": 100,
        "height": 50,
        "location": "indoors",
        "objects": {
            "1": {"name": "dog", "x": 1, "y": 2, "w": 10, "h": 5, "attributes": ["brown", "dark"], "relations": []},
            "2": {
                "name": "man",
                "x": 40,
                "y": 2,
                "w": 10,
                "h": 40,
                "attributes": ["standing"],
                "relations": [{"name": "to the right of", "object": "1"}, {"name": "holding", "object": "3"}],
            },
            "3": {"name": "frisbee", "x": 45, "y": 10, "w": 5, "h": 5, "attributes": [], "relations": []},
        },
    }
}


def write(folder: Path, value: Any) -> Path:
    path = folder / "file.json"
    path.write_text(json.dumps(value))
    return path


@pytest.mark.parametrize(
    ("name", "number"),
    [("val_balanced_tail_questions", 1358), ("train_examples_50", 50), ("photo_questions", 17)],
)
def test_every_real_question_is_read(shared_data: Path, name: str, number: int) -> None:
    questions = read_questions(shared_data / "gqa" / f"{name}.json")
    assert len(questions) == number
    assert all(each.program and each.answer and each.types for each in questions.values())


def test_every_real_scene_graph_is_read(shared_data: Path) -> None:
    graphs = read_scene_graphs(shared_data / "gqa" / "scene_graphs.json", GQA)
    assert {image: len(each.ids) for image, each in graphs.items()} == {"2375429": 21, "2336498": 20, "2315892": 6}
    answers = {
        ("2375429", "query[name](unique(filter(select(name=animal), pose=walking)))"): "horse",
        ("2375429", "verify(unique(select(name=horse)), color=white)"): "yes",
        ("2375429", "query[name](unique(select(name=animal)))"): "horse",
        ("2336498", "verify(unique(select(name=scene)), location=indoors)"): "yes",
    }
    backend = SoftBackend(ScenePerceiver(GQA), REGISTRY)
    for (image, text), expected in answers.items():
        program = parse_program(text, REGISTRY).program
        check(program, GQA, REGISTRY)
        assert answer_exactly(program, graphs[image].scene, GQA).value == expected
        (soft,) = backend.run([graphs[image].scene], [program], [0])
        assert soft.value == expected
        assert soft.confidence > 0.99


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("query[name](unique(select(name=animal)))", "dog"),
        ('query[name](unique(filter(relate(unique(select(name=dog)), "to the right of"), name=person)))', "man"),
        ("query[name](unique(relate_inverse(unique(select(name=man)), holding)))", "frisbee"),
        ('verify_rel_inverse(unique(select(name=man)), select(name=dog), "to the right of")', "yes"),
        (
            'choose_rel(unique(select(name=man)), unique(select(name=dog)), "to the left of", "to the right of")',
            "right",
        ),
        ("choose(unique(select(name=scene)), location=indoors, location=outdoors)", "indoors"),
        ("query[pose](unique(select(name=person)))", "standing"),
        ("and(verify(unique(select(name=dog)), color=dark), verify(unique(select(name=dog)), tone=dark))", "yes"),
        ("query[color](unique(select(name=frisbee)))", None),
        ("exist(filter_not(select(name=dog), color=brown))", "no"),
    ],
)
def test_a_scene_graph_answers_questions(tmp_path: Path, text: str, answer: str | None) -> None:
    (graph,) = read_scene_graphs(write(tmp_path, GRAPH), GQA).values()
    assert graph.ids == ("1", "2", "3")
    assert graph.scene.objects[0].box == (1, 2, 11, 7)
    program = parse_program(text, REGISTRY).program
    check(program, GQA, REGISTRY)
    assert answer_exactly(program, graph.scene, GQA).value == answer


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('"dog"', '"dogg"'), "object 1: 'dogg' is no name of gqa; did you mean 'dog'"),
        (('"standing"', '"standin"'), "object 2: 'standin' is no attribute of gqa; did you mean 'standing'"),
        (('"holding"', '"holdin"'), "object 2: 'holdin' is no relation of gqa; did you mean 'holding'"),
        (('"object": "3"', '"object": "4"'), "names object '4', which the image does not have"),
        (('"w": 10', '"w": "wide"'), "'w' must be a finite number, not 'wide'"),
        (('"width": 100', '"width": null'), "'width' must be a finite number, not nothing"),
        (('"name": "dog"', '"name": 1'), "needs 'name'"),
        (('"attributes": []', '"attributes": "red"'), "must be a list of strings"),
        (('["standing"]', "[1]"), "must be a string, not 1"),
        (('"objects"', '"things"'), "by image"),
    ],
)
def test_a_broken_scene_graph_is_told_where_and_what(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(json.dumps(GRAPH).replace(*change, 1))
    with pytest.raises(SceneError, match=message) as caught:
        read_scene_graphs(path, GQA)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_unknown_words_are_left_out_and_counted(tmp_path: Path) -> None:
    text = json.dumps(GRAPH).replace('"dog"', '"dogg"').replace('"standing"', '"standin"').replace("holding", "holdin")
    path = tmp_path / "file.json"
    path.write_text(text)
    (graph,) = read_scene_graphs(path, GQA, strict=False).values()
    assert graph.ids == ("2", "3")
    assert graph.left_out == {"name dogg": 1, "attribute standin": 1, "relation holdin": 1}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "a questions file is"),
        ({"questions": []}, "a questions file is"),
        ([{"question": "What?"}], "record 0: needs 'question_id'"),
        ([{"question_id": 1, "question": "What?", "imageId": "2"}] * 2, "question 1 occurs twice"),
        ({"1": []}, "question 1: must be an object"),
        ({"1": {"question": "What?"}}, "'imageId'"),
        ({"1": {"question": "What?", "imageId": 2}}, "'imageId' must be a string, not 2"),
        ({"1": {"question": "What?", "imageId": "2", "semantic": [1]}}, "'semantic' must be a list"),
        ({"1": {"question": "What?", "imageId": "2", "types": 1}}, "'types' must be an object"),
    ],
)
def test_a_broken_questions_file_is_told_where_and_what(tmp_path: Path, value: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_questions(write(tmp_path, value))
    assert "\n" not in str(caught.value)


def test_real_programs_on_real_scene_graphs_are_answered_alike(shared_data: Path) -> None:
    scenes = [graph.scene for graph in read_scene_graphs(shared_data / "gqa" / "scene_graphs.json", GQA).values()]
    questions = read_questions(shared_data / "gqa" / "val_balanced_tail_questions.json")
    programs = [import_program(each.program, GQA, where=key).program for key, each in questions.items()]
    exact = ExactBackend(GQA)
    asked: list[tuple[Program, int, str]] = []
    for place, scene in enumerate(scenes):
        found = exact.run_exactly(programs, [exact.scene(scene)], [0] * len(programs))
        asked += [
            (program, place, answer) for program, answer in zip(programs, found, strict=True) if answer is not None
        ]
    assert len(asked) > 150
    soft = SoftBackend(ScenePerceiver(GQA), REGISTRY)
    answers = soft.run(scenes, [each[0] for each in asked], [each[1] for each in asked])
    for (program, _, expected), answer in zip(asked, answers, strict=True):
        assert (answer.value, answer.confidence > 0.99) == (expected, True), program.text


def test_a_position_is_the_third_of_the_image_if_it_is_asked_for(tmp_path: Path) -> None:
    boxes = {"1": (0, 0, 60, 30), "2": (40, 20, 20, 10), "3": (90, 45, 30, 30)}  # pixels, of an image of 100 by 50
    objects = {
        key: {**GRAPH["7"]["objects"][key], **dict(zip("xywh", box, strict=True)), "relations": []}
        for key, box in boxes.items()
    }
    path = write(tmp_path, {"7": {**GRAPH["7"], "objects": objects}})
    (plain,) = read_scene_graphs(path, GQA).values()
    (placed,) = read_scene_graphs(path, GQA, thirds=True).values()
    for name, expected in (("hposition", ["left", "middle", "right"]), ("vposition", ["top", "middle", "bottom"])):
        assert [each.several.get(name) for each in plain.scene.objects] == [None] * 4
        assert [each.several.get(name) for each in placed.scene.objects] == [*((value,) for value in expected), None]
    asked = parse_program("query[hposition](unique(filter(select(name=person), vposition=middle)))", REGISTRY).program
    assert answer_exactly(asked, plain.scene, GQA).value is None
    assert answer_exactly(asked, placed.scene, GQA).value == "middle"


def test_the_guides_examples_run_and_say_what_they_should(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    text = (root / "docs" / "guides" / "gqa.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL):
        exec(block, names)
    assert parse_program("common(unique(select(name=window)), unique(select(name=jar)))", REGISTRY).program == (
        names["imported"].program
    )
    assert names["imported"].mentions == {0: "14", 2: "3"}
    assert names["answer_exactly"](names["program"], names["graph"].scene, GQA).value == "right"
