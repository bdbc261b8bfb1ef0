"""Training targets: what a scene file says of each object, as arrays in the pixels of the network's input."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nmn.domain import Domain
from nmn.errors import SceneError, require_keys

UNKNOWN = -1  # label of an attribute that a scene does not state


@dataclass(frozen=True)
class SceneTargets:
    """One scene. All arrays have one row an object."""

    image: str  # file name
    index: int
    centres: NDArray[np.float32]  # [objects, 2] px, x y of the object's projected centre
    boxes: NDArray[np.float32]  # [objects, 4] px, x0 y0 x1 y1; NaN where the scene has none
    labels: NDArray[np.int64]  # [objects, attributes] position of the value, or UNKNOWN
    coordinates: NDArray[np.float32]  # [objects, axes] on the domain's ground-plane axes; NaN where not stated


def axis_directions(domain: Domain, directions: Mapping[str, Sequence[float]]) -> NDArray[np.float64]:
    """World direction of each ground-plane axis, [axes, 3], from the directions that a scene names by relation.

    Raises: SceneError when no relation of an axis is among them.
    """
    axes = sorted({relation.axis for relation in domain.relations if relation.axis is not None})
    rows = []
    for axis in axes:
        given = [r for r in domain.relations if r.axis == axis and r.name in directions]
        if not given:
            wanted = ", ".join(r.name for r in domain.relations if r.axis == axis)
            raise SceneError(f"a scene's 'directions' name none of {wanted}; relations cannot be learned from it")
        rows.append(given[0].sign * np.asarray(directions[given[0].name], np.float64))
    return np.stack(rows) if rows else np.zeros((0, 3))


def scene_targets(domain: Domain, scene: Mapping[str, Any]) -> SceneTargets:
    """Targets of one scene record; ``bbox`` (pixels) and, in all objects of a scene, ``3d_coords`` may be there or not.

    Raises: SceneError naming the missing or unknown entry.
    """
    require_keys(scene, ("image_filename", "image_index", "objects"), what="a scene", error=SceneError)
    placed = any(isinstance(thing, dict) and "3d_coords" in thing for thing in scene["objects"])
    if placed or "directions" in scene:
        require_keys(scene, ("directions",), what=f"scene {scene['image_filename']}", error=SceneError)
        directions = axis_directions(domain, scene["directions"])
    else:
        directions = np.zeros((len({each.axis for each in domain.relations if each.axis is not None}), 3))
    objects = scene["objects"]
    number = len(objects)
    centres = np.zeros((number, 2), np.float32)
    boxes = np.full((number, 4), np.nan, np.float32)
    labels = np.full((number, len(domain.attributes)), UNKNOWN, np.int64)
    coordinates = np.full((number, len(directions)), np.nan, np.float32)
    for row, thing in enumerate(objects):
        where = f"object {row} of scene {scene['image_filename']}"
        require_keys(
            thing, ("pixel_coords", "3d_coords") if placed else ("pixel_coords",), what=where, error=SceneError
        )
        centres[row] = thing["pixel_coords"][:2]
        if placed:
            coordinates[row] = directions @ np.asarray(thing["3d_coords"], np.float64)
        if "bbox" in thing:
            boxes[row] = thing["bbox"]
        for column, attribute in enumerate(domain.attributes):
            if attribute.name in thing:
                labels[row, column] = attribute.index(thing[attribute.name])
    return SceneTargets(str(scene["image_filename"]), int(scene["image_index"]), centres, boxes, labels, coordinates)


def load_targets(domain: Domain, path: Path) -> list[SceneTargets]:
    """Targets of every scene of an official scenes file. Raises: SceneError."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SceneError(f"cannot read scenes file {path}: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise SceneError(f"scenes file {path} is not JSON: {error}") from None
    require_keys(record, ("scenes",), what=f"scenes file {path}", error=SceneError)
    return [scene_targets(domain, scene) for scene in record["scenes"]]
