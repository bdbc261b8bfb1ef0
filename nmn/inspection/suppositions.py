"""Suppositions: what would be answered if something were another than it is seen to be.

What is supposed is either something of the image (an attribute of an object, whether it is there, a relation) or what a
step gives: a set of objects, one object, a number, yes or no, a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from nmn.domain import NO, YES, Domain
from nmn.errors import InputError, nearest
from nmn.logic import ABSENT, LIMIT
from nmn.perceiver import Rows
from nmn.program import Program
from nmn.registry import Registry
from nmn.resume import Changed
from nmn.scene import FacetStore
from nmn.signature import ATTRIBUTE_NAME_KIND, CHOICE_KIND
from nmn.words import choices


@dataclass(frozen=True)
class SupposedAttribute:
    """An object has a value of an attribute; of an attribute of which several may hold, it has this one, too."""

    object: int
    attribute: str
    value: str

    def words(self, domain: Domain) -> str:
        """``object 4 is red``."""
        return f"object {self.object} is {self.value}"


@dataclass(frozen=True)
class SupposedPresence:
    """An object is there, or it is not."""

    object: int
    there: bool

    def words(self, domain: Domain) -> str:
        """``object 4 is not there``."""
        return f"object {self.object} is {'' if self.there else 'not '}there"


@dataclass(frozen=True)
class SupposedRelation:
    """An object is, or is not, in a relation to another one: ``object`` is ``relation`` of ``anchor``."""

    object: int
    relation: str
    anchor: int
    holds: bool = True

    def words(self, domain: Domain) -> str:
        """``object 4 is left of object 1``."""
        said = domain.relation(self.relation).words[0]
        return f"object {self.object} is {'' if self.holds else 'not '}{said} object {self.anchor}"


@dataclass(frozen=True)
class SupposedObjects:
    """A step gives these objects and no others; exactly one where it gives one object."""

    node: int
    objects: tuple[int, ...]

    def words(self, domain: Domain) -> str:
        """``step #3 gives objects 0, 2``."""
        named = ", ".join(map(str, self.objects)) or "none"
        return f"step #{self.node} gives {'object' if len(self.objects) == 1 else 'objects'} {named}"


@dataclass(frozen=True)
class SupposedOutcome:
    """A step gives a number, yes or no, or a value, by its name."""

    node: int
    outcome: str

    def words(self, domain: Domain) -> str:
        """``step #3 gives 2``."""
        return f"step #{self.node} gives {self.outcome}"


OfObject = SupposedAttribute | SupposedPresence | SupposedRelation
OfNode = SupposedObjects | SupposedOutcome
Supposition = OfObject | OfNode


def check_suppositions(
    suppose: Sequence[Supposition], program: Program, objects: int, domain: Domain, registry: Registry
) -> None:
    """See that suppositions are about objects, words and steps that there are. Raises: InputError."""
    for each in suppose:
        if isinstance(each, SupposedObjects | SupposedOutcome):
            _check_of_node(each, program, objects, domain, registry)
            continue
        _check_object(each.object, objects)
        if isinstance(each, SupposedAttribute):
            domain.concept_id(each.attribute, each.value)
        elif isinstance(each, SupposedRelation):
            domain.relation(each.relation)
            _check_object(each.anchor, objects)
            if each.anchor == each.object:
                raise InputError("nothing stands in a relation to itself: name two objects")


def outcomes(program: Program, node: int, objects: int, domain: Domain, registry: Registry) -> tuple[str, ...]:
    """What a step that gives no objects may give, by name; nothing for those that do.

    Args:
        program: Whose step it is.
        node: Its index.
        objects: How many there are.
        domain: Names values.
        registry: Says what kind the step's value is of.
    """
    call = program.nodes[node]
    kind = registry.signature(call.operation).output
    if kind == "Bool":
        return YES, NO
    if kind == "Count":
        return tuple(str(number) for number in range(objects + 1))
    if kind == "Value":
        return domain.attribute(call.attribute or "").values
    if kind == CHOICE_KIND:
        return choices(call, domain)
    return tuple(domain.attributes[each].name for each in domain.comparable_ids) if kind == ATTRIBUTE_NAME_KIND else ()


def put_in_store(store: FacetStore, suppose: Sequence[Supposition]) -> list[Changed]:
    """Put what is supposed of objects where it is, or would be, computed, and say what has changed.

    Args:
        store: Of one image.
        suppose: What is supposed; checked.
    """
    changed: dict[Changed, None] = {}
    for each in suppose:
        if isinstance(each, SupposedPresence):
            certain = LIMIT if each.there else -LIMIT
            store.presence[0, each.object] = certain
            store.log_presence[0, each.object] = logsigmoid(torch.tensor(certain))
            changed[Changed(0, None)] = None
        elif isinstance(each, SupposedAttribute):
            _put_attribute(store, each)
            changed[Changed(0, each.attribute)] = None
        elif isinstance(each, SupposedRelation):
            changed |= {Changed(0, name): None for name in _put_relation(store, each)}
    return list(changed)


