"""Suppositions: what would be answered if an object were another than it is seen to be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from nmn.domain import NO, YES, Domain
from nmn.errors import InputError
from nmn.logic import LIMIT
from nmn.perceiver import Rows
from nmn.scene import FacetStore
from nmn.scenes import Scene, SceneObject


@dataclass(frozen=True)
class Supposition:
    """Something put in the place of what was seen: ``attribute`` of an object is ``value``; or it is there, or not.

    Attributes:
        object: Its index.
        attribute: Name of the attribute; None for whether it is there at all.
        value: The attribute's value; ``yes`` or ``no`` without an attribute.
    """

    object: int
    attribute: str | None
    value: str

    @property
    def words(self) -> str:
        """``suppose it is red``."""
        if self.attribute is None:
            return f"suppose {'it is there' if self.value == 'yes' else 'it is not there'}"
        return f"suppose {self.attribute}: {self.value}"


def check_suppositions(suppose: Sequence[Supposition], objects: int, domain: Domain) -> None:
    """See that suppositions are about objects that there are, and about words of the domain. Raises: InputError."""
    for each in suppose:
        if not 0 <= each.object < objects:
            raise InputError(f"there is no object {each.object}: they are numbered 0 to {objects - 1}")
        if each.attribute is not None:
            domain.concept_id(each.attribute, each.value)
        elif each.value not in (YES, NO):
            raise InputError(f"whether an object is there is 'yes' or 'no', not {each.value!r}")


def put_suppositions(store: FacetStore, suppose: Sequence[Supposition]) -> None:
    """Put what is supposed where it would be computed."""
    for each in suppose:
        if each.attribute is None:
            certain = LIMIT if each.value == YES else -LIMIT
            store.presence[0, each.object] = certain
            store.log_presence[0, each.object] = logsigmoid(torch.tensor(certain))
        else:
            rows = Rows(torch.tensor([0]), torch.tensor([each.object]))
            store.set_attribute(each.attribute, rows, _certain(store, each))


def _certain(store: FacetStore, supposed: Supposition) -> Tensor:
    attribute = store.domain.attribute(supposed.attribute or "")
    chances = store.presence.new_full((1, len(attribute.values)), -LIMIT)
    chances[0, attribute.index(supposed.value)] = 0.0
    return chances


def supposed_scene(scene: Scene, suppose: Sequence[Supposition]) -> Scene:
    """An annotated scene as it is supposed to be. Raises: InputError when an object is supposed to be there, or not."""
    if any(each.attribute is None for each in suppose):
        raise InputError("of an annotated scene it can be supposed what its objects are like, not which there are")
    return replace(scene, objects=tuple(_changed(each, index, suppose) for index, each in enumerate(scene.objects)))


def _changed(seen: SceneObject, index: int, suppose: Sequence[Supposition]) -> SceneObject:
    attributes = dict(seen.attributes)
    several = dict(seen.several)
    for each in suppose:
        if each.object == index and each.attribute in attributes:
            attributes[each.attribute] = each.value
        elif each.object == index and each.attribute is not None:
            several[each.attribute] = (*several.get(each.attribute, ()), each.value)
    return replace(seen, attributes=attributes, several=several)


def supposed_words(suppose: Sequence[Supposition], index: int) -> tuple[str, ...]:
    """What is supposed of an object."""
    return tuple(each.words for each in suppose if each.object == index)
