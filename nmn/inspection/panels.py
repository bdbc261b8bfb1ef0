"""Panels: what there is to read of each node, and of the whole run, as HTML."""

from collections.abc import Iterable, Sequence

from nmn.inspection.graph_svg import GLYPHS, KIND_WORDS, kinds_of
from nmn.inspection.markup import Markup, element, joined
from nmn.inspection.overlay_svg import LEAST_PRESENCE
from nmn.inspection.view import (
    ALONE,
    ANCHOR,
    CHANGED,
    IN,
    OUT,
    SAME,
    Column,
    Cost,
    NodeView,
    ObjectView,
    View,
    WayOfRunning,
)
from nmn.words import LIKELY

_NOTHING = Markup()
_LEAST_CHANCES, _LEAST_CHANCE = 3, 0.005


def node_panel(node: NodeView, view: View, *, hidden: bool) -> Markup:
    """Everything about one node."""
    return element(
        "section",
        element(
            "h3",
            element("span", GLYPHS.get(node.kind, "·"), class_=f"nmn-key nmn-kind-{node.kind}", aria_hidden="true"),
            element("span", f"#{node.index} {node.title}", class_="nmn-panel-title"),
            element("span", node.argument, class_="nmn-panel-argument") if node.argument else _NOTHING,
        ),
        element("p", node.words, class_="nmn-phrase") if node.words else _NOTHING,
        element("p", element("strong", node.value), class_="nmn-panel-value") if node.value else _NOTHING,
        element("p", f"Suppose {node.supposed}", class_="nmn-note nmn-note-supposed") if node.supposed else _NOTHING,
        _difference(node),
        joined(element("p", note.words, class_=f"nmn-note nmn-note-{note.level}") for note in node.notes),
        _chances(node.chances) if len(node.chances) > 1 else _NOTHING,
        _objects(node, view),
        _cost(node),
        class_="nmn-panel",
        data_for=node.index,
        hidden=hidden,
    )


def changes_panel(view: View) -> Markup:
    """What is supposed, and what that changes."""
    if not view.changes:
        return _NOTHING
    first, *rest = view.changes
    supposed = "; ".join(view.suppositions)
    return element(
        "section",
        element("p", f"Suppose {supposed}:", class_="nmn-small"),
        element("p", element("strong", first)),
        element("ul", joined(element("li", words) for words in rest), class_="nmn-small"),
        class_="nmn-changes",
        aria_label="What the supposition changes",
    )


def legend(view: View) -> Markup:
    """What the colours and signs of the graph mean."""
    keys = (
        element(
            "li",
            element("span", GLYPHS.get(kind, "·"), class_=f"nmn-key nmn-kind-{kind}", aria_hidden="true"),
            element("span", KIND_WORDS.get(kind, kind)),
        )
        for kind in kinds_of(view.nodes)
    )
    states = {node.difference.state for node in view.nodes if node.difference is not None}
    differences = (
        element(
            "li", element("span", class_=f"nmn-swatch nmn-swatch-{state}", aria_hidden="true"), element("span", words)
        )
        for state, words in ((CHANGED, "differs"), (ALONE, "only here"))
        if state in states
    )
    if any(node.kept for node in view.nodes):
        swatch = element("span", class_="nmn-swatch nmn-swatch-kept", aria_hidden="true")
        differences = (*differences, element("li", swatch, element("span", "did not run again")))
    return element("ul", joined(keys), joined(differences), class_="nmn-legend", aria_label="What the colours mean")


def steps_table(view: View) -> Markup:
    """Every node with its call and value: what is left to read where scripts do not run."""
    rows = (
        element(
            "tr", element("td", f"#{node.index}"), element("td", element("code", node.call)), element("td", node.value)
        )
        for node in view.nodes
    )
    head = element("tr", *(element("th", name, scope="col") for name in ("node", "call", "value")))
    return element(
        "details",
        element("summary", "Every step as a table"),
        element("div", element("table", element("thead", head), element("tbody", joined(rows))), class_="nmn-wide"),
        class_="nmn-steps",
    )


