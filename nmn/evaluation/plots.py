"""Plots of a report: confidence against accuracy, coverage against accuracy, accuracy by type.

Works on a report's JSON, so that a saved one can be drawn as well. Needs matplotlib, which is an extra.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from nmn.evaluation.calibration import kept_at
from nmn.files import write_bytes

Record = Mapping[str, Any]
INK, PALE, BLUE, RED = "#1d2228", "#9aa4ae", "#1a6fa3", "#c2571a"
CONFIDENT = 0.9  # where the second panel of the reliability plot begins
DOTS_AN_INCH = 130


def can_draw() -> bool:
    """Whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(record: Record, folder: Path) -> tuple[str, ...]:
    """Draw what there is to draw into a folder, each file in one step.

    Args:
        record: What :meth:`nmn.evaluation.report.Report.to_json` gave, or a file of it.
        folder: Where the files go.

    Returns:
        Names of the files.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    drawers: dict[str, Callable[[Record, Any], bool]] = {
        "reliability.png": _reliability,
        "coverage.png": _coverage,
        "types.png": _types,
    }
    drawn = []
    for name, drawer in drawers.items():
        figure = Figure(layout="constrained")
        with rc_context({"axes.spines.top": False, "axes.spines.right": False}):
            there = drawer(record, figure)
        if there:
            buffer = BytesIO()
            figure.savefig(buffer, dpi=DOTS_AN_INCH, format="png")
            write_bytes(folder / name, buffer.getvalue())
            drawn.append(name)
    return tuple(drawn)


def _reliability(record: Record, figure: Any) -> bool:
    calibration = record["calibration"]
    if calibration is None:
        return False
    figure.set_size_inches(9.0, 4.3)
    bins = calibration["bins"]
    confidence = np.array([each["confidence"] for each in bins])
    accuracy = np.array([each["accuracy"] for each in bins])
    for panel, low in zip(figure.subplots(1, 2), (0.0, CONFIDENT), strict=True):
        shown = confidence >= low
        least = low if low == 0 else min([low, *accuracy[shown].tolist()])
        room = (1 - low) * 0.03
        panel.plot([low, 1], [low, 1], color=PALE, linewidth=1, linestyle="--", label="as sure as right")
        panel.vlines(confidence[shown], confidence[shown], accuracy[shown], color=RED, linewidth=1.2, label="off by")
        panel.plot(confidence[shown], accuracy[shown], "o", color=BLUE, markersize=5, label="a bin of answers")
        panel.set_xlim(low - room, 1 + room)
        panel.set_ylim(least - room, 1 + room)
        panel.set_title("all" if low == 0 else f"from {low:g} on ({int(shown.sum())} of {len(bins)} bins)", fontsize=10)
        panel.set_xlabel("mean confidence")
        panel.set_ylabel("accuracy")
        _plain(panel)
    figure.axes[0].legend(frameon=False, fontsize=9, loc="upper left")
    figure.suptitle(f"Expected calibration error {calibration['ece']:.4f}, bins of equal mass", fontsize=11)
    return True


def _coverage(record: Record, figure: Any) -> bool:
    calibration = record["calibration"]
    if calibration is None:
        return False
    figure.set_size_inches(6.4, 4.0)
    judged = [each for each in record["answers"] if each["correct"] is not None]
    confidence = np.array([each["confidence"] or 0.0 for each in judged])
    right = np.array([each["expected"] in (each["guess"], each["answer"]) for each in judged], dtype=float)
    coverages = np.linspace(0.5, 1.0, 201)
    kept = [kept_at(confidence, coverage)[0] for coverage in coverages]
    panel = figure.subplots()
    panel.plot(coverages, [float((each * right).sum() / each.sum()) for each in kept], color=BLUE, linewidth=1.6)
    points = [each for each in calibration["coverage"] if each["interval"] is not None]
    centres = np.array([each["accuracy"] for each in points])
    bounds = np.array([each["interval"] for each in points]).reshape(-1, 2)
    reach = np.clip(np.stack([centres - bounds[:, 0], bounds[:, 1] - centres]), 0, None)
    where = [each["coverage"] for each in points]
    panel.errorbar(
        where, centres, yerr=reach, fmt="o", color=BLUE, ecolor=PALE, elinewidth=1.2, capsize=2.5, markersize=4
    )
    panel.set_xlim(1.01, 0.49)
    panel.set_xlabel("share of questions answered, the most confident first")
    panel.set_ylabel("accuracy")
    panel.set_title("What is gained by keeping silent when unsure", fontsize=11)
    _plain(panel)
    return True


def _types(record: Record, figure: Any) -> bool:
    scores = [(name, score) for name, score in record["by_type"].items() if score["accuracy"] is not None]
    if not scores:
        return False
    scores.sort(key=lambda pair: pair[1]["accuracy"])
    figure.set_size_inches(7.2, 1.2 + 0.3 * len(scores))
    panel = figure.subplots()
    for place, (_, score) in enumerate(scores):
        if score["interval"] is not None:
            panel.hlines(place, *score["interval"], color=PALE, linewidth=2.2)
        panel.plot(score["accuracy"], place, "o", color=BLUE, markersize=6)
    panel.axvline(record["accuracy"], color=RED, linewidth=1, linestyle="--")
    panel.set_title(f"All {record['judged']:,} questions: {record['accuracy'] * 100:.2f} % (dashed)", fontsize=11)
    panel.set_yticks(range(len(scores)), [f"{name}  ({score['judged']:,})" for name, score in scores])
    panel.set_ylim(-0.6, len(scores) - 0.1)
    panel.set_xlabel("accuracy, with its interval of 95 %")
    _plain(panel)
    return True


def _plain(panel: Any) -> None:
    panel.grid(alpha=0.25, linewidth=0.6)
    panel.set_axisbelow(True)
    panel.tick_params(colors=INK, labelsize=9)
