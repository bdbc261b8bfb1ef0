"""Decode: the values of a run -> answers in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from nmn.domain import NO, YES, Domain
from nmn.executor import CallRecord, Run
from nmn.loop import LoopRun
from nmn.program import Node, Program
from nmn.scene import FacetStore
from nmn.signature import ANSWER_KINDS, ATTRIBUTE_NAME_KIND, CHOICE_KIND
from nmn.trace import Answer, FacetCost, FailedPresupposition, NodeTrace, PlanStatistics, Trace, holds_as_asked
from nmn.words import choices, not_granted, speaks_of_one

HOLDS = 0.5
"""A presupposition fails when the probability that it holds is below this."""

LEAST = 1e-12
"""Least probability that training tells from 0."""

Traced = tuple[CallRecord, int, int]
"""A node's call, its row there, and how many questions share it."""


def best(run: Run) -> tuple[list[str], list[float]]:
    """The answer of every program and its confidence, and nothing else: what large batches need."""
    values: list[str] = [""] * len(run.plan.programs)
    confidence = torch.zeros(len(values))
    for kind in ANSWER_KINDS:
        programs, roots = run.roots(kind)
        if len(programs):
            names, probabilities = _possible(kind, roots, run.store.domain)
            top, index = probabilities.max(-1)
            confidence[torch.from_numpy(programs)] = top.detach().cpu()
            for program, column in zip(programs.tolist(), index.tolist(), strict=True):
                values[program] = _name(kind, names, column, run.plan.programs[program], run.store.domain)
    return values, [
        chance * holds_as_asked(granted)
        for chance, granted in zip(confidence.tolist(), run.certainty().detach().exp().cpu().tolist(), strict=True)
    ]


def best_of_loop(run: LoopRun) -> tuple[str, float]:
    """The answer of one program that ran by itself and its confidence, and nothing else."""
    number = run.place[-1]
    names, probabilities = _possible(run.calls[number].signature.output, run.values[number], run.store.domain)
    top, index = probabilities[0].max(0)
    name = _name(run.calls[number].signature.output, names, int(index), run.program, run.store.domain)
    return name, float(top) * holds_as_asked(float(run.certainty().exp()))


def answers(run: Run, *, planner_seconds: float = 0.0) -> list[Answer]:
    """The answer of every program of a run; with what ran, if the run was traced.

    Args:
        run: What was run.
        planner_seconds: How long planning took, for the trace.
    """
    plan, domain = run.plan, run.store.domain
    statistics = _statistics(run, planner_seconds) if run.traced else None
    certainty = run.certainty().exp().tolist()
    failed = _failures(run)
    found: dict[int, Answer] = {}
    for kind in ANSWER_KINDS:
        programs, roots = run.roots(kind)
        names, probabilities = _possible(kind, roots, domain)
        for position, row in zip(programs.tolist(), probabilities.tolist(), strict=True):
            program = plan.programs[position]
            traced = _Tracer(run, position).trace(statistics) if statistics is not None else None
            shown = _distribution(kind, names, row, program, domain)
            found[position] = _answer(program, shown, certainty[position], failed.get(position, ()), traced)
    return [found[position] for position in range(len(plan.programs))]


def answer_of_loop(run: LoopRun) -> Answer:
    """The answer of one program that ran by itself; with what ran, if it was traced."""
    call = run.calls[run.place[-1]]
    kind = call.signature.output
    names, probabilities = _possible(kind, run.values[run.place[-1]], run.store.domain)
    shown = _distribution(kind, names, probabilities[0].tolist(), run.program, run.store.domain)
    failed = []
    for node, number in enumerate(run.place):
        held = run.holds[number]
        if held is not None and run.place.index(number) == node and float(held.exp()) < HOLDS:
            members = run.values[run.calls[number].inputs[0]][0]
            failed.append(_explained(run.program, node, float(held.exp()), members, run.store, run.image))
    traced = None
    if run.records:
        nodes = [(run.records[number], 0, 1) for number in run.place]
        traced = _trace(run.program, run.image, run.store, nodes)
    return _answer(run.program, shown, float(run.certainty().exp()), failed, traced)


def log_likelihood(run: Run, expected: Sequence[str]) -> Tensor:
    """[programs] log-probability of the expected answers, differentiable: what training from answers alone maximises.

    An answer that is none of a program's possible answers has the log-probability of the least that can be told from 0.
    """
    domain = run.store.domain
    total = run.store.presence.new_zeros(len(run.plan.programs))
    for kind in ANSWER_KINDS:
        programs, roots = run.roots(kind)
        if len(programs) == 0:
            continue
        names, probabilities = _possible(kind, roots, domain)
        index = _target_index(
            kind, names, [(run.plan.programs[each], expected[each]) for each in programs.tolist()], domain
        )
        columns = torch.from_numpy(index).to(roots.device)
        padded = torch.cat([probabilities, torch.zeros_like(probabilities[:, :1])], dim=1)
        chosen = padded.gather(1, columns[:, None]).squeeze(1).clamp_min(LEAST).log()
        total = total.index_add(0, torch.from_numpy(programs).to(roots.device), chosen)
    return total


