"""Lowering: program -> a block of integers, so that a batch of programs can be planned with arrays.

Programs that differ in constants and in numbers of filters alone have one structure, which is kept: few structures cover
a data set, while few programs come twice.
"""

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from nmn.blocks import FIRST, NOTHING, Columns, Lowered, Place, StepForm, Structure
from nmn.domain import Domain
from nmn.fusing import FUSIONS, NO_FUSIONS, Call, Pattern, Step, steps_of
from nmn.program import Concept, Node, Program
from nmn.registry import Registry
from nmn.signature import ANSWER_KINDS, BRACKET_KIND, INPUT_KINDS, Signature

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass
class Hits:
    """How often what was asked for was kept."""

    hits: int = 0
    misses: int = 0

    @property
    def rate(self) -> float:
        """Share of hits, 0 to 1."""
        return self.hits / max(1, self.hits + self.misses)


@dataclass
class Lowerer:
    """Lowers programs of one domain and registry, and keeps what it has seen.

    Attributes:
        fuse: Whether calls share steps; without, each call is a step, with a value of its own.
        columns: Of the blocks; they grow when a program needs more, and what was kept is then forgotten.
        patterns: All that were met, by number.
        capacity: How many programs to keep, and how many structures; the least recently used are forgotten.
        programs: How often a program was kept.
        structures: How often, where the program was not, its structure was.
    """

    domain: Domain
    registry: Registry
    fuse: bool = True
    capacity: int = 8192
    columns: Columns = field(default_factory=Columns)
    patterns: list[Pattern] = field(default_factory=list)
    programs: Hits = field(default_factory=Hits)
    structures: Hits = field(default_factory=Hits)

    def __post_init__(self) -> None:
        self._kept_programs: OrderedDict[Program, Lowered] = OrderedDict()
        self._kept_structures: OrderedDict[tuple[tuple[int, ...], ...], Structure] = OrderedDict()
        self._calls: dict[tuple[object, ...], tuple[int, tuple[int, ...]]] = {}
        self._signatures: tuple[Signature, ...] = tuple(self.registry)
        self._numbers = {each.operation: number for number, each in enumerate(self._signatures)}
        self._pattern_numbers: dict[tuple[tuple[str, int], ...], int] = {}
        self._fusions = FUSIONS if self.fuse else NO_FUSIONS
        self._repeating = {
            number
            for number, each in enumerate(self._signatures)
            if each.chains and each.operation in self._fusions.get(each.operation, ())
        }

    def lower(self, program: Program) -> Lowered:
        """A checked program as a row."""
        kept = _recall(self._kept_programs, program, self.programs)
        if kept is None:
            kept = self._lower(program)
            _keep(self._kept_programs, program, kept, self.capacity)
        return kept

    def lower_all(self, programs: Sequence[Program]) -> list[Lowered]:
        """Checked programs as blocks of equal columns."""
        columns = self.columns
        found = list(map(self._kept_programs.get, programs))
        if None not in found:
            self.programs.hits += len(found)
            for program in programs:
                self._kept_programs.move_to_end(program)
            return [each for each in found if each is not None]
        lowered = [self.lower(program) for program in programs]
        # What was lowered before the columns grew is too narrow.
        return lowered if columns == self.columns else self.lower_all(programs)

    def forget(self) -> None:
        """Forget every program and structure."""
        self._kept_programs.clear()
        self._kept_structures.clear()

    def _lower(self, program: Program) -> Lowered:
        key, constants, members = self._runs(program)
        structure = _recall(self._kept_structures, key, self.structures)
        if structure is None:
            structure = self._structure(key)
            _keep(self._kept_structures, key, structure, self.capacity)
        self._make_room(structure, constants)
        columns = self.columns
        block: list[int] = []
        for step in structure.steps:
            repeats = constants[step.repeats][step.skipped :] if step.repeats != NOTHING else []
            block += (*step.head, len(repeats), *step.inputs)
            block += [NOTHING] * (columns.inputs - len(step.inputs))
            block += [constants[run][position] for run, position in step.constants]
            block += [NOTHING] * (columns.constants - len(step.constants))
            block += repeats
            block += [NOTHING] * (columns.repeats - len(repeats))
        return Lowered(array("q", block).tobytes(), structure, members)

    def _runs(
        self, program: Program
    ) -> tuple[tuple[tuple[int, ...], ...], list[list[int]], tuple[tuple[int, int], ...]]:
        """Share equal calls, and take calls that repeat in a row as one run.

        Gives (operation, inputs...) of each run, their constants, and for each node its run and its position there.
        """
        calls, ids, place = self._shared(program)
        uses = [0] * len(calls)
        for _, *inputs in calls:
            for source in inputs:
                uses[source] += 1
        key: list[tuple[int, ...]] = []
        constants: list[list[int]] = []
        member: list[tuple[int, int]] = []
        for call, own in zip(calls, ids, strict=True):
            operation = call[0]
            if operation in self._repeating and uses[call[1]] == 1 and calls[call[1]][0] == operation:
                run = member[call[1]][0]
            else:
                run = len(key)
                key.append((operation, *[member[source][0] for source in call[1:]]))
                constants.append([])
            member.append((run, len(constants[run])))
            constants[run] += own
        return tuple(key), constants, tuple([member[call] for call in place])

    def _shared(self, program: Program) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]], list[int]]:
        """(operation, inputs...) of each different call, their constants, and for each node its call."""
        seen: dict[tuple[int, ...], int] = {}
        calls: list[tuple[int, ...]] = []
        constants: list[tuple[int, ...]] = []
        place: list[int] = []
        for node in program.nodes:
            operation, ids = self._call(node)
            inputs = [place[source] for source in node.inputs]
            call = (operation, *ids, NOTHING, *inputs)
            found = seen.get(call)
            if found is None:
                found = seen[call] = len(calls)
                calls.append((operation, *inputs))
                constants.append(ids)
            place.append(found)
        return calls, constants, place

    def _call(self, node: Node) -> tuple[int, tuple[int, ...]]:
        call = (node.operation, node.attribute, node.constants)
        found = self._calls.get(call)
        if found is None:
            number = self._numbers[node.operation]
            found = self._calls[call] = (number, constant_ids(node, self._signatures[number], self.domain))
        return found

    def _structure(self, key: tuple[tuple[int, ...], ...]) -> Structure:
        calls = [Call(self._signatures[operation], tuple(inputs)) for operation, *inputs in key]
        steps = steps_of(calls, self._fusions)
        number_of = {step.top: number for number, step in enumerate(steps)}
        reads = [tuple(number_of[source] for source in step.inputs) for step in steps]
        combines = [any(kind in ANSWER_KINDS for kind in step.pattern.input_kinds) for step in steps]
        levels = _levels(reads, combines)
        forms = [
            self._form(step, sources, FIRST if height == 0 else level, height, calls)
            for step, sources, level, height in zip(steps, reads, levels, _heights(reads), strict=True)
        ]
        places = [Place(0, 0, 0)] * len(calls)
        for number, step in enumerate(steps):
            for layer, members in enumerate((*step.layers, step.repeats)):
                for position, call in enumerate(members):
                    places[call] = Place(number, layer, position)
        return Structure(tuple(forms), tuple(places))

    def _form(self, step: Step, reads: tuple[int, ...], level: int, height: int, calls: Sequence[Call]) -> StepForm:
        pattern = self._pattern_numbers.setdefault(step.pattern.name, len(self.patterns))
        if pattern == len(self.patterns):
            self.patterns.append(step.pattern)
        wanted = tuple(
            (call, position)
            for layer in step.layers
            for call in layer
            for position in range(calls[call].signature.constant_count)
        )
        base = step.layers[-1][0]
        begins = self._numbers[calls[base].signature.operation] in self._repeating
        run = step.repeats[0] if step.repeats else base if begins else NOTHING
        return StepForm((pattern, level, height), reads, wanted, run, int(begins), len(step.layers))

    def _make_room(self, structure: Structure, constants: Sequence[Sequence[int]]) -> None:
        """Widen the columns where a program needs more; programs that were lowered to fewer are forgotten."""
        steps = structure.steps
        longest = max(
            [len(constants[step.repeats]) - step.skipped for step in steps if step.repeats != NOTHING], default=0
        )
        if (
            longest > self.columns.repeats
            or max([len(step.inputs) for step in steps]) > self.columns.inputs
            or max([len(step.constants) for step in steps]) > self.columns.constants
        ):
            needed = Columns(
                max(len(step.inputs) for step in steps), max(len(step.constants) for step in steps), longest
            )
            self.columns = self.columns.joined(needed)
            self._kept_programs.clear()