def work_panel(view: View) -> Markup:
    """What ran: modules, facets, and FLOPs and milliseconds node by node."""
    work = view.work
    if work is None:
        return _NOTHING
    facts = [f"{len(view.nodes)} nodes"]
    if work.again is not None:
        took = work.again.cost
        facts = [
            f"ran again: {work.again.nodes} of {len(view.nodes)} nodes, {short(took.flops)}FLOPs, {took.seconds * 1e3:.1f} ms",
            f"before: {len(view.nodes)} nodes",
        ]
    if work.available is not None:
        facts.append(f"{len(work.modules)} of {work.available} modules")
    possible = "" if work.possible_rows is None else f" of {work.possible_rows}"
    facts.append(f"{work.total.rows}{possible} facet rows")
    facts.append(f"{short(work.total.flops)}FLOPs in {work.total.seconds * 1e3:.1f} ms")
    if work.glance_flops:
        facts.append(f"after {short(work.glance_flops)}FLOPs for the first look")
    return element(
        "section",
        element("h2", "What ran"),
        element("ul", joined(element("li", fact) for fact in facts), class_="nmn-facts"),
        _ways(view),
        _costs(view),
        class_="nmn-work",
    )


def short(number: float) -> str:
    """Three digits and the beginning of a unit: ``597 k``, ``2.71 G``, ``0 ``."""
    size = float(number)
    for unit in ("", "k", "M", "G"):
        if size < 999.5:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} T"


def cost_words(cost: Cost) -> str:
    """``size ×6, color ×2 · 397 kFLOPs · 0.42 ms``."""
    facets = ", ".join(f"{name} ×{rows}" for name, rows in cost.facets)
    parts = [f"looked at {facets}"] if facets else []
    return " · ".join([*parts, f"{short(cost.flops)}FLOPs", f"{cost.seconds * 1e3:.2f} ms"])


def _cost(node: NodeView) -> Markup:
    if node.cost is None:
        return _NOTHING
    kept = "" if node.supposed else "Kept from the run before: nothing that it depends on has changed"
    words = kept if node.kept else cost_words(node.cost)
    return element("p", words, class_="nmn-small") if words else _NOTHING


def _difference(node: NodeView) -> Markup:
    found = node.difference
    if found is None or found.state == SAME:
        return _NOTHING
    return element("p", found.words, class_=f"nmn-note nmn-note-{found.state}")


def _chances(chances: Sequence[tuple[str, float]]) -> Markup:
    worth_it = [pair for place, pair in enumerate(chances) if place < _LEAST_CHANCES or pair[1] >= _LEAST_CHANCE]
    rows = (
        element("div", element("dt", name), element("dd", _bar(chance), element("span", f"{chance:.2f}")))
        for name, chance in worth_it
    )
    return element("dl", joined(rows), class_="nmn-chances")


def _bar(share: float, name: str = "") -> Markup:
    return element("span", class_=f"nmn-bar {name}".strip(), style=f"--share:{max(0.0, min(1.0, share)):.3f}")


def _objects(node: NodeView, view: View) -> Markup:
    shown = [each for each in view.objects if each.presence >= LEAST_PRESENCE]
    if not node.columns or not shown:
        return _NOTHING
    described = any(each.words or each.supposed for each in shown)
    names = ["object", *(["looks like"] if described else []), *(column.name for column in node.columns), ""]
    head = element("tr", joined(element("th", name, scope="col") if name else element("td") for name in names))
    reasons = dict(node.reasons)
    rows = (_object(each, node.columns, reasons.get(each.index, ""), described) for each in shown)
    return element(
        "div",
        element("table", element("thead", head), element("tbody", joined(rows)), class_="nmn-objects"),
        class_="nmn-wide",
        tabindex=0,
        role="region",
        aria_label=f"Scores of objects at node {node.index}",
    )


def _object(seen: ObjectView, columns: Sequence[Column], reason: str, described: bool) -> Markup:
    scores = [column.scores[seen.index] for column in columns]
    outcome, state = _outcome(columns, scores, reason)
    looks = element(
        "td",
        seen.words,
        joined(element("span", words, class_="nmn-supposed") for words in seen.supposed),
    )
    return element(
        "tr",
        element("th", element("span", str(seen.index), class_="nmn-number"), scope="row"),
        looks if described else _NOTHING,
        joined(
            element("td", element("span", _bar(each), element("span", f"{each:.2f}"), class_="nmn-score"))
            for each in scores
        ),
        element("td", outcome, class_="nmn-outcome"),
        class_=f"nmn-{state}",
        data_object=seen.index,
    )


