"""Layout: where the nodes of a program are drawn, in layers, with no two of them closer than they may be.

Source: Sugiyama, Tagawa and Toda 1981 (doi:10.1109/TSMC.1981.4308636): layers, an order that avoids crossings, then
positions; the positions of a layer are found exactly, by isotonic regression.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

LAYER_GAP, NODE_GAP, BEND_WIDTH, MARGIN = 24.0, 20.0, 14.0, 10.0  # px
_SWEEPS = 12


@dataclass(frozen=True)
class Box:
    """Where something is drawn: its centre and size, px."""

    x: float
    y: float
    width: float
    height: float

    @property
    def top(self) -> float:
        """Its upper edge."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """Its lower edge."""
        return self.y + self.height / 2

    @property
    def left(self) -> float:
        """Its left edge."""
        return self.x - self.width / 2


@dataclass(frozen=True)
class Layout:
    """A drawn graph.

    Attributes:
        boxes: One a node.
        edges: For each (input, reader, argument) the points that it runs through, from the input down to its reader.
        layers: For each node, its layer; 0 is the uppermost.
        width: Of everything, px.
        height: Likewise.
    """

    boxes: tuple[Box, ...]
    edges: tuple[tuple[int, int, tuple[tuple[float, float], ...]], ...]
    layers: tuple[int, ...]
    width: float
    height: float


def layered(inputs: Sequence[Sequence[int]], sizes: Sequence[tuple[float, float]]) -> Layout:
    """Lay out a program: inputs above their readers, the answer below everything.

    Args:
        inputs: For each node those that it reads, all of them before it.
        sizes: Width and height of each, px.
    """
    drawing = _Drawing(inputs, sizes)
    drawing.order()
    drawing.place()
    return drawing.layout()


class _Drawing:
    """Nodes, and a bend wherever an edge passes a layer; both are called points."""

    def __init__(self, inputs: Sequence[Sequence[int]], sizes: Sequence[tuple[float, float]]) -> None:
        self.sizes = sizes
        self.count = len(sizes)
        below = _below(inputs)
        deepest = max(below)
        self.layer = [deepest - each for each in below]
        self.widths = [width for width, _ in sizes]
        self.above: list[list[int]] = [[] for _ in sizes]
        self.under: list[list[int]] = [[] for _ in sizes]
        self.routes = [self.route(source, reader) for reader in range(self.count) for source in inputs[reader]]
        self.rows: list[list[int]] = [[] for _ in range(deepest + 1)]
        for point in self._from_the_answer():
            self.rows[self.layer[point]].append(point)
        self.x = [0.0] * len(self.widths)

    def route(self, source: int, reader: int) -> tuple[int, int, tuple[int, ...]]:
        """The points of one edge, with a bend made for every layer that it passes."""
        path = [source]
        for layer in range(self.layer[source] + 1, self.layer[reader]):
            self.layer.append(layer)
            self.widths.append(BEND_WIDTH)
            self.above.append([])
            self.under.append([])
            path.append(len(self.widths) - 1)
        path.append(reader)
        for upper, lower in pairwise(path):
            self.under[upper].append(lower)
            self.above[lower].append(upper)
        return source, reader, tuple(path)

    def _from_the_answer(self) -> list[int]:
        """All points as a walk from the answer meets them: inputs left to right, so that trees cross nothing."""
        seen, found, stack = set(), [], [self.count - 1]
        while stack:
            point = stack.pop()
            if point not in seen:
                seen.add(point)
                found.append(point)
                stack.extend(reversed(self.above[point]))
        return found

    def order(self) -> None:
        """Put each layer in an order with few crossings: every point near the middle of those that it is joined to."""
        best, fewest = [list(row) for row in self.rows], self._crossings()
        for sweep in range(_SWEEPS):
            if fewest == 0:
                break
            downwards = sweep % 2 == 0
            joined = self.above if downwards else self.under
            for row in self.rows if downwards else reversed(self.rows):
                places = {point: place for each in self.rows for place, point in enumerate(each)}
                middle = {point: _mean([places[each] for each in joined[point]], places[point]) for point in row}
                row.sort(key=lambda point, middle=middle: middle[point])  # type: ignore[misc]
            crossings = self._crossings()
            if crossings < fewest:
                best, fewest = [list(row) for row in self.rows], crossings
        self.rows = best

    def _crossings(self) -> int:
        places = {point: place for row in self.rows for place, point in enumerate(row)}
        total = 0
        for row in self.rows:
            ends = [places[lower] for point in row for lower in sorted(self.under[point], key=places.__getitem__)]
            total += sum(later < earlier for at, earlier in enumerate(ends) for later in ends[at + 1 :])
        return total

    def place(self) -> None:
        """Give each point a horizontal position: as near to those that it is joined to as its neighbours let it."""
        for row in self.rows:
            at = 0.0
            for point in row:
                self.x[point] = at + self.widths[point] / 2
                at += self.widths[point] + NODE_GAP
        for sweep in range(_SWEEPS):
            downwards = sweep % 2 == 1
            joined = self.above if downwards else self.under
            for row in self.rows if downwards else reversed(self.rows):
                wanted = [_mean([self.x[each] for each in joined[point]], self.x[point]) for point in row]
                self._settle(row, wanted)
        # At last everything stands over what it leads to: chains become straight.
        for row in reversed(self.rows):
            self._settle(row, [_mean([self.x[each] for each in self.under[point]], self.x[point]) for point in row])

    def _settle(self, row: Sequence[int], wanted: Sequence[float]) -> None:
        """The positions nearest to the wanted ones, by least squares, that keep order and distance."""
        offsets = [0.0]
        for one, other in pairwise(row):
            offsets.append(offsets[-1] + (self.widths[one] + self.widths[other]) / 2 + NODE_GAP)
        blocks: list[tuple[float, int]] = []
        for want, offset in zip(wanted, offsets, strict=True):
            mean, size = want - offset, 1
            while blocks and blocks[-1][0] > mean:
                last, length = blocks.pop()
                mean, size = (last * length + mean * size) / (length + size), length + size
            blocks.append((mean, size))
        shifts = [mean for mean, size in blocks for _ in range(size)]
        for point, shift, offset in zip(row, shifts, offsets, strict=True):
            self.x[point] = shift + offset

    def layout(self) -> Layout:
        heights = [max((self.sizes[each][1] for each in row if each < self.count), default=0.0) for row in self.rows]
        tops, top = [], MARGIN
        for height in heights:
            tops.append(top)
            top += height + LAYER_GAP
        left = min(self.x[point] - self.widths[point] / 2 for row in self.rows for point in row) - MARGIN
        right = max(self.x[point] + self.widths[point] / 2 for row in self.rows for point in row) + MARGIN
        middle = [tops[layer] + heights[layer] / 2 for layer in self.layer]
        boxes = tuple(Box(self.x[node] - left, middle[node], *self.sizes[node]) for node in range(self.count))
        edges = tuple((source, reader, self._points(boxes, path, left, middle)) for source, reader, path in self.routes)
        return Layout(boxes, edges, tuple(self.layer[: self.count]), right - left, top - LAYER_GAP + MARGIN)

    def _points(
        self, boxes: Sequence[Box], path: Sequence[int], left: float, middle: Sequence[float]
    ) -> tuple[tuple[float, float], ...]:
        """From the middle of the input's lower edge to its own place on the reader's upper edge."""
        source, reader = boxes[path[0]], boxes[path[-1]]
        ranked = sorted(self.above[path[-1]], key=self.x.__getitem__)
        share = (ranked.index(path[-2]) + 1) / (len(ranked) + 1)
        end = (reader.left + reader.width * share, reader.top)
        bends = [(self.x[point] - left, middle[point]) for point in path[1:-1]]
        return ((source.x, source.bottom), *bends, end)


def _below(inputs: Sequence[Sequence[int]]) -> list[int]:
    """For each node the length of the longest way to the answer."""
    below = [0] * len(inputs)
    for node in range(len(inputs) - 1, -1, -1):
        for source in inputs[node]:
            below[source] = max(below[source], below[node] + 1)
    return below


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
