"""SceneGraph: what is known of a batch of images, and how to learn more when a module asks.

A *facet* is an attribute's distribution for one object, or one object's row of a relation. It is computed when it is
first asked for, for exactly the objects asked for, and kept. :class:`FacetStore` keeps the facets of the batch's images;
a :class:`SceneGraph` is the view that one group of program nodes has of it, one node a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from nmn.domain import Domain
from nmn.logic import LIMIT, clamp
from nmn.perceiver import Glance, Perceiver, Rows


@dataclass(frozen=True)
class FacetRows:
    """Rows of a facet that were computed at one time.

    Attributes:
        facet: Name of the attribute or relation.
        computed: [images, objects] bool.
        rows: How many those are.
        flops: What they cost.
    """

    facet: str
    computed: Tensor
    rows: int
    flops: int


@dataclass
class FacetStore:
    """The facets of a batch of images, computed once each.

    This is the one place that changes while programs run. Facets are addressed by (image, object); ``known`` tells which
    are there.
    """

    perceiver: Perceiver
    glance: Glance
    concept_values: Tensor  # [images, objects, concepts] log-probabilities
    concepts_known: Tensor  # [images, objects, attributes] bool
    relation_values: dict[str, Tensor]  # name -> [images, anchors, objects] log-odds
    relations_known: Tensor  # [images, objects, relations] bool
    history: list[FacetRows] = field(default_factory=list)

    @staticmethod
    def look(perceiver: Perceiver, images: Sequence[Any]) -> "FacetStore":
        """Glance at images and start with no facets. Raises: InputError when an image cannot be used."""
        return FacetStore.of(perceiver, perceiver.glance(images))

    @staticmethod
    def of(perceiver: Perceiver, glance: Glance) -> "FacetStore":
        """Start from a glance, with no facets."""
        images, objects = glance.mask.shape
        domain = perceiver.domain
        unknown = glance.mask.new_zeros((images, objects, 1))
        return FacetStore(
            perceiver,
            glance,
            glance.presence.new_full((images, objects, len(domain.concepts)), -LIMIT),
            unknown.expand(-1, -1, len(domain.attributes)).clone(),
            {},
            unknown.expand(-1, -1, len(domain.relations)).clone(),
        )

    @property
    def domain(self) -> Domain:
        """The perceiver's domain."""
        return self.perceiver.domain

    def want_attribute(self, attribute: int, asked: Tensor) -> FacetRows | None:
        """Compute an attribute where ``asked`` [images, objects] and not yet known."""
        missing = asked & ~self.concepts_known[:, :, attribute]
        images, objects = missing.nonzero(as_tuple=True)
        if images.shape[0] == 0:
            return None
        name = self.domain.attributes[attribute].name
        values = self.perceiver.look_attribute(self.glance, name, Rows(images, objects))
        first, end = self.domain.span(name)
        columns = torch.arange(first, end, device=values.device)
        place = (images[:, None], objects[:, None], columns[None])
        self.concept_values = _written(self.concept_values, place, values.clamp(-LIMIT, 0.0))
        self.concepts_known[images, objects, attribute] = True
        return self._record(name, missing, len(images), self.perceiver.attribute_cost(name))

    def want_relation(self, relation: int, asked: Tensor) -> FacetRows | None:
        """Compute a relation's rows for the anchors ``asked`` [images, objects] and not yet known."""
        missing = asked & ~self.relations_known[:, :, relation]
        images, objects = missing.nonzero(as_tuple=True)
        if images.shape[0] == 0:
            return None
        name = self.domain.relations[relation].name
        rows = self.perceiver.look_relation(self.glance, name, Rows(images, objects))
        # Nothing stands in a relation to itself or to padding.
        itself = torch.arange(rows.shape[1], device=rows.device)[None] == objects[:, None]
        rows = clamp(rows).masked_fill(itself | ~self.glance.mask[images], -LIMIT)
        self.relation_values[name] = _written(self.relation(name), (images, objects), rows)
        self.relations_known[images, objects, relation] = True
        return self._record(name, missing, len(images), self.perceiver.relation_cost(name, int(rows.shape[1])))

    def relation(self, name: str) -> Tensor:
        """[images, anchors, objects] log-odds; those of rows that are not known mean nothing."""
        if name not in self.relation_values:
            images, objects = self.glance.mask.shape
            self.relation_values[name] = self.glance.presence.new_full((images, objects, objects), -LIMIT)
        return self.relation_values[name]

    def _record(self, facet: str, computed: Tensor, rows: int, cost: int) -> FacetRows:
        entry = FacetRows(facet, computed, rows, rows * cost)
        self.history.append(entry)
        return entry