def _heights(reads: Sequence[Sequence[int]]) -> list[int]:
    """The longest way from each step to one that reads nothing."""
    heights: list[int] = []
    for sources in reads:
        heights.append(max([heights[source] + 1 for source in sources], default=0))
    return heights


def _levels(reads: Sequence[Sequence[int]], combines: Sequence[bool]) -> list[int]:
    """How far each step is from the last that is about objects, on the longest way; below 0 for those behind that.

    Answers that other answers are combined from are so aligned with answers that stand alone: counts that are compared
    run with counts that are asked for.
    """
    levels: list[int] = []
    for step, sources in enumerate(reads):
        levels.append(min([levels[source] - 1 for source in sources], default=0) if combines[step] else 0)
    for step in range(len(reads) - 1, -1, -1):
        for source in reads[step]:
            levels[source] = max(levels[source], levels[step] + 1)
    return levels


def constant_ids(node: Node, signature: Signature, domain: Domain) -> tuple[int, ...]:
    """The domain's ids of a checked call's constants and of its attribute, in the order of ``forward``."""
    constants = iter(node.constants)
    ids = []
    for parameter in signature.parameters:
        if parameter.kind == BRACKET_KIND:
            ids.append(domain.attribute_ids[node.attribute or ""])
        elif parameter.kind not in INPUT_KINDS:
            constant = next(constants)
            if isinstance(constant, Concept):
                ids.append(domain.concept_id(constant.attribute, constant.value))
            else:
                ids.append(domain.relation_ids[constant])
    return tuple(ids)


def _recall(kept: "OrderedDict[Key, Value]", key: Key, hits: Hits) -> Value | None:
    found = kept.get(key)
    if found is None:
        hits.misses += 1
    else:
        hits.hits += 1
        kept.move_to_end(key)
    return found


def _keep(kept: "OrderedDict[Key, Value]", key: Key, value: Value, capacity: int) -> None:
    kept[key] = value
    if len(kept) > capacity:
        kept.popitem(last=False)
