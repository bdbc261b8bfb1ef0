"""Answers from worlds: enumerate them by falling weight and sum the weights by answer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from heapq import heappop, heappush
from itertools import count

from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.exact import ExactBackend
from nmn.exact.compiled import Compiled
from nmn.program import Concept, Program
from nmn.scene import FacetStore
from nmn.signature import ATTRIBUTE_NAME_KIND
from nmn.worlds.tables import Facets, Tables
from nmn.worlds.world import Opening, World


@dataclass(frozen=True)
class WorldsAnswer:
    """What the worlds say.

    Attributes:
        distribution: Weight of every answer found; that of None are the worlds in which something that the program takes
            for granted does not hold. They add up to ``mass``, so each is a lower bound of the answer's probability, and
            with what is missing an upper one.
        mass: Weight of all worlds that were answered, 0 to 1.
        worlds: How many those are.
    """

    distribution: Mapping[str | None, float]
    mass: float
    worlds: int

    @cached_property
    def granted(self) -> float:
        """Weight of the worlds in which all that is taken for granted holds."""
        return self.mass - self.distribution.get(None, 0.0)

    @cached_property
    def value(self) -> str | None:
        """The likeliest answer; None when in no world there is one."""
        answers = {answer: weight for answer, weight in self.distribution.items() if answer is not None}
        return max(answers, key=lambda answer: answers[answer]) if answers else None

    def given_granted(self) -> Mapping[str, float]:
        """The distribution among the worlds in which all that is taken for granted holds."""
        return {
            answer: weight / self.granted
            for answer, weight in self.distribution.items()
            if answer is not None and weight > 0
        }


def worlds_answer(
    program: Program,
    store: FacetStore,
    image: int,
    *,
    mass: float = 0.99,
    limit: int = 4096,
    backend: ExactBackend | None = None,
) -> WorldsAnswer:
    """Answer a checked program about one image by its likeliest worlds.

    Args:
        program: What is asked.
        store: What is known of the images; facets that are read are added to it, for the rows that are read.
        image: Position of the image in the store.
        mass: Stop when the worlds weigh this much.
        limit: Or when there are this many.
        backend: Holds the rules; that of the store's domain and the module library if None.

    Raises:
        ProgramError: when an operation has no exact rule, or an attribute that is read has several values an object or
            values that imply one another.
    """
    compiled = (backend or _backend(store.domain)).compile(program)
    attributes = attributes_read(compiled, store.domain)
    _one_value_each(attributes, store.domain)
    tolerance = _tolerance(compiled, len(attributes), int(store.glance.mask[image].sum()), mass)
    tables = Tables(store, image, tolerance)
    weights: dict[str | None, float] = {}
    found, worlds = 0.0, 0
    for answer, world in enumerate_worlds(compiled, tables):
        weights[answer] = weights.get(answer, 0.0) + world.weight
        found += world.weight
        worlds += 1
        if worlds >= limit or found * tables.kept >= mass:
            break
    distribution = {answer: weight * tables.kept for answer, weight in weights.items()}
    return WorldsAnswer(distribution, found * tables.kept, worlds)


def enumerate_worlds(compiled: Compiled, facets: Facets) -> Iterator[tuple[str | None, World]]:
    """All worlds of a program, by falling weight as far as that is known beforehand, each with its answer.

    The answer is None where something that the program takes for granted does not hold. The weights of all add up to 1.
    """
    openings = _Openings()
    world = World(facets)
    while True:
        yield world.run(compiled), world
        openings.add(world)
        if not openings.queue:
            return
        world = World.resumed(facets, openings.take())


def attributes_read(compiled: Compiled, domain: Domain) -> frozenset[str]:
    """Names of the attributes that a program may read: by its constants, or all that objects are compared by."""
    nodes = compiled.program.nodes
    names = {node.attribute for node in nodes if node.attribute is not None}
    names |= {each.attribute for node in nodes for each in node.constants if isinstance(each, Concept)}
    if any(each.output == ATTRIBUTE_NAME_KIND for each in compiled.signatures):
        names |= {domain.attributes[number].name for number in domain.comparable_ids}
    return frozenset(names)


def _one_value_each(names: frozenset[str], domain: Domain) -> None:
    for name in sorted(names):
        attribute = domain.attribute(name)
        if attribute.hypernyms or not attribute.exclusive:
            what = "values that imply one another" if attribute.hypernyms else "any number of values"
            raise ProgramError(f"worlds decide one value an object, but attribute {name!r} has {what}")


class _Openings:
    """What worlds left open, by the weight that the world from there is likely to have.

    Of the openings of one world only the best is in the queue; the next comes in when it goes.
    """

    def __init__(self) -> None:
        self.queue: list[tuple[float, int, float, list[Opening]]] = []
        self._tickets = count()

    def add(self, world: World) -> None:
        """Add all that a world left open."""
        if world.left_open:
            world.left_open.sort(key=lambda opening: opening.ratio)
            self._push(world.weight, world.left_open)

    def take(self) -> Opening:
        """Remove the best."""
        priority, _, weight, beside = heappop(self.queue)
        opening = beside.pop()
        if beside:
            self._push(weight, beside)
        further = opening.further()
        if further is not None:
            self._push(-priority, [further])
        return opening

    def _push(self, weight: float, beside: list[Opening]) -> None:
        heappush(self.queue, (-weight * beside[-1].ratio, next(self._tickets), weight, beside))


@lru_cache(maxsize=8)
def _backend(domain: Domain) -> ExactBackend:
    return ExactBackend(domain)


def _tolerance(compiled: Compiled, attributes: int, objects: int, mass: float) -> float:
    """The doubt of one facet that is negligible: all facets that can be read together give up half of what may be missed."""
    relations = {each for node in compiled.program.nodes for each in node.constants if isinstance(each, str)}
    facets = objects * (1 + attributes + len(relations) * max(0, objects - 1))
    return max(0.0, 1.0 - mass) / 2 / max(1, facets)
