"""Running: a question asked so that there is as much as possible to see of it, with suppositions and by any policy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, get_args

import torch

from nmn.check import check
from nmn.decode import answer_of_loop
from nmn.domain import Domain
from nmn.engine import Engine
from nmn.errors import InputError, nearest
from nmn.exact import is_certain
from nmn.inspection.pictures import drawn_on
from nmn.inspection.suppositions import (
    Supposition,
    check_suppositions,
    put_suppositions,
    supposed_scene,
    supposed_words,
)
from nmn.inspection.view import Cost, ObjectView, Picture, View, WayOfRunning
from nmn.inspection.viewing import cost_of, total_of, view
from nmn.parse import Readings
from nmn.perceiver import Glance
from nmn.program import Program
from nmn.scene import FacetRows, FacetStore
from nmn.scene_backend import SceneBackend
from nmn.scenes import Scene, SceneObject
from nmn.soft import Policy, SoftBackend
from nmn.trace import Answer
from nmn.words import LIKELY

POLICIES: tuple[Policy, ...] = ("lazy", "read", "everything")
_TIMES = 3
_PLAIN_BOX = 0.045
"""Half the side of the box that stands for an object of which only the centre is known, of the image's width."""


@dataclass(frozen=True)
class Inspected:
    """A question asked, and everything there is to see of it."""

    answer: Answer
    view: View


def inspect(
    engine: Engine,
    image: Any,
    question: str | Program,
    *,
    policy: Policy = "lazy",
    suppose: Sequence[Supposition] = (),
    picture: Picture | None = None,
    glance: Glance | None = None,
    measure: bool = True,
    title: str = "",
) -> Inspected:
    """Ask a question and keep everything that there is to see of it.

    Args:
        engine: Answers it.
        image: What its perceiver looks at.
        question: A question, or a program to run as it is.
        policy: Which facets are computed, and when (:data:`nmn.soft.Policy`).
        suppose: What takes the place of what is seen.
        picture: What to draw objects on; the image itself if None.
        glance: The first look at the image, where it has been taken before.
        measure: Whether the program also runs by the other policies, to be compared with.
        title: Of the view.

    Raises: InputError when an image, a question, a program or a supposition cannot be used.
    """
    if policy not in get_args(Policy):
        raise InputError(f"no policy {policy!r}{nearest(policy, POLICIES)}")
    loaded = engine.perceiver.load(image)
    readings = _readings(engine, loaded, question) if isinstance(question, str) else ()
    program = question if isinstance(question, Program) else readings[0].program
    check(program, engine.domain, engine.registry)
    soft = _soft_for(engine, loaded, program)
    run = (
        _exactly(engine, loaded, program, suppose)
        if soft is None
        else _softly(soft, loaded, program, policy, suppose, glance, measure)
    )
    answer = run.answer
    if isinstance(question, str):
        answer = answer.asked(question, readings[0])
        answer = answer if readings[0].known else answer.unknown()
    shown = view(
        answer,
        domain=engine.domain,
        registry=engine.registry,
        picture=drawn_on(loaded, picture),
        objects=run.objects,
        others=readings[1:],
    )
    return Inspected(answer, replace(run.finish(shown), title=title))


@dataclass(frozen=True)
class _Ran:
    """An answer with what is known of the objects, and what completes its view."""

    answer: Answer
    objects: tuple[ObjectView, ...]
    finish: Callable[[View], View]


def _readings(engine: Engine, loaded: Any, question: str) -> Readings:
    """The readings of a question, the one that the engine answers by first."""
    readings = engine.parser.parse(question)
    chosen = engine.answer(loaded, question).reading if engine.execution_guided else None
    return readings if chosen is None else (chosen, *(each for each in readings if each.program != chosen.program))


def _soft_for(engine: Engine, loaded: Any, program: Program) -> SoftBackend | None:
    """The back end that answers by probabilities; None where exact rules do."""
    backend = engine.backend
    if isinstance(backend, SceneBackend):
        exact = isinstance(loaded, Scene) and is_certain(loaded) and backend.exact.has_rules(program)
        return None if exact else backend.soft
    if isinstance(backend, SoftBackend):
        return backend
    raise InputError(f"{type(backend).__name__} cannot be looked into; ask with a trace, and view the answer")


# By probabilities