def loop_log_likelihood(run: LoopRun, expected: str) -> Tensor:
    """[] log-probability of the expected answer of one program, as :func:`log_likelihood`."""
    number = run.place[-1]
    kind, domain = run.calls[number].signature.output, run.store.domain
    names, probabilities = _possible(kind, run.values[number], domain)
    column = int(_target_index(kind, names, [(run.program, expected)], domain)[0])
    if column == len(names):
        return probabilities.new_tensor(LEAST).log()
    return probabilities[0, column].clamp_min(LEAST).log()


def _target_index(
    kind: str, names: Sequence[str], wanted: Sequence[tuple[Program, str]], domain: Domain
) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """Column of each wanted answer; one past the last where it cannot be the answer."""
    plain = {name: column for column, name in enumerate(names)}
    columns = []
    for program, answer in wanted:
        column = plain.get(answer, len(names))
        if kind == CHOICE_KIND:
            options = choices(program.nodes[-1], domain)
            column = options.index(answer) if answer in options else len(names)
        if kind == "Value" and program.nodes[-1].attribute is not None:
            # Two attributes may have a value of one name.
            attribute = domain.attribute(program.nodes[-1].attribute)
            column = domain.concept_id(attribute.name, answer) if answer in attribute.values else len(names)
        columns.append(column)
    return np.array(columns, dtype=np.int64)


def _possible(kind: str, values: Tensor, domain: Domain) -> tuple[tuple[str, ...], Tensor]:
    """The possible answers of a kind, and their probabilities [batch, answers]."""
    if kind == "Bool":
        return (YES, NO), torch.stack([values, -values], dim=-1).sigmoid()
    if kind == "Count":
        return tuple(str(number) for number in range(values.shape[-1])), values
    if kind == CHOICE_KIND:
        return ("", ""), values
    if kind == ATTRIBUTE_NAME_KIND:
        return tuple(domain.attribute_ids), values
    return tuple(name for _, name in domain.concepts), values


def _name(kind: str, names: Sequence[str], column: int, program: Program, domain: Domain) -> str:
    """The answer at a column; those of a choice are named by each program for itself."""
    return choices(program.nodes[-1], domain)[column] if kind == CHOICE_KIND else names[column]


def _distribution(
    kind: str, names: Sequence[str], row: Sequence[float], program: Program, domain: Domain
) -> Mapping[str, float]:
    if kind == CHOICE_KIND:
        return dict(zip(choices(program.nodes[-1], domain), row, strict=True))
    if kind == ATTRIBUTE_NAME_KIND:
        return {names[number]: row[number] for number in domain.comparable_ids}
    if kind != "Value":
        return dict(zip(names, row, strict=True))
    first, end = domain.span(program.nodes[-1].attribute or "")
    return dict(zip(names[first:end], row[first:end], strict=True))


def _answer(
    program: Program,
    distribution: Mapping[str, float],
    certainty: float,
    failed: Sequence[FailedPresupposition],
    trace: Trace | None,
) -> Answer:
    value = max(distribution, key=lambda answer: distribution[answer])
    confidence = min(1.0, distribution[value] * holds_as_asked(certainty))
    return Answer(value, confidence, distribution, program, tuple(failed), trace=trace, granted=min(1.0, certainty))


def _failures(run: Run) -> dict[int, list[FailedPresupposition]]:
    """For each program of which something fails, what."""
    plan = run.plan
    failed: dict[int, list[FailedPresupposition]] = {}
    for group, layers in zip(plan.groups, run.granted, strict=True):
        for granted in layers:
            chances = granted.holds.detach().exp()
            for row in (chances < HOLDS).nonzero().flatten().tolist():
                call, member = divmod(row, len(group.images))
                for position in np.flatnonzero(plan.steps == group.first + member).tolist():
                    owner = int(np.searchsorted(plan.offsets, position, side="right")) - 1
                    place = (position - int(plan.offsets[owner]), granted.layer, call)
                    places = [(each.step, each.layer, each.call) for each in plan.lowered[owner].places]
                    explained = _explained(
                        plan.programs[owner],
                        places.index(place),
                        float(chances[row]),
                        granted.members[row],
                        run.store,
                        int(plan.images[owner]),
                    )
                    failed.setdefault(owner, []).append(explained)
    for each in failed.values():
        each.sort(key=lambda failure: failure.node)
    return failed


