"""What each node attends to, drawn over the image: tinted boxes with numbers, and arrows between objects."""

from collections.abc import Mapping
from math import hypot

from nmn.inspection.markup import Markup, element, joined
from nmn.inspection.view import Arrow, Mark, NodeView, ObjectView, Picture, View

LEAST_PRESENCE = 0.1
"""Proposals that are less likely than this to be objects are not drawn."""

_Box = tuple[float, float, float, float]
_Point = tuple[float, float]


def overlay_svg(view: View, *, selected: int | None = None) -> Markup | None:
    """The image with one layer for each node; only the selected node's is shown. None where nothing has a place."""
    picture = view.picture
    if picture is None:
        return None
    chosen = len(view.nodes) - 1 if selected is None else selected
    shown = [each for each in view.objects if each.box is not None and each.presence >= LEAST_PRESENCE]
    unit = max(picture.width, picture.height) / 100
    chips = _chips(shown, picture, unit)
    layers = joined(_layer(node, view, chips, unit, hidden=node.index != chosen) for node in view.nodes)
    return element(
        "svg",
        _ground(picture),
        element("g", joined(_outline(each, unit) for each in shown), class_="nmn-outlines"),
        layers,
        class_="nmn-overlay",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {picture.width:.0f} {picture.height:.0f}",
        style=f"--ratio:{picture.width / picture.height:.4f}",
        role="img",
        aria_label=f"The image with {len(shown)} numbered objects",
    )


def _ground(picture: Picture) -> Markup:
    size = {"width": picture.width, "height": picture.height}
    plain = element("rect", class_="nmn-ground", **size)
    return plain if picture.source is None else joined([plain, element("image", href=picture.source, **size)])


def _outline(seen: ObjectView, unit: float) -> Markup:
    x0, y0, x1, y1 = _box(seen)
    return element(
        "rect", x=x0, y=y0, width=x1 - x0, height=y1 - y0, rx=unit * 0.8, class_="nmn-outline", stroke_width=unit * 0.22
    )


def _layer(node: NodeView, view: View, chips: Mapping[int, _Point], unit: float, *, hidden: bool) -> Markup:
    marks: dict[int, list[Mark]] = {}
    for mark in node.marks:
        if mark.object in chips:
            marks.setdefault(mark.object, []).append(mark)
    boxes = {index: _box(view.objects[index]) for index in chips}
    tints = joined(_tint(boxes[each], mark, unit) for each, own in sorted(marks.items()) for mark in own)
    arrows = joined(_arrow(arrow, boxes, unit) for arrow in node.arrows if arrow.start in boxes and arrow.end in boxes)
    labels = joined(_chip(index, place, marks.get(index, []), unit) for index, place in sorted(chips.items()))
    return element("g", tints, arrows, labels, class_="nmn-layer", data_for=node.index, hidden=hidden)


def _tint(box: _Box, mark: Mark, unit: float) -> Markup:
    x0, y0, x1, y1 = box
    shrink = unit * 0.7 * mark.role  # an object of both inputs shows both frames
    place = {"x": x0 + shrink, "y": y0 + shrink, "width": x1 - x0 - 2 * shrink, "height": y1 - y0 - 2 * shrink}
    strength = f"{0.25 + 0.75 * mark.probability:.2f}"
    return element(
        "g",
        element("rect", class_="nmn-casing", rx=unit * 0.8, stroke_width=unit * 0.95, **place),
        element(
            "rect",
            class_=f"nmn-tint nmn-role-{mark.role}",
            rx=unit * 0.8,
            stroke_width=unit * 0.5,
            fill_opacity=f"{0.07 * mark.probability:.2f}",
            **place,
        ),
        opacity=strength,
        data_object=mark.object,
    )


def _chip(index: int, place: _Point, marks: list[Mark], unit: float) -> Markup:
    x, y = place
    likely = max(marks, key=lambda mark: mark.probability) if marks else None
    name = "nmn-chip" if likely is None or likely.probability < 0.5 else f"nmn-chip nmn-chip-on nmn-role-{likely.role}"
    radius = unit * (2.1 if index < 100 else 2.7)
    return element(
        "g",
        element("circle", cx=x, cy=y, r=radius, stroke_width=unit * 0.25),
        element("text", str(index), x=x, y=y + unit * 0.97, font_size=unit * 2.7, text_anchor="middle"),
        class_=name,
        data_chip=index,
    )


