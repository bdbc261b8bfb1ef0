"""GQA's official files: questions and scene graphs.

Source: Hudson and Manning 2019, arXiv:1902.09506; formats as in the data set's ``questions`` and ``sceneGraphs`` folders,
and lists of question records that carry their key as ``question_id``.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nmn.domain import Domain
from nmn.errors import DataError, SceneError, nearest
from nmn.files import read_json
from nmn.scenes import Scene, SceneObject

SCENE = "scene"
"""Name of the object that stands for the whole image; it is the last of every scene."""

POSITIONS = ("hposition", "vposition")
"""Attributes of where in the image an object is; their three values stand in the domain in the order of the axis."""


@dataclass(frozen=True)
class GqaQuestion:
    """A question on an image.

    Attributes:
        key: Its key in its file.
        image: Key of the image.
        text: The question.
        program: Its ``semantic`` program as the file holds it, for :mod:`nmn.parser.gqa`; None where unknown.
        answer: The right answer; None where unknown.
        full_answer: The right answer as a sentence; None where unknown.
        types: What kind of question it is, such as ``structural`` to ``query``.
    """

    key: str
    image: str
    text: str
    program: list[Mapping[str, Any]] | None = field(default=None, hash=False, repr=False)
    answer: str | None = None
    full_answer: str | None = None
    types: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class GqaScene:
    """A scene graph.

    Attributes:
        scene: What is in the image; its last object is the image as a whole.
        ids: The annotation's key of every object but the last.
        left_out: What the domain has no word for, and how often it stood there.
    """

    scene: Scene
    ids: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict, hash=False)


def read_questions(path: str | Path) -> dict[str, GqaQuestion]:
    """Questions of a file, by key, in its order.

    Raises: DataError, in one line that names the file and the question, when the file breaks the format.
    """
    found: dict[str, GqaQuestion] = {}
    for key, record in _records(path):
        if key in found:
            raise DataError(f"{path}: question {key} occurs twice; keys must be unique")
        found[key] = _question(key, record, f"{path}: question {key}")
    return found


def _records(path: str | Path) -> Iterator[tuple[str, Any]]:
    value = read_json(path)
    if isinstance(value, dict) and "questions" not in value:
        yield from value.items()
        return
    if not isinstance(value, list):
        raise DataError(
            f"{path}: a questions file is an object of records by key, or a list of records, not {_kind(value)}"
        )
    for position, record in enumerate(value):
        key = record.get("question_id") if isinstance(record, dict) else None
        if not isinstance(key, int | str) or isinstance(key, bool):
            raise DataError(f"{path}: record {position}: needs 'question_id', its key")
        yield str(key), record


def _question(key: str, record: Any, where: str) -> GqaQuestion:
    if not isinstance(record, dict):
        raise DataError(f"{where}: must be an object, not {_kind(record)}")
    text, image = _string(record, "question", where), _string(record, "imageId", where)
    if not text or not image:
        raise DataError(f"{where}: needs 'question', the text of the question, and 'imageId'")
    program, types = record.get("semantic"), record.get("types", {})
    if program is not None and (not isinstance(program, list) or not all(isinstance(call, dict) for call in program)):
        raise DataError(f"{where}: 'semantic' must be a list of objects, one a call, not {_kind(program)}")
    if not isinstance(types, dict):
        raise DataError(f"{where}: 'types' must be an object, not {_kind(types)}")
    return GqaQuestion(
        key=key,
        image=image,
        text=text,
        program=program,
        answer=_string(record, "answer", where),
        full_answer=_string(record, "fullAnswer", where),
        types={str(name): str(kind) for name, kind in types.items() if kind is not None},
    )


def _string(record: Mapping[str, Any], key: str, where: str) -> str | None:
    value = record.get(key)
    if value is None or isinstance(value, str):
        return value
    raise DataError(f"{where}: {key!r} must be a string, not {_kind(value)}")


def read_scene_graphs(
    path: str | Path, domain: Domain, *, strict: bool = True, thirds: bool = False
) -> dict[str, GqaScene]:
    """Scene graphs of a file, by the key of the image.

    What is not annotated does not hold: the world is closed. A value that several attributes have, such as one that is
    both a color and a tone, holds of all of them. Positions in the image are not annotated, and so they hold of nothing,
    unless they are taken from the boxes.

    Args:
        path: The file.
        domain: What the scenes speak of; one with an attribute ``name``.
        strict: Whether a word that is not in the domain is an error. Otherwise it is left out and counted: objects of
            unknown names, with their relations, and unknown attributes and relations.
        thirds: Whether an object is where the centre of its box is: in the first, second or last third of the image's
            width, and of its height. GQA does not say how its questions place objects; this is a usual reading.

    Raises: SceneError, in one line that names the file, the image and the object, when the file breaks the format.
    """
    value = read_json(path, SceneError)
    if not isinstance(value, dict) or not all(isinstance(each, dict) and "objects" in each for each in value.values()):
        raise SceneError(f"{path}: a scene graphs file is an object of scene graphs by image, not {_kind(value)}")
    reader = _GraphReader(str(path), domain, strict, thirds)
    return {image: reader.scene(image, record) for image, record in value.items()}


class _GraphReader:
    """Reads the scene graphs of one file, so that every message can name it."""

    def __init__(self, path: str, domain: Domain, strict: bool, thirds: bool) -> None:
        self.path = path
        self.domain = domain
        self.strict = strict
        self.positions = [domain.attribute(name) for name in POSITIONS] if thirds else []
        self.names = frozenset(domain.attribute("name").values)
        self.owners: dict[str, list[str]] = {}
        for attribute in domain.attributes:
            for value in attribute.values if not attribute.exclusive else ():
                self.owners.setdefault(value, []).append(attribute.name)
        self.left_out: Counter[str] = Counter()

    def scene(self, image: str, record: Mapping[str, Any]) -> GqaScene:
        self.left_out = Counter()
        where = f"image {image}"
        entries = record["objects"]
        if not isinstance(entries, dict) or not all(isinstance(entry, dict) for entry in entries.values()):
            raise self.fail(where, f"'objects' must be an object of objects by key, not {_kind(entries)}")
        width, height = (self.number(record, key, where) for key in ("width", "height"))
        found = {key: self.object(entry, (width, height), f"{where}, object {key}") for key, entry in entries.items()}
        objects = {key: each for key, each in found.items() if each is not None}
        several = [record[key] for key in ("location", "weather") if record.get(key) not in (None, "none")]
        whole = SceneObject({"name": SCENE}, box=(0.0, 0.0, width, height), several=self.several(several, where))
        digits = re.findall(r"\d+", image)
        scene = Scene(
            image_index=int(digits[-1]) if digits else 0,
            image_filename=f"{image}.jpg",
            objects=(*objects.values(), whole),
            relations=self.relations(entries, {key: place for place, key in enumerate(objects)}, where),
        )
        return GqaScene(scene, tuple(objects), dict(self.left_out))

    def object(self, entry: Mapping[str, Any], image: tuple[float, float], where: str) -> SceneObject | None:
        name = entry.get("name")
        if not isinstance(name, str):
            raise self.fail(where, f"needs 'name', a string, not {_kind(name)}")
        if name not in self.names:
            self.unknown(name, self.names, "name", where)
            return None
        x, y, width, height = (self.number(entry, key, where) for key in "xywh")
        values = entry.get("attributes", [])
        if not isinstance(values, list):
            raise self.fail(where, f"'attributes' must be a list of strings, not {_kind(values)}")
        centre = (x + width / 2, y + height / 2)
        several = self.several(values, where) | {
            axis.name: (axis.values[max(0, min(2, int(3 * middle / side)))],)
            for axis, middle, side in zip(self.positions, centre, image, strict=False)
            if side > 0
        }
        return SceneObject({"name": name}, box=(x, y, x + width, y + height), several=several)

    def several(self, values: list[Any], where: str) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for value in values:
            if not isinstance(value, str):
                raise self.fail(where, f"an attribute must be a string, not {_kind(value)}")
            if value not in self.owners:
                self.unknown(value, self.owners, "attribute", where)
            for owner in self.owners.get(value, ()):
                found[owner] = tuple(dict.fromkeys((*found.get(owner, ()), value)))
        return found

    def relations(
        self, entries: Mapping[str, Any], place: Mapping[str, int], where: str
    ) -> dict[str, tuple[tuple[int, ...], ...]]:
        """For each relation, the subjects that stand in it to each object, the whole image counted."""
        held: dict[str, list[set[int]]] = {}
        for key, entry in entries.items():
            for name, other in self.pairs(entry, entries, f"{where}, object {key}"):
                if name not in self.domain.relation_ids:
                    self.unknown(name, self.domain.relation_ids, "relation", f"{where}, object {key}")
                elif key in place and other in place and key != other:
                    held.setdefault(name, [set() for _ in range(len(place) + 1)])[place[other]].add(place[key])
        none: tuple[tuple[int, ...], ...] = ((),) * (len(place) + 1)
        return {
            relation.name: tuple(tuple(sorted(row)) for row in held[relation.name]) if relation.name in held else none
            for relation in self.domain.relations
        }

    def pairs(self, entry: Mapping[str, Any], entries: Mapping[str, Any], where: str) -> Iterator[tuple[str, str]]:
        related = entry.get("relations", [])
        if not isinstance(related, list):
            raise self.fail(where, f"'relations' must be a list, not {_kind(related)}")
        for each in related:
            name, other = (each.get("name"), each.get("object")) if isinstance(each, dict) else (None, None)
            if not isinstance(name, str) or not isinstance(other, str):
                raise self.fail(where, f"a relation must be an object with 'name' and 'object', not {_kind(each)}")
            if other not in entries:
                raise self.fail(where, f"{name!r} names object {other!r}, which the image does not have")
            yield name, other

    def number(self, entry: Mapping[str, Any], key: str, where: str) -> float:
        value = entry.get(key)
        if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) < math.inf:
            raise self.fail(where, f"{key!r} must be a finite number, not {_kind(value)}")
        return float(value)

    def unknown(self, word: str, known: Any, what: str, where: str) -> None:
        """Refuse a word that is not in the domain, or count it."""
        if self.strict:
            raise self.fail(where, f"{word!r} is no {what} of {self.domain.name}{nearest(word, known)}")
        self.left_out[f"{what} {word}"] += 1

    def fail(self, where: str, message: str) -> SceneError:
        return SceneError(f"{self.path}: {where}: {message}")


def _kind(value: Any) -> str:
    """What a JSON value is, in a word or two."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return f"{'an object' if isinstance(value, dict) else 'a list'} of {len(value)}"
    return repr(value) if len(repr(value)) <= 40 else type(value).__name__
