"""Sight: one image as it was seen beside what is truly there, and how well it was seen."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import isnan

import numpy as np
import torch
from torch import Tensor

from nmn.errors import InputError
from nmn.evaluation.bootstrap import share_intervals
from nmn.evaluation.records import SceneAccuracy, SceneCounts
from nmn.images import load_image
from nmn.matching import MATCH_DISTANCE, match
from nmn.perceiver import Perceiver
from nmn.scene import FacetStore
from nmn.scenes import Scene, SceneObject

REFERENCE_WIDTH = 480  # px; the width of an image in which MATCH_DISTANCE holds


@dataclass(frozen=True)
class Sight:
    """One image as it was seen, beside the truth.

    Attributes:
        scene: What is truly there.
        store: What was seen: every facet of every proposed object, of this one image.
        present: For each proposed object, whether it is more likely there than not.
        places: Proposed object to true object, for those that lie at one's place; present ones come first.
    """

    scene: Scene
    store: FacetStore
    present: tuple[bool, ...]
    places: Mapping[int, int]

    @cached_property
    def found(self) -> dict[int, int]:
        """Present object to the true object that it is."""
        return {mine: true for mine, true in self.places.items() if self.present[mine]}

    @cached_property
    def proposed(self) -> dict[int, int]:
        """True object to the proposed one at its place, present or not."""
        return {true: mine for mine, true in self.places.items()}

    @cached_property
    def missed(self) -> tuple[int, ...]:
        """True objects without a present one at their place."""
        seen = set(self.found.values())
        return tuple(true for true in range(len(self.scene.objects)) if true not in seen)

    @property
    def spurious(self) -> tuple[int, ...]:
        """Present objects where there is none."""
        return tuple(mine for mine, there in enumerate(self.present) if there and mine not in self.found)

    def values(self) -> dict[str, list[str]]:
        """The likeliest value of each proposed object, by attribute of which an object has exactly one."""
        domain = self.store.domain
        likeliest: dict[str, list[str]] = {}
        for attribute in domain.attributes:
            if attribute.exclusive:
                first, end = domain.span(attribute.name)
                best = self.store.attributes[first:end, 0].argmax(0).tolist()
                likeliest[attribute.name] = [attribute.values[number] for number in best[: len(self.present)]]
        return likeliest

    def counts(self) -> SceneCounts:
        """How well the image was seen."""
        values, objects = self.values(), self.scene.objects
        mine = Counter(tuple(values[name][each] for name in values) for each, there in enumerate(self.present) if there)
        true = Counter(tuple(each.attributes[name] for name in values) for each in objects)
        right = {
            name: sum(each[seen] == objects[its].attributes[name] for seen, its in self.found.items())
            for name, each in values.items()
        }
        pairs, pairs_right = self._pairs()
        return SceneCounts(
            images=1,
            exact=int(mine == true),
            objects=len(objects),
            found=len(self.found),
            spurious=len(self.spurious),
            right=right,
            pairs=pairs,
            pairs_right=pairs_right,
        )

    def _pairs(self) -> tuple[dict[str, int], dict[str, int]]:
        mine, its = list(self.found), list(self.found.values())
        apart = ~np.eye(len(mine), dtype=bool)
        pairs: dict[str, int] = {}
        right: dict[str, int] = {}
        for number, relation in enumerate(self.store.domain.relations):
            said = self.store.relations[number, 0][mine][:, mine].cpu().numpy() > 0
            holds = np.array([[b in self.scene.relations[relation.name][a] for b in its] for a in its], dtype=bool)
            pairs[relation.name] = int(apart.sum())
            right[relation.name] = int(((said == holds.reshape(said.shape)) & apart).sum())
        return pairs, right


def see(perceiver: Perceiver, image: object, scene: Scene) -> Sight:
    """Look at an image and find its true objects in it.

    Args:
        perceiver: Looks at pixels.
        image: A path, PIL image or array.
        scene: What is truly there, with a box or a pixel for every object.

    Raises: ImageError when the image cannot be used; InputError when the scene does not say where its objects are.
    """
    pixels = load_image(image)
    with torch.no_grad():
        store = FacetStore.look(perceiver, [pixels])
        store.compute_everything()
    proposed = int(store.glance.mask[0].sum())
    present = (store.presence[0, :proposed] > 0).tolist()
    return Sight(scene, store, tuple(present), _places(store, present, scene, pixels.shape[1]))


def _places(store: FacetStore, present: list[bool], scene: Scene, width: int) -> dict[int, int]:
    """Match what is present first, then what was proposed and not believed with what is left."""
    boxes = store.glance.boxes[0, : len(present)].float().cpu()
    centres = torch.stack([(boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2], 1)
    if any(isnan(number) for number in centres.flatten().tolist()):
        raise InputError("this perceiver does not say where objects are, so they cannot be matched with true ones")
    true = torch.tensor([_centre(each, scene) for each in scene.objects]).reshape(-1, 2)
    furthest = MATCH_DISTANCE * width / REFERENCE_WIDTH
    found: dict[int, int] = {}
    for believed in (True, False):
        mine = [each for each, there in enumerate(present) if there == believed]
        left = [each for each in range(len(scene.objects)) if each not in found.values()]
        found.update((mine[a], left[b]) for a, b in match(centres[mine], true[left], furthest))
    return found


def _centre(each: SceneObject, scene: Scene) -> tuple[float, float]:
    if each.box is not None:
        return (each.box[0] + each.box[2]) / 2, (each.box[1] + each.box[3]) / 2
    if each.pixel is not None:
        return each.pixel[0], each.pixel[1]
    raise InputError(
        f"scene of image {scene.image_index}: an object has neither 'bbox' nor 'pixel_coords', so it cannot be matched "
        "with what is seen"
    )


def scene_accuracy(counted: Iterable[tuple[int, SceneCounts]], *, unseen: int = 0) -> SceneAccuracy:
    """Add up how images were seen, with confidence intervals over images.

    Args:
        counted: (image index, counts of that one image).
        unseen: How many images could not be compared.
    """
    each = list(counted)
    total = sum((counts for _, counts in each), SceneCounts())
    intervals = {}
    if each:
        names = ["exact", "objects", *total.right, *total.pairs]
        above = np.array([_above(counts) for _, counts in each], dtype=float)
        below = np.array([_below(counts) for _, counts in each], dtype=float)
        intervals = dict(zip(names, share_intervals(above, below), strict=True))
    wrong = tuple(index for index, counts in each if not counts.exact)
    return SceneAccuracy(total, intervals, wrong, unseen)


def _above(counts: SceneCounts) -> list[int]:
    return [counts.exact, counts.found, *counts.right.values(), *counts.pairs_right.values()]


def _below(counts: SceneCounts) -> list[int]:
    return [counts.images, counts.objects, *[counts.found] * len(counts.right), *counts.pairs.values()]


def rows_of(objects: list[int], like: Tensor) -> Tensor:
    """Numbers as a tensor on the device of another."""
    return torch.tensor(objects, dtype=torch.int64, device=like.device)