def _arrow(arrow: Arrow, boxes: Mapping[int, _Box], unit: float) -> Markup:
    (x0, y0), (x1, y1) = _ends(boxes[arrow.start], boxes[arrow.end])
    length = hypot(x1 - x0, y1 - y0) or 1.0
    along, across = ((x1 - x0) / length, (y1 - y0) / length), (-(y1 - y0) / length, (x1 - x0) / length)
    back, wing = unit * 2.0, unit * 1.0
    corners = [
        (x1 - along[0] * back + side * across[0], y1 - along[1] * back + side * across[1]) for side in (-wing, wing)
    ]
    head = f"M{corners[0][0]:.1f} {corners[0][1]:.1f}L{x1:.1f} {y1:.1f}L{corners[1][0]:.1f} {corners[1][1]:.1f}Z"
    shaft = f"M{x0:.1f} {y0:.1f}L{x1 - along[0] * back * 0.8:.1f} {y1 - along[1] * back * 0.8:.1f}"
    return element(
        "g",
        element("title", f"{arrow.words}: from object {arrow.start} to object {arrow.end}"),
        element("path", d=shaft, class_="nmn-arrow-casing", stroke_width=unit * 1.1),
        element("path", d=head, class_="nmn-arrow-casing", stroke_width=unit * 0.7),
        element("path", d=shaft, class_="nmn-arrow", stroke_width=unit * 0.55),
        element("path", d=head, class_="nmn-arrow-head"),
        opacity=f"{0.3 + 0.7 * arrow.probability:.2f}",
    )


def _ends(start: _Box, end: _Box) -> tuple[_Point, _Point]:
    """From the middle of one box towards the middle of the other, as far as its frame, or half way into a small one."""
    (x0, y0), (x1, y1) = _middle(start), _middle(end)
    if (x0, y0) == (x1, y1):
        return (x0, y0), (x1, y1)
    half_width, half_height = (end[2] - end[0]) / 2, (end[3] - end[1]) / 2
    share = min(
        half_width / abs(x1 - x0) if x1 != x0 else 1.0,
        half_height / abs(y1 - y0) if y1 != y0 else 1.0,
        0.6,
    )
    return (x0, y0), (x1 + (x0 - x1) * share, y1 + (y0 - y1) * share)


def _chips(objects: list[ObjectView], picture: Picture, unit: float) -> dict[int, _Point]:
    """A place for each object's number: at a corner of its box where no other number stands yet."""
    taken: list[_Point] = []
    found: dict[int, _Point] = {}
    edge = unit * 2.4
    for seen in sorted(objects, key=lambda each: _area(_box(each))):
        x0, y0, x1, y1 = _box(seen)
        middle_x, middle_y = _middle(_box(seen))
        corners = [(x, y) for y in (y0, y1) for x in (x0, x1)]
        sides = [(middle_x, y0), (middle_x, y1), (x0, middle_y), (x1, middle_y), (middle_x, middle_y)]
        inside = [
            (min(max(x, edge), picture.width - edge), min(max(y, edge), picture.height - edge))
            for x, y in [*corners, *sides]
        ]
        apart = [min((hypot(x - a, y - b) for a, b in taken), default=1e9) for x, y in inside]
        free = [place for place, gap in zip(inside, apart, strict=True) if gap >= unit * 4.8]
        best = free[0] if free else inside[max(range(len(apart)), key=apart.__getitem__)]
        taken.append(best)
        found[seen.index] = best
    return found


def _box(seen: ObjectView) -> _Box:
    return seen.box if seen.box is not None else (0.0, 0.0, 0.0, 0.0)


def _middle(box: _Box) -> _Point:
    return (box[0] + box[2]) / 2, (box[1] + box[3]) / 2


def _area(box: _Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
