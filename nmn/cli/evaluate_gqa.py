"""nmn eval gqa: run the programs of GQA's questions on scene graphs and report how many are right."""

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from nmn.cli.options import BatchSize, DomainName, Limit
from nmn.cli.outputs import check_target, write_target
from nmn.cli.show import console
from nmn.errors import printable

SHOWN = 5  # words that are left out; the report has them all


def gqa(
    questions: Annotated[Path, typer.Option("--questions", help="Questions file in GQA's format, with programs.")],
    scene_graphs: Annotated[Path, typer.Option("--scene-graphs", help="Scene graphs file in GQA's format.")],
    thirds: Annotated[
        bool,
        typer.Option("--thirds", help="Take where an object is from the third of the image that its box is in."),
    ] = False,
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the report, with every answer, to this file.")
    ] = None,
    on_error: Annotated[
        Literal["count", "skip", "fail"],
        typer.Option(
            "--on-error",
            help="Where a scene graph or program is missing or broken: count the question as wrong, list it without "
            "judging it, or stop at the first.",
        ),
    ] = "count",
    limit: Limit = None,
    batch_size: BatchSize = 256,
    domain: DomainName = "gqa",
) -> None:
    """Answer GQA questions: run their programs on the scene graphs of their images.

    Answers are compared as strings; no answer counts as wrong. Words of the scene graphs that the domain does not have are
    left out and counted. Without --thirds nothing is left, right, top or bottom in the image: GQA's files do not say.
    """
    if json is not None:
        check_target(json, "--json", inputs=(questions, scene_graphs))
    from itertools import islice

    from nmn.cli.report_tables import print_report
    from nmn.datasets.gqa import read_questions, read_scene_graphs
    from nmn.domain import Domain
    from nmn.evaluation.gqa import evaluate_gqa
    from nmn.registry import default_registry
    from nmn.scene_backend import SceneBackend
    from nmn.scene_perceiver import ScenePerceiver

    spoken, registry = Domain.load(domain), default_registry()
    asked = dict(islice(read_questions(questions).items(), limit))
    graphs = read_scene_graphs(scene_graphs, spoken, strict=False, thirds=thirds)
    runner = SceneBackend(ScenePerceiver(spoken), registry)
    report = evaluate_gqa(runner, asked, graphs, spoken, registry, on_error=on_error, batch_size=batch_size)
    left_out: Counter[str] = Counter()
    for graph in graphs.values():
        left_out.update(graph.left_out)
    if json is not None:
        record = report.to_json()
        for answer, question in zip(record["answers"], asked.values(), strict=True):
            answer |= {"key": question.key, "image": question.image, "types": dict(question.types)}
        data = {"questions": str(questions), "scene_graphs": str(scene_graphs)}
        settings = {"programs": "given", "on_error": on_error, "thirds": thirds, "left_out": dict(left_out)}
        write_target(json, "--json", {**record, **settings, "data": data})
    print_report(report)
    if left_out:
        shown = ", ".join(printable(word) for word, _ in left_out.most_common(SHOWN))
        more = "" if len(left_out) <= SHOWN else f" and {len(left_out) - SHOWN:,} more"
        console().print(f"left out of the scene graphs: {shown}{more}", style="yellow", markup=False)
