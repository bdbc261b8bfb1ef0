"""Running: a question asked so that there is as much as possible to see of it, with suppositions and by any policy."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, get_args

import torch

from nmn.check import check
from nmn.decode import answer_of_loop
from nmn.engine import Engine
from nmn.errors import InputError, nearest
from nmn.exact import is_certain
from nmn.inspection.comparing import compare
from nmn.inspection.pictures import drawn_on
from nmn.inspection.seeing import objects_in_scene, objects_in_store
from nmn.inspection.supposing import WITHOUT, run_supposing, with_what_ran_again
from nmn.inspection.suppositions import (
    SupposedObjects,
    SupposedOutcome,
    Supposition,
    check_suppositions,
    outcomes,
)
from nmn.inspection.view import Beside, Cost, ObjectView, Picture, View, WayOfRunning
from nmn.inspection.viewing import cost_of, total_of, view
from nmn.parse import Parse, Readings
from nmn.perceiver import Glance
from nmn.program import Program
from nmn.scene import FacetRows, FacetStore
from nmn.scene_backend import SceneBackend
from nmn.scenes import Scene
from nmn.soft import Policy, SoftBackend
from nmn.trace import Answer

POLICIES: tuple[Policy, ...] = ("lazy", "read", "everything")
_TIMES = 3


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
    asked = _Asked(engine, loaded, program, question if isinstance(question, str) else "", readings, picture)
    exactly = not suppose and _exactly_answered(asked)
    found = _exactly(asked) if exactly else _softly(asked, policy, suppose, glance, measure)
    return replace(found, view=replace(found.view, title=title))


@dataclass(frozen=True)
class _Asked:
    """What was asked, of what."""

    engine: Engine
    loaded: Any
    program: Program
    question: str
    readings: Sequence[Parse]
    picture: Picture | None

    def inspected(self, answer: Answer, objects: Sequence[ObjectView]) -> Inspected:
        """The answer of the program as that of the question, viewed."""
        if self.question:
            answer = answer.asked(self.question, self.readings[0])
            answer = answer if self.readings[0].known else answer.unknown()
        domain, registry = self.engine.domain, self.engine.registry
        shown = view(
            answer,
            domain=domain,
            registry=registry,
            picture=drawn_on(self.loaded, self.picture),
            objects=objects,
            others=self.readings[1:],
        )
        nodes = tuple(
            replace(node, outcomes=outcomes(self.program, node.index, len(objects), domain, registry))
            for node in shown.nodes
        )
        return Inspected(answer, replace(shown, nodes=nodes))


def _readings(engine: Engine, loaded: Any, question: str) -> Readings:
    """The readings of a question, the one that the engine answers by first."""
    readings = engine.parser.parse(question)
    chosen = engine.answer(loaded, question).reading if engine.execution_guided else None
    return readings if chosen is None else (chosen, *(each for each in readings if each.program != chosen.program))


def _exactly_answered(asked: _Asked) -> bool:
    """Whether exact rules answer."""
    backend, loaded = asked.engine.backend, asked.loaded
    exact = isinstance(backend, SceneBackend) and isinstance(loaded, Scene) and is_certain(loaded)
    return exact and isinstance(backend, SceneBackend) and backend.exact.has_rules(asked.program)


def _exactly(asked: _Asked) -> Inspected:
    answer = asked.engine.backend.run([asked.loaded], [asked.program], [0], trace=True)[0]
    return asked.inspected(answer, objects_in_scene(asked.loaded, asked.engine.domain))


# By probabilities


def _soft(engine: Engine) -> SoftBackend:
    backend = engine.backend.soft if isinstance(engine.backend, SceneBackend) else engine.backend
    if isinstance(backend, SoftBackend):
        return backend
    raise InputError(f"{type(backend).__name__} cannot be looked into; ask with a trace, and view the answer")


def _softly(
    asked: _Asked, policy: Policy, suppose: Sequence[Supposition], seen: Glance | None, measure: bool
) -> Inspected:
    backend = _soft(asked.engine)
    with torch.no_grad():
        glance = backend.perceiver.glance([asked.loaded]) if seen is None else seen
        count = int(glance.mask[0].sum())
        check_suppositions(suppose, asked.program, count, backend.domain, asked.engine.registry)

        def run(way: Policy) -> _Policed:
            # The first run of a program binds its calls, and a busy machine slows some steps: the fastest of each counts.
            return _fastest(
                [
                    _policed(backend, FacetStore.of(backend.perceiver, glance), asked.program, way)
                    for _ in range(_TIMES if measure else 1)
                ]
            )

        found = run(policy)
        ways = {way: found if way == policy else run(way) for way in POLICIES} if measure else {}
        if suppose:
            return _supposed(asked, backend, FacetStore.of(backend.perceiver, glance), found, ways, policy, suppose)
        found.store.compute_everything()
    plain = asked.inspected(found.answer, objects_in_store(found.store, scene=_scene(asked)))
    return replace(plain, view=_with_work(plain.view, found, ways, policy))


def _supposed(
    asked: _Asked,
    backend: SoftBackend,
    store: FacetStore,
    found: "_Policed",
    ways: "dict[Policy, _Policed]",
    policy: Policy,
    suppose: Sequence[Supposition],
) -> Inspected:
    """The run as it would be, beside the run as it is."""
    domain = backend.domain
    _ahead_of(backend, store, asked.program, policy)
    ran = run_supposing(backend, store, asked.program, suppose)
    store.compute_everything()
    objects = objects_in_store(store, suppose, _scene(asked))
    after = asked.inspected(ran.answer, objects)
    before = _with_work(asked.inspected(found.answer, objects).view, found, ways, policy)
    by_hand = {each.node: each.words(domain) for each in suppose if isinstance(each, SupposedObjects | SupposedOutcome)}
    shown = with_what_ran_again(before, compare(after.view, before, other=WITHOUT)[0], ran, by_hand)
    return replace(after, view=replace(shown, suppositions=tuple(each.words(domain) for each in suppose)))


def _scene(asked: _Asked) -> Scene | None:
    return asked.loaded if isinstance(asked.loaded, Scene) else None


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


def _fastest(runs: Sequence[_Policed]) -> _Policed:
    """One of several equal runs, each of its steps as fast as in that one of them where it was fastest."""
    traces = [each.answer.trace for each in runs if each.answer.trace is not None]
    last = runs[-1]
    if last.answer.trace is None:
        return last
    seconds = [min(each.seconds for each in nodes) for nodes in zip(*(each.nodes for each in traces), strict=True)]
    nodes = tuple(replace(node, seconds=least) for node, least in zip(last.answer.trace.nodes, seconds, strict=True))
    ahead = replace(last.ahead, seconds=min(each.ahead.seconds for each in runs))
    return _Policed(replace(last.answer, trace=replace(last.answer.trace, nodes=nodes)), ahead, last.store)


def _policed(backend: SoftBackend, store: FacetStore, program: Program, policy: Policy) -> _Policed:
    """Run a program by a policy, with a trace."""
    started = perf_counter()
    _ahead_of(backend, store, program, policy)
    seconds = perf_counter() - started if store.history else 0.0
    ahead = _ahead(store.history, seconds)
    answer = answer_of_loop(backend.looper.run(program, 0, store, trace=True))
    return _Policed(answer, ahead, store)


def _ahead_of(backend: SoftBackend, store: FacetStore, program: Program, policy: Policy) -> None:
    """Compute what a policy wants to be known before anything runs."""
    if policy == "everything":
        store.compute_everything()
    elif policy == "read":
        bound = backend.looper.bind(program, store.presence.device)
        store.compute_of_image(0, bound.attributes, bound.relations)


def _ahead(computed: Sequence[FacetRows], seconds: float) -> Cost:
    facets = tuple((each.facet, len(each.rows)) for each in computed)
    return Cost(sum(len(each.rows) * each.flops for each in computed), seconds, sum(rows for _, rows in facets), facets)


def _with_work(drawn: View, found: _Policed, ways: dict[Policy, _Policed], policy: Policy) -> View:
    if drawn.work is None:
        return drawn
    listed = tuple(WayOfRunning(way, ran.total, way == policy) for way, ran in ways.items())
    ahead = found.ahead if found.ahead.rows else None
    possible = found.store.possible_rows
    work = replace(drawn.work, total=found.total, ahead=ahead, possible_rows=possible, ways=listed)
    other = ways.get("everything") if policy != "everything" else None
    if other is None or other.answer.trace is None:
        return replace(drawn, work=work)
    costs = [cost_of(node) for node in other.answer.trace.nodes]
    nodes = tuple(replace(node, beside=cost) for node, cost in zip(drawn.nodes, costs, strict=True))
    beside = Beside("everything computed ahead", other.ahead)
    return replace(drawn, work=replace(work, beside=beside), nodes=nodes)