def values_put(
    suppose: Sequence[Supposition], program: Program, store: FacetStore, registry: Registry
) -> Mapping[tuple[int, int], Tensor]:
    """The values that take the place of steps' own, as :func:`nmn.resume.resume` wants them; checked suppositions."""
    found = {}
    for each in suppose:
        if isinstance(each, SupposedObjects):
            found[0, each.node] = _of_objects(each, program, store, registry)
        elif isinstance(each, SupposedOutcome):
            found[0, each.node] = _of_outcome(each, program, store, registry)
    return found


def supposed_words(suppose: Sequence[Supposition], index: int, domain: Domain) -> tuple[str, ...]:
    """What is supposed of an object."""
    of_objects = [each for each in suppose if isinstance(each, SupposedAttribute | SupposedPresence | SupposedRelation)]
    return tuple(f"suppose {each.words(domain)}" for each in of_objects if each.object == index)


def _check_object(index: int, objects: int) -> None:
    if not 0 <= index < objects:
        raise InputError(f"there is no object {index}: they are numbered 0 to {objects - 1}")


def _check_of_node(each: OfNode, program: Program, objects: int, domain: Domain, registry: Registry) -> None:
    if not 0 <= each.node < len(program.nodes):
        raise InputError(f"there is no step {each.node}: they are numbered 0 to {len(program.nodes) - 1}")
    kind = registry.signature(program.nodes[each.node].operation).output
    gives_objects = kind in ("ObjectSet", "Object")
    if isinstance(each, SupposedOutcome):
        if gives_objects:
            raise InputError(f"step #{each.node} gives objects: say which, by their numbers")
        names = outcomes(program, each.node, objects, domain, registry)
        if each.outcome not in names:
            raise InputError(f"step #{each.node} cannot give {each.outcome!r}{nearest(each.outcome, names)}")
        return
    if not gives_objects:
        raise InputError(f"step #{each.node} gives no objects: say which value it gives")
    for index in each.objects:
        _check_object(index, objects)
    if kind == "Object" and len(each.objects) != 1:
        raise InputError(f"step #{each.node} gives one object, not {len(each.objects)}")


def _put_attribute(store: FacetStore, supposed: SupposedAttribute) -> None:
    attribute = store.domain.attribute(supposed.attribute)
    rows = Rows(*(torch.tensor([place], device=store.presence.device) for place in (0, supposed.object)))
    if attribute.exclusive:
        chances = store.presence.new_full((1, len(attribute.values)), -LIMIT)
    else:
        _known(store, store.domain.attribute_ids[attribute.name], None)
        first, end = store.domain.span(attribute.name)
        chances = store.attributes[first:end, 0, supposed.object][None].clone()
    chances[0, attribute.index(supposed.value)] = 0.0
    store.set_attribute(attribute.name, rows, chances)


def _put_relation(store: FacetStore, supposed: SupposedRelation) -> list[str]:
    """Also its inverse; of a relation along an axis, the opposite does not hold at the same time."""
    relation = store.domain.relation(supposed.relation)
    entries = [(relation.name, supposed.anchor, supposed.object, supposed.holds)]
    if relation.inverse is not None:
        entries.append((relation.inverse, supposed.object, supposed.anchor, supposed.holds))
    if relation.inverse is not None and relation.axis is not None and supposed.holds:
        entries.append((relation.inverse, supposed.anchor, supposed.object, False))
        entries.append((relation.name, supposed.object, supposed.anchor, False))
    for name, anchor, other, holds in entries:
        number = store.domain.relation_ids[name]
        _known(store, None, number)
        row = store.relations[number, 0, anchor][None].clone()
        row[0, other] = LIMIT if holds else -LIMIT
        store.set_relation(name, Rows(*(torch.tensor([each], device=row.device) for each in (0, anchor))), row)
    return list(dict.fromkeys(name for name, *_ in entries))


def _known(store: FacetStore, attribute: int | None, relation: int | None) -> None:
    """What is changed in part must be known as a whole."""
    store.compute_of_image(0, () if attribute is None else (attribute,), () if relation is None else (relation,))


def _of_objects(each: SupposedObjects, program: Program, store: FacetStore, registry: Registry) -> Tensor:
    mask = store.glance.mask[0]
    chosen = torch.zeros_like(mask)
    chosen[list(each.objects)] = True
    if registry.signature(program.nodes[each.node].operation).output == "Object":
        return torch.where(chosen, 0.0, torch.where(mask, -LIMIT, ABSENT)).to(store.presence.dtype)
    return torch.where(chosen, LIMIT, -LIMIT).to(store.presence.dtype)


def _of_outcome(each: SupposedOutcome, program: Program, store: FacetStore, registry: Registry) -> Tensor:
    domain, node = store.domain, program.nodes[each.node]
    kind = registry.signature(node.operation).output
    if kind == "Bool":
        return store.presence.new_tensor(LIMIT if each.outcome == YES else -LIMIT)
    if kind == "Count":
        width, place = store.glance.mask.shape[1] + 1, int(each.outcome)
    elif kind == "Value":
        width, place = len(domain.concepts), domain.concept_id(node.attribute or "", each.outcome)
    elif kind == CHOICE_KIND:
        width, place = 2, choices(node, domain).index(each.outcome)
    else:
        width, place = len(domain.attributes), domain.attribute_ids[each.outcome]
    value = store.presence.new_zeros(width)
    value[place] = 1.0
    return value
