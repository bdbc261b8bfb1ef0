"""Markdown: a report as tables for people. Works on a report's JSON, so that a saved one can be shown as well."""

from collections.abc import Mapping, Sequence
from typing import Any

from nmn.evaluation.records import CAUSES

Record = Mapping[str, Any]
PLOTS = {
    "reliability.png": "Confidence against accuracy",
    "coverage.png": "Accuracy of the most confident answers",
    "types.png": "Accuracy by type of question",
}


def markdown(record: Record, *, title: str, plots: Sequence[str] = (), gallery: str | None = None) -> str:
    """A report as a Markdown page.

    Args:
        record: What :meth:`nmn.evaluation.report.Report.to_json` gave, or a file of it.
        title: What was evaluated.
        plots: Files of :data:`PLOTS` that stand beside the page.
        gallery: File of the errors' gallery, if there is one.
    """
    parts = [f"# {title}", headline(record)]
    if gallery is not None:
        parts.append(f"[The worst errors]({gallery}), each with its picture, program and steps.")
    parts += [f"![{PLOTS[name]}]({name})" for name in plots]
    parts += ["## By type", score_table(record["by_type"], "type", record)]
    parts += ["## By program length", score_table(record["by_length"], "calls", record)]
    parts += ["## By family", score_table(record["by_family"], "family", record)]
    for heading, text in (
        ("Calibration", _calibration(record["calibration"])),
        ("Scenes", _scenes(record["scenes"])),
        ("Causes of wrong answers", cause_table(record["causes"])),
        ("Cost", _compute(record["compute"])),
    ):
        if text:
            parts += [f"## {heading}", text]
    parts.append(
        f"Intervals are of {record['bootstrap']['level'] * 100:g} %, from {record['bootstrap']['resamples']:,} resamples "
        f"of the {record['images']:,} images, each with all its questions; where all or none are right, those of Clopper and "
        "Pearson."
    )
    return "\n\n".join(parts) + "\n"


def headline(record: Record) -> str:
    """The figures that a model card or a README leads with, as a table."""
    rows = [("accuracy", share(record), f"{record['correct']:,} of {record['judged']:,}")]
    if record["program_accuracy"] is not None:
        programs = record["program_accuracy"]
        rows.append(("programs read right", share(programs), f"{programs['correct']:,} of {programs['judged']:,}"))
    if record["calibration"] is not None:
        rows.append(("expected calibration error", f"{record['calibration']['ece']:.4f}", "of the answer's confidence"))
        rows += [
            (
                f"accuracy at {each['coverage'] * 100:g} % coverage",
                share(each),
                f"confidence at least {each['threshold']:.3f}",
            )
            for each in record["calibration"]["coverage"]
            if each["coverage"] in (0.99, 0.95)
        ]
    if record["scenes"] is not None:
        exact = record["scenes"]["exact"]
        rows.append(("exact scenes", share(exact), f"{exact['correct']:,} of {exact['judged']:,}"))
    for name, words in (
        ("declined", 'answered "I don\'t know"'),
        ("failed", "without an answer"),
        ("skipped", "not judged: the data is at fault"),
    ):
        if record[name]:
            rows.append((words, f"{record[name]:,}", f"of {record['questions']:,}"))
    return table(("", "", ""), rows)


def score_table(scores: Mapping[str, Record], name: str, record: Record) -> str:
    """One line for each group of questions, and one for all."""
    rows = [
        (_code(group), f"{score['questions']:,}", f"{score['correct']:,}", share(score), f"{score['failed']:,}",
         f"{score['declined']:,}")
        for group, score in scores.items()
    ]  # fmt: skip
    total = (f"{record['questions']:,}", f"{record['correct']:,}", share(record), f"{record['failed']:,}")
    rows.append(("all", *total, f"{record['declined']:,}"))
    return table((name, "questions", "correct", "accuracy", "failed", "declined"), rows)


