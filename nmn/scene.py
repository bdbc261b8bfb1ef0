"""SceneGraph: what is known of a batch of images, and how to learn more when a module asks.

A *facet* is an attribute's distribution for one object, or one object's row of a relation. It is computed when it is
first asked for, for exactly the objects asked for, and kept. :class:`FacetStore` keeps the facets of the batch's images;
a :class:`SceneGraph` is the view that one call of a module has of it, one program node a row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, pad

from nmn.domain import Domain
from nmn.kinds import Kinds
from nmn.logic import LIMIT, clamp
from nmn.perceiver import Glance, Perceiver, Rows


@dataclass(frozen=True)
class FacetRows:
    """Rows of a facet that were computed at one time.

    Attributes:
        facet: Name of the attribute or relation.
        number: Its id.
        rows: Which objects of which images.
        flops: What one of them costs.
    """

    facet: str
    number: int
    rows: Rows
    flops: int


@dataclass
class FacetStore:
    """The facets of a batch of images, computed once each.

    This is the one place that changes while programs run. ``known`` tells which facets are there; where all of an
    attribute or relation are, nothing is asked any more.
    """

    perceiver: Perceiver
    glance: Glance
    presence: Tensor  # [images, objects] log-odds, within the limit
    log_presence: Tensor  # [images, objects] the same as log-probabilities
    attributes: Tensor  # [concepts, images, objects] log-probabilities
    attributes_known: Tensor  # [attributes, images, objects] bool; True for padding, which nobody looks at
    relations: Tensor  # [relations, images, anchors, objects] log-odds
    relations_known: Tensor  # [relations, images, objects] bool; likewise
    concept_attributes: Tensor  # [concepts] the attribute of each
    kinds: Kinds | None = None  # what values imply, if anything
    complete: bool = False  # whether every facet is known
    settled: bool = False  # whether all that the constants of running programs name is known
    history: list[FacetRows] = field(default_factory=list)

    @staticmethod
    def look(perceiver: Perceiver, images: Sequence[Any]) -> "FacetStore":
        """Glance at images and start with no facets. Raises: InputError when an image cannot be used."""
        return FacetStore.of(perceiver, perceiver.glance(images))

    @staticmethod
    def of(perceiver: Perceiver, glance: Glance) -> "FacetStore":
        """Start from a glance, with no facets."""
        glance = _with_room(glance)
        images, objects = glance.mask.shape
        domain = perceiver.domain
        presence = clamp(glance.presence)
        attributes = presence.new_full((len(domain.concepts), images, objects), -LIMIT)
        return FacetStore(
            perceiver,
            glance,
            presence,
            logsigmoid(presence),
            attributes,
            (~glance.mask).expand(len(domain.attributes), -1, -1).clone(),
            presence.new_full((len(domain.relations), images, objects, objects), -LIMIT),
            (~glance.mask).expand(len(domain.relations), -1, -1).clone(),
            torch.tensor(domain.concept_attributes, device=presence.device),
            Kinds.of(domain, attributes),
        )

    @property
    def domain(self) -> Domain:
        """The perceiver's domain."""
        return self.perceiver.domain

    def compute_everything(self) -> None:
        """Compute every facet of every object that is not known yet."""
        images = self.glance.mask.new_ones(self.glance.mask.shape[0])
        self.compute(
            images.expand(len(self.domain.attributes), -1),
            images.expand(len(self.domain.relations), -1),
        )
        self.complete = True

    def compute(self, attributes: Tensor, relations: Tensor) -> None:
        """Compute facets of all objects of some images, where not known yet.

        Args:
            attributes: [attributes, images] bool, which attributes of which images.
            relations: [relations, images] bool, likewise.
        """
        for number in range(len(self.domain.attributes)):
            missing = attributes[number][:, None] & ~self.attributes_known[number]
            self._look_attribute(number, missing.view(-1).nonzero().squeeze(1))
        for number in range(len(self.domain.relations)):
            missing = relations[number][:, None] & ~self.relations_known[number]
            self._look_relation(number, missing.view(-1).nonzero().squeeze(1))

    def compute_of_image(self, image: int, attributes: Sequence[int], relations: Sequence[int]) -> None:
        """Compute some attributes and relations of all objects of one image, where not known yet."""
        objects = self.glance.mask.shape[1]
        for number in attributes:
            self._look_attribute(number, image * objects + (~self.attributes_known[number, image]).nonzero().squeeze(1))
        for number in relations:
            self._look_relation(number, image * objects + (~self.relations_known[number, image]).nonzero().squeeze(1))

    def want_attributes(self, attribute: Tensor, images: Tensor, asked: Tensor) -> None:
        """Make sure of attributes.

        Args:
            attribute: [batch] which one each row asks for.
            images: [batch] of which image.
            asked: [batch, objects] bool, for which objects.
        """
        for number, flat in _missing(attribute, images, asked, self.attributes_known):
            self._look_attribute(number, flat)

    def want_relations(self, relation: Tensor, images: Tensor, asked: Tensor) -> None:
        """Make sure of relations' rows; arguments as for :meth:`want_attributes`, the objects being anchors."""
        for number, flat in _missing(relation, images, asked, self.relations_known):
            self._look_relation(number, flat)

    def set_attribute(self, attribute: str, rows: Rows, log_probabilities: Tensor) -> None:
        """Put values [rows, values] where computed ones stood or would stand, such as those of a closer look."""
        self._put_attribute(self.domain.attribute_ids[attribute], self._flat(rows), log_probabilities)

    def set_relation(self, relation: str, rows: Rows, log_odds: Tensor) -> None:
        """Put rows [rows, objects] of a relation where computed ones stood or would stand."""
        self._put_relation(self.domain.relation_ids[relation], self._flat(rows), log_odds)

    def _flat(self, rows: Rows) -> Tensor:
        """Position of each row's object among the objects of all images, padding counted."""
        return rows.images * self.glance.mask.shape[1] + rows.objects

    def _rows(self, flat: Tensor) -> Rows:
        objects = self.glance.mask.shape[1]
        return Rows(torch.div(flat, objects, rounding_mode="floor"), flat.remainder(objects))

    def _look_attribute(self, attribute: int, flat: Tensor) -> None:
        if len(flat):
            name = self.domain.attributes[attribute].name
            rows = self._rows(flat)
            self._put_attribute(attribute, flat, self.perceiver.look_attribute(self.glance, name, rows))
            self.history.append(FacetRows(name, attribute, rows, self.perceiver.attribute_cost(name)))

    def _look_relation(self, relation: int, flat: Tensor) -> None:
        if len(flat):
            name = self.domain.relations[relation].name
            rows = self._rows(flat)
            self._put_relation(relation, flat, self.perceiver.look_relation(self.glance, name, rows))
            cost = self.perceiver.relation_cost(name, self.glance.mask.shape[1])
            self.history.append(FacetRows(name, relation, rows, cost))

    def _put_attribute(self, attribute: int, flat: Tensor, log_probabilities: Tensor) -> None:
        first, end = self.domain.span(self.domain.attributes[attribute].name)
        values = log_probabilities.clamp(-LIMIT, 0.0).to(self.attributes.dtype)
        # In place: gradients flow through what is written, and nothing that was read before is needed again.
        self.attributes.view(self.attributes.shape[0], -1)[first:end].index_copy_(1, flat, values.t())
        if self.kinds is not None:
            self.kinds.put(attribute, flat, values)
        self.attributes_known[attribute].view(-1)[flat] = True

    def _put_relation(self, relation: int, flat: Tensor, log_odds: Tensor) -> None:
        objects = self.glance.mask.shape[1]
        values = clamp(log_odds).to(self.relations.dtype)
        # Nothing stands in a relation to itself or to padding.
        none = ~self.glance.mask.index_select(0, torch.div(flat, objects, rounding_mode="floor"))
        none.scatter_(1, flat.remainder(objects)[:, None], True)
        self.relations[relation].view(-1, objects).index_copy_(0, flat, values.masked_fill(none, -LIMIT))
        self.relations_known[relation].view(-1)[flat] = True

    @property
    def possible_rows(self) -> int:
        """Facet rows that there could be: every facet of every object."""
        return int(self.glance.mask.sum()) * (len(self.domain.attributes) + len(self.domain.relations))


