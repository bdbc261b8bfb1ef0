"""Draw what policies save: accuracy against FLOPs and against time."""

from collections.abc import Sequence
from pathlib import Path

from nmn.bench.dynamic import DynamicRow
from nmn.bench.plot import drawing_to_files

COLOURS = {
    "everything": "#c2571a",
    "lazy": "#b08f2e",
    "glance": "#7aa6c2",
    "threshold": "#7a4fa3",
    "value": "#1a6fa3",
    "random": "#888888",
    "oracle": "#3f8f4f",
}


def draw_dynamic(rows: Sequence[DynamicRow], path: Path) -> None:
    """Two panels: FLOPs a question, and milliseconds a question by the table of costs, with what was measured.

    Raises: InputError when matplotlib is not installed.
    """
    pyplot = drawing_to_files()

    figure, panels = pyplot.subplots(1, 2, figsize=(11, 4.2), sharey=True)
    for name in dict.fromkeys(row.policy for row in rows):
        points = sorted((row for row in rows if row.policy == name), key=lambda row: row.flops_per_question)
        accuracy = [100 * row.accuracy for row in points]
        colour = COLOURS.get(name, "#000000")
        flops = [row.flops_per_question / 1e6 for row in points]
        panels[0].plot(flops, accuracy, marker="o", color=colour, label=name)
        if all(row.price_ms for row in points):
            ordered = sorted(points, key=lambda row: row.price_ms)
            prices, shares = [row.price_ms for row in ordered], [100 * row.accuracy for row in ordered]
            panels[1].plot(prices, shares, marker="o", color=colour, label=name)
        for row in points:
            for taken in list(row.ms.values())[:1]:
                panels[1].plot([taken], [100 * row.accuracy], marker="x", color=colour)
    for panel, words in zip(
        panels, ("MFLOPs a question", "ms a question: priced (o), measured at batch 1 (x)"), strict=True
    ):
        panel.set_xlabel(words)
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("right answers, %")
    panels[0].legend(fontsize=8)
    figure.tight_layout()
    temporary = path.with_name(f".{path.name}.part.png")
    figure.savefig(temporary, dpi=120)
    pyplot.close(figure)
    temporary.replace(path)
