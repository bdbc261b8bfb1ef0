"""CLEVR's official files: scenes, a detector's scenes, questions.

Source: Johnson et al. 2017, arXiv:1612.06890; formats as written by facebookresearch/clevr-dataset-gen, with booleans
and integers as answers where its raw output is used. A detector's scenes are those of ns-vqa-ce: ``position`` for
``3d_coords``, ``confidence``, no relations.
"""

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nmn.domain import NO, YES, Domain, Relation
from nmn.errors import DataError, SceneError, nearest
from nmn.files import read_json
from nmn.questions import Question
from nmn.scenes import Related, Scene, SceneObject, related

Point = tuple[float, float, float]

# Axes 0 and 1 of the ground plane in world coordinates, the same in every official scene.
GROUND_AXES: tuple[Point, Point] = (
    (0.6563112735748291, 0.7544902563095093, 0.0),
    (0.754490315914154, -0.6563112735748291, 0.0),
)


class Clevr:
    """CLEVR as a :class:`nmn.data_set.DataSet`."""

    name = domain = "clevr"

    def read_scenes(self, path: Path) -> dict[int, Scene]:
        """Scenes by image index. Raises: SceneError."""
        return read_scenes(path, Domain.load(self.domain))

    def read_questions(self, path: Path) -> list[Question]:
        """Questions in the file's order. Raises: DataError."""
        return read_questions(path)


def read_scenes(path: str | Path, domain: Domain) -> dict[int, Scene]:
    """Scenes of a file, by image index; a data set's annotation or a detector's output, whichever it is.

    Raises: SceneError, in one line that names the file, the scene and the object, when the file breaks the format.
    """
    reader = _SceneReader(str(path), domain)
    scenes: dict[int, Scene] = {}
    for position, record in enumerate(_scene_records(path)):
        scene = reader.scene(record, position)
        if scene.image_index in scenes:
            raise SceneError(
                f"{path}: scene {position}: image_index {scene.image_index} occurs twice; it must be unique"
            )
        scenes[scene.image_index] = scene
    return scenes


def read_questions(path: str | Path) -> list[Question]:
    """Questions of a file, in its order; answers and programs are None where the file has none.

    Raises: DataError, in one line that names the file and the question, when the file breaks the format.
    """
    value = read_json(path)
    if not isinstance(value, dict) or not isinstance(value.get("questions"), list):
        raise DataError(f"{path}: a questions file is an object with a list 'questions', not {_kind(value)}")
    questions: list[Question] = []
    seen: set[int] = set()
    for position, record in enumerate(value["questions"]):
        question = _question(record, position, f"{path}: question {position}")
        if question.question_index in seen:
            raise DataError(
                f"{path}: question {position}: question_index {question.question_index} occurs twice; it must be unique"
            )
        seen.add(question.question_index)
        questions.append(question)
    return questions


def _scene_records(path: str | Path) -> list[Any]:
    value = read_json(path, SceneError)
    if isinstance(value, dict) and isinstance(value.get("scenes"), list):
        return list(value["scenes"])
    if isinstance(value, dict) and "objects" in value:
        return [value]
    raise SceneError(f"{path}: a scenes file is an object with a list 'scenes', or one scene, not {_kind(value)}")


