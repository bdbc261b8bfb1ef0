"""check_perceiver: the laws of perceivers."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nmn.domain import Domain
from nmn.errors import InputError
from nmn.perceiver import Glance, Perceiver, Rows
from nmn.testing.law import Breach, Law, insist
from nmn.testing.perceiver_probe import PerceiverProbe, rows_of
from nmn.testing.values import differing

GUIDE = "docs/guides/your-own.md, 'A perceiver'"
CLOSE = 1e-4
SURE = 1e-3  # how far probabilities of one attribute may be from a sum of 1
DOUBT = 2  # how many times its declared cost a look may take: what is looked at closer differs from image to image
METHODS = ("load", "glance", "look_attribute", "look_relation", "glance_cost", "attribute_cost", "relation_cost")


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


def _methods(probe: PerceiverProbe) -> None:
    given = type(probe.perceiver).__name__
    lacking = [name for name in METHODS if not callable(getattr(probe.perceiver, name, None))]
    if lacking:
        raise Breach(given, f"no method {', '.join(lacking)}", f"all of {', '.join(METHODS)}")
    if not isinstance(getattr(probe.perceiver, "domain", None), Domain):
        raise Breach(given, "no domain", "an attribute 'domain', what it can speak of")


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
        _same(alone.boxes[0, :objects].nan_to_num(), probe.glance.boxes[number, :objects].nan_to_num(), given)
        mine, own = rows_of(alone), probe.rows.images == number
        theirs = Rows(probe.rows.images[own], probe.rows.objects[own])
        columns = min(alone.mask.shape[1], objects)  # behind them is padding
        for attribute in probe.perceiver.domain.attributes:
            look = probe.perceiver.look_attribute
            _same(look(alone, attribute.name, mine), look(probe.glance, attribute.name, theirs), given)
        for relation in probe.perceiver.domain.relations:
            tell = probe.perceiver.look_relation
            one, other = tell(alone, relation.name, mine), tell(probe.glance, relation.name, theirs)
            _same(one[:, :columns], other[:, :columns], given)


def _rows(probe: PerceiverProbe) -> None:
    back = torch.arange(len(probe.rows) - 1, -1, -2, device=probe.rows.images.device)
    some = Rows(probe.rows.images[back], probe.rows.objects[back])
    for name, look in probe.looks:
        every, asked = (look(probe.glance, name, rows) for rows in (probe.rows, some))
        _same(asked, every[back], f"{name} of every second object, from the last")


def _nothing(probe: PerceiverProbe) -> None:
    none = probe.rows.images[:0]
    attributes = probe.perceiver.domain.attributes
    widths = [*(len(each.values) for each in attributes), *[probe.glance.mask.shape[1]] * len(probe.looks)]
    for (name, look), width in zip(probe.looks, widths, strict=False):
        found = look(probe.glance, name, Rows(none, none))
        if tuple(found.shape) != (0, width):
            raise Breach(f"{name} of no objects", f"a tensor of {tuple(found.shape)}", f"{(0, width)}")
    images = probe.perceiver.glance([]).mask.shape[0]
    if images:
        raise Breach("a glance at no images", f"{images} images", "none")


def _tensors(probe: PerceiverProbe) -> None:
    glance = probe.glance
    for name, look in probe.looks:
        given = f"{name} of {len(probe.rows)} objects"
        found = look(glance, name, probe.rows)
        if found.dtype != glance.presence.dtype or not found.is_floating_point():
            raise Breach(given, f"{found.dtype}", f"{glance.presence.dtype}, as presence has")
        wanted = "an output on the glance's device"
        try:
            with torch.device("meta"):  # a tensor made without saying where is now made elsewhere
                found = look(glance, name, probe.rows)
        except (RuntimeError, NotImplementedError) as error:
            raise Breach(
                f"{given}, on a device that is not the default one", str(error).splitlines()[0], wanted
            ) from None
        if found.device != glance.presence.device:
            raise Breach(f"{given}, on a device that is not the default one", f"an output on {found.device}", wanted)


def _gradients(probe: PerceiverProbe) -> None:
    if not isinstance(probe.perceiver, nn.Module):
        return  # not learned from answers
    weights = {name: each for name, each in probe.perceiver.named_parameters() if each.requires_grad}
    if not weights:
        return
    with torch.enable_grad():
        glance = probe.perceiver.glance(probe.loaded)
        rows = rows_of(glance)
        seen = sum(look(glance, name, rows).sigmoid().square().sum() for name, look in probe.looks)
        total = torch.as_tensor(seen) + glance.presence.sigmoid().sum()
        given, wanted = f"{type(probe.perceiver).__name__}, looking at everything", "a finite gradient for each weight"
        if not total.requires_grad:
            raise Breach(given, "no gradient at all", wanted)
        found: Sequence[Tensor | None] = torch.autograd.grad(total, list(weights.values()), allow_unused=True)
    for name, gradient in zip(weights, found, strict=True):
        if gradient is None or not bool(torch.isfinite(gradient).all()):
            raise Breach(given, f"{name}: {'no gradient' if gradient is None else 'one that is not finite'}", wanted)


def _costs(probe: PerceiverProbe) -> None:
    perceiver, glance, rows = probe.perceiver, probe.glance, probe.rows
    images, width, many = len(probe.images), glance.mask.shape[1], len(rows)
    relations = {each.name for each in perceiver.domain.relations}
    declared = {"glance_cost": perceiver.glance_cost(images)}
    calls: dict[str, Callable[[], object]] = {"glance_cost": lambda: perceiver.glance(probe.loaded)}
    for name, look in probe.looks:
        cost = perceiver.relation_cost(name, width) if name in relations else perceiver.attribute_cost(name)
        key = f"{'relation' if name in relations else 'attribute'}_cost {name}"
        declared[key] = cost
        calls[key] = lambda look=look, name=name: look(glance, name, rows)  # type: ignore[misc]
    for key, cost in declared.items():
        if type(cost) is not int or cost < 0:
            raise Breach(key, f"{cost!r}", "FLOPs: a whole number of at least 0")
        with FlopCounterMode(display=False) as counter:
            calls[key]()
        allowed = DOUBT * cost * (1 if key == "glance_cost" else many)
        if counter.get_total_flops() > allowed:
            found = f"{counter.get_total_flops():,} FLOPs in products alone"
            raise Breach(
                f"{key}, {images} images with {many} objects", found, f"at most {allowed:,}: {DOUBT} x declared"
            )


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
    _law("methods", "a perceiver has a domain and its methods", "nmn.perceiver.Perceiver lists them", _methods),
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
    _law(
        "nothing asked",
        "of no objects nothing is seen, in no images nothing is found",
        "reshape to sizes, not to -1; stack with a case for no images",
        _nothing,
    ),
    _law(
        "dtype and device",
        "what is seen has the dtype of presence and is on the glance's device",
        "make tensors with new_zeros, zeros_like or device=",
        _tensors,
    ),
    _law(
        "gradients",
        "where it is an nn.Module, every weight can learn from answers",
        "no detach, item, round or argmax on the way; requires_grad_(False) for what is not to learn",
        _gradients,
    ),
    _law(
        "costs",
        "looks have a cost, and take no more than twice as many products",
        "count two FLOPs for each multiply-add; 0 where nothing is computed",
        _costs,
    ),
    _law("unusable images", "what is no image is refused", "raise ImageError in load, not in glance", _unusable),
    _law("save and load", "what is loaded sees what was saved", "write every weight and every setting", _saving),
)
"""The laws of perceivers, in the order that they are tried."""
