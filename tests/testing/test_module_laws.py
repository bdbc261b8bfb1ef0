"""One wrong module for each law of modules: it is caught by that law, and the message says what is the matter."""

import re
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from nmn.cost import Sizes
from nmn.errors import InputError
from nmn.exact.scene import ExactScene
from nmn.logic import LIMIT, POSSIBLE, clamp, from_odds
from nmn.registry import default_registry, module
from nmn.scene import SceneGraph
from nmn.testing import MODULE_LAWS, LawBroken, check_module
from nmn.types import Bool, Concept, Object, ObjectSet


@module("undocumented")
class BreaksSignature(nn.Module):
    def forward(self, members: ObjectSet) -> ObjectSet:
        return members


@module("flat")
class BreaksShapes(nn.Module):
    """A set without its objects."""

    def forward(self, members: ObjectSet) -> ObjectSet:
        return members.sum(-1)


@module("boundless")
class BreaksRange(nn.Module):
    """Log-odds past the limit."""

    def forward(self, members: ObjectSet) -> ObjectSet:
        return members * 100.0


@module("first_concept")
class BreaksBatch(nn.Module):
    """The first row's concept for all rows."""

    def forward(self, scene: SceneGraph, concept: Concept) -> ObjectSet:
        fits = scene.concept(concept[:1].expand_as(concept), asked=scene.mask)
        return torch.where(scene.mask, clamp(fits), -LIMIT)


@module("first_object")
class BreaksOrder(nn.Module):
    """Whether the first object is a member."""

    def forward(self, scene: SceneGraph, members: ObjectSet) -> Bool:
        return torch.where(scene.mask[:, 0], members[:, 0], -LIMIT)


@module("mean")
class BreaksPadding(nn.Module):
    """The mean over padding, too."""

    def forward(self, members: ObjectSet) -> Bool:
        return members.mean(-1)


@module("share")
class BreaksEmpty(nn.Module):
    """Divides by the number of objects."""

    def forward(self, scene: SceneGraph, members: ObjectSet) -> Bool:
        return (members * scene.mask).sum(-1) / scene.mask.sum(-1)


@module("detached")
class BreaksGradients(nn.Module):
    """A gradient that is cut off."""

    def forward(self, members: ObjectSet) -> ObjectSet:
        return clamp(members.detach() * 0.25 + members * 0.25)


@module("unteachable")
class BreaksPerception(nn.Module):
    """Nothing is learned of what it reads."""

    def forward(self, scene: SceneGraph, members: ObjectSet, concept: Concept) -> ObjectSet:
        keeps = members.sigmoid() * scene.concept(concept, asked=members > POSSIBLE).detach().exp()
        return from_odds(keeps, 1.0 - keeps)


@module("narrowed")
class BreaksTypes(nn.Module):
    """Single precision whatever comes in."""

    def forward(self, members: ObjectSet) -> ObjectSet:
        return clamp(members).float()


@module("elsewhere")
class BreaksDevice(nn.Module):
    """A tensor made without a device."""

    def forward(self, members: ObjectSet) -> ObjectSet:
        return clamp(members + torch.zeros(members.shape, dtype=members.dtype))


@module("unasked")
class BreaksAsking(nn.Module):
    """Reads what it never asks for."""

    def forward(self, scene: SceneGraph, members: ObjectSet, concept: Concept) -> ObjectSet:
        nobody = torch.zeros_like(scene.mask)
        return torch.where(scene.mask, clamp(scene.concept(concept, asked=nobody)), -LIMIT)


@module("free")
class BreaksCost(nn.Module):
    """A product that it does not declare."""

    def forward(self, scene: SceneGraph, anchor: Object) -> ObjectSet:
        others = 1.0 - torch.eye(anchor.shape[1], dtype=anchor.dtype, device=anchor.device)
        chance = torch.matmul(anchor.exp(), others)
        return torch.where(scene.mask, from_odds(chance, 1.0 - chance), -LIMIT)

    @staticmethod
    def cost(sizes: Sizes) -> int:
        return sizes.objects


