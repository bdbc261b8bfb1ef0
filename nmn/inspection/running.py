"""Running: a question asked so that there is as much as possible to see of it, with suppositions and by any policy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from nmn.check import check
from nmn.engine import Engine
from nmn.errors import InputError
from nmn.exact import is_certain
from nmn.inspection.comparing import compare
from nmn.inspection.measuring import WHOLE, Ran, compute_ahead, policies_of, run_looking, run_whole
from nmn.inspection.pictures import drawn_on
from nmn.inspection.seeing import objects_in_scene, objects_in_store, objects_looked_at
from nmn.inspection.supposing import WITHOUT, fastest, run_supposing, with_what_ran_again
from nmn.inspection.suppositions import (
    SupposedObjects,
    SupposedOutcome,
    Supposition,
    check_suppositions,
    outcomes,
)
from nmn.inspection.view import Beside, ObjectView, Picture, View, WayOfRunning
from nmn.inspection.viewing import view
from nmn.parse import Parse, Readings
from nmn.perceiver import Glance
from nmn.policies.choice import STAGED, Choice
from nmn.program import Program
from nmn.scene import FacetStore
from nmn.scene_backend import SceneBackend
from nmn.scenes import Scene
from nmn.soft import SoftBackend
from nmn.trace import Answer

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
    policy: str = "lazy",
    doubt: float | None = None,
    budget_ms: float | None = None,
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
        policy: How closely the image is looked at, and when: one of :func:`nmn.inspection.measuring.policies_of`.
        doubt: What the policy tolerates, where it tolerates any (:class:`nmn.policies.choice.Choice`).
        budget_ms: What the policy keeps to, likewise.
        suppose: What takes the place of what is seen.
        picture: What to draw objects on; the image itself if None.
        glance: The first look at the image, where it has been taken before.
        measure: Whether the program also runs by the other policies, to be compared with.
        title: Of the view.

    Raises: InputError when an image, a question, a program or a supposition cannot be used.
    """
    choice = Choice(policy, doubt, budget_ms)
    if suppose and policy in STAGED:
        raise InputError(f"to suppose something, take a policy that leaves no look out: {', '.join(WHOLE)}")
    loaded = engine.perceiver.load(image)
    readings = _readings(engine, loaded, question) if isinstance(question, str) else ()
    program = question if isinstance(question, Program) else readings[0].program
    check(program, engine.domain, engine.registry)
    asked = _Asked(engine, loaded, program, question if isinstance(question, str) else "", readings, picture)
    exactly = not suppose and _exactly_answered(asked)
    found = _exactly(asked) if exactly else _softly(asked, choice, suppose, glance, measure)
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
    asked: _Asked, choice: Choice, suppose: Sequence[Supposition], seen: Glance | None, measure: bool
) -> Inspected:
    engine, program, backend = asked.engine, asked.program, _soft(asked.engine)
    times = _TIMES if measure else 1

    def run(policy: str) -> Ran:
        if policy in STAGED:
            own = choice if policy == choice.policy else Choice(policy)
            return run_looking(engine, own, asked.loaded, program, times)
        return run_whole(backend, glance, program, policy, times)

    with torch.no_grad():
        glance = backend.perceiver.glance([asked.loaded]) if seen is None else seen
        check_suppositions(suppose, program, int(glance.mask[0].sum()), backend.domain, engine.registry)
        ways = {name: run(name) for name in (policies_of(engine) if measure else (choice.policy,))}
        found = ways[choice.policy] if choice.policy in ways else run(choice.policy)
        store = FacetStore.of(backend.perceiver, glance)
        if suppose:
            return _supposed(asked, backend, glance, found, ways, choice, suppose, times)
        store.compute_everything()
    objects = objects_in_store(store, scene=_scene(asked))
    if choice.policy in STAGED:
        objects = objects_looked_at(found.answer, objects)
    plain = asked.inspected(found.answer, objects)
    return replace(plain, view=_with_work(plain.view, store, found, ways if measure else {}, choice))


def _supposed(
    asked: _Asked,
    backend: SoftBackend,
    glance: Glance,
    found: Ran,
    ways: Mapping[str, Ran],
    choice: Choice,
    suppose: Sequence[Supposition],
    times: int,
) -> Inspected:
    """The run as it would be, beside the run as it is."""
    domain = backend.domain
    stores = [FacetStore.of(backend.perceiver, glance) for _ in range(times)]
    for each in stores:
        compute_ahead(backend, each, asked.program, choice.policy)
    ran = fastest([run_supposing(backend, each, asked.program, suppose) for each in stores])
    store = stores[0]
    store.compute_everything()
    objects = objects_in_store(store, suppose, _scene(asked))
    after = asked.inspected(ran.answer, objects)
    before = _with_work(asked.inspected(found.answer, objects).view, store, found, ways, choice)
    by_hand = {each.node: each.words(domain) for each in suppose if isinstance(each, SupposedObjects | SupposedOutcome)}
    shown = with_what_ran_again(before, compare(after.view, before, other=WITHOUT)[0], ran, by_hand)
    return replace(after, view=replace(shown, suppositions=tuple(each.words(domain) for each in suppose)))


def _scene(asked: _Asked) -> Scene | None:
    return asked.loaded if isinstance(asked.loaded, Scene) else None


def _with_work(drawn: View, store: FacetStore, found: Ran, ways: Mapping[str, Ran], choice: Choice) -> View:
    """A view with what its run took, and every other way of running."""
    if drawn.work is None:
        return drawn
    listed = tuple(WayOfRunning(name, ran.total, name == choice.policy) for name, ran in ways.items())
    ahead = found.ahead if found.ahead.rows else None
    work = replace(drawn.work, total=found.total, ahead=ahead, possible_rows=store.possible_rows, ways=listed)
    other = ways.get("everything")
    if other is None or other is found:
        return replace(drawn, work=work)
    nodes = tuple(replace(node, beside=cost) for node, cost in zip(drawn.nodes, other.nodes, strict=True))
    return replace(drawn, work=replace(work, beside=Beside("everything computed ahead", other.ahead)), nodes=nodes)
