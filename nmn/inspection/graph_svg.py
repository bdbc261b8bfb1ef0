"""The program drawn as a graph: SVG with every text inside of its node."""

from collections.abc import Sequence

from nmn.inspection.layout import Box, Layout, layered
from nmn.inspection.markup import Markup, element, joined
from nmn.inspection.text_width import fitted, text_width
from nmn.inspection.view import FAILS, UNSURE, NodeView, View

GLYPHS = {
    "ObjectSet": "{ }",
    "Object": "●",
    "Count": "#",
    "Bool": "✓",
    "Value": "=",
    "Choice": "/",
    "AttributeName": "≈",
}
"""What tells the kinds of values apart, beside their colour."""

KIND_WORDS = {
    "ObjectSet": "objects",
    "Object": "one object",
    "Count": "a number",
    "Bool": "yes or no",
    "Value": "a value",
    "Choice": "a choice",
    "AttributeName": "an attribute",
}

TITLE_SIZE, VALUE_SIZE, BADGE_SIZE = 13.0, 12.5, 11.0  # px
TILE, PADDING, HEIGHT, LEAST, MOST = 26.0, 9.0, 44.0, 104.0, 260.0  # px
BADGE = 20.0  # px

SUPPOSED = "supposed"
_BADGE_SIGNS = {SUPPOSED: "✎", FAILS: "!", UNSURE: "?"}


def graph_svg(view: View, *, selected: int | None = None, label: str = "Program") -> Markup:
    """The graph of a view's program.

    Args:
        view: What to draw.
        selected: The node that is marked; the answer's if None.
        label: What it is called to those who cannot see it.
    """
    chosen = len(view.nodes) - 1 if selected is None else selected
    layout = layered([node.inputs for node in view.nodes], [(_width(node), HEIGHT) for node in view.nodes])
    edges = joined(_edge(edge) for edge in layout.edges)
    nodes = joined(_node(node, layout, node.index == chosen) for node in view.nodes)
    return element(
        "svg",
        element("g", edges, class_="nmn-edges", aria_hidden="true"),
        element("g", nodes, class_="nmn-nodes"),
        class_="nmn-graph",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {layout.width:.0f} {layout.height:.0f}",
        width=f"{layout.width:.0f}",
        height=f"{layout.height:.0f}",
        role="group",
        aria_label=label,
    )


def kinds_of(nodes: Sequence[NodeView]) -> tuple[str, ...]:
    """The kinds that there are, in the order in which they first come."""
    return tuple(dict.fromkeys(node.kind for node in nodes))


def _lines(node: NodeView) -> tuple[str, str]:
    return node.title, node.brief


def _badges(node: NodeView) -> list[str]:
    levels = {note.level for note in node.notes} | ({SUPPOSED} if node.supposed else set())
    return [level for level in (SUPPOSED, FAILS, UNSURE) if level in levels][:1]


def _width(node: NodeView) -> float:
    title, value = _lines(node)
    first = text_width(title, TITLE_SIZE, bold=True)
    if node.argument:
        first += text_width(f" {node.argument}", TITLE_SIZE)
    widest = max(first, text_width(value, VALUE_SIZE))
    return min(MOST, max(LEAST, TILE + PADDING * 2 + 1 + widest + BADGE * len(_badges(node))))


def _edge(edge: tuple[int, int, tuple[tuple[float, float], ...]]) -> Markup:
    source, reader, points = edge
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for next_x, next_y in rest:
        middle = (y + next_y) / 2
        path += f"C{x:.1f} {middle:.1f} {next_x:.1f} {middle:.1f} {next_x:.1f} {next_y:.1f}"
        x, y = next_x, next_y
    head = f"M{x - 4:.1f} {y - 6:.1f}L{x:.1f} {y:.1f}L{x + 4:.1f} {y - 6:.1f}"
    return joined(
        element("path", d=drawn, class_="nmn-edge", data_from=source, data_to=reader) for drawn in (path, head)
    )


def _node(node: NodeView, layout: Layout, selected: bool) -> Markup:
    box = layout.boxes[node.index]
    badges = _badges(node)
    state = "" if node.difference is None else f" nmn-{node.difference.state}"
    state += " nmn-kept" if node.kept and not node.supposed else ""
    spoken = ", ".join(part for part in (f"{node.index}: {node.title} {node.argument}".strip(), node.value) if part)
    notes = "; ".join(
        [*([f"supposed: {node.supposed}"] if node.supposed else []), *(note.words for note in node.notes)]
    )
    return element(
        "g",
        element("title", f"#{node.index}  {node.call}" + (f" = {node.value}" if node.value else "")),
        element("rect", class_="nmn-box", x=0.0, y=0.0, width=box.width, height=box.height, rx=9),
        element("path", class_="nmn-tile", d=_tile(box)),
        _text("nmn-glyph", TILE / 2, box.height / 2 + 4.5, GLYPHS.get(node.kind, "·")),
        _first_line(node, box, BADGE * len(badges)),
        _second_line(node, box),
        joined(_badge(level, box) for level in badges),
        class_=f"nmn-node nmn-kind-{_class(node.kind)}{state}" + (" nmn-selected" if selected else ""),
        transform=f"translate({box.left:.1f} {box.top:.1f})",
        data_node=node.index,
        data_layer=layout.layers[node.index],
        data_x=box.x,
        role="button",
        tabindex=0 if selected else -1,
        aria_pressed="true" if selected else "false",
        aria_label=spoken + (f". {notes}" if notes else ""),
    )


def _tile(box: Box) -> str:
    """The left end of the node, rounded as it is."""
    return f"M9 0H{TILE:.0f}V{box.height:.0f}H9A9 9 0 0 1 0 {box.height - 9:.0f}V9A9 9 0 0 1 9 0Z"


def _first_line(node: NodeView, box: Box, taken: float) -> Markup:
    room = box.width - TILE - 2 * PADDING - taken
    title = fitted(node.title, TITLE_SIZE, room, bold=True)
    left = room - text_width(title + " ", TITLE_SIZE, bold=True)
    argument = fitted(node.argument, TITLE_SIZE, left + 4) if node.argument else ""
    y = 18.0 if node.brief else box.height / 2 + 4.5
    return element(
        "text",
        element("tspan", title, class_="nmn-title"),
        element("tspan", f" {argument}", class_="nmn-argument") if argument else Markup(),
        x=TILE + PADDING,
        y=y,
    )


def _second_line(node: NodeView, box: Box) -> Markup:
    if not node.brief:
        return Markup()
    return _text(
        "nmn-value", TILE + PADDING, 35.0, fitted(node.brief, VALUE_SIZE, box.width - TILE - 2 * PADDING), "start"
    )


def _badge(level: str, box: Box) -> Markup:
    x = box.width - PADDING - BADGE / 2 + 4
    mark = element("circle", cx=x, cy=14.0, r=7.5, class_=f"nmn-badge nmn-badge-{level}")
    return joined([mark, _text(f"nmn-badge-text nmn-badge-text-{level}", x, 18.0, _BADGE_SIGNS[level])])


def _text(name: str, x: float, y: float, words: str, anchor: str = "middle") -> Markup:
    return element("text", words, class_=name, x=x, y=y, text_anchor=anchor)


def _class(kind: str) -> str:
    """A kind as part of a class's name."""
    return "".join(each for each in kind if each.isalnum()) or "unknown"
