"""nmn eval: answer a data set's questions and report how many are right."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.table import Table
from rich.text import Text

from nmn.cli.options import BatchSize, Device, DomainName, Limit, Weights, Workers, examples
from nmn.cli.outputs import check_target, write_target
from nmn.cli.show import console
from nmn.errors import InputError, printable

if TYPE_CHECKING:
    from nmn.evaluation import Report

SHOWN = 5  # questions without an answer; the report has them all

app = typer.Typer(help="Evaluate on a data set.", no_args_is_help=True)


@app.callback()
def data_set() -> None:
    """Evaluate on a data set."""


@app.command(
    "clevr",
    epilog=examples(
        "nmn eval clevr --questions demo/samples/questions.json \\",
        "    --images demo/samples --json report.json",
        "nmn eval clevr --questions demo/samples/questions.json \\",
        "    --scenes demo/samples/scenes.json --programs given",
    ),
)
def clevr(
    questions: Annotated[Path, typer.Option("--questions", help="Questions file in CLEVR's format.")],
    scenes: Annotated[Path | None, typer.Option("--scenes", help="Scenes file: answer from described scenes.")] = None,
    images: Annotated[Path | None, typer.Option("--images", help="Folder of images: answer from pixels.")] = None,
    programs: Annotated[
        Literal["given", "parsed"], typer.Option("--programs", help="Run the file's programs, or parse the texts.")
    ] = "parsed",
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the report, with every answer, to this file.")
    ] = None,
    limit: Limit = None,
    batch_size: BatchSize = 256,
    workers: Workers = 2,
    domain: DomainName = "clevr",
    weights: Weights = None,
    device: Device = "cpu",
) -> None:
    """Answer CLEVR questions: from pixels where --images is given, else from scenes.

    A question that cannot be answered, because its image is missing or its text cannot be read, counts as wrong.
    """
    if images is None and scenes is None:
        raise InputError("say what to look at: --images DIR for pixels, or --scenes FILE for described scenes")
    if images is not None and not images.is_dir():
        raise InputError(
            f"--images {str(images)!r} is a file: give the folder of the images"
            if images.exists()
            else f"no folder {str(images)!r}"
        )
    if json is not None:
        check_target(json, "--json", inputs=(questions, scenes))
    from nmn.datasets.clevr import read_questions, read_scenes
    from nmn.domain import Domain
    from nmn.engine import Engine
    from nmn.evaluation import ImageFolder, SceneTable, evaluate

    asked = read_questions(questions)[:limit]
    if images is not None:
        engine = Engine.from_pretrained(weights, device=device)
        source: ImageFolder | SceneTable = ImageFolder(images)
    elif scenes is not None:
        engine = Engine.for_scenes(Domain.load(domain))
        source = SceneTable(read_scenes(scenes, engine.domain))
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("answering"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("answering", total=len(asked))
        report = evaluate(
            engine,
            asked,
            source,
            programs=programs,
            batch_size=batch_size,
            workers=workers,
            advance=lambda number: progress.advance(task, number),
        )
    if json is not None:
        data = {"questions": str(questions), "scenes": scenes and str(scenes), "images": images and str(images)}
        write_target(json, "--json", {**report.to_json(), "programs": programs, "data": data})
    print_report(report)


def print_report(report: "Report") -> None:
    """A table by question type."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("type")
    for name in ("questions", "correct", "accuracy", "not answered"):
        table.add_column(name, justify="right")
    for name, score in (*report.by_type.items(), ("all", report.score)):
        accuracy = "-" if score.accuracy is None else f"{score.accuracy:.2%}"
        style = "bold" if name == "all" else None
        row = (Text(name), f"{score.questions:,}", f"{score.correct:,}", accuracy, f"{score.failed:,}")
        table.add_row(*row, style=style)
    out = console()
    out.print(table)
    rate = len(report.outcomes) / report.seconds if report.seconds > 0 else 0.0
    out.print(f"{len(report.outcomes):,} questions in {report.seconds:.1f} s, {rate:,.0f} a second", style="dim")
    failed = [outcome for outcome in report.outcomes if outcome.error is not None]
    if failed:
        out.print(f"{len(failed):,} not answered:", style="yellow")
    for outcome in failed[:SHOWN]:
        out.print(Text(f"  question {outcome.question_index}: {printable(outcome.error or '')}", style="yellow"))
    if len(failed) > SHOWN:
        out.print(f"  and {len(failed) - SHOWN:,} more; --json FILE lists them all", style="yellow")