def _outcome(columns: Sequence[Column], scores: Sequence[float], reason: str) -> tuple[str, str]:
    """What became of an object at a node, in words, and the class that says so."""
    if columns[-1].side != OUT:
        return "", "in" if max(scores) >= LIKELY else "out"
    before = [score for column, score in zip(columns, scores, strict=True) if column.side == IN]
    after = scores[-1] >= LIKELY
    if not before:
        anchors = [score for column, score in zip(columns, scores, strict=True) if column.side == ANCHOR]
        return "the anchor" if max(anchors, default=0.0) >= LIKELY else "", "in" if after else "out"
    came = max(before) >= LIKELY
    if after:
        return ("stays", "in") if came else ("comes in", "in")
    return (f"falls out{': ' if reason else ''}{reason}", "fallen") if came else ("", "out")


def _ways(view: View) -> Markup:
    work = view.work
    if work is None or not work.ways:
        return _NOTHING
    ways = work.ways if work.again is None else (*work.ways, WayOfRunning("again", work.again.cost))
    most = max(way.cost.flops for way in ways) or 1
    slowest = max(way.cost.seconds for way in ways) or 1.0
    rows = (
        element(
            "tr",
            element("th", way.name, scope="row"),
            element("td", f"{way.cost.rows}"),
            _measured(way.cost.flops / most, f"{short(way.cost.flops)}FLOPs"),
            _measured(way.cost.seconds / slowest, f"{way.cost.seconds * 1e3:.1f} ms"),
            class_="nmn-shown" if way.shown else None,
        )
        for way in ways
    )
    head = element("tr", *(element("th", name, scope="col") for name in ("policy", "facet rows", "FLOPs", "time")))
    table = element("table", element("thead", head), element("tbody", joined(rows)), class_="nmn-costs nmn-ways")
    return element("div", table, class_="nmn-wide")


def _costs(view: View) -> Markup:
    costs = [node.cost or Cost(0, 0.0) for node in view.nodes]
    others = [node.beside for node in view.nodes]
    ahead = None if view.work is None else view.work.ahead
    most = max([1, *_of(costs, others, "flops"), *([ahead.flops] if ahead else [])])
    slowest = max([1e-9, *_of(costs, others, "seconds"), *([ahead.seconds] if ahead else [])])
    rows = [_cost_row("before", "facets ahead", ahead, None, most, slowest)] if ahead is not None and ahead.rows else []
    for node, cost in zip(view.nodes, costs, strict=True):
        rows.append(
            _cost_row(f"#{node.index}", f"{node.title} {node.argument}", cost, node.beside, most, slowest, node.index)
        )
    names = ("node", "call", "facets", "FLOPs", "time")
    head = element("tr", *(element("th", name, scope="col") for name in names))
    beside, words = any(each is not None for each in others), "" if view.work is None else view.work.beside
    table = element(
        "table",
        element("caption", f"Thin bars: {words}") if beside and words else _NOTHING,
        element("thead", head),
        element("tbody", joined(rows)),
        class_="nmn-costs",
    )
    return element(
        "details",
        element("summary", "Node by node"),
        element("div", table, class_="nmn-wide", tabindex=0, role="region", aria_label="Cost of every node"),
        open=not view.title,
    )


def _of(costs: Iterable[Cost], others: Iterable[Cost | None], name: str) -> list[float]:
    return [getattr(each, name) for each in [*costs, *others] if each is not None]


def _cost_row(
    number: str, call: str, cost: Cost, other: Cost | None, most: float, slowest: float, node: int | None = None
) -> Markup:
    facets = ", ".join(f"{name} ×{rows}" for name, rows in cost.facets)
    return element(
        "tr",
        element("th", number, scope="row"),
        element("td", call.strip()),
        element("td", facets),
        _measured(cost.flops / most, f"{short(cost.flops)}", None if other is None else other.flops / most),
        _measured(
            cost.seconds / slowest, f"{cost.seconds * 1e3:.2f} ms", None if other is None else other.seconds / slowest
        ),
        data_row=node,
    )


def _measured(share: float, words: str, other: float | None = None) -> Markup:
    bars = [_bar(share)] if other is None else [_bar(share), _bar(other, "nmn-bar-other")]
    return element(
        "td",
        element("span", element("span", joined(bars), class_="nmn-bars"), element("span", words), class_="nmn-score"),
    )