class _SceneReader:
    """Reads the records of one file, so that every message can name it."""

    def __init__(self, path: str, domain: Domain) -> None:
        self.path = path
        self.domain = domain
        self.values = [(attribute.name, frozenset(attribute.values)) for attribute in domain.attributes]

    def scene(self, record: Any, position: int) -> Scene:
        where = f"scene {position}"
        if not isinstance(record, dict):
            raise self.fail(where, f"must be an object, not {_kind(record)}")
        image_index = self.image_index(record, where)
        where = f"image {image_index}"
        entries = record.get("objects")
        if not isinstance(entries, list):
            raise self.fail(where, f"needs a list 'objects', not {_kind(entries)}")
        objects = tuple(self.object(entry, f"{where}, object {i}") for i, entry in enumerate(entries))
        predicted = any("position" in entry and "3d_coords" not in entry for entry in entries)
        plane = self.positions(entries, where) if predicted else self.plane(objects, record, where)
        filename = record.get("image_filename")
        if filename is not None and not isinstance(filename, str):
            raise self.fail(where, f"'image_filename' must be a string, not {_kind(filename)}")
        return Scene(
            image_index=image_index,
            image_filename=filename,
            objects=objects,
            relations=self.relations(record, plane, len(objects), where),
            plane=plane,
            predicted=predicted,
        )

    def image_index(self, record: Mapping[str, Any], where: str) -> int:
        if "image_index" in record:
            found = record["image_index"]
            if not _is_index(found):
                raise self.fail(where, f"'image_index' must be a whole number of at least 0, not {found!r}")
            return int(found)
        digits = re.findall(r"\d+", Path(str(record.get("image_filename", ""))).stem)
        if not digits:
            raise self.fail(where, "needs 'image_index', or an 'image_filename' that ends in the image's number")
        return int(digits[-1])

    def object(self, entry: Any, where: str) -> SceneObject:
        if not isinstance(entry, dict):
            raise self.fail(where, f"must be an object, not {_kind(entry)}")
        attributes: dict[str, str] = {}
        for name, values in self.values:
            value = entry.get(name)
            if not isinstance(value, str) or value not in values:
                raise self.wrong_value(name, entry, where)
            attributes[name] = value
        box = self.numbers(entry, "bbox", 4, where)
        return SceneObject(
            attributes=attributes,
            coordinates=self.point(entry, "3d_coords", where),
            pixel=self.point(entry, "pixel_coords", where),
            box=None if box is None else (box[0], box[1], box[2], box[3]),
            presence=self.presence(entry, where),
        )

    def wrong_value(self, name: str, entry: Mapping[str, Any], where: str) -> SceneError:
        known = self.domain.attribute(name).values
        if name not in entry:
            return self.fail(where, f"lacks {name!r}: one of {', '.join(known)}")
        value = entry[name]
        if not isinstance(value, str):
            return self.fail(where, f"{name!r} must be one of {', '.join(known)}, not {_kind(value)}")
        return self.fail(where, f"{value!r} is not a value of {name!r}{nearest(value, known)}")

    def numbers(self, entry: Mapping[str, Any], key: str, length: int, where: str) -> tuple[float, ...] | None:
        value = entry.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != length:
            raise self.fail(where, f"{key!r} must be a list of {length} numbers, not {_kind(value)}")
        for number in value:
            if not _is_number(number):
                raise self.fail(where, f"{key!r} must hold finite numbers, not {number!r}")
        return tuple(map(float, value))

    def point(self, entry: Mapping[str, Any], key: str, where: str) -> Point | None:
        numbers = self.numbers(entry, key, 3, where)
        return None if numbers is None else (numbers[0], numbers[1], numbers[2])

    def presence(self, entry: Mapping[str, Any], where: str) -> float:
        value = entry.get("confidence", 1.0)
        if not _is_number(value) or not 0 <= value <= 1:
            raise self.fail(where, f"'confidence' must be a number between 0 and 1, not {value!r}")
        return float(value)

    def positions(self, entries: list[Any], where: str) -> tuple[tuple[float, float], ...]:
        """A detector's positions are given on the ground plane's axes."""
        plane: list[tuple[float, float]] = []
        for i, entry in enumerate(entries):
            point = self.point(entry, "position", f"{where}, object {i}")
            if point is None:
                raise self.fail(f"{where}, object {i}", "lacks 'position', which other objects of the image have")
            plane.append(point[:2])
        return tuple(plane)

    def plane(
        self, objects: tuple[SceneObject, ...], record: Mapping[str, Any], where: str
    ) -> tuple[tuple[float, float], ...] | None:
        points: list[Point] = []
        for item in objects:
            if item.coordinates is None:
                return None
            points.append(item.coordinates)
        first, second = self.axes(record, where)
        return tuple((_dot(point, first), _dot(point, second)) for point in points)

    def axes(self, record: Mapping[str, Any], where: str) -> tuple[Point, Point]:
        """The ground-plane axes that the scene itself names, by relation; CLEVR's where it names none."""
        if "directions" not in record:
            return GROUND_AXES
        directions = record["directions"]
        if not isinstance(directions, dict):
            raise self.fail(where, f"'directions' must be an object, not {_kind(directions)}")
        axes = list(GROUND_AXES)
        for relation in sorted(self.domain.relations, key=lambda relation: relation.sign):
            if relation.axis is None:
                continue
            point = self.point(directions, relation.name, f"{where}, directions")
            if point is None:
                known = nearest(relation.name, directions)
                raise self.fail(f"{where}, directions", f"lacks relation {relation.name!r}{known}")
            sign = relation.sign
            axes[relation.axis] = (sign * point[0], sign * point[1], sign * point[2])
        return axes[0], axes[1]

    def relations(
        self, record: Mapping[str, Any], plane: tuple[tuple[float, float], ...] | None, count: int, where: str
    ) -> dict[str, Related]:
        named = record.get("relationships")
        if named is None:
            return {relation.name: self.computed(relation, plane, where) for relation in self.domain.relations}
        if not isinstance(named, dict):
            raise self.fail(where, f"'relationships' must be an object, not {_kind(named)}")
        return {relation.name: self.relation(named, relation.name, count, where) for relation in self.domain.relations}

    def computed(self, relation: Relation, plane: tuple[tuple[float, float], ...] | None, where: str) -> Related:
        found = None if plane is None else related(relation, plane)
        if found is None:
            raise self.fail(where, f"lacks 'relationships', and {relation.name!r} does not follow from '3d_coords'")
        return found

    def relation(self, named: Mapping[str, Any], name: str, count: int, where: str) -> Related:
        where = f"{where}, relationships"
        if name not in named:
            raise self.fail(where, f"lacks {name!r}{nearest(name, named)}")
        rows = named[name]
        if not isinstance(rows, list) or len(rows) != count:
            raise self.fail(where, f"{name!r} must be a list of {count} lists, one an object, not {_kind(rows)}")
        return tuple(self.row(row, i, count, f"{where} {name!r} of object {i}") for i, row in enumerate(rows))

    def row(self, row: Any, anchor: int, count: int, where: str) -> tuple[int, ...]:
        if not isinstance(row, list):
            raise self.fail(where, f"must be a list of object numbers, not {_kind(row)}")
        for number in row:
            if not _is_index(number) or number >= count:
                raise self.fail(where, f"{number!r} is no object: the image has {_objects(count)}")
            if number == anchor:
                raise self.fail(where, "holds the object itself; no object stands in a relation to itself")
        if len(set(row)) != len(row):
            raise self.fail(where, "names an object twice")
        return tuple(sorted(row))

    def fail(self, where: str, message: str) -> SceneError:
        return SceneError(f"{self.path}: {where}: {message}")