@module("contrary")
class BreaksHardLimit(nn.Module):
    """One thing by probabilities, another by its rule."""

    def forward(self, scene: SceneGraph, members: ObjectSet, concept: Concept) -> ObjectSet:
        fits = scene.concept(concept, asked=members > POSSIBLE).exp()
        keeps = members.sigmoid() * fits
        return from_odds(keeps, 1.0 - keeps)

    @staticmethod
    def exact(scene: ExactScene, members: int, concept: int) -> int:
        return members & ~scene.fitting(concept, members)


@module("forgetful")
class BreaksSaving(nn.Module):
    """A random number that no file holds."""

    def __init__(self) -> None:
        super().__init__()
        self.weight: Tensor = torch.rand(())

    def forward(self, members: ObjectSet) -> ObjectSet:
        return clamp(members + self.weight - 1.0)


@module("raising")
class Raises(nn.Module):
    """Fails altogether."""

    def forward(self, members: ObjectSet) -> ObjectSet:
        raise ValueError("not today")


WRONG = {
    "signature": (BreaksSignature, "no docstring"),
    "shapes": (BreaksShapes, r"ObjectSet of shape \(1,\)"),
    "range": (BreaksRange, r"log-odds within \+-16"),
    "batch is loop": (BreaksBatch, "row 1 of a batch of 3"),
    "order of objects": (BreaksOrder, "the objects in the order"),
    "padding": (BreaksPadding, "an image of 3 objects beside one of 5"),
    "empty image": (BreaksEmpty, "finite numbers"),
    "gradients": (BreaksGradients, "the gradient that differences give"),
    "gradients of what is seen": (BreaksPerception, "what is seen of 4 objects"),
    "dtype": (BreaksTypes, "an output of torch.float32"),
    "device": (BreaksDevice, "device that is not the default"),
    "asks for what it reads": (BreaksAsking, "no facet known before"),
    "cost": (BreaksCost, "FLOPs a row in products alone, 6 declared"),
    "hard limit": (BreaksHardLimit, "exactly the objects"),
    "save and load": (BreaksSaving, "loaded by another"),
}


@pytest.mark.parametrize("law", [law.name for law in MODULE_LAWS])
def test_a_module_that_breaks_a_law_is_caught_by_it(law: str) -> None:
    wrong, message = WRONG[law]
    with pytest.raises(LawBroken, match=message) as caught:
        check_module(wrong, laws=[law])
    assert caught.value.law == law
    shown = str(caught.value).splitlines()
    assert shown[0] == f"module {wrong.__name__} breaks the law '{law}'"
    assert [line.split(":")[0].strip() for line in shown[1:]] == [
        "what holds",
        "given",
        "came out",
        "right would be",
        "advice",
        "more",
    ]


@pytest.mark.parametrize("law", [name for name in WRONG if name != "signature"])
def test_it_is_caught_by_that_law_before_any_later_one(law: str) -> None:
    order = [each.name for each in MODULE_LAWS]
    with pytest.raises(LawBroken) as caught:
        check_module(WRONG[law][0])
    assert order.index(caught.value.law) <= order.index(law)


def test_a_module_that_raises_breaks_a_law_and_its_error_is_kept() -> None:
    with pytest.raises(LawBroken, match="ValueError: not today") as caught:
        check_module(Raises)
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_law_that_there_is_not_names_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'padding'"):
        check_module(default_registry().load("filter"), laws=["pading"])


def test_the_guide_has_every_law(root: Path) -> None:
    guide = (root / "docs" / "guides" / "modules.md").read_text(encoding="utf-8")
    rows = {name for row in re.findall(r"^\| ([^|]+) \|", guide, flags=re.MULTILINE) for name in row.split(", ")}
    assert {law.name for law in MODULE_LAWS} <= rows