def cause_table(causes: Record | None) -> str:
    """How often each stage caused a wrong answer, by type of question; nothing where that is not known."""
    if causes is None:
        return ""
    kinds = [cause for cause in CAUSES if cause in causes["total"]]
    if not kinds:
        return "No answer is wrong."
    groups = [*causes["by_type"].items(), ("all", causes["total"])]
    rows = [
        (
            _code(name) if name != "all" else name,
            *(str(counts.get(kind, 0)) for kind in kinds),
            str(sum(counts.values())),
        )
        for name, counts in groups
    ]
    return table(("type", *kinds, "wrong"), rows)


def share(score: Record) -> str:
    """A share with its interval: ``99.73 % [99.47, 99.90]``."""
    if score["accuracy"] is None:
        return "-"
    interval = score["interval"]
    shown = "" if interval is None else f" [{interval[0] * 100:.2f}, {interval[1] * 100:.2f}]"
    return f"{score['accuracy'] * 100:.2f} %{shown}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, its first column to the left and the others to the right."""
    lines = [_line(head), _line(["---", *["---:"] * (len(head) - 1)]), *(_line(row) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _code(text: str) -> str:
    return f"`{text.replace('`', chr(39))}`"


def _calibration(calibration: Record | None) -> str:
    if calibration is None:
        return ""
    lead = (
        f"Expected calibration error {calibration['ece']:.4f} over {len(calibration['bins'])} bins of equal mass, Brier score "
        f"{calibration['brier']:.4f}, mean confidence {calibration['confidence']:.4f} where {calibration['accuracy']:.4f} "
        f"are right, of {calibration['questions']:,} judged questions with a confidence."
    )
    bins = table(
        ("confidence", "mean", "accuracy", "questions"),
        [
            (f"{each['low']:.4f} to {each['high']:.4f}", f"{each['confidence']:.4f}", f"{each['accuracy']:.4f}",
             f"{each['questions']:,}")
            for each in calibration["bins"]
        ],
    )  # fmt: skip
    coverage = table(
        ("coverage", "accuracy", "least confidence"),
        [
            (f"{each['coverage'] * 100:g} %", share(each), f"{each['threshold']:.4f}")
            for each in calibration["coverage"]
        ],
    )
    return f"{lead}\n\n{bins}\n\n{coverage}"


def _scenes(scenes: Record | None) -> str:
    if scenes is None:
        return ""
    named = [("exact scenes", scenes["exact"]), ("objects found", scenes["objects"])]
    named += [(f"`{name}` of found objects", score) for name, score in scenes["attributes"].items()]
    named += [(f"`{name}` between found objects", score) for name, score in scenes["relations"].items()]
    rows = [(name, f"{score['judged']:,}", f"{score['correct']:,}", share(score)) for name, score in named]
    rows.append(("objects seen where there is none", "", f"{scenes['spurious']:,}", ""))
    if scenes["unseen"]:
        rows.append(("images that could not be compared", "", f"{scenes['unseen']:,}", ""))
    return table(("", "of", "correct", "accuracy"), rows)


def _compute(compute: Record | None) -> str:
    if compute is None:
        return ""
    return table(
        ("", ""),
        [
            ("processor time a question", f"{compute['cpu_ms_per_question']:.2f} ms"),
            ("FLOPs of the first look at an image", f"{compute['glance_flops_per_image']:,.0f}"),
            ("FLOPs of a question by itself, after it", f"{compute['flops_per_question']:,.0f}"),
            (
                "facet rows that a question reads",
                f"{compute['facet_rows_per_question']:.1f} of {compute['possible_facet_rows']:.1f}",
            ),
            ("questions traced for the last three", f"{compute['traced']:,}"),
            *(
                []
                if compute.get("looks_per_image") is None
                else [("closer looks at an image", f"{compute['looks_per_image']:.2f}")]
            ),
        ],
    )
