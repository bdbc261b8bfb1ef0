"""COCO: images labelled with boxes (Lin et al. 2014, arXiv:1405.0312), as scenes in CLEVR's format and a domain of their words.

Each annotation is an object: its category is one attribute, and each text in its ``attributes`` record another. COCO knows no
ground plane, so an object's coordinates are those of its box's centre in the image, in units of 100 px.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmn.domain import Domain
from nmn.errors import DataError, require_keys
from nmn.files import read_json

UNIT = 100.0  # px


@dataclass(frozen=True)
class LabelledObject:
    """One annotation.

    Attributes:
        box: px, x0 y0 x1 y1.
        values: By attribute.
    """

    box: tuple[float, float, float, float]
    values: Mapping[str, str]


@dataclass(frozen=True)
class LabelledImage:
    """One image with its objects, in the order of the file."""

    file: str
    number: int
    objects: tuple[LabelledObject, ...]


def read_coco(
    path: str | Path, *, category: str = "kind", attributes: Sequence[str] | None = None
) -> list[LabelledImage]:
    """The images of an annotation file, by their numbers.

    Args:
        path: The file.
        category: What the attribute is called that an annotation's category gives.
        attributes: Which fields of ``attributes`` are taken; all that hold texts if None.

    Raises: DataError when it is not COCO, or has a box without a size.
    """
    record = read_json(path)
    require_keys(record, ("images", "annotations", "categories"), what=f"COCO file {path}", error=DataError)
    kinds = {each["id"]: _words(each["name"]) for each in _entries(record, "categories", ("id", "name"), path)}
    found: dict[Any, list[LabelledObject]] = {}
    files: dict[Any, str] = {}
    for image in _entries(record, "images", ("id", "file_name"), path):
        found[image["id"]], files[image["id"]] = [], str(image["file_name"])
    for number, entry in enumerate(_entries(record, "annotations", ("image_id", "category_id", "bbox"), path)):
        where = f"annotation {number} of COCO file {path}"
        if entry["image_id"] not in found or entry["category_id"] not in kinds:
            raise DataError(f"{where} is of an image or category that the file does not list")
        values = {category: kinds[entry["category_id"]], **_values(entry.get("attributes") or {}, attributes, where)}
        found[entry["image_id"]].append(LabelledObject(_box(entry["bbox"], where), values))
    return [LabelledImage(files[key], number, tuple(objects)) for number, (key, objects) in enumerate(found.items())]


def _entries(record: Mapping[str, Any], part: str, keys: tuple[str, ...], path: str | Path) -> list[Mapping[str, Any]]:
    if not isinstance(record[part], list):
        raise DataError(f"{part!r} of COCO file {path} must be a list")
    for number, entry in enumerate(record[part]):
        require_keys(entry, keys, what=f"entry {number} of {part!r} of COCO file {path}", error=DataError)
    return list(record[part])


def _values(given: Any, wanted: Sequence[str] | None, where: str) -> dict[str, str]:
    if not isinstance(given, dict):
        raise DataError(f"'attributes' of {where} must be a record")
    names = {_words(name): value for name, value in given.items()}
    if wanted is None:
        return {name: _words(value) for name, value in names.items() if isinstance(value, str)}
    chosen = {name: names[name] for name in map(_words, wanted) if name in names}
    for name, value in chosen.items():
        if not isinstance(value, str):
            raise DataError(f"{name!r} of {where} must be a text, not {value!r}")
    return {name: _words(value) for name, value in chosen.items()}


def _words(text: Any) -> str:
    """A name as domains have them: lower-case words with single spaces."""
    return " ".join(str(text).lower().replace("_", " ").split())


def _box(given: Any, where: str) -> tuple[float, float, float, float]:
    try:
        left, top, width, height = (float(number) for number in given)
    except (TypeError, ValueError):
        raise DataError(f"the box of {where} must be four numbers: left, top, width, height") from None
    if not width > 0 or not height > 0:
        raise DataError(f"the box of {where} has no size")
    return left, top, left + width, top + height


def attribute_values(images: Iterable[LabelledImage]) -> dict[str, list[str]]:
    """The values that occur, sorted, by attribute, in the order of their first use."""
    found: dict[str, set[str]] = {}
    for image in images:
        for thing in image.objects:
            for name, value in thing.values.items():
                found.setdefault(name, set()).add(value)
    return {name: sorted(values) for name, values in found.items()}


def attribute_tables(values: Mapping[str, Sequence[str]], *, category: str = "kind") -> str:
    """The attributes of a domain file, as TOML; the values of the category are nouns."""
    lines: list[str] = []
    for name, its in values.items():
        lines += [f'[attributes."{_quoted(name)}"]', f'words = ["{_quoted(name)}"]']
        lines += ['values_are = "nouns"'] if name == category else []
        lines += ["values = [" + ", ".join(f'"{_quoted(value)}"' for value in its) + "]", ""]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def scene_records(images: Iterable[LabelledImage], domain: Domain) -> dict[str, Any]:
    """The images as a scenes file in CLEVR's format, with boxes; directions are those of the domain's relations."""
    directions = {}
    for relation in domain.relations:
        if relation.axis is not None:
            directions[relation.name] = [float(relation.sign) * (axis == relation.axis) for axis in range(3)]
    scenes = []
    for image in images:
        objects = []
        for thing in image.objects:
            x, y = (thing.box[0] + thing.box[2]) / 2, (thing.box[1] + thing.box[3]) / 2
            place = {"pixel_coords": [x, y, 0.0], "3d_coords": [x / UNIT, y / UNIT, 0.0], "bbox": list(thing.box)}
            objects.append({**thing.values, **place})
        about = {"image_filename": image.file, "image_index": image.number, "directions": directions}
        scenes.append({**about, "objects": objects, "relationships": {}})
    return {"info": {"from": "COCO"}, "scenes": scenes}
