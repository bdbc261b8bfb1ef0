"""What ran, as HTML: modules, facets, and FLOPs and milliseconds node by node, beside another run."""

from collections.abc import Iterable

from nmn.inspection.markup import Markup, element, joined
from nmn.inspection.view import Cost, NodeView, View, WayOfRunning, Work

_NOTHING = Markup()
_NONE = Cost(0, 0.0)


def work_panel(view: View) -> Markup:
    """What ran: modules, facets, every policy beside the others, and each node's cost."""
    work = view.work
    if work is None:
        return _NOTHING
    return element(
        "section",
        element("h2", "What ran"),
        element("ul", joined(element("li", fact) for fact in _facts(view, work)), class_="nmn-facts"),
        _looks(work),
        _ways(work),
        _costs(view, work),
        class_="nmn-work",
    )


def cost_words(cost: Cost) -> str:
    """``size ×6, color ×2 · 397 kFLOPs · 0.42 ms``."""
    facets = ", ".join(f"{name} ×{rows}" for name, rows in cost.facets)
    parts = [f"looked at {facets}"] if facets else []
    return " · ".join([*parts, f"{short(cost.flops)}FLOPs", f"{cost.seconds * 1e3:.2f} ms"])


def short(number: float) -> str:
    """Three digits and the beginning of a unit: ``597 k``, ``2.71 G``, ``0 ``."""
    size = float(number)
    if size < 999.5:
        return f"{size:.0f} "
    for unit in ("k", "M", "G"):
        size /= 1000
        if size < 999.5:
            return f"{size:#.3g}".rstrip(".") + f" {unit}"
    return f"{size / 1000:#.3g}".rstrip(".") + " T"


def _facts(view: View, work: Work) -> list[str]:
    facts = []
    if work.again is not None:
        took = work.again.cost
        number = f"{work.again.nodes} of {len(view.nodes)} nodes"
        facts.append(f"ran again: {number}, {short(took.flops)}FLOPs in {took.seconds * 1e3:.1f} ms")
    facts.append(f"{'before: ' if facts else ''}{len(view.nodes)} nodes")
    if work.available is not None:
        facts.append(f"{len(work.modules)} of {work.available} modules")
    possible = "" if work.possible_rows is None else f" of {work.possible_rows}"
    facts.append(f"{work.total.rows} closer looks" if work.looks else f"{work.total.rows}{possible} facet rows")
    facts.append(f"{short(work.total.flops)}FLOPs in {work.total.seconds * 1e3:.1f} ms")
    if work.glance_flops:
        facts.append(f"after {short(work.glance_flops)}FLOPs for the first look")
    return facts


def _looks(work: Work) -> Markup:
    if not work.looks:
        return _NOTHING
    listed = element("ul", joined(element("li", words) for words in work.looks), class_="nmn-looks")
    return element("section", element("h3", "Closer looks"), listed)


def _ways(work: Work) -> Markup:
    if not work.ways:
        return _NOTHING
    ways = work.ways if work.again is None else (*work.ways, WayOfRunning("resumed", work.again.cost))
    flops, seconds = _most(way.cost for way in ways)
    rows = (
        element(
            "tr",
            element("th", way.name, scope="row"),
            element("td", f"{way.cost.rows}", class_="nmn-figure"),
            _measured(way.cost.flops / flops, f"{short(way.cost.flops)}FLOPs"),
            _measured(way.cost.seconds / seconds, f"{way.cost.seconds * 1e3:.1f} ms"),
            class_="nmn-shown" if way.shown else None,
        )
        for way in ways
    )
    table = element(
        "table",
        element("thead", _head("policy", "facets", "FLOPs", "time")),
        element("tbody", joined(rows)),
        class_="nmn-costs nmn-ways",
    )
    return element("div", table, class_="nmn-wide", tabindex=0, role="region", aria_label="Cost by policy")


def _costs(view: View, work: Work) -> Markup:
    other = work.beside.ahead if work.beside is not None else None
    listed = [each for node in view.nodes for each in (node.cost, node.beside)]
    most = _most(each for each in [*listed, work.ahead, other] if each is not None)
    rows = []
    if work.ahead is not None or other is not None:
        rows.append(_cost_row("before", "looks and facets ahead", work.ahead, other, most))
    rows += [_node_row(node, most) for node in view.nodes]
    compared = work.beside is not None and any(node.beside is not None for node in view.nodes)
    table = element(
        "table",
        _caption(work.beside.words) if compared and work.beside is not None else _NOTHING,
        element("thead", _head("node", "call", "facets", "FLOPs", "time")),
        element("tbody", joined(rows)),
        class_="nmn-costs",
    )
    return element(
        "details",
        element("summary", "Node by node"),
        element("div", table, class_="nmn-wide", tabindex=0, role="region", aria_label="Cost of every node"),
        open=not view.title,
    )


def _caption(words: str) -> Markup:
    return element(
        "caption",
        element("span", class_="nmn-key-bar", aria_hidden="true"),
        "this run",
        element("span", class_="nmn-key-bar nmn-key-other", aria_hidden="true"),
        words,
    )


def _head(*names: str) -> Markup:
    return element("tr", joined(element("th", name, scope="col") for name in names))


def _most(costs: Iterable[Cost]) -> tuple[int, float]:
    """The most FLOPs and the most seconds, never 0."""
    found = list(costs)
    return max([1, *(each.flops for each in found)]), max([1e-9, *(each.seconds for each in found)])


def _node_row(node: NodeView, most: tuple[int, float]) -> Markup:
    cost = None if node.kept else node.cost or _NONE
    call = f"{node.title} {node.argument}".strip()
    return _cost_row(f"#{node.index}", call, cost, node.beside, most, node=node)


def _cost_row(
    number: str,
    call: str,
    cost: Cost | None,
    other: Cost | None,
    most: tuple[int, float],
    *,
    node: NodeView | None = None,
) -> Markup:
    own = cost or _NONE
    flops = "–" if cost is None else short(own.flops)
    time = "–" if cost is None else f"{own.seconds * 1e3:.2f} ms"
    return element(
        "tr",
        element("th", number, scope="row"),
        element("td", call),
        element("td", _looked_at(own, node)),
        _measured(own.flops / most[0], flops, None if other is None else other.flops / most[0]),
        _measured(own.seconds / most[1], time, None if other is None else other.seconds / most[1]),
        data_row=None if node is None else node.index,
    )


def _looked_at(cost: Cost, node: NodeView | None) -> str:
    if node is not None and (node.supposed or node.kept):
        return "supposed" if node.supposed else "kept"
    return ", ".join(f"{name} ×{rows}" for name, rows in cost.facets)


def _measured(share: float, words: str, other: float | None = None) -> Markup:
    shares = f"--share:{_part(share)}" + ("" if other is None else f";--other:{_part(other)}")
    bar = element("span", class_="nmn-bullet", style=shares)
    return element("td", element("span", bar, element("span", words, class_="nmn-figure"), class_="nmn-score"))


def _part(share: float) -> str:
    return f"{max(0.0, min(1.0, share)):.3f}"
