"""Measuring: one program run by any policy, with what it took."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any, cast

from nmn.decode import answer_of_loop
from nmn.engine import Engine
from nmn.inspection.view import Cost
from nmn.inspection.viewing import cost_of, total_of
from nmn.perceiver import Glance
from nmn.policies.backend import StagedBackend
from nmn.policies.choice import STAGED, Choice
from nmn.program import Program
from nmn.scene import FacetRows, FacetStore
from nmn.soft import SoftBackend
from nmn.trace import Answer

WHOLE = ("lazy", "read", "everything")
"""Policies that leave no look out (:data:`nmn.soft.Policy`), what is shown at first before the others."""


@dataclass(frozen=True)
class Ran:
    """One run by one policy.

    Attributes:
        answer: Traced.
        ahead: What was computed, or looked at, before the first node.
    """

    answer: Answer
    ahead: Cost

    @property
    def nodes(self) -> list[Cost]:
        """What each node took."""
        return [] if self.answer.trace is None else [cost_of(node) for node in self.answer.trace.nodes]

    @property
    def total(self) -> Cost:
        """Of all nodes and what came before, without the first look at the image."""
        return total_of([self.ahead, *self.nodes])


def policies_of(engine: Engine) -> tuple[str, ...]:
    """The policies that an engine can be asked for by name."""
    looks = isinstance(engine.backend, SoftBackend) and engine.staged is not None and engine.staged.fitted
    return (*WHOLE, *STAGED) if looks else WHOLE


def run_whole(backend: SoftBackend, glance: Glance, program: Program, policy: str, times: int) -> Ran:
    """Run a program on a glanced image by a policy that leaves no look out.

    The first run of a program binds its calls, and a busy machine slows some steps: of several runs each step counts as it
    was fastest.

    Args:
        backend: Runs it.
        glance: Of the one image.
        program: Checked.
        policy: One of :data:`WHOLE`.
        times: How often it runs.
    """
    runs = [_whole(backend, FacetStore.of(backend.perceiver, glance), program, policy) for _ in range(times)]
    last = runs[-1]
    traces = [each.answer.trace for each in runs if each.answer.trace is not None]
    if last.answer.trace is None:
        return last
    seconds = [min(each.seconds for each in nodes) for nodes in zip(*(each.nodes for each in traces), strict=True)]
    nodes = tuple(replace(node, seconds=least) for node, least in zip(last.answer.trace.nodes, seconds, strict=True))
    ahead = replace(last.ahead, seconds=min(each.ahead.seconds for each in runs))
    return Ran(replace(last.answer, trace=replace(last.answer.trace, nodes=nodes)), ahead)


def compute_ahead(backend: SoftBackend, store: FacetStore, program: Program, policy: str) -> None:
    """Compute what a policy wants to be known of one image before a program runs."""
    if policy == "everything":
        store.compute_everything()
    elif policy == "read":
        bound = backend.looper.bind(program, store.presence.device)
        store.compute_of_image(0, bound.attributes, bound.relations)


def run_looking(engine: Engine, choice: Choice, image: Any, program: Program, times: int) -> Ran:
    """Run a program by a policy that chooses which objects are looked at more closely.

    Args:
        engine: Has the policy.
        choice: Which.
        image: As the engine's perceiver has loaded it.
        program: Checked.
        times: How often it runs; the fastest run counts.

    Raises: InputError, WeightsError when the engine has no such policy.
    """
    backend = cast(StagedBackend, engine.backend_for(choice))
    return min((_looking(backend, image, program) for _ in range(times)), key=lambda each: each.total.seconds)


def _whole(backend: SoftBackend, store: FacetStore, program: Program, policy: str) -> Ran:
    started = perf_counter()
    compute_ahead(backend, store, program, policy)
    ahead = _ahead(store.history, perf_counter() - started if store.history else 0.0)
    return Ran(answer_of_loop(backend.looper.run(program, 0, store, trace=True)), ahead)


def _ahead(computed: Sequence[FacetRows], seconds: float) -> Cost:
    facets = tuple((each.facet, len(each.rows)) for each in computed)
    return Cost(sum(len(each.rows) * each.flops for each in computed), seconds, sum(rows for _, rows in facets), facets)


def _looking(backend: StagedBackend, image: Any, program: Program) -> Ran:
    loaded = backend.load(image)
    started = perf_counter()
    backend.perceiver.glance([loaded])
    glanced = perf_counter()
    answer = backend.run([loaded], [program], [0], trace=True)[0]
    seconds = (perf_counter() - glanced) - (glanced - started)
    nodes = total_of(Ran(answer, Cost(0, 0.0)).nodes)
    taken = () if answer.trace is None or answer.trace.looking is None else answer.trace.looking.taken
    facets = tuple(Counter(each.pathway for each in taken).items())
    flops = sum(each.flops for each in taken)
    return Ran(answer, Cost(flops, max(0.0, seconds - nodes.seconds), len(taken), facets))
