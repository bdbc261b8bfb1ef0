"""Images whose pixels name a scene, and a perceiver that sees in each what it is told to: what is true, or not quite."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from nmn.domain import Domain
from nmn.images import load_image
from nmn.perceiver import Glance, Rows
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene, SceneObject

WIDTH, HEIGHT = 480, 320  # px, those of the samples


def draw(folder: Path, scenes: Mapping[int, Scene]) -> None:
    """Write an image for each scene, all of one grey, which is its place among the scenes."""
    for place, scene in enumerate(scenes.values()):
        name = Path(str(scene.image_filename)).with_suffix(".png").name
        Image.fromarray(np.full((HEIGHT, WIDTH, 3), place, np.uint8)).save(folder / name)


class Imagining:
    """A perceiver that sees given scenes in images that :func:`draw` wrote."""

    def __init__(self, domain: Domain, seen: Sequence[Scene]) -> None:
        self.domain = domain
        self.seen = list(seen)
        self.inner = ScenePerceiver(domain)

    def load(self, image: Any) -> Any:
        return load_image(image)

    def glance(self, images: Sequence[Any]) -> Glance:
        return self.inner.glance([self.seen[int(load_image(image)[0, 0, 0])] for image in images])

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        with torch.no_grad():
            return self.inner.look_attribute(glance, attribute, rows)

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        return self.inner.look_relation(glance, relation, rows)

    def glance_cost(self, images: int) -> int:
        return images

    def attribute_cost(self, attribute: str) -> int:
        return 1

    def relation_cost(self, relation: str, objects: int) -> int:
        return objects


def without_object(scene: Scene, gone: int) -> Scene:
    """A scene in which one object is not seen."""
    kept = [index for index in range(len(scene.objects)) if index != gone]
    place = {old: new for new, old in enumerate(kept)}
    relations = {
        name: tuple(tuple(place[other] for other in rows[index] if other != gone) for index in kept)
        for name, rows in scene.relations.items()
    }
    plane = None if scene.plane is None else tuple(scene.plane[index] for index in kept)
    return replace(scene, objects=tuple(scene.objects[index] for index in kept), relations=relations, plane=plane)


def with_value(scene: Scene, index: int, attribute: str, value: str) -> Scene:
    """A scene in which one object seems to have another value."""
    changed: SceneObject = replace(
        scene.objects[index], attributes={**scene.objects[index].attributes, attribute: value}
    )
    return replace(scene, objects=(*scene.objects[:index], changed, *scene.objects[index + 1 :]))


def mirrored(scene: Scene) -> Scene:
    """A scene in which every relation seems to be that of the other way round."""
    everything = range(len(scene.objects))
    turned = {
        name: tuple(tuple(other for other in everything if index in rows[other]) for index in everything)
        for name, rows in scene.relations.items()
    }
    return replace(scene, relations=turned)
