"""Seeing: what is known of the objects of an image, whoever has looked at it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nmn.domain import Domain
from nmn.inspection.suppositions import Supposition, supposed_words
from nmn.inspection.view import ObjectView
from nmn.scene import FacetStore
from nmn.scenes import Scene, SceneObject
from nmn.trace import Answer
from nmn.words import LIKELY

_PLAIN_BOX = 0.045
"""Half the side of the box that stands for an object of which only the centre is known, of the image's width."""

_SAME_PLACE = 2.0
"""Boxes whose edges are nearer than this are of one object, px."""

Fact = tuple[str, str, float]


def objects_in_store(
    store: FacetStore, suppose: Sequence[Supposition] = (), scene: Scene | None = None
) -> tuple[ObjectView, ...]:
    """The objects of a store of one image, every facet of which is known.

    Args:
        store: What is known.
        suppose: What of that is supposed.
        scene: What the image is described by, where it is: it may know the place of what has no box.
    """
    domain, count = store.domain, int(store.glance.mask[0].sum())
    places = () if scene is None else places_in_scene(scene)
    found = []
    for index in range(count):
        facts = tuple(_facts(store, index))
        box = store.glance.boxes[0, index].tolist()
        known = None if box[0] != box[0] else (box[0], box[1], box[2], box[3])
        found.append(
            ObjectView(
                index,
                float(store.presence[0, index].sigmoid()),
                known if known is not None or not places else places[index],
                looks(facts, domain),
                facts,
                supposed_words(suppose, index, domain),
            )
        )
    return tuple(found)


def objects_in_scene(scene: Scene, domain: Domain) -> tuple[ObjectView, ...]:
    """The objects of a certain scene."""
    found = []
    for index, (each, place) in enumerate(zip(scene.objects, places_in_scene(scene), strict=True)):
        several = [(name, value, 1.0) for name, values in each.several.items() for value in values]
        facts = (*((name, value, 1.0) for name, value in each.attributes.items()), *several)
        found.append(ObjectView(index, 1.0, place, looks(facts, domain), facts))
    return tuple(found)


def objects_looked_at(answer: Answer, known: Sequence[ObjectView]) -> tuple[ObjectView, ...]:
    """The objects of a run that left looks out, with what is known of those that are the same where none is.

    Args:
        answer: Traced.
        known: The objects as every look shows them.
    """
    trace = answer.trace
    if trace is None:
        return ()
    found = []
    for index, (box, presence) in enumerate(zip(trace.boxes, trace.presence, strict=True)):
        same = index < len(known) and _near(box, known[index].box)
        found.append(replace(known[index], presence=presence) if same else ObjectView(index, presence, box))
    return tuple(found)


def places_in_scene(scene: Scene) -> tuple[tuple[float, float, float, float] | None, ...]:
    """Where the objects of a scene are drawn: their boxes, or a small one around each one's centre."""
    extent = max((each.pixel[0] for each in scene.objects if each.pixel is not None), default=0.0) * 1.08
    return tuple(each.box if each.box is not None else _around(each, extent) for each in scene.objects)


def looks(facts: Iterable[Fact], domain: Domain) -> str:
    """``large red metal cube``: adjectives first, then what it is, as far as that is likely."""
    adjectives: list[str] = []
    nouns: list[str] = []
    for name, value, chance in facts:
        attribute = domain.attribute(name)
        if chance >= LIKELY:
            (adjectives if attribute.values_are == "adjectives" else nouns).append(
                attribute.value_words[attribute.index(value)][0]
            )
    return " ".join([*adjectives, *(nouns or [domain.nouns[0]])]) if adjectives or nouns else ""


def _near(box: Sequence[float] | None, other: Sequence[float] | None) -> bool:
    if box is None or other is None:
        return box is other
    return all(abs(one - two) < _SAME_PLACE for one, two in zip(box, other, strict=True))


def _facts(store: FacetStore, index: int) -> Iterable[Fact]:
    """The likeliest value of each attribute, and all likely ones where several may hold."""
    for attribute in store.domain.attributes:
        first, end = store.domain.span(attribute.name)
        chances = store.attributes[first:end, 0, index].exp().tolist()
        ranked = sorted(zip(attribute.values, chances, strict=True), key=lambda pair: -pair[1])
        for place, (value, chance) in enumerate(ranked):
            if place == 0 or (not attribute.exclusive and chance >= LIKELY):
                yield attribute.name, value, chance


def _around(seen: SceneObject, extent: float) -> tuple[float, float, float, float] | None:
    if seen.pixel is None:
        return None
    x, y, half = seen.pixel[0], seen.pixel[1], _PLAIN_BOX * extent
    return (x - half, y - half, x + half, y + half)
