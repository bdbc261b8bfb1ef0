"""StagedBackend: programs over what a staged perceiver sees, looking closer only where a policy says so.

A batch goes in rounds. The images are glanced at together; the policy chooses looks for every image; all of a round are run,
pathway by pathway, each in one call; what they report replaces what was thought, and only the questions that read it are
surveyed again. In the end every program runs once, by the soft executor, on what is then known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.exact import ExactBackend
from nmn.exact.compiled import Compiled
from nmn.logic import LIMIT
from nmn.perceiver import PRESENCE, Glance, Rows, Staged
from nmn.policies.belief import Belief
from nmn.policies.looks import Look, Pending, Policy
from nmn.policies.reporting import Reporting
from nmn.policies.tally import Tally
from nmn.policies.telling import looked_closer
from nmn.policies.told import Told
from nmn.program import Program
from nmn.scene import FacetStore
from nmn.soft import SoftBackend, split_by_size
from nmn.trace import Answer
from nmn.worlds.answer import attributes_read

Numbers = NDArray[np.float64]

SMALLEST = 1e-12
NEGLIGIBLE = 1e-5
PROGRAMS_KEPT = 2**14


@dataclass(frozen=True)
class Reads:
    """What a program reads.

    Attributes:
        compiled: Its exact rules; None where an operation has none.
        attributes: By name.
        relations: By name.
    """

    compiled: Compiled | None
    attributes: frozenset[str]
    relations: frozenset[str]


class StagedBackend:
    """Runs programs on images, with as few looks as a policy allows.

    Args:
        soft: Runs the programs; its perceiver looks at the images, stage by stage.
        reporting: What looks would report, given the glance.
        policy: Chooses looks.
        tolerance: Doubt of one facet that is negligible.
    """

    def __init__(
        self, soft: SoftBackend, reporting: Reporting, policy: Policy, *, tolerance: float = NEGLIGIBLE
    ) -> None:
        self.perceiver = cast(Staged, soft.perceiver)
        self.soft = soft
        self.reporting = reporting
        self.policy = policy
        self.tolerance = tolerance
        self.modules = soft.modules
        self.exact = ExactBackend(soft.domain, soft.modules.registry)
        self.tally = Tally()
        self._reads: dict[Program, Reads] = {}

    @property
    def domain(self) -> Domain:
        """What can be talked about."""
        return self.perceiver.domain

    def load(self, image: Any) -> Any:
        """As much of an image as a glance needs. Raises: InputError."""
        return self.perceiver.load(image)

    def run(
        self, images: Sequence[Any], programs: Sequence[Program], positions: Sequence[int], *, trace: bool = False
    ) -> list[Answer]:
        """Answer checked programs, each on the image at its position. Raises: InputError when an image cannot be used."""
        with torch.no_grad():
            batch = _Batch(self, self.perceiver.glance([self.load(image) for image in images]), programs, positions)
            batch.look()
            self.tally.add(batch.pending, len(programs), self.perceiver)
            return batch.answers(trace)

    def reads(self, program: Program) -> Reads:
        """What a program reads, kept from when it was first seen."""
        found = self._reads.get(program)
        if found is None:
            if len(self._reads) >= PROGRAMS_KEPT:
                self._reads.clear()
            found = self._reads[program] = self._read(program)
        return found

    def _read(self, program: Program) -> Reads:
        bound = self.soft.looper.bind(program, torch.device("cpu"))
        named = frozenset(self.domain.attributes[number].name for number in bound.attributes)
        relations = frozenset(self.domain.relations[number].name for number in bound.relations)
        try:
            compiled = self.exact.compile(program)
        except ProgramError:
            return Reads(None, named, relations)
        named |= attributes_read(compiled, self.domain)
        plain = all(
            self.domain.attribute(name).exclusive and not self.domain.attribute(name).hypernyms for name in named
        )
        return Reads(compiled if plain else None, named, relations)


class _Batch:
    """Some images and questions on the way to answers."""

    def __init__(
        self, backend: StagedBackend, glance: Glance, programs: Sequence[Program], positions: Sequence[int]
    ) -> None:
        self.backend, self.perceiver, self.glance = backend, backend.perceiver, glance
        self.programs, self.positions = programs, positions
        self.reads = [backend.reads(program) for program in programs]
        images = glance.mask.shape[0]
        self.questions: list[list[int]] = [[] for _ in range(images)]
        for place, image in enumerate(positions):
            self.questions[image].append(place)
        self.counts = glance.mask.sum(1).tolist()
        self._mask = glance.mask.cpu().numpy()
        self._rows_of: dict[tuple[bool, ...], Rows] = {}
        self._circumstances = self.perceiver.circumstances(glance).cpu().double().numpy()
        self.presence = self._expected_presence()
        self.attributes = {name: self._expected(name) for name in self._named(lambda reads: reads.attributes)}
        self.relations = {name: self._related(name) for name in self._named(lambda reads: reads.relations)}
        self.reports: dict[str, list[tuple[Rows, Tensor]]] = {}
        self.pending = [self._pending(image) for image in range(images)]

    def _named(self, part: Any) -> list[str]:
        return sorted(frozenset[str]().union(*(part(each) for each in self.reads)))

    def _rows(self, reading: Sequence[bool]) -> Rows:
        """All objects of the images that read something."""
        key = tuple(reading)
        found = self._rows_of.get(key)
        if found is None:
            found = self._rows_of[key] = self._objects_of(reading)
        return found

    def _objects_of(self, reading: Sequence[bool]) -> Rows:
        if all(reading):
            every = self.glance.mask.nonzero()
            return Rows(every[:, 0], every[:, 1])
        images = torch.tensor([number for number, each in enumerate(reading) if each], dtype=torch.long)
        where = self.glance.mask.index_select(0, images.to(self.glance.mask.device)).nonzero()
        return Rows(images.to(where.device)[where[:, 0]], where[:, 1])

    def _reading(self, part: Any, name: str) -> list[bool]:
        return [any(name in part(self.reads[place]) for place in places) for places in self.questions]

    def _expected_presence(self) -> Numbers:
        """[images, objects] probability that a look would report an object."""
        table = np.zeros(self._mask.shape)
        odds = self.glance.presence.cpu().double().numpy()[self._mask]
        table[self._mask] = self.backend.reporting.presence(odds, self._circumstances[self._mask])
        return table

    def _expected(self, name: str) -> tuple[Rows, Numbers]:
        """[images, objects, values] probabilities of what looks would report, of the images that read an attribute."""
        rows = self._rows(self._reading(lambda reads: reads.attributes, name))
        first, end = self.backend.domain.span(name)
        table = np.zeros((*self._mask.shape, end - first))
        if len(rows):
            place = rows.images.cpu().numpy(), rows.objects.cpu().numpy()
            logits = self.perceiver.read(self.glance, name, rows).cpu().double().numpy()
            table[place] = self.backend.reporting.attribute(name, logits, self._circumstances[place])
        return rows, table

    def _related(self, name: str) -> tuple[Rows, Tensor]:
        rows = self._rows(self._reading(lambda reads: reads.relations, name))
        return rows, self.perceiver.look_relation(self.glance, name, rows)

    def _pending(self, image: int) -> Pending:
        domain, count, places = self.backend.domain, self.counts[image], self.questions[image]
        read = [self.reads[place] for place in places]
        names = frozenset[str]().union(*(each.attributes for each in read))
        relations = np.zeros((len(domain.relations), count, count), bool)
        for name, (rows, odds) in self.relations.items():
            mine = rows.images == image
            if bool(mine.any()):
                relations[domain.relation_ids[name]] = (odds[mine][:, :count] > 0).cpu().numpy()
        chances = {name: self.attributes[name][1][image, :count] for name in names}
        chances[PRESENCE] = self.presence[image, :count]
        belief = Belief(domain, chances, relations, self.backend.tolerance)
        detail = self.glance.details[image] if self.glance.details else None
        return Pending(
            belief,
            [each.compiled for each in read],
            [each.attributes for each in read],
            self.perceiver.pathways,
            detail,
        )

    def look(self) -> None:
        """Take the looks that the policy chooses, round by round, until it chooses none."""
        active = [number for number, image in enumerate(self.pending) if image.questions]
        while active:
            chosen = {number: self._chosen(self.pending[number]) for number in active}
            active = [number for number, looks in chosen.items() if looks]
            wanted: dict[str, list[tuple[int, int]]] = {}
            for number in active:
                for look in chosen[number]:
                    wanted.setdefault(look.pathway, []).append((number, look.object))
            told: dict[int, set[tuple[int, str]]] = {}
            for pathway, pairs in wanted.items():
                for number, names in self._take(pathway, sorted(pairs)).items():
                    told.setdefault(number, set()).update(names)
            for number in active:
                image = self.pending[number]
                image.taken.update(chosen[number])
                image.rounds += 1
                image.belief.renew()
                image.forget(told[number])

    def _chosen(self, image: Pending) -> list[Look]:
        looks = self.backend.policy.choose(image)
        if not image.rounds and any(each is None for each in image.questions):
            looks = [*looks, *_of_what_has_no_rules(image)]
        return [look for look in dict.fromkeys(looks) if look not in image.taken]

    def _take(self, pathway: str, pairs: list[tuple[int, int]]) -> dict[int, set[tuple[int, str]]]:
        """Run one pathway on objects of any images; what was told of which image."""
        where = self.glance.mask.device
        columns = torch.tensor(pairs, device=where)
        rows = Rows(columns[:, 0].contiguous(), columns[:, 1].contiguous())
        told: dict[int, set[tuple[int, str]]] = {}
        for name, values in self.perceiver.look(self.glance, pathway, rows).items():
            self.reports.setdefault(name, []).append((rows, values))
            plain = values.cpu().double().numpy()
            chances = 1.0 / (1.0 + np.exp(-plain)) if name == PRESENCE else np.exp(plain)
            for row, (number, index) in enumerate(pairs):
                self.pending[number].belief.told(name, [index], chances[row : row + 1])
                told.setdefault(number, set()).add((index, name))
        return told

    def answers(self, trace: bool) -> list[Answer]:
        """Run all programs on what is known now."""
        glance = replace(self.glance, presence=self._presence())
        attributes = {} if trace else {name: self._attribute(name) for name in self.attributes}
        found: list[Answer | None] = [None] * len(self.programs)
        for members, part in split_by_size(glance):
            place = {image: row for row, image in enumerate(members)}
            own = [index for index, position in enumerate(self.positions) if position in place]
            if not own:
                continue
            store = self._traced_store(part, members) if trace else self._store(part, place, attributes)
            programs = [self.programs[index] for index in own]
            answered = self.backend.soft.answers(
                programs, [place[self.positions[index]] for index in own], store, trace
            )
            for index, answer in zip(own, answered, strict=True):
                found[index] = self._with_looks(answer, index) if trace else answer
        return [answer for answer in found if answer is not None]

    def _store(
        self, part: Glance, place: Mapping[int, int], attributes: Mapping[str, tuple[Rows, Tensor]]
    ) -> FacetStore:
        """What is known of some of the images."""
        store = FacetStore.of(self.perceiver, part)
        for name, (rows, values) in attributes.items():
            kept, chosen = _of(rows, place, len(self.questions))
            if len(kept):
                store.set_attribute(name, kept, values[chosen])
        for name, (rows, odds) in self.relations.items():
            kept, chosen = _of(rows, place, len(self.questions))
            if len(kept):
                store.set_relation(name, kept, odds[chosen][:, : store.glance.mask.shape[1]])
        return store

    def _traced_store(self, part: Glance, members: Sequence[int]) -> FacetStore:
        """The same, given when it is asked for."""
        tables = {name: self._log_chances(name) for name in self.attributes}
        told = Told(
            self.perceiver, lambda name, rows: tables[name][rows.images, rows.objects], frozenset(tables), members
        )
        return FacetStore.of(told, part)

    def _with_looks(self, answer: Answer, place: int) -> Answer:
        image = self.pending[self.positions[place]]
        if answer.trace is None:
            return answer
        number = self.questions[self.positions[place]].index(place)
        looking = looked_closer(image, number, self.perceiver, self.backend.domain)
        return replace(answer, trace=replace(answer.trace, looking=looking))

    def _presence(self) -> Tensor:
        """[images, objects] log-odds: of looks where they were taken, else of what a look would report."""
        chance = np.clip(self.presence, SMALLEST, 1.0 - SMALLEST)
        odds = torch.from_numpy(np.log(chance) - np.log1p(-chance)).to(self.glance.presence)
        for rows, values in self.reports.get(PRESENCE, ()):
            odds[rows.images, rows.objects] = values.to(odds)
        return odds

    def _attribute(self, name: str) -> tuple[Rows, Tensor]:
        """Log-probabilities of an attribute, [rows, values], of all objects of the images that read it."""
        rows, _ = self.attributes[name]
        return rows, self._log_chances(name)[rows.images, rows.objects]

    def _log_chances(self, name: str) -> Tensor:
        """[images, objects, values]."""
        table = np.log(np.maximum(self.attributes[name][1], SMALLEST))
        values = torch.from_numpy(table).to(self.glance.presence).clamp_min(-LIMIT)
        for told, reported in self.reports.get(name, ()):
            values[told.images, told.objects] = reported.to(values)
        return values


def _of(rows: Rows, place: Mapping[int, int], whole: int) -> tuple[Rows, Tensor | slice]:
    """Those rows that are of some images, by their places, and which they are; of the whole number of images, all."""
    if all(image == row for image, row in place.items()) and len(place) == whole:
        return rows, slice(None)
    images = rows.images.tolist()
    chosen = [row for row, image in enumerate(images) if image in place]
    index = torch.tensor(chosen, dtype=torch.long, device=rows.images.device)
    moved = torch.tensor([place[images[row]] for row in chosen], dtype=torch.long, device=rows.images.device)
    return Rows(moved, rows.objects[index]), index


def _of_what_has_no_rules(image: Pending) -> list[Look]:
    """All looks at what those programs read whose worlds cannot be told."""
    read = [names for names, compiled in zip(image.attributes, image.questions, strict=True) if compiled is None]
    names = frozenset[str]().union(*read) | {PRESENCE}
    return [Look(index, pathway) for pathway in image.pathways_of(names) for index in range(image.belief.objects)]