def _written(target: Tensor, place: tuple[Tensor, ...], values: Tensor) -> Tensor:
    if values.requires_grad or target.requires_grad:
        return target.index_put(place, values.to(target.dtype))
    return target.index_put_(place, values.to(target.dtype))


@dataclass(frozen=True)
class SceneGraph:
    """What one group of program nodes sees of the store: one node a row, each with the image it is about.

    Attributes:
        store: The facets of the whole batch of images.
        images: [batch] int64, the image of each row.
        attributes: Ids of the attributes that occur among the rows' concepts and brackets.
        relations: Ids of the relations that occur among the rows' constants.
        caused: Where rows computed on behalf of this group are noted.
    """

    store: FacetStore
    images: Tensor
    attributes: Sequence[int] = ()
    relations: Sequence[int] = ()
    caused: list[tuple[FacetRows, Tensor]] = field(default_factory=list)

    @property
    def mask(self) -> Tensor:
        """[batch, objects] bool, False where the row is padding."""
        return self.store.glance.mask[self.images]

    @property
    def presence(self) -> Tensor:
        """[batch, objects] log-odds that it is an object at all."""
        return clamp(self.store.glance.presence)[self.images]

    def concept(self, concept: Tensor, asked: Tensor) -> Tensor:
        """[batch, objects] log-probability that each object fits the row's concept, where ``asked`` [batch, objects]."""
        self._want(asked, self._attribute_of(concept))
        objects = torch.arange(asked.shape[1], device=asked.device)
        return self.store.concept_values[self.images[:, None], objects[None], concept[:, None]]

    def attribute(self, attribute: Tensor, asked: Tensor) -> Tensor:
        """[batch, objects, concepts] probability of the values of the row's attribute, 0 outside of it and where not asked."""
        self._want(asked, attribute)
        kept = self.attribute_mask(attribute)[:, None] & asked[:, :, None]
        return self.store.concept_values[self.images].exp() * kept

    def attribute_mask(self, attribute: Tensor) -> Tensor:
        """[batch, concepts] bool: which of the layout's values belong to the row's attribute."""
        return self._layout(attribute.device)[None] == attribute[:, None]

    def relation(self, relation: Tensor, asked: Tensor) -> Tensor:
        """[batch, anchors, objects] log-odds that the object is ``relation`` of the anchor, for the anchors asked for."""
        names = [self.store.domain.relations[each].name for each in self.relations]
        for each in self.relations:
            self._want_rows(each, asked & (relation == each)[:, None], self.store.want_relation)
        values = torch.stack([self.store.relation(name) for name in names])
        position = torch.zeros_like(relation)
        for index, each in enumerate(self.relations):
            position = torch.where(relation == each, index, position)
        return values[position, self.images]

    def _layout(self, device: torch.device) -> Tensor:
        domain = self.store.domain
        return torch.tensor([domain.attribute_ids[name] for name, _ in domain.concepts], device=device)

    def _attribute_of(self, concept: Tensor) -> Tensor:
        return self._layout(concept.device)[concept]

    def _want(self, asked: Tensor, attribute: Tensor) -> None:
        for each in self.attributes:
            self._want_rows(each, asked & (attribute == each)[:, None], self.store.want_attribute)

    def _want_rows(self, facet: int, asked: Tensor, want: Any) -> None:
        mask = self.store.glance.mask
        needed = torch.zeros_like(mask).index_put((self.images,), asked, accumulate=True) & mask
        computed = want(facet, needed)
        if computed is not None:
            self.caused.append((computed, asked))


def caused_by_row(scene: SceneGraph) -> list[Mapping[str, tuple[int, int]]]:
    """For each row of a group, the facets it caused: name -> (rows, FLOPs). A facet that two rows ask for is the first's."""
    notes: list[dict[str, tuple[int, int]]] = [{} for _ in range(len(scene.images))]
    for entry, asked in scene.caused:
        left = entry.computed.clone()
        for row, image in enumerate(scene.images.tolist()):
            own = asked[row] & left[image]
            number = int(own.sum())
            if number:
                left[image] &= ~own
                rows, flops = notes[row].get(entry.facet, (0, 0))
                notes[row][entry.facet] = (rows + number, flops + number * (entry.flops // entry.rows))
    return list(notes)
