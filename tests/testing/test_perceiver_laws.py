"""The perceivers there are keep the laws of perceivers, and one wrong perceiver for each law is caught by it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nmn.domain import Domain
from nmn.errors import ImageError, InputError
from nmn.perceiver import Glance, Rows
from nmn.providing import Providing
from nmn.scene_perceiver import ScenePerceiver
from nmn.scenes import Scene
from nmn.testing import PERCEIVER_LAWS, LawBroken, check_perceiver
from nmn.testing.facts import random_scene
from nmn.vocabulary import Attribute

CLEVR = Domain.load("clevr")
SCENES = [random_scene(Random(seed), CLEVR, objects) for seed, objects in enumerate((4, 0, 2))]


def test_described_scenes_keep_the_laws() -> None:
    assert len(check_perceiver(ScenePerceiver(CLEVR), SCENES)) == len(PERCEIVER_LAWS)


@pytest.mark.slow
def test_pixels_keep_the_laws(root: Path) -> None:
    from nmn.perception.detector import PixelPerceiver

    images = sorted((root / "demo" / "samples").glob("CLEVR_val_*.jpg"))[:3]
    check_perceiver(PixelPerceiver.from_pretrained(), images, unusable=root / "README.md")


@dataclass(frozen=True)
class Wrong:
    """A perceiver of scenes with one thing the matter.

    Attributes:
        spoil: Changes what a method gives: (method, what it gave, what it was called with).
    """

    spoil: Callable[[str, Any, tuple[Any, ...]], Any]

    @property
    def good(self) -> ScenePerceiver:
        return ScenePerceiver(CLEVR)

    @property
    def domain(self) -> Domain:
        return CLEVR

    def load(self, image: Any) -> Any:
        try:
            return self.good.load(image)
        except InputError as error:
            return self.spoil("load", error, (image,))

    def glance(self, images: list[Scene]) -> Glance:
        return self.spoil("glance", self.good.glance(images), (images,))

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        found = self.good.look_attribute(glance, attribute, rows)
        return self.spoil("look_attribute", found, (glance, attribute, rows))

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        found = self.good.look_relation(glance, relation, rows)
        return self.spoil("look_relation", found, (glance, relation, rows))

    def glance_cost(self, images: int) -> int:
        return self.spoil("glance_cost", 0, (images,))

    def attribute_cost(self, attribute: str) -> int:
        return 0

    def relation_cost(self, relation: str, objects: int) -> int:
        return 0


def refuse(method: str, found: Any) -> Any:
    if method == "load":
        raise found
    return found


def padding_first(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    return replace(found, mask=found.mask.flip(1)) if method == "glance" else refuse(method, found)


def unnormalised(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    return found - 1.0 if method == "look_attribute" else refuse(method, found)


def infinite(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    return found * torch.inf if method == "look_relation" else refuse(method, found)


def one_sided(method: str, found: Any, given: tuple[Any, ...]) -> Any:
    left = CLEVR.relations[0].name
    return torch.full_like(found, 16.0) if method == "look_relation" and given[1] == left else refuse(method, found)


def averaged(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    if method == "glance":
        return replace(found, presence=found.presence - found.presence.mean())
    return refuse(method, found)


def by_row(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    if method == "look_relation":
        return found + torch.arange(len(found))[:, None]
    return refuse(method, found)


def costs_a_half(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    return 0.5 if method == "glance_cost" else refuse(method, found)


def takes_anything(method: str, found: Any, given: tuple[Any, ...]) -> Any:
    return given[0] if method == "load" else found


def long_winded(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    if method == "load":
        raise ImageError("two\nlines")
    return found


class OneWay(Wrong):
    """Saves and never loads."""

    def save_pretrained(self, folder: Path) -> None:
        pass


def mean_over_rows(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    """Something of the wrong shape where no rows are asked for."""
    if method == "look_attribute" and not len(found):
        return found.new_zeros((1, found.shape[1]))
    return refuse(method, found)


def in_double(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    return found.double() if method == "look_relation" else refuse(method, found)


def made_elsewhere(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    return found + torch.zeros(found.shape) if method == "look_attribute" else refuse(method, found)


def multiplies(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    """A product that no cost declares."""
    return found @ torch.eye(found.shape[1]) if method == "look_attribute" else refuse(method, found)


class Blind:
    domain = CLEVR


class Detached(Providing):
    """An attribute whose gradient is cut off."""

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        return super().look_attribute(glance, attribute, rows).detach()


class Worth(nn.Module):
    """What a thing is worth, by its features."""

    attribute = Attribute("worth", ("cheap", "precious"), ("worth",), (("cheap",), ("precious",)))
    flops = 2 * 4 * 2

    def __init__(self) -> None:
        super().__init__()
        self.read = nn.Linear(4, 2)

    def forward(self, glance: Glance, rows: Rows) -> Tensor:
        return torch.log_softmax(self.read(glance.features[rows.images, rows.objects, :4]), -1)


def fine(method: str, found: Any, _given: tuple[Any, ...]) -> Any:
    return refuse(method, found)


@pytest.mark.parametrize(
    ("law", "wrong", "message"),
    [
        ("methods", Blind(), "no method load, glance, look_attribute"),
        ("nothing asked", Wrong(mean_over_rows), "size of no objects"),
        ("dtype and device", Wrong(in_double), "torch.float64"),
        ("dtype and device", Wrong(made_elsewhere), "on a device that is not the default"),
        ("gradients", Detached(ScenePerceiver(CLEVR), Worth()), "no gradient at all"),
        ("costs", Wrong(multiplies), "FLOPs in products alone"),
        ("shapes", Wrong(padding_first), "padding before an object"),
        ("attributes", Wrong(unnormalised), "probabilities with sum 0.36"),
        ("relations", Wrong(infinite), "log-odds that are not finite"),
        ("inverses", Wrong(one_sided), "left of object"),
        ("batch is alone", Wrong(averaged), "by itself, and among 3"),
        ("rows", Wrong(by_row), "every second object, from the last"),
        ("costs", Wrong(costs_a_half), "FLOPs: a whole number"),
        ("unusable images", Wrong(takes_anything), "no complaint"),
        ("unusable images", Wrong(long_winded), "several lines"),
        ("save and load", OneWay(fine), "both, or none"),
    ],
)
def test_a_perceiver_that_breaks_a_law_is_caught_by_it(law: str, wrong: Any, message: str) -> None:
    with pytest.raises(LawBroken, match=message) as caught:
        check_perceiver(wrong, SCENES, laws=[law])
    assert caught.value.law == law


def test_every_law_of_perceivers_is_broken_by_somebody() -> None:
    marks = test_a_perceiver_that_breaks_a_law_is_caught_by_it.pytestmark  # type: ignore[attr-defined]
    assert {case[0] for case in marks[0].args[1]} == {law.name for law in PERCEIVER_LAWS}


def test_two_images_are_needed() -> None:
    with pytest.raises(InputError, match="at least two images, not 1"):
        check_perceiver(ScenePerceiver(CLEVR), SCENES[:1])