def _with_room(glance: Glance) -> Glance:
    """A glance that has at least one column of objects, if of padding, so that every tensor has a width."""
    if glance.mask.shape[1]:
        return glance
    return Glance(
        pad(glance.presence, (0, 1), value=-LIMIT),
        pad(glance.mask, (0, 1)),
        pad(glance.boxes, (0, 0, 0, 1), value=float("nan")),
        pad(glance.features, (0, 0, 0, 1)),
        glance.details,
    )


def _missing(facet: Tensor, images: Tensor, asked: Tensor, known: Tensor) -> Iterator[tuple[int, Tensor]]:
    """What is asked for and not known: each facet with the positions of the objects that it is asked for, each once."""
    facets, count, objects = known.shape
    place = facet * count + images
    rows, columns = (asked & ~known.view(-1, objects).index_select(0, place)).nonzero(as_tuple=True)
    if len(rows) == 0:
        return
    flat = torch.unique(place.index_select(0, rows) * objects + columns)
    width = count * objects
    bounds = torch.searchsorted(flat, torch.arange(facets + 1, device=flat.device) * width).tolist()
    for number, (first, end) in enumerate(pairwise(bounds)):
        if first < end:
            yield number, flat[first:end] - number * width


@dataclass(frozen=True)
class SceneGraph:
    """What one call of a module sees of the store: one program node a row, each with the image it is about.

    Attributes:
        store: The facets of the whole batch of images.
        images: [batch] int64, the image of each row.
        constants: The ids that the call was given: what is asked by one of them may be known ahead.
        notes: Where what was asked for is noted, if a trace wants to know.
    """

    store: FacetStore
    images: Tensor
    constants: Sequence[Tensor] = ()
    notes: "list[Note] | None" = None

    @property
    def mask(self) -> Tensor:
        """[batch, objects] bool, False where the row is padding."""
        return self.store.glance.mask.index_select(0, self.images)

    @property
    def presence(self) -> Tensor:
        """[batch, objects] log-odds that it is an object at all."""
        return self.store.presence.index_select(0, self.images)

    @property
    def log_presence(self) -> Tensor:
        """[batch, objects] log-probability that it is an object at all."""
        return self.store.log_presence.index_select(0, self.images)

    def concept(self, concept: Tensor, asked: Tensor) -> Tensor:
        """[batch, objects] log-probability that each object fits the row's concept, where ``asked`` [batch, objects]."""
        store = self.store
        if not self._known(concept):
            self._want(store.want_attributes, store.concept_attributes[concept], asked)
        _, images, objects = store.attributes.shape
        fits = store.attributes if store.kinds is None else store.kinds.fits
        return fits.view(-1, objects).index_select(0, concept * images + self.images)

    def attribute(self, attribute: Tensor, asked: Tensor) -> Tensor:
        """[batch, objects, concepts] probability of the values of the row's attribute, 0 outside of it and where not asked."""
        store = self.store
        if not self._known(attribute):
            self._want(store.want_attributes, attribute, asked)
        values = store.attributes.index_select(1, self.images).permute(1, 2, 0).exp()
        values = values * self.attribute_mask(attribute)[:, None] * asked[:, :, None]
        return values if store.kinds is None else store.kinds.named(values, attribute)

    def both(self, first: Tensor, second: Tensor, asked: Tensor) -> Tensor:
        """[batch, objects] probability that each object fits two concepts: values of one attribute may exclude each other."""
        store = self.store
        one, other = self.concept(first, asked).exp(), self.concept(second, asked).exp()
        attribute = store.concept_attributes[first]
        exclusive = attribute == store.concept_attributes[second]
        if store.kinds is None:
            return torch.where(exclusive[:, None], one * (first == second)[:, None], one * other)
        values = self.attribute(attribute, asked) * store.kinds.imply_both(first, second)[:, None]
        return torch.where((exclusive & ~store.kinds.several[attribute])[:, None], values.sum(-1), one * other)

    def shared(self, attribute: int, asked: Tensor) -> Tensor:
        """[batch, objects, objects] probability that two objects carry one value of an attribute, the same for all rows."""
        store = self.store
        if not store.complete:
            self._want(store.want_attributes, torch.full_like(self.images, attribute), asked)
        first, end = store.domain.span(store.domain.attributes[attribute].name)
        exclusive = store.kinds is None or store.domain.attributes[attribute].exclusive
        known = store.attributes if store.kinds is None or exclusive else store.kinds.fits
        values = known[first:end].index_select(1, self.images).exp()
        if exclusive:
            return torch.einsum("vbi,vbj->bij", values, values)
        return 1.0 - (1.0 - values.unsqueeze(3) * values.unsqueeze(2)).prod(0)

    def attribute_mask(self, attribute: Tensor) -> Tensor:
        """[batch, concepts] bool: which of the layout's values belong to the row's attribute."""
        return self.store.concept_attributes[None] == attribute[:, None]

    def relation(self, relation: Tensor, asked: Tensor) -> Tensor:
        """[batch, anchors, objects] log-odds that the object is ``relation`` of the anchor, for the anchors asked for."""
        store = self.store
        if not self._known(relation):
            self._want(store.want_relations, relation, asked)
        _, images, objects, _ = store.relations.shape
        return store.relations.view(-1, objects, objects).index_select(0, relation * images + self.images)

    def _known(self, ids: Tensor) -> bool:
        """Whether nothing that these ids ask for can be missing, without looking at them."""
        return self.store.complete or (self.store.settled and any(ids is each for each in self.constants))

    def _want(self, want: Callable[[Tensor, Tensor, Tensor], None], facet: Tensor, asked: Tensor) -> None:
        before = len(self.store.history)
        want(facet, self.images, asked)
        if self.notes is not None:
            self.notes.append(Note(self.images, facet, asked, tuple(self.store.history[before:])))


@dataclass(frozen=True)
class Note:
    """What a call asked for, and what had to be computed for it.

    Attributes:
        images: [batch] the image of each row.
        facets: [batch] id of the attribute or relation that each row asked for.
        asked: [batch, objects] bool.
        computed: What was not there before.
    """

    images: Tensor
    facets: Tensor
    asked: Tensor
    computed: tuple[FacetRows, ...]

    def by_row(self) -> dict[int, list[tuple[str, int, int]]]:
        """For each row that caused facets: (facet, rows, FLOPs). One that two rows asked for is the first's."""
        caused: dict[int, list[tuple[str, int, int]]] = {}
        for entry in self.computed:
            left = torch.zeros((int(self.images.max()) + 1, self.asked.shape[1]), dtype=torch.bool)
            left[entry.rows.images, entry.rows.objects] = True
            for row, (image, facet) in enumerate(zip(self.images.tolist(), self.facets.tolist(), strict=True)):
                own = self.asked[row] & left[image] & (facet == entry.number)
                number = int(own.sum())
                if number:
                    left[image] &= ~own
                    caused.setdefault(row, []).append((entry.facet, number, number * entry.flops))
        return caused