def _softly(
    backend: SoftBackend,
    loaded: Any,
    program: Program,
    policy: Policy,
    suppose: Sequence[Supposition],
    seen: Glance | None,
    measure: bool,
) -> _Ran:
    with torch.no_grad():
        glance = backend.perceiver.glance([loaded]) if seen is None else seen
        objects = int(glance.mask[0].sum())
        check_suppositions(suppose, objects, backend.domain)

        def run(way: Policy) -> _Policed:
            # The first run of a program binds its calls, and a busy machine slows some: the fastest counts.
            runs = [
                _policed(backend, FacetStore.of(backend.perceiver, glance), program, way, suppose)
                for _ in range(_TIMES if measure else 1)
            ]
            return min(runs, key=lambda each: each.total.seconds)

        found = run(policy)
        ways = {way: found if way == policy else run(way) for way in POLICIES} if measure else {}
        facts = found.store
        facts.compute_everything()
        put_suppositions(facts, suppose)
    shown = tuple(_seen(facts, index, suppose) for index in range(objects))
    return _Ran(found.answer, shown, lambda drawn: _with_work(drawn, found, ways, policy))


@dataclass(frozen=True)
class _Policed:
    """One run by one policy: its answer, what was computed ahead of it, and its store."""

    answer: Answer
    ahead: Cost
    store: FacetStore

    @property
    def total(self) -> Cost:
        trace = self.answer.trace
        nodes = [] if trace is None else [cost_of(node) for node in trace.nodes]
        return total_of([self.ahead, *nodes])


def _policed(
    backend: SoftBackend, store: FacetStore, program: Program, policy: Policy, suppose: Sequence[Supposition]
) -> _Policed:
    """Run a program by a policy, with a trace."""
    put_suppositions(store, suppose)
    known = len(store.history)
    started = perf_counter()
    if policy == "everything":
        store.compute_everything()
    elif policy == "read":
        bound = backend.looper.bind(program, store.presence.device)
        store.compute_of_image(0, bound.attributes, bound.relations)
    computed = store.history[known:]
    seconds = perf_counter() - started if computed else 0.0
    answer = answer_of_loop(backend.looper.run(program, 0, store, trace=True))
    return _Policed(answer, _ahead(computed, seconds), store)


def _ahead(computed: Sequence[FacetRows], seconds: float) -> Cost:
    facets = tuple((each.facet, len(each.rows)) for each in computed)
    return Cost(sum(len(each.rows) * each.flops for each in computed), seconds, sum(rows for _, rows in facets), facets)


def _with_work(drawn: View, found: _Policed, ways: dict[Policy, _Policed], policy: Policy) -> View:
    if drawn.work is None:
        return drawn
    listed = tuple(WayOfRunning(way, ran.total, way == policy) for way, ran in ways.items())
    work = replace(
        drawn.work, total=found.total, ahead=found.ahead if found.ahead.rows else None,
        possible_rows=found.store.possible_rows, ways=listed,
    )  # fmt: skip
    everything = ways["everything"].answer.trace if ways and policy != "everything" else None
    if everything is None:
        return replace(drawn, work=work)
    others = [cost_of(node) for node in everything.nodes]
    nodes = tuple(replace(node, everything=other) for node, other in zip(drawn.nodes, others, strict=True))
    return replace(drawn, work=work, nodes=nodes)


def _seen(store: FacetStore, index: int, suppose: Sequence[Supposition]) -> ObjectView:
    domain = store.domain
    facts = []
    for attribute in domain.attributes:
        first, end = domain.span(attribute.name)
        chance, place = store.attributes[first:end, 0, index].exp().max(0)
        facts.append((attribute.name, attribute.values[int(place)], float(chance)))
    box = store.glance.boxes[0, index].tolist()
    known = None if box[0] != box[0] else (box[0], box[1], box[2], box[3])
    presence = float(store.presence[0, index].sigmoid())
    return ObjectView(index, presence, known, _looks(facts, domain), tuple(facts), supposed_words(suppose, index))


# By exact rules


def _exactly(engine: Engine, scene: Scene, program: Program, suppose: Sequence[Supposition]) -> _Ran:
    domain = engine.domain
    check_suppositions(suppose, len(scene.objects), domain)
    changed = supposed_scene(scene, suppose)
    answer = engine.backend.run([changed], [program], [0], trace=True)[0]
    extent = _scene_extent(scene)
    seen = []
    for index, each in enumerate(changed.objects):
        facts = [(name, value, 1.0) for name, value in each.attributes.items()]
        box = each.box if each.box is not None else _around(each, extent)
        seen.append(ObjectView(index, 1.0, box, _looks(facts, domain), tuple(facts), supposed_words(suppose, index)))
    return _Ran(answer, tuple(seen), lambda drawn: drawn)


def _scene_extent(scene: Scene) -> float:
    return max((each.pixel[0] for each in scene.objects if each.pixel is not None), default=0.0) * 1.08


def _around(seen: SceneObject, extent: float) -> tuple[float, float, float, float] | None:
    """A small box around an object's centre."""
    if seen.pixel is None:
        return None
    x, y, half = seen.pixel[0], seen.pixel[1], _PLAIN_BOX * extent
    return (x - half, y - half, x + half, y + half)


def _looks(facts: Sequence[tuple[str, str, float]], domain: Domain) -> str:
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
