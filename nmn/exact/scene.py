"""ExactScene: an image of which everything is certain, as the exact rules of modules read it.

A module's rule is a static method ``exact``: the scene, then the parameters of its ``forward``. Values are plain:

==============  ================================================
``ObjectSet``   int, bit i set where object i is a member
``Object``      int, the object's index
``Count``       int
``Bool``        bool
``Value``       int, a concept's id in the domain's layout
``Concept``     int, the concept's id
``Attribute``   int, the attribute's id
``Relation``    int, the relation's id
==============  ================================================

An ``AttributeName`` is an attribute's id, a ``Choice`` the position of the constant, 0 or 1.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Protocol, runtime_checkable

from nmn.domain import Domain
from nmn.errors import SceneError
from nmn.scenes import Scene


class NotOne(Exception):
    """A rule asked for the one object of a set that has none or several."""


def only(members: int) -> int:
    """The one object of a set. Raises: NotOne when it has none or several."""
    if members == 0 or members & (members - 1):
        raise NotOne
    return members.bit_length() - 1


@lru_cache(maxsize=2**16)
def objects_of(members: int) -> tuple[int, ...]:
    """The objects of a set, in rising order."""
    return tuple(index for index in range(members.bit_length()) if members >> index & 1)


@runtime_checkable
class ExactScene(Protocol):
    """What a rule may ask of an image; it asks for no more than it needs.

    Rules ask in these few ways only, so that a trace can note what was read, and so that :mod:`nmn.worlds` can decide
    uncertain facts one at a time, as they are asked for.
    """

    @property
    def everything(self) -> int:
        """The set of all objects."""
        ...

    def fitting(self, concept: int, members: int) -> int:
        """Those of ``members`` that carry a concept."""
        ...

    def value(self, attribute: int, subject: int) -> int:
        """The concept that is an object's value of an attribute."""
        ...

    def related(self, relation: int, anchor: int) -> int:
        """The objects that stand in a relation to ``anchor``; never itself."""
        ...

    def in_common(self, first: int, second: int) -> tuple[int, ...]:
        """The attributes of which two objects share a value, of those that the domain compares objects by."""
        ...


class DescribedScene:
    """An :class:`ExactScene` that holds an annotation.

    Attributes:
        everything: The set of all objects.
        objects: How many there are.
        source: The annotation.
    """

    __slots__ = ("_comparable", "_concepts", "_relations", "_values", "everything", "objects", "source")

    def __init__(
        self,
        source: Scene,
        concepts: Sequence[int],
        values: Sequence[Sequence[int] | Mapping[int, int]],
        relations: Sequence[Sequence[int]],
        comparable: Sequence[tuple[int, Sequence[int]]],
    ) -> None:
        self.source = source
        self.objects = len(source.objects)
        self.everything = (1 << self.objects) - 1
        self._concepts = concepts
        self._values = values
        self._relations = relations
        self._comparable = comparable

    def fitting(self, concept: int, members: int) -> int:
        """Those of ``members`` that carry a concept."""
        return members & self._concepts[concept]

    def value(self, attribute: int, subject: int) -> int:
        """The concept that is an object's value of an attribute."""
        return self._values[attribute][subject]

    def related(self, relation: int, anchor: int) -> int:
        """The objects that stand in a relation to ``anchor``; never itself."""
        return self._relations[relation][anchor]

    def in_common(self, first: int, second: int) -> tuple[int, ...]:
        """The attributes of which two objects share a value, of those that the domain compares objects by."""
        both = 1 << first | 1 << second
        return tuple(
            attribute
            for attribute, concepts in self._comparable
            if any(self._concepts[each] & both == both for each in concepts)
            or (not concepts and self.value(attribute, first) == self.value(attribute, second))
        )


def is_certain(scene: Scene) -> bool:
    """Whether a scene leaves nothing in doubt: annotated, not predicted, every object surely there."""
    return not scene.predicted and all(each.presence >= 1.0 for each in scene.objects)


def exact_scene(scene: Scene, domain: Domain) -> DescribedScene:
    """A scene as masks, taken at its word: noise and presence of predicted scenes are not considered.

    Raises: SceneError when an object lacks an attribute or has a value that is not in the domain, or a relation is missing.
    """
    concepts = [0] * len(domain.concepts)
    values: list[Sequence[int] | Mapping[int, int]] = []
    for name, ids, exclusive in _layout(domain):
        if not exclusive:
            values.append(_several(scene, domain, name, ids, concepts))
            continue
        try:
            found = [ids[each.attributes[name]] for each in scene.objects]
        except KeyError as error:
            raise SceneError(
                f"image {scene.image_index}: {error} is no {name} of an object, or {name} is missing"
            ) from None
        for index, concept in enumerate(found):
            concepts[concept] |= 1 << index
        values.append(found)
    for concept, implying in domain.included.items():
        for each in implying:
            concepts[concept] |= concepts[each]
    try:
        rows = [scene.relations[relation.name] for relation in domain.relations]
    except KeyError as error:
        raise SceneError(f"image {scene.image_index} lacks the relation {error}") from None
    relations = [[_members(row) for row in relation] for relation in rows]
    return DescribedScene(scene, concepts, values, relations, _comparable(domain))


@lru_cache(maxsize=2**16)
def _members(row: tuple[int, ...]) -> int:
    return sum(1 << other for other in row)


class _Named(dict[int, int]):
    """Object to the one value that it has; asking for another object's raises NotOne."""

    def __missing__(self, subject: int) -> int:
        raise NotOne


def _several(scene: Scene, domain: Domain, name: str, ids: Mapping[str, int], concepts: list[int]) -> _Named:
    """Note which objects carry which values of an attribute of which several may hold; those that carry just one.

    A value that another implies counts as none.
    """
    named = _Named()
    for index, each in enumerate(scene.objects):
        try:
            carried = {ids[value] for value in each.several.get(name, ())}
        except KeyError as error:
            raise SceneError(f"image {scene.image_index}: {error} is no {name} of an object") from None
        for concept in carried:
            concepts[concept] |= 1 << index
        own = [concept for concept in carried if not carried & set(domain.included.get(concept, ())) - {concept}]
        if len(own) == 1:
            named[index] = own[0]
    return named


@lru_cache(maxsize=32)
def _comparable(domain: Domain) -> tuple[tuple[int, Sequence[int]], ...]:
    """The attributes that objects are compared by, each with its concepts where an object may carry several of them."""
    found = ((number, domain.attributes[number]) for number in domain.comparable_ids)
    return tuple((number, () if each.exclusive else range(*domain.span(each.name))) for number, each in found)


@lru_cache(maxsize=32)
def _layout(domain: Domain) -> tuple[tuple[str, Mapping[str, int], bool], ...]:
    """For each attribute, its name, the concept id of each value, and whether an object has exactly one."""
    return tuple(
        (each.name, {value: domain.concept_id(each.name, value) for value in each.values}, each.exclusive)
        for each in domain.attributes
    )
