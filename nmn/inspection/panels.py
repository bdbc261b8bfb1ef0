"""Panels: what there is to read of each node, as HTML."""

from collections.abc import Sequence

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
    NodeView,
    ObjectView,
    View,
)
from nmn.inspection.work_panel import cost_words
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
        element("p", f"Suppose {supposed}:", class_="nmn-small nmn-supposed-words"),
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
    kept = {"kept"} if any(node.kept for node in view.nodes) else set()
    swatches = (
        element(
            "li", element("span", class_=f"nmn-swatch nmn-swatch-{state}", aria_hidden="true"), element("span", words)
        )
        for state, words in ((CHANGED, "differs"), (ALONE, "only here"), ("kept", "did not run again"))
        if state in states | kept
    )
    return element("ul", joined(keys), joined(swatches), class_="nmn-legend", aria_label="What the colours mean")


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


def _bar(share: float) -> Markup:
    return element("span", class_="nmn-bar", style=f"--share:{max(0.0, min(1.0, share)):.3f}")


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
