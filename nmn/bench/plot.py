"""Draw benchmark rows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nmn.bench.executor import IMAGES, WORKS, Row
from nmn.errors import InputError

COLOURS = {
    "loop": "#888888",
    "everything": "#c2571a",
    "lazy": "#b08f2e",
    "cold": "#7aa6c2",
    "warm": "#1a6fa3",
    "exact": "#3f8f4f",
}


def drawing_to_files() -> Any:
    """Matplotlib's pyplot, without a window. Raises: InputError when matplotlib is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise InputError("--plot needs matplotlib: pip install 'nmn-engine[plots]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    return pyplot


def draw(rows: Sequence[Row], path: Path) -> None:
    """One panel for each work and number of questions an image: times the loop's speed, against the batch size.

    Raises: InputError when matplotlib is not installed.
    """
    pyplot = drawing_to_files()

    works = [work for work in WORKS if any(row.work == work for row in rows)]
    figure, axes = pyplot.subplots(len(IMAGES), len(works), figsize=(4.2 * len(works), 6.4), squeeze=False)
    for line, images in enumerate(IMAGES):
        for column, work in enumerate(works):
            panel = axes[line][column]
            own = [row for row in rows if row.work == work and row.images == images]
            for design in dict.fromkeys(row.design for row in own):
                points = [row for row in own if row.design == design]
                panel.plot(
                    [row.batch for row in points],
                    [row.ratio_to_loop for row in points],
                    marker="o",
                    label=design,
                    color=COLOURS[design],
                )
            panel.set_xscale("log", base=2)
            panel.set_yscale("log")
            panel.set_title(f"{work.replace('_', ' ')}, {images.replace('_', ' ')} an image", fontsize=10)
            panel.set_xlabel("questions run together")
            panel.set_ylabel("times the loop's speed")
            panel.grid(alpha=0.3, which="both")
            panel.legend(fontsize=8)
    figure.tight_layout()
    temporary = path.with_name(f".{path.name}.part.png")
    figure.savefig(temporary, dpi=120)
    temporary.replace(path)