def _question(record: Any, position: int, where: str) -> Question:
    if not isinstance(record, dict):
        raise DataError(f"{where}: must be an object, not {_kind(record)}")
    text = _field(record, "question", str, where)
    if not isinstance(text, str) or not text.strip():
        raise DataError(f"{where}: needs 'question', the text of the question")
    image_index = _field(record, "image_index", int, where)
    filename = _field(record, "image_filename", str, where)
    if image_index is None:
        digits = re.findall(r"\d+", Path(filename or "").stem)
        if not digits:
            raise DataError(f"{where}: needs 'image_index', or an 'image_filename' that ends in the image's number")
        image_index = int(digits[-1])
    index = _field(record, "question_index", int, where)
    return Question(
        question_index=position if index is None else index,
        image_index=image_index,
        image_filename=filename,
        text=text,
        program=_program(record.get("program"), where),
        answer=_answer(record.get("answer"), where),
        family=_field(record, "question_family_index", int, where),
        template=_field(record, "template_filename", str, where),
    )


def _field(record: Mapping[str, Any], key: str, kind: type[Any], where: str) -> Any:
    value = record.get(key)
    if value is None or (isinstance(value, str) and kind is str) or (_is_index(value) and kind is int):
        return value
    wanted = "a string" if kind is str else "a whole number of at least 0"
    raise DataError(f"{where}: {key!r} must be {wanted}, not {value!r}")


def _program(value: Any, where: str) -> list[Mapping[str, Any]] | None:
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(call, dict) for call in value):
        raise DataError(f"{where}: 'program' must be a list of objects, one a call, not {_kind(value)}")
    return value


def _answer(value: Any, where: str) -> str | None:
    if isinstance(value, bool):
        return YES if value else NO
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return str(value)
    raise DataError(f"{where}: 'answer' must be a string, a boolean or a whole number, not {value!r}")


def _dot(a: Point, b: Point) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _is_index(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < math.inf


def _objects(count: int) -> str:
    return f"{count} object" if count == 1 else f"{count} objects"


def _kind(value: Any) -> str:
    """What a JSON value is, in a word or two."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return f"an object with keys {', '.join(map(str, list(value)[:6]))}" if value else "an empty object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return repr(value) if len(repr(value)) <= 40 else type(value).__name__