def _explained(
    program: Program, node: int, probability: float, members: Tensor, store: FacetStore, image: int
) -> FailedPresupposition:
    if not speaks_of_one(program.nodes[node]):
        return FailedPresupposition(node, probability, not_granted(program, node, "", store.domain), ())
    mask = store.glance.mask[image]
    chances = (members.detach()[mask].sigmoid() * store.presence.detach()[image][mask].sigmoid()).tolist()
    candidates = tuple((index, chance) for index, chance in enumerate(chances) if chance > 0.05)
    sure = [index for index, chance in candidates if chance > HOLDS]
    if not candidates:
        what = "there is none"
    elif len(sure) > 1:
        what = f"there are {len(sure)}: objects {', '.join(map(str, sure))}"
    else:
        shown = ", ".join(f"object {index} with {chance:.2f}" for index, chance in candidates)
        what = f"none is certain: {shown}"
    return FailedPresupposition(node, probability, not_granted(program, node, what, store.domain), candidates)


@dataclass(frozen=True)
class _Tracer:
    """Finds where the nodes of one program of a run ran."""

    run: Run
    position: int

    def trace(self, statistics: PlanStatistics) -> Trace:
        plan = self.run.plan
        program = plan.programs[self.position]
        nodes = [self.node(index) for index in range(len(program.nodes))]
        return _trace(program, int(plan.images[self.position]), self.run.store, nodes, statistics)

    def node(self, index: int) -> Traced:
        plan = self.run.plan
        place = plan.lowered[self.position].places[index]
        step = int(plan.steps[int(plan.offsets[self.position]) + place.step])
        firsts = [group.first for group in plan.groups]
        number = int(np.searchsorted(firsts, step, side="right")) - 1
        group = plan.groups[number]
        row = step - group.first + place.call * len(group.images)
        return self.run.records[number][place.layer], row, int((plan.steps == step).sum())


def _statistics(run: Run, planner_seconds: float) -> PlanStatistics:
    plan, store = run.plan, run.store
    rows = sum(len(entry.rows) for entry in store.history)
    return PlanStatistics(
        questions=len(plan.programs),
        nodes=plan.nodes,
        steps=len(plan.kinds),
        groups=len(plan.groups),
        kernels=plan.kernels,
        planner_seconds=planner_seconds,
        facet_rows=rows,
        possible_facet_rows=store.possible_rows,
    )


def _trace(
    program: Program, image: int, store: FacetStore, nodes: Sequence[Traced], statistics: PlanStatistics | None = None
) -> Trace:
    mask = store.glance.mask[image]
    boxes = store.glance.boxes[image][mask].tolist()
    presence = store.presence.detach()[image][mask].sigmoid()
    known = tuple(None if box[0] != box[0] else tuple(box) for box in boxes)
    shown = tuple(
        _node_trace(program, index, traced, mask, presence, store.domain) for index, traced in enumerate(nodes)
    )
    return Trace(program, shown, known, tuple(presence.tolist()), store.perceiver.glance_cost(1), statistics)


def _node_trace(
    program: Program, index: int, traced: Traced, mask: Tensor, presence: Tensor, domain: Domain
) -> NodeTrace:
    record, row, shared = traced
    node = program.nodes[index]
    signature = record.signature
    attribute = f"[{node.attribute}]" if signature.output == "Value" else ""
    arguments = [*(f"#{source}" for source in node.inputs), *(str(constant) for constant in node.constants)]
    facets = [FacetCost(*entry) for note in record.notes for entry in note.by_row().get(row, ())]
    return NodeTrace(
        index=index,
        call=f"{node.head}({', '.join(arguments)})",
        kind=f"{signature.output}{attribute}",
        module=f"{signature.module}.{signature.class_name}",
        inputs=node.inputs,
        value=_plain(signature.output, record.value[row].detach(), mask, presence, domain, node),
        presupposition=None if record.presupposition is None else float(record.presupposition[row].exp()),
        facets=tuple(facets),
        flops=record.flops,
        seconds=record.seconds / record.rows,
        batch=record.rows,
        shared=shared,
    )


def _plain(
    kind: str, value: Tensor, mask: Tensor, presence: Tensor, domain: Domain, node: Node
) -> tuple[float, ...] | Mapping[str, float] | float:
    if kind == "ObjectSet":
        return tuple((value[mask].sigmoid() * presence).tolist())
    if kind == "Object":
        return tuple(value[mask].exp().tolist())
    if kind == "Count":
        return tuple(value[: int(mask.sum()) + 1].tolist())
    if kind == "Bool":
        return float(value.sigmoid())
    if kind == CHOICE_KIND:
        return dict(zip(choices(node, domain), value.tolist(), strict=True))
    if kind == ATTRIBUTE_NAME_KIND:
        return {domain.attributes[number].name: float(value[number]) for number in domain.comparable_ids}
    first, end = domain.span(node.attribute or "")
    return dict(zip(domain.attribute(node.attribute or "").values, value[first:end].tolist(), strict=True))
