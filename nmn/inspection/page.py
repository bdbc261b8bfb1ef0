"""Pages: a view as a piece of HTML for a notebook or another page, or as one file that needs nothing else."""

import json
from collections.abc import Sequence
from functools import lru_cache
from importlib import resources

from nmn.inspection.graph_svg import graph_svg
from nmn.inspection.markup import Markup, element, joined
from nmn.inspection.overlay_svg import overlay_svg
from nmn.inspection.panels import changes_panel, legend, node_panel, steps_table
from nmn.inspection.view import NodeView, Reading, View
from nmn.inspection.work_panel import work_panel
from nmn.trace import UNKNOWN

LARGEST = 150
"""Programs of more nodes are shown as text: nobody would find their way."""

_NOTHING = Markup()


def fragment(view: View, *, standalone: bool = True, selected: int | None = None) -> Markup:
    """A view as a piece of HTML.

    It can be read without scripts; with them its nodes can be selected.

    Args:
        view: What to show.
        standalone: Whether it brings its own style and script; pages that show several bring them once.
        selected: The node that is selected at first; the answer's if None.
    """
    chosen = len(view.nodes) - 1 if selected is None else min(max(selected, 0), len(view.nodes) - 1)
    inner = joined([_header(view), _body(view, chosen)])
    whole = element("article", inner, class_="nmn", data_nmn=True, data_selected=chosen)
    return joined([_style(), whole, _script()]) if standalone else whole


def page(views: Sequence[View], *, title: str = "How the answer came to be") -> str:
    """One HTML file that holds views, and all that it takes to look into them; it asks no network for anything.

    Args:
        views: One, or two that are compared.
        title: Of the page.
    """
    shown = joined(fragment(view, standalone=False) for view in views)
    return "<!DOCTYPE html>\n" + element(
        "html",
        element(
            "head",
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            element("title", title),
            _style(),
        ),
        element(
            "body",
            element("main", shown, class_=f"nmn-page nmn-of-{len(views)}"),
            _script(),
            class_="nmn-file",
        ),
        lang="en",
    )


def embedded(data: object) -> Markup:
    """JSON for a ``<script type="application/json">``, in which nothing can end the element."""
    text = json.dumps(data, ensure_ascii=True, allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


@lru_cache(maxsize=8)
def asset(name: str) -> str:
    """The text of a file that ships beside this one."""
    return (resources.files("nmn.inspection") / name).read_text(encoding="utf-8")


_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def _style() -> Markup:
    return element("style", Markup(asset("inspection.css")))


def _script() -> Markup:
    start = "document.querySelectorAll('[data-nmn]').forEach(nmnInspect);nmnPair(document);"
    return element("script", Markup(f"(function(){{{asset('inspection.js')}\n{start}}})();"))


def _header(view: View) -> Markup:
    answer = UNKNOWN if view.answer is None else view.answer
    return element(
        "header",
        element("p", view.title, class_="nmn-run-title") if view.title else _NOTHING,
        element("h2", view.question, class_="nmn-question") if view.question else _NOTHING,
        element(
            "p",
            element(
                "span", answer, class_="nmn-answer" + (" nmn-unknown" if view.answer is None or view.failures else "")
            ),
            _sureness(view),
            _others(view),
            class_="nmn-answer-line",
        ),
        changes_panel(view),
        joined(element("p", words, class_="nmn-note nmn-note-fails", role="note") for words in view.failures),
        element("p", element("code", view.program), class_="nmn-program"),
        _reading(view.reading) if view.reading is not None else _NOTHING,
        class_="nmn-head",
    )


def _sureness(view: View) -> Markup:
    if view.confidence is None:
        return _NOTHING
    words, chance = f"confidence {view.confidence:.3f}", view.confidence
    if view.guess is not None:
        name, chance = view.guess
        words = f"best guess: {name}, {chance:.3f}"
    bar = element("span", class_="nmn-bar", style=f"--share:{min(1.0, chance):.3f}")
    return element("span", bar, words, class_="nmn-confidence")


def _others(view: View) -> Markup:
    """What else it may be, where that is worth a word."""
    rest = [(name, chance) for name, chance in view.distribution if name != view.answer and chance >= 0.02][:3]
    if not rest:
        return _NOTHING
    return element("span", "else " + ", ".join(f"{name} {chance:.2f}" for name, chance in rest), class_="nmn-small")


def _reading(reading: Reading) -> Markup:
    words = f"Read by {reading.link}, confidence {reading.confidence:.2f}, in {reading.seconds * 1e3:.1f} ms"
    tried = [f"{name}: {outcome}" for name, outcome in reading.tried]
    others = [f"{chance:.2f}  {text}" for text, chance in reading.others]
    if not tried and not others:
        return element("p", words, class_="nmn-small nmn-reading")
    listed = joined(element("li", element("code", line)) for line in [*tried, *others])
    summary = element("summary", f"{words}; {len(tried) + len(others)} more")
    return element("details", summary, element("ul", listed), class_="nmn-small nmn-reading")


def _body(view: View, chosen: int) -> Markup:
    if len(view.nodes) > LARGEST:
        long = element("p", f"The program has {len(view.nodes)} nodes; up to {LARGEST} are drawn.", class_="nmn-note")
        return joined([long, steps_table(view)])
    overlay = overlay_svg(view, selected=chosen)
    label = f"Program of {len(view.nodes)} nodes; arrow keys go from node to node"
    seen = element(
        "div",
        element("figure", overlay, _caption(view.nodes[chosen])) if overlay is not None else _NOTHING,
        element(
            "div",
            joined(node_panel(node, view, hidden=node.index != chosen) for node in view.nodes),
            class_="nmn-panels",
        ),
        class_="nmn-left",
    )
    drawn = element(
        "div",
        _toolbar(view, chosen),
        legend(view),
        element("div", graph_svg(view, selected=chosen, label=label), class_="nmn-scroll"),
        class_="nmn-right",
    )
    return joined([element("div", seen, drawn, class_="nmn-columns"), work_panel(view), steps_table(view), _data(view)])


def _caption(node: NodeView) -> Markup:
    return element("figcaption", _said(node), aria_live="polite")


def _said(node: NodeView) -> str:
    name = f"#{node.index} {node.title} {node.argument}".strip()
    return f"{name}: {node.value}" if node.value else name


def _toolbar(view: View, chosen: int) -> Markup:
    """What needs a script is hidden until there is one."""
    last = len(view.nodes) - 1
    slider = Markup(
        f'<input type="range" class="nmn-slider" min="0" max="{last}" value="{chosen}" step="1" aria-label="Step">'
    )
    return element(
        "div",
        _button("▶", "play", "Play the steps"),
        slider,
        element("output", f"{chosen + 1} of {last + 1}", class_="nmn-step"),
        _button("−", "smaller", "Make the graph smaller"),
        _button("+", "larger", "Make the graph larger"),
        _button("fit", "fit", "Fit the graph to the width"),
        class_="nmn-toolbar",
        role="toolbar",
        aria_label="Steps and size of the graph",
        hidden=True,
    )


def _button(text: str, action: str, label: str) -> Markup:
    return element("button", text, type="button", data_action=action, aria_label=label, title=label)


def _data(view: View) -> Markup:
    """What the script needs to know: it draws nothing, so that is little."""
    nodes = [
        {
            "said": _said(node),
            "inputs": node.inputs,
            "span": node.span,
            "other": None if node.difference is None else node.difference.other,
        }
        for node in view.nodes
    ]
    return element("script", embedded({"nodes": nodes}), type="application/json", class_="nmn-data")
