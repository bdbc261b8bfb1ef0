"""Supposing: a run, and what becomes of it when something is supposed. Only what depends on that runs again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np

from nmn.decode import answers
from nmn.executor import CallRecord, Run, execute
from nmn.inspection.suppositions import Supposition, put_in_store, values_put
from nmn.inspection.view import CHANGED, Again, Beside, Cost, NodeView, View
from nmn.inspection.viewing import total_of
from nmn.planner import Planner
from nmn.program import Program
from nmn.resume import Rerun, resume
from nmn.scene import FacetStore
from nmn.soft import SoftBackend
from nmn.trace import UNKNOWN, Answer
from nmn.words import LIKELY

WITHOUT = "Without the supposition"
_NAMED = 6
"""Steps whose change is told one by one."""


@dataclass(frozen=True)
class Supposed:
    """A run as it would be.

    Attributes:
        answer: Of what is supposed, traced.
        again: What bringing the run up to date took.
        nodes: What each node that ran again took; the others kept their values.
    """

    answer: Answer
    again: Cost
    nodes: Mapping[int, Cost]


def run_supposing(
    backend: SoftBackend, store: FacetStore, program: Program, suppose: Sequence[Supposition]
) -> Supposed:
    """Run a program call by call, put what is supposed in its place, and bring the run up to date.

    Args:
        backend: Runs it.
        store: What is known of the one image; it then holds what is supposed.
        program: What to run.
        suppose: Checked suppositions.
    """
    registry = backend.modules.registry
    plan = Planner(backend.domain, registry, fuse=False).plan([program], [0])
    run = execute(plan, store, backend.modules, trace=True)
    changed = put_in_store(store, suppose)
    known, started = len(store.history), perf_counter()
    resumed = resume(run, backend.modules, changed=changed, values=values_put(suppose, program, store, registry))
    seconds = perf_counter() - started
    nodes = _costs(resumed.run, resumed.reruns)
    facets = [(each.facet, len(each.rows)) for each in store.history[known:]]
    flops = sum(record.flops * record.rows for rerun in resumed.reruns for record in rerun.records)
    flops += sum(each.flops * len(each.rows) for each in store.history[known:])
    again = total_of([Cost(flops, seconds, sum(rows for _, rows in facets), tuple(facets))])
    return Supposed(answers(resumed.run)[0], again, nodes)


def fastest(runs: Sequence[Supposed]) -> Supposed:
    """One of several equal runs, each of its steps as fast as in that one of them where it was fastest."""
    first = runs[0]
    seconds = min(each.again.seconds for each in runs)
    nodes = {
        node: replace(cost, seconds=min(each.nodes[node].seconds for each in runs))
        for node, cost in first.nodes.items()
    }
    return replace(first, again=replace(first.again, seconds=seconds), nodes=nodes)


def with_what_ran_again(before: View, after: View, ran: Supposed, suppose: Mapping[int, str]) -> View:
    """The view of a run with what is supposed, beside that of the run without.

    Args:
        before: What is seen.
        after: What is supposed, each node with its difference from the other.
        ran: What ran again.
        suppose: For each node whose value was put by hand, that in words.
    """
    nodes = tuple(
        replace(
            node,
            supposed=suppose.get(node.index, ""),
            kept=node.index not in ran.nodes,
            cost=ran.nodes.get(node.index, Cost(0, 0.0)),
            beside=old.cost,
        )
        for node, old in zip(after.nodes, before.nodes, strict=True)
    )
    again = Again(len(ran.nodes), ran.again)
    work = before.work
    if work is not None:
        beside = Beside("the whole run, without what is supposed", work.ahead)
        work = replace(work, again=again, ahead=None, beside=beside)
    return replace(after, nodes=nodes, changes=changes(before, after, len(ran.nodes)), work=work)


def changes(before: View, after: View, again: int) -> tuple[str, ...]:
    """What is another for what is supposed, in words: first the answer, then how far that goes, then step by step."""
    old, new = _answered(before), _answered(after)
    first = f"The answer stays {old}" if old == new else f"The answer changes from {old} to {new}"
    if old == new and before.confidence is not None and after.confidence is not None:
        moved = abs(before.confidence - after.confidence) >= 0.0005
        first += f", with confidence {after.confidence:.3f} in place of {before.confidence:.3f}" if moved else ""
    differ = [
        (node, before.nodes[node.index])
        for node in after.nodes
        if node.difference is not None and node.difference.state == CHANGED
    ]
    count = len(after.nodes)
    second = (
        f"{again} of {count} steps ran again; {len(differ) or 'none'} {'differs' if len(differ) == 1 else 'differ'}"
    )
    told = [f"#{node.index} {node.title} {node.argument}".strip() + f": {_moved(was, node)}" for node, was in differ]
    more = [f"and {len(told) - _NAMED} more"] if len(told) > _NAMED else []
    return (first, second, *told[:_NAMED], *more)


def _moved(was: NodeView, now: NodeView) -> str:
    """``4 → 5 objects, now with 1``; ``yellow → red``."""
    if now.kind != "ObjectSet" or not was.columns or not now.columns:
        return f"{was.value} → {now.value}"
    old, new = _members(was), _members(now)
    parts = [("now with", sorted(new - old)), ("without", sorted(old - new))]
    said = [f"{words} {', '.join(map(str, found))}" for words, found in parts if found]
    number = f"{len(old)} → {len(new)}" if len(old) != len(new) else str(len(new))
    return ", ".join([f"{number} object{'' if len(new) == 1 else 's'}", *said])


def _members(node: NodeView) -> set[int]:
    return {index for index, score in enumerate(node.columns[-1].scores) if score >= LIKELY}


def _answered(shown: View) -> str:
    return shown.answer or (shown.guess[0] if shown.guess is not None else UNKNOWN)


def _costs(run: Run, reruns: Sequence[Rerun]) -> dict[int, Cost]:
    """What each node took that ran again."""
    plan = run.plan
    firsts = [group.first for group in plan.groups]
    ran = {(each.group, int(row)): (each, place) for each in reruns for place, row in enumerate(each.rows)}
    found = {}
    for node, place in enumerate(plan.lowered[0].places):
        step = int(plan.steps[place.step])
        group = int(np.searchsorted(firsts, step, side="right")) - 1
        rerun = ran.get((group, step - firsts[group]))
        if rerun is not None:
            found[node] = _cost(rerun[0].records[place.layer], rerun[1])
    return found


def _cost(record: CallRecord, row: int) -> Cost:
    caused = [entry for note in record.notes for entry in note.by_row().get(row, ())]
    facets = tuple((name, rows) for name, rows, _ in caused)
    flops = record.flops + sum(flops for *_, flops in caused)
    return Cost(flops, record.seconds / record.rows, sum(rows for _, rows in facets), facets)
