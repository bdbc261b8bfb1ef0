"""CLEVR's files: what is read, and what is said of files that break the format."""

import copy
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmn.datasets.clevr import GROUND_AXES, read_questions, read_scenes
from nmn.domain import Domain
from nmn.errors import DataError, SceneError
from nmn.scenes import related

DOMAIN = Domain.load("clevr")
SAMPLES = Path(__file__).resolve().parents[2] / "demo" / "samples"

Edit = Callable[[Any], Any]


def scene_object(x: float, y: float, **more: Any) -> dict[str, Any]:
    looks = {"color": "red", "size": "large", "material": "metal", "shape": "cube"}
    return {**looks, "3d_coords": [x, y, 0.7], "pixel_coords": [100, 80, 9.5], **more}


def scene(**more: Any) -> dict[str, Any]:
    """Two objects: the second is to the right of the first, and as far from the camera."""
    return {
        "image_index": 7,
        "image_filename": "CLEVR_new_000007.png",
        "objects": [scene_object(0.0, 0.0), scene_object(*GROUND_AXES[0][:2])],
        "relationships": {"left": [[], [0]], "right": [[1], []], "front": [[], []], "behind": [[], []]},
        **more,
    }


def question(**more: Any) -> dict[str, Any]:
    return {"question_index": 3, "image_index": 7, "question": "What is it?", "answer": "red", **more}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Any], Path]:
    def write(value: Any) -> Path:
        path = tmp_path / "file.json"
        path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
        return path

    return write


def test_a_scene_keeps_what_the_file_says(write: Callable[[Any], Path]) -> None:
    box = [1, 2, 30, 40]
    found = read_scenes(write({"scenes": [scene(objects=[scene_object(1, 2, bbox=box)], relationships=None)]}), DOMAIN)[
        7
    ]
    assert found.image_filename == "CLEVR_new_000007.png"
    assert not found.predicted
    assert dict(found.objects[0].attributes) == {"size": "large", "color": "red", "material": "metal", "shape": "cube"}
    assert found.objects[0].coordinates == (1.0, 2.0, 0.7)
    assert found.objects[0].pixel == (100.0, 80.0, 9.5)
    assert found.objects[0].box == (1.0, 2.0, 30.0, 40.0)
    assert found.objects[0].presence == 1.0


def test_scenes_are_found_by_image_index_not_by_place(write: Callable[[Any], Path]) -> None:
    scenes = read_scenes(write({"scenes": [scene(image_index=9), scene(image_index=2)]}), DOMAIN)
    assert {index: found.image_index for index, found in scenes.items()} == {9: 9, 2: 2}


def test_a_missing_image_index_is_read_off_the_file_name(write: Callable[[Any], Path]) -> None:
    record = scene()
    del record["image_index"]
    assert list(read_scenes(write({"scenes": [record]}), DOMAIN)) == [7]


def test_a_file_may_hold_a_single_scene_without_a_list(write: Callable[[Any], Path]) -> None:
    assert list(read_scenes(write(scene()), DOMAIN)) == [7]


def test_an_image_may_be_empty(write: Callable[[Any], Path]) -> None:
    empty = read_scenes(write({"scenes": [scene(objects=[], relationships=None)]}), DOMAIN)[7]
    assert empty.objects == empty.plane == ()
    assert set(empty.relations.values()) == {()}


@pytest.mark.parametrize("named", [True, False], ids=["as the file names them", "from coordinates"])
def test_relations_hold_the_objects_that_stand_so_to_the_anchor(write: Callable[[Any], Path], named: bool) -> None:
    record = scene() if named else scene(relationships=None)
    relations = read_scenes(write({"scenes": [record]}), DOMAIN)[7].relations
    assert relations == {"left": ((), (0,)), "right": ((1,), ()), "front": ((), ()), "behind": ((), ())}


def test_the_scenes_own_directions_say_where_right_is(write: Callable[[Any], Path]) -> None:
    directions = {"right": [0, 1, 0], "left": [0, -1, 0], "front": [1, 0, 0], "behind": [-1, 0, 0]}
    objects = [scene_object(0, 0), scene_object(0, 5)]
    record = scene(objects=objects, relationships=None, directions=directions)
    found = read_scenes(write({"scenes": [record]}), DOMAIN)[7]
    assert found.plane == ((0.0, 0.0), (5.0, 0.0))
    assert found.relations["right"] == ((1,), ())


