"""check_perceiver: the laws of perceivers."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor

from nmn.errors import InputError
from nmn.perceiver import Glance, Perceiver, Rows
from nmn.testing.law import Breach, Law, insist
from nmn.testing.values import differing

GUIDE = "docs/guides/your-own.md, 'A perceiver'"
CLOSE = 1e-4
SURE = 1e-3  # how far probabilities of one attribute may be from a sum of 1


@dataclass(frozen=True)
class PerceiverProbe:
    """A perceiver with what it is tried on.

    Attributes:
        perceiver: What is held to the laws.
        images: Images that it can use.
        unusable: Something that is no image.
    """

    perceiver: Perceiver
    images: Sequence[Any]
    unusable: Any

    @cached_property
    def loaded(self) -> list[Any]:
        """The images, loaded."""
        return [self.perceiver.load(image) for image in self.images]

    @cached_property
    def glance(self) -> Glance:
        """At all images together."""
        return self.perceiver.glance(self.loaded)

    @cached_property
    def rows(self) -> Rows:
        """Every object of every image."""
        return rows_of(self.glance)


def check_perceiver(
    perceiver: Perceiver, images: Sequence[Any], *, unusable: Any = None, laws: Iterable[str] | None = None
) -> tuple[str, ...]:
    """Hold a perceiver to the laws of perceivers.

    Args:
        perceiver: What looks at images.
        images: At least two that it can use, with different numbers of objects if that can be.
        unusable: Something that it cannot use.
        laws: Names of the laws to hold it to; all of :data:`PERCEIVER_LAWS` if None.

    Returns: the names of the laws that it keeps.

    Raises:
        LawBroken: at the first law that it breaks.
        InputError: when there are fewer than two images, or no law of a name.
    """
    if len(images) < 2:
        raise InputError(f"check_perceiver needs at least two images, not {len(images)}")
    probe = PerceiverProbe(perceiver, images, unusable)
    return insist(PERCEIVER_LAWS, probe, f"perceiver {type(perceiver).__name__}", laws)


def rows_of(glance: Glance) -> Rows:
    """Every object of a glance."""
    images, objects = glance.mask.nonzero(as_tuple=True)
    return Rows(images, objects)


def _shapes(probe: PerceiverProbe) -> None:
    glance, images = probe.glance, len(probe.images)
    width = glance.mask.shape[1]
    given = f"a glance at {images} images"
    for name, tensor, wanted in (
        ("presence", glance.presence, (images, width)),
        ("mask", glance.mask, (images, width)),
        ("boxes", glance.boxes, (images, width, 4)),
        ("features", glance.features[..., 0], (images, width)),
    ):
        if tuple(tensor.shape) != wanted:
            raise Breach(given, f"{name} of shape {tuple(tensor.shape)}", f"{wanted}")
    if glance.mask.dtype != torch.bool:
        raise Breach(given, f"a mask of {glance.mask.dtype}", "torch.bool")
    if bool((glance.mask[:, 1:] & ~glance.mask[:, :-1]).any()):
        raise Breach(given, "padding before an object", "objects first, padding behind them")
    if not bool(torch.isfinite(glance.presence[glance.mask]).all()):
        raise Breach(given, "a presence that is not finite", "log-odds")
    if glance.details and len(glance.details) != images:
        raise Breach(given, f"{len(glance.details)} details", f"one an image: {images}, or none")


def _attributes(probe: PerceiverProbe) -> None:
    for attribute in probe.perceiver.domain.attributes:
        found = probe.perceiver.look_attribute(probe.glance, attribute.name, probe.rows)
        given, wanted = f"{attribute.name} of {len(probe.rows)} objects", (len(probe.rows), len(attribute.values))
        if tuple(found.shape) != wanted:
            raise Breach(
                given, f"a tensor of {tuple(found.shape)}", f"{wanted}: a column for each value, in the domain's order"
            )
        if len(probe.rows) and float(found.max()) > SURE:
            raise Breach(given, f"a log-probability of {float(found.max()):.4g}", "at most 0; log_softmax gives such")
        total = found.exp().sum(-1)
        if attribute.exclusive and len(probe.rows) and float((total - 1).abs().max()) > SURE:
            worst = float(total[(total - 1).abs().argmax()])
            raise Breach(given, f"probabilities with sum {worst:.4g}", "1, since its values exclude each other")


def _relations(probe: PerceiverProbe) -> None:
    wanted = (len(probe.rows), probe.glance.mask.shape[1])
    for relation in probe.perceiver.domain.relations:
        found = probe.perceiver.look_relation(probe.glance, relation.name, probe.rows)
        given = f"{relation.name} of {len(probe.rows)} objects"
        if tuple(found.shape) != wanted:
            raise Breach(given, f"a tensor of {tuple(found.shape)}", f"{wanted}: a column for each object of the image")
        if not bool(torch.isfinite(found[probe.glance.mask[probe.rows.images]]).all()):
            raise Breach(given, "log-odds that are not finite", "finite log-odds, such as +-16 for what is certain")


def _inverses(probe: PerceiverProbe) -> None:
    for relation in probe.perceiver.domain.relations:
        if relation.inverse is None:
            continue
        there, back = (_tables(probe, name) for name in (relation.name, relation.inverse))
        apart = ~torch.eye(there.shape[1], dtype=torch.bool) & _pairs(probe.glance)
        place = differing(there.sigmoid() * apart, back.transpose(1, 2).sigmoid() * apart, 1e-3)
        if place is not None:
            image, one, other = place
            found, wanted = float(there[place].sigmoid()), float(back[image, other, one].sigmoid())
            given = f"image {image}: {relation.name} of object {one}, is it object {other}?"
            raise Breach(given, f"{found:.4g}", f"{wanted:.4g}, as {relation.inverse} says of object {other}")


def _pairs(glance: Glance) -> Tensor:
    return glance.mask[:, :, None] & glance.mask[:, None, :]


def _tables(probe: PerceiverProbe, relation: str) -> Tensor:
    """[images, objects, objects] log-odds."""
    found = probe.perceiver.look_relation(probe.glance, relation, probe.rows)
    images, width = probe.glance.mask.shape
    table = found.new_zeros((images, width, width))
    table[probe.rows.images, probe.rows.objects] = found
    return table.cpu()


def _batch(probe: PerceiverProbe) -> None:
    for number, image in enumerate(probe.loaded):
        alone = probe.perceiver.glance([image])
        objects = int(alone.mask.sum())
        given = f"image {number} by itself, and among {len(probe.loaded)}"
        if objects != int(probe.glance.mask[number].sum()):
            raise Breach(given, f"{objects} objects, and {int(probe.glance.mask[number].sum())}", "the same number")
        _same(alone.presence[0, :objects], probe.glance.presence[number, :objects], given)
        mine, own = rows_of(alone), probe.rows.images == number
        theirs = Rows(probe.rows.images[own], probe.rows.objects[own])
        for attribute in probe.perceiver.domain.attributes:
            look = probe.perceiver.look_attribute
            _same(look(alone, attribute.name, mine), look(probe.glance, attribute.name, theirs), given)


def _rows(probe: PerceiverProbe) -> None:
    back = torch.arange(len(probe.rows) - 1, -1, -2, device=probe.rows.images.device)
    some = Rows(probe.rows.images[back], probe.rows.objects[back])
    domain = probe.perceiver.domain
    looks: list[tuple[Callable[[Glance, str, Rows], Tensor], str]]
    looks = [(probe.perceiver.look_attribute, each.name) for each in domain.attributes]
    looks += [(probe.perceiver.look_relation, each.name) for each in domain.relations]
    for look, name in looks:
        every, asked = (look(probe.glance, name, rows) for rows in (probe.rows, some))
        _same(asked, every[back], f"{name} of every second object, from the last")


def _costs(probe: PerceiverProbe) -> None:
    perceiver = probe.perceiver
    found = {"glance_cost": perceiver.glance_cost(1)}
    found |= {
        f"attribute_cost {each.name}": perceiver.attribute_cost(each.name) for each in perceiver.domain.attributes
    }
    found |= {
        f"relation_cost {each.name}": perceiver.relation_cost(each.name, 3) for each in perceiver.domain.relations
    }
    for name, cost in found.items():
        if type(cost) is not int or cost < 0:
            raise Breach(name, f"{cost!r}", "FLOPs: a whole number of at least 0")


def _unusable(probe: PerceiverProbe) -> None:
    given, wanted = f"{probe.unusable!r} for an image", "an InputError in one line (nmn.errors has the tree)"
    try:
        probe.perceiver.load(probe.unusable)
    except InputError as error:
        if "\n" in str(error).strip():
            raise Breach(given, f"a message of several lines: {str(error)!r}", wanted) from None
        return
    raise Breach(given, "no complaint", wanted)


def _saving(probe: PerceiverProbe) -> None:
    save, load = (getattr(probe.perceiver, name, None) for name in ("save_pretrained", "from_pretrained"))
    if save is None and load is None:
        return
    if save is None or load is None:
        raise Breach("save_pretrained and from_pretrained", "one of them", "both, or none")
    with TemporaryDirectory() as folder:
        save(Path(folder))
        loaded: Perceiver = load(Path(folder))
        glance = loaded.glance(probe.loaded)
        _same(glance.presence, probe.glance.presence, "weights saved, and loaded by another")
        for attribute in loaded.domain.attributes:
            mine = probe.perceiver.look_attribute(probe.glance, attribute.name, probe.rows)
            _same(
                loaded.look_attribute(glance, attribute.name, probe.rows), mine, "weights saved, and loaded by another"
            )


def _same(found: Tensor, wanted: Tensor, given: str) -> None:
    place = differing(found, wanted, CLOSE)
    if place is not None:
        raise Breach(given, f"{float(found[place]):.6g} at {list(place)}", f"{float(wanted[place]):.6g}")


def _law(name: str, claim: str, advice: str, holds: Callable[[PerceiverProbe], None]) -> Law[PerceiverProbe]:
    return Law(name, claim, advice, GUIDE, holds)


PERCEIVER_LAWS: tuple[Law[PerceiverProbe], ...] = (
    _law(
        "shapes",
        "a glance has a row for each image, its objects first and padding behind them",
        "pad every image to the widest and set mask where objects are",
        _shapes,
    ),
    _law(
        "attributes", "an attribute's values have log-probabilities", "end in log_softmax over its values", _attributes
    ),
    _law(
        "relations",
        "a relation has log-odds for every object",
        "columns are the glance's objects, padding too",
        _relations,
    ),
    _law(
        "inverses",
        "a relation and its inverse say the same of a pair",
        "compute one of the two and transpose it for the other",
        _inverses,
    ),
    _law(
        "batch is alone",
        "what is seen of an image does not depend on the images beside it",
        "fold batch normalisation (eval mode); never normalise over the batch",
        _batch,
    ),
    _law(
        "rows",
        "what is seen of an object does not depend on which others are asked for",
        "index by rows.images and rows.objects, in their order",
        _rows,
    ),
    _law("costs", "looks have a cost", "count two FLOPs for each multiply-add; 0 where nothing is computed", _costs),
    _law("unusable images", "what is no image is refused", "raise ImageError in load, not in glance", _unusable),
    _law("save and load", "what is loaded sees what was saved", "write every weight and every setting", _saving),
)
"""The laws of perceivers, in the order that they are tried."""
