"""Print what an evaluation found, and what differs between two."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from nmn.cli.show import console
from nmn.errors import printable

if TYPE_CHECKING:
    from nmn.evaluation import Report, Score
    from nmn.evaluation.comparison import Comparison, Difference
    from nmn.evaluation.records import Causes

SHOWN = 5  # questions without an answer, and questions that changed; the files have them all


def print_report(report: "Report") -> None:
    """A table by question type, and what else there is to say in a line each."""
    out = console()
    out.print(_scores({**report.by_type, "all": report.score}))
    rate = len(report.outcomes) / report.seconds if report.seconds > 0 else 0.0
    out.print(f"{len(report.outcomes):,} questions in {report.seconds:.1f} s, {rate:,.0f} a second", style="dim")
    for line in _lines(report):
        out.print(line, markup=False)
    if report.causes is not None and report.causes.by_type:
        out.print()
        out.print(_causes(report.causes))
    _print_failed(report)


def _scores(scores: "Mapping[str, Score]") -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("type")
    declined = any(score.declined for score in scores.values())
    names = ("questions", "correct", "accuracy", "not answered", "95 %", *(["don't know"] if declined else []))
    for name in names:
        table.add_column(name, justify="right")
    for name, score in scores.items():
        accuracy = "-" if score.accuracy is None else f"{score.accuracy:.2%}"
        row = [f"{score.questions:,}", f"{score.correct:,}", accuracy, f"{score.failed:,}", _interval(score.interval)]
        row += [f"{score.declined:,}"] if declined else []
        table.add_row(Text(name), *row, style="bold" if name == "all" else None)
    return table


def _lines(report: "Report") -> list[str]:
    lines = []
    if report.programs is not None and report.programs.accuracy is not None:
        programs = report.programs
        lines.append(f"programs: {programs.correct:,} of {programs.judged:,} questions read as the file's program")
    if report.calibration is not None:
        at = next(each for each in report.calibration.coverage if each.coverage == 0.99)
        lines.append(
            f"confidence: expected calibration error {report.calibration.ece:.4f}; the most confident 99 % are right to "
            f"{at.accuracy:.2%}"
        )
    if report.scenes is not None and report.scenes.counts.images:
        counts = report.scenes.counts
        lines.append(
            f"scenes: {counts.exact:,} of {counts.images:,} seen exactly; {counts.found:,} of {counts.objects:,} objects "
            f"found, {counts.spurious:,} where there is none"
        )
    if report.score.skipped:
        lines.append(f"not judged, since the data is at fault: {report.score.skipped:,}")
    return lines


def _causes(causes: "Causes") -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("wrong because of")
    for cause in causes.total:
        table.add_column(cause, justify="right")
    for name, counts in (*causes.by_type.items(), ("all", causes.total)):
        row = [f"{counts.get(cause, 0):,}" for cause in causes.total]
        table.add_row(Text(name), *row, style="bold" if name == "all" else None)
    return table


def _print_failed(report: "Report") -> None:
    out = console()
    failed = [outcome for outcome in report.outcomes if outcome.error is not None]
    if failed:
        kinds = ", ".join(f"{number:,} for the {kind}" for kind, number in report.failures.items())
        out.print(f"{len(failed):,} not answered: {kinds}", style="yellow")
    for outcome in failed[:SHOWN]:
        out.print(Text(f"  question {outcome.question_index}: {printable(outcome.error or '')}", style="yellow"))
    if len(failed) > SHOWN:
        out.print(f"  and {len(failed) - SHOWN:,} more; --json FILE lists them all", style="yellow")


def print_comparison(comparison: "Comparison", names: Sequence[str]) -> None:
    """A table by type in per cent, the test, and the first questions that changed.

    Lost are questions that only the first gets right, won those that only the second does.

    Args:
        comparison: Of two reports.
        names: What to call them.
    """
    out = console()
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("type", no_wrap=True)
    for name in ("judged", "first", "second", "difference, 95 %", "lost, won", "p"):
        table.add_column(name, justify="right")
    for name, each in (*comparison.by_type.items(), ("all", comparison.all)):
        table.add_row(Text(name), *_difference(each), style="bold" if name == "all" else None)
    out.print(Text(f"first: {printable(names[0])}\nsecond: {printable(names[1])}\n"))
    out.print(table)
    if not comparison.changed:
        out.print("no question is right in one and wrong in the other", style="dim")
    for changed in comparison.changed[:SHOWN]:
        first, second = (shown or "no answer" for shown in (changed.first, changed.second))
        words = (
            f"question {changed.question_index} ({changed.type}): {first} became {second}, right is {changed.expected}"
        )
        out.print(Text(f"  {printable(words)}"))
    if len(comparison.changed) > SHOWN:
        out.print(
            f"  and {len(comparison.changed) - SHOWN:,} more that changed; --json FILE lists them all", style="dim"
        )


def _difference(each: "Difference") -> list[str]:
    """Accuracies in per cent, their difference in points."""
    if each.difference is None:
        return ["0", *["-"] * 5]
    shares = [f"{100 * right / each.questions:.2f}" for right in (each.first, each.second)]
    bounds = "" if each.interval is None else " [{:+.2f},{:+.2f}]".format(*(100 * bound for bound in each.interval))
    changed = f"{each.only_first:,}, {each.only_second:,}"
    return [f"{each.questions:,}", *shares, f"{100 * each.difference:+.2f}{bounds}", changed, f"{each.p:.2g}"]


def _interval(interval: tuple[float, float] | None) -> str:
    return "-" if interval is None else f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"
