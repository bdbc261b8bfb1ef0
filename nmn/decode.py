"""Decode: the values of a run -> answers in words."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from nmn.domain import NO, YES, Domain
from nmn.executor import GroupRun, Run
from nmn.logic import LIMIT
from nmn.program import Program
from nmn.trace import Answer, FacetCost, FailedPresupposition, NodeTrace, Trace
from nmn.words import phrase

HOLDS = 0.5
"""A presupposition fails when the probability that it holds is below this."""


def answers(run: Run, images: Sequence[int], *, trace: bool = False) -> list[Answer]:
    """The answer of every program of a run.

    Args:
        run: What was run.
        images: For each program, the position of its image.
        trace: Attach what ran; the run must have been traced.
    """
    certainty = run.presuppositions().exp().tolist()
    distributions = _distributions(run)
    failed = _failed(run)
    found = []
    for position, program in enumerate(run.plan.programs):
        distribution = distributions[position]
        value = max(distribution, key=lambda answer: distribution[answer])
        found.append(
            Answer(
                value,
                min(1.0, distribution[value] * certainty[position]),
                distribution,
                program,
                tuple(failed.get(position, ())),
                trace=_trace(run, position, images[position]) if trace else None,
            )
        )
    return found


def probabilities(kind: str, value: Tensor, domain: Domain) -> tuple[tuple[str, ...], Tensor]:
    """The possible answers of a kind, and their probabilities [batch, answers]."""
    if kind == "Bool":
        return (YES, NO), torch.stack([value, -value], dim=-1).sigmoid()
    if kind == "Count":
        return tuple(str(number) for number in range(value.shape[-1])), value
    return tuple(name for _, name in domain.concepts), value


def _distributions(run: Run) -> list[Mapping[str, float]]:
    found: list[Mapping[str, float]] = [{} for _ in run.plan.programs]
    roots = {int(node): position for position, node in enumerate(run.plan.roots)}
    for each in run.groups:
        places = [(row, roots[node]) for row, node in enumerate(each.group.nodes.tolist()) if node in roots]
        if not places:
            continue
        names, values = probabilities(each.group.signature.output, each.value, run.store.domain)
        rows = values[[row for row, _ in places]].tolist()
        for (_, position), row in zip(places, rows, strict=True):
            kept = _answerable(run, position, each)
            found[position] = {names[index]: row[index] for index in (range(len(names)) if kept is None else kept)}
    return found


def _answerable(run: Run, position: int, each: GroupRun) -> range | None:
    """Positions of the layout that can be an answer: of a ``Value``, those of its attribute."""
    if each.group.signature.output != "Value":
        return None
    program = run.plan.programs[position]
    return range(*run.store.domain.span(program.nodes[program.root].attribute or ""))


def _failed(run: Run) -> dict[int, list[FailedPresupposition]]:
    failed: dict[int, list[FailedPresupposition]] = {}
    for each in run.groups:
        if each.presupposition is None:
            continue
        for row, probability in enumerate(each.presupposition.exp().tolist()):
            if probability < HOLDS:
                position, node = owner(run, int(each.group.nodes[row]))
                failed.setdefault(position, []).append(_explain(run, position, node, probability))
    return failed


def owner(run: Run, node: int) -> tuple[int, int]:
    """The program that a node of the plan belongs to, and its index there."""
    position = int(run.plan.offsets.searchsorted(node, side="right")) - 1
    return position, node - int(run.plan.offsets[position])


def _explain(run: Run, position: int, node: int, probability: float) -> FailedPresupposition:
    program = run.plan.programs[position]
    source = program.nodes[node].inputs[0]
    place = int(run.plan.offsets[position]) + source
    group, row = run.places[place]
    image = int(run.groups[group].group.images[row])
    mask = run.store.glance.mask[image]
    members = (run.value(place)[mask].sigmoid() * run.store.glance.presence[image][mask].sigmoid()).tolist()
    candidates = tuple((index, member) for index, member in enumerate(members) if member > 0.05)
    sure = [index for index, member in candidates if member > HOLDS]
    if not candidates:
        what = "there is none"
    elif len(sure) > 1:
        what = f"there are {len(sure)}: objects {', '.join(map(str, sure))}"
    else:
        shown = ", ".join(f"object {index} with {member:.2f}" for index, member in candidates)
        what = f"none is certain: {shown}"
    wanted = phrase(program, source, run.store.domain)
    return FailedPresupposition(node, probability, f"it is taken for granted that there is one {wanted}, but {what}", candidates)


def _trace(run: Run, position: int, image: int) -> Trace:
    program = run.plan.programs[position]
    start = int(run.plan.offsets[position])
    mask = run.store.glance.mask[image]
    boxes = run.store.glance.boxes[image][mask].tolist()
    presence = run.store.glance.presence[image][mask].clamp(-LIMIT, LIMIT).sigmoid().tolist()
    nodes = tuple(_node_trace(run, program, start, index, mask) for index in range(len(program.nodes)))
    known = tuple(None if box[0] != box[0] else tuple(box) for box in boxes)
    return Trace(program, nodes, known, tuple(presence), run.store.perceiver.glance_cost(1))


def _node_trace(run: Run, program: Program, start: int, index: int, mask: Tensor) -> NodeTrace:
    group, row = (int(each) for each in run.places[start + index])
    each = run.groups[group]
    node = program.nodes[index]
    signature = each.group.signature
    attribute = f"[{node.attribute}]" if signature.output == "Value" else ""
    arguments = [*(f"#{source}" for source in node.inputs), *(str(constant) for constant in node.constants)]
    facets = each.facets[row] if each.facets else {}
    return NodeTrace(
        index=index,
        call=f"{node.head}({', '.join(arguments)})",
        kind=f"{signature.output}{attribute}",
        module=f"{signature.module}.{signature.class_name}",
        inputs=node.inputs,
        value=_plain(signature.output, each.value[row], mask, run.store.domain, node.attribute),
        presupposition=None if each.presupposition is None else each.presupposition[row].exp().item(),
        facets=tuple(FacetCost(name, rows, flops) for name, (rows, flops) in facets.items()),
        flops=each.flops,
        seconds=each.seconds / len(each.group.nodes),
        batch=len(each.group.nodes),
    )


def _plain(
    kind: str, value: Tensor, mask: Tensor, domain: Domain, attribute: str | None
) -> tuple[float, ...] | Mapping[str, float] | float:
    value = value.detach()
    if kind == "ObjectSet":
        return tuple(value[mask].sigmoid().tolist())
    if kind == "Object":
        return tuple(value[mask].exp().tolist())
    if kind == "Count":
        return tuple(value[: int(mask.sum()) + 1].tolist())
    if kind == "Bool":
        return float(value.sigmoid())
    first, end = domain.span(attribute or "")
    return dict(zip(domain.attribute(attribute or "").values, value[first:end].tolist(), strict=True))