def test_a_detectors_scene_has_presence_and_relations_from_positions(write: Callable[[Any], Path]) -> None:
    objects = [scene_object(0, 0, confidence=0.9), scene_object(0, 0, confidence=1)]
    for entry, x in zip(objects, (0.0, 1.5), strict=True):
        del entry["3d_coords"]
        entry["position"] = [x, 0.1, 0.35]
    found = read_scenes(write({"scenes": [scene(objects=objects, relationships=None)]}), DOMAIN)[7]
    assert found.predicted
    assert [item.presence for item in found.objects] == [0.9, 1.0]
    assert [item.coordinates for item in found.objects] == [None, None]
    assert found.plane == ((0.0, 0.1), (1.5, 0.1))
    assert found.relations["left"] == ((), (0,))


points = st.floats(-4, 4, allow_nan=False)


@given(st.lists(st.tuples(points, points), max_size=11))
def test_a_relation_and_its_inverse_are_each_others_transpose(plane: list[tuple[float, float]]) -> None:
    for relation in DOMAIN.relations:
        rows = related(relation, plane)
        assert relation.inverse is not None
        inverse = related(DOMAIN.relation(relation.inverse), plane)
        assert rows is not None
        assert inverse is not None
        pairs = {(i, j) for i, row in enumerate(rows) for j in row}
        assert pairs == {(j, i) for i, row in enumerate(inverse) for j in row}
        assert not any(i == j for i, j in pairs)


def broken(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    record = copy.deepcopy(scene())
    change(record)
    return {"scenes": [record]}


def relationships(name: str, rows: Any) -> dict[str, Any]:
    return broken(lambda record: record["relationships"].update({name: rows}))


def first_object(**changes: Any) -> dict[str, Any]:
    return broken(lambda record: record["objects"][0].update(changes))


BROKEN_SCENES = {
    "not json": ("{'scenes': []}", "not JSON: line 1, column 2"),
    "cut short": ('{"scenes": [{"image_index": 0, ', "cut short"),
    "cut short in a word": ('{"scenes": [{"image_ind', "cut short"),
    "empty": ("", "is empty"),
    "nested without end": ("[" * 200_000, "nested too deeply"),
    "wrong top level": ([], "an object with a list 'scenes'"),
    "scenes no list": ({"scenes": {}}, "an object with a list 'scenes'"),
    "questions": ({"questions": []}, "not an object with keys questions"),
    "scene no object": ({"scenes": [3]}, "scene 0: must be an object, not 3"),
    "no objects": (broken(lambda record: record.pop("objects")), "image 7: needs a list 'objects'"),
    "object no object": (broken(lambda record: record.update(objects=[1])), "image 7, object 0: must be an object"),
    "twice the same image": ({"scenes": [scene(), scene()]}, "scene 1: image_index 7 occurs twice"),
    "image index no number": (broken(lambda record: record.update(image_index="7")), "not '7'"),
    "nameless": ({"scenes": [{"objects": []}]}, "scene 0: needs 'image_index'"),
    "an attribute is missing": (
        broken(lambda record: record["objects"][1].pop("size")),
        "image 7, object 1: lacks 'size': one of large, small",
    ),
    "a value is unknown": (
        first_object(shape="cubee"),
        "object 0: 'cubee' is not a value of 'shape'; did you mean 'cube'?",
    ),
    "a value is no string": (first_object(shape=["cube"]), "'shape' must be one of cube, sphere, cylinder"),
    "not a number": (first_object(**{"3d_coords": [0, math.nan, 0]}), "'3d_coords' must hold finite numbers, not nan"),
    "infinite": (first_object(**{"3d_coords": [0, -math.inf, 0]}), "finite numbers, not -inf"),
    "two coordinates": (
        first_object(**{"3d_coords": [0, 1]}),
        "'3d_coords' must be a list of 3 numbers, not a list of 2",
    ),
    "a box of words": (first_object(bbox=["a", 1, 2, 3]), "'bbox' must hold finite numbers, not 'a'"),
    "too confident": (first_object(confidence=1.5), "between 0 and 1, not 1.5"),
    "a relation is missing": (
        broken(lambda record: record["relationships"].pop("left")),
        "image 7, relationships: lacks 'left'",
    ),
    "too few rows": (relationships("left", [[]]), "'left' must be a list of 2 lists, one an object, not a list of 1"),
    "out of range": (relationships("left", [[], [2]]), "'left' of object 1: 2 is no object: the image has 2 objects"),
    "negative": (relationships("left", [[], [-1]]), "-1 is no object"),
    "left of itself": (relationships("left", [[0], []]), "'left' of object 0: holds the object itself"),
    "named twice": (relationships("left", [[], [0, 0]]), "names an object twice"),
    "a row of words": (relationships("left", [[], "0"]), "must be a list of object numbers, not '0'"),
    "nowhere": (
        broken(lambda record: (record.pop("relationships"), record["objects"][0].pop("3d_coords"))),
        "image 7: lacks 'relationships'",
    ),
    "no direction": (
        broken(lambda record: record.update(directions={"rihgt": [1, 0, 0]})),
        "directions: lacks relation",
    ),
}


@pytest.mark.parametrize(("content", "message"), BROKEN_SCENES.values(), ids=BROKEN_SCENES)
def test_a_broken_scene_file_is_refused_in_one_line_that_names_it(
    write: Callable[[Any], Path], content: Any, message: str
) -> None:
    path = write(content)
    with pytest.raises(SceneError) as caught:
        read_scenes(path, DOMAIN)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(SceneError, match=r"no file .*absent\.json"):
        read_scenes(tmp_path / "absent.json", DOMAIN)
    with pytest.raises(DataError, match="is a folder"):
        read_questions(tmp_path)


@pytest.mark.parametrize(
    ("held", "answer"),
    [(True, "yes"), (False, "no"), (0, "0"), (3, "3"), ("red", "red"), ("4", "4"), (None, None)],
)
def test_answers_are_strings_whatever_the_file_holds(
    write: Callable[[Any], Path], held: Any, answer: str | None
) -> None:
    assert read_questions(write({"questions": [question(answer=held)]}))[0].answer == answer


def test_a_question_keeps_what_the_file_says(write: Callable[[Any], Path]) -> None:
    program = [{"function": "scene", "inputs": [], "value_inputs": []}]
    record = question(program=program, question_family_index=4, template_filename="one_hop.json")
    found = read_questions(write({"questions": [record]}))[0]
    assert (found.question_index, found.image_index, found.text) == (3, 7, "What is it?")
    assert (found.program, found.family, found.template) == (program, 4, "one_hop.json")


def test_a_question_may_lack_its_program_answer_and_number(write: Callable[[Any], Path]) -> None:
    found = read_questions(write({"questions": [{"image_filename": "CLEVR_test_000012.png", "question": "What?"}]}))[0]
    assert (found.question_index, found.image_index, found.program, found.answer) == (0, 12, None, None)


BROKEN_QUESTIONS = {
    "wrong top level": ({"scenes": []}, "an object with a list 'questions'"),
    "no object": ({"questions": ["What?"]}, "question 0: must be an object, not 'What?'"),
    "no text": ({"questions": [question(question="  ")]}, "question 0: needs 'question'"),
    "text no string": ({"questions": [question(question=4)]}, "'question' must be a string, not 4"),
    "no image": ({"questions": [{"question": "What?"}]}, "needs 'image_index'"),
    "a number for an image": ({"questions": [question(image_index=-1)]}, "'image_index' must be a whole number"),
    "twice the same": ({"questions": [question(), question()]}, "question 1: question_index 3 occurs twice"),
    "program no list": ({"questions": [question(program={})]}, "'program' must be a list of objects, one a call"),
    "answer a list": (
        {"questions": [question(answer=["red"])]},
        "'answer' must be a string, a boolean or a whole number",
    ),
    "answer a fraction": ({"questions": [question(answer=2.5)]}, "not 2.5"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN_QUESTIONS.values(), ids=BROKEN_QUESTIONS)
def test_a_broken_question_file_is_refused_in_one_line_that_names_it(
    write: Callable[[Any], Path], content: Any, message: str
) -> None:
    path = write(content)
    with pytest.raises(DataError) as caught:
        read_questions(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_sample_scenes_questions_and_images_belong_together() -> None:
    scenes = read_scenes(SAMPLES / "scenes.json", DOMAIN)
    questions = read_questions(SAMPLES / "questions.json")
    assert len(scenes) == 12
    assert all(found.image_filename and (SAMPLES / found.image_filename).is_file() for found in scenes.values())
    assert {found.image_index for found in questions} == set(scenes)
    assert all(found.program and found.answer in DOMAIN.answers for found in questions)


SCENE_COUNTS = {
    "clevr_mini/train/CLEVR_scenes.json": (100, 447),
    "clevr_mini/val/CLEVR_scenes.json": (20, 132),
    "clevr_official/scenes/CLEVR_train_scenes.json": (1000, 6455),
    "clevr_official/scenes/CLEVR_val_scenes.json": (238, 1554),
    "clevr_official/scenes/CLEVR_val_scenes_predicted.json": (238, 1558),
    "clevr_rendered/scenes/CLEVR_calib_scenes.json": (1500, 9775),
    "clevr_rendered/scenes/CLEVR_train_scenes.json": (2183, 14230),
    "clevr_rendered/scenes/CLEVR_val_scenes.json": (300, 1910),
    "clevr_rendered_small_cubes/scenes/CLEVR_train_scenes.json": (3064, 19827),
}


def real_file(folder: Path, name: str) -> Path:
    path = folder / name
    if not path.is_file():
        pytest.skip(f"needs real data: no {path}")
    return path


@pytest.mark.parametrize(("name", "counts"), SCENE_COUNTS.items(), ids=SCENE_COUNTS)
def test_real_scenes_are_complete_and_their_relations_follow_from_coordinates(
    shared_data: Path, name: str, counts: tuple[int, int]
) -> None:
    scenes = read_scenes(real_file(shared_data, name), DOMAIN)
    assert (len(scenes), sum(len(found.objects) for found in scenes.values())) == counts
    for found in scenes.values():
        assert found.predicted == ("predicted" in name)
        assert found.plane is not None
        for relation in DOMAIN.relations:
            assert related(relation, found.plane) == found.relations[relation.name], found.image_index


QUESTION_COUNTS = {  # questions, of them with a program
    "clevr_mini/train/CLEVR_questions.json": (1000, 1000),
    "clevr_mini/val/CLEVR_questions.json": (200, 200),
    "clevr_official/questions/CLEVR_train_generated.json": (10000, 10000),
    "clevr_official/questions/CLEVR_val_generated.json": (2380, 2380),
    "clevr_official/questions/CLEVR_val_questions.json": (1146, 0),
    "clevr_rendered/questions/CLEVR_val_questions.json": (3000, 3000),
}


@pytest.mark.parametrize(("name", "counts"), QUESTION_COUNTS.items(), ids=QUESTION_COUNTS)
def test_real_questions_are_complete_and_answered_in_the_vocabulary(
    shared_data: Path, name: str, counts: tuple[int, int]
) -> None:
    questions = read_questions(real_file(shared_data, name))
    assert (len(questions), sum(found.program is not None for found in questions)) == counts
    assert {found.answer for found in questions} <= set(DOMAIN.answers)


def test_a_detectors_positions_lie_near_the_true_ones(shared_data: Path) -> None:
    folder = "clevr_official/scenes/CLEVR_val_scenes"
    true = read_scenes(real_file(shared_data, f"{folder}.json"), DOMAIN)
    seen = read_scenes(real_file(shared_data, f"{folder}_predicted.json"), DOMAIN)
    assert set(seen) == set(true)
    errors: tuple[list[float], list[float]] = ([], [])
    for index, found in seen.items():
        for item, point in zip(found.objects, found.plane or (), strict=True):
            alike = [i for i, other in enumerate(true[index].objects) if other.attributes == item.attributes]
            if len(alike) == 1:
                for axis in (0, 1):
                    errors[axis].append(abs(point[axis] - (true[index].plane or ())[alike[0]][axis]))
    assert sorted(errors[0])[len(errors[0]) // 2] < 0.1
    assert sorted(errors[1])[len(errors[1]) // 2] < 0.15
