"""nmn eval: answer a data set's questions and report how many are right, and compare two such reports."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nmn.cli.options import (
    BatchSize,
    BudgetMs,
    Device,
    DomainName,
    Doubt,
    ExecutionGuided,
    LanguageModel,
    Limit,
    ParserKind,
    ParserWeights,
    PolicyName,
    Weights,
    Workers,
    examples,
)
from nmn.cli.outputs import check_folder, check_target, write_target, write_text
from nmn.cli.parsers import chosen_parser, guided
from nmn.cli.report_tables import print_comparison, print_report
from nmn.cli.show import console
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.evaluation import Report
    from nmn.evaluation.review import Review

REPORT, PAGE, GALLERY = "report.json", "report.md", "errors.html"
QUESTIONS, SAMPLES = "demo/samples/questions.json", "demo/samples"

app = typer.Typer(help="Evaluate on a data set, and compare evaluations.", no_args_is_help=True)


@app.callback()
def data_set() -> None:
    """Evaluate on a data set, and compare evaluations."""


@dataclass(frozen=True)
class Targets:
    """What is to be written, if anything.

    Attributes:
        json: The report.
        out: A folder for the report, a page of it, plots, and a gallery of errors.
        submission: The answers alone, one a line.
    """

    json: Path | None
    out: Path | None
    submission: Path | None

    def check(self, *inputs: Path | None) -> None:
        """See that all can be written before the work starts. Raises: InputError."""
        for path, option in ((self.json, "--json"), (self.submission, "--submission")):
            if path is not None:
                check_target(path, option, inputs=inputs)
        if self.out is not None:
            check_folder(self.out, "--out")


@app.command(
    "clevr",
    epilog=examples(
        f"nmn eval clevr --questions {QUESTIONS} \\",
        f"    --images {SAMPLES} --json report.json",
        f"nmn eval clevr --questions {QUESTIONS} \\",
        f"    --scenes {SAMPLES}/scenes.json --programs given",
        f"nmn eval clevr --questions {QUESTIONS} --images {SAMPLES} \\",
        f"    --scenes {SAMPLES}/scenes.json --causes --out report",
    ),
)
def clevr(
    questions: Annotated[Path, typer.Option("--questions", help="Questions file in CLEVR's format.")],
    scenes: Annotated[
        Path | None,
        typer.Option("--scenes", help="Scenes file: answer from described scenes; with --images, what is truly there."),
    ] = None,
    images: Annotated[Path | None, typer.Option("--images", help="Folder of images: answer from pixels.")] = None,
    programs: Annotated[
        Literal["given", "parsed"], typer.Option("--programs", help="Run the file's programs, or parse the texts.")
    ] = "parsed",
    json: Annotated[
        Path | None, typer.Option("--json", help="Write the report, with every answer, to this file.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write the report, a page of tables, plots and the worst errors to this folder."),
    ] = None,
    submission: Annotated[
        Path | None, typer.Option("--submission", help="Write one answer a line, as CLEVR's test set is judged.")
    ] = None,
    causes: Annotated[
        bool,
        typer.Option("--causes", help="Say which stage made each answer wrong; needs --images and --scenes."),
    ] = False,
    on_error: Annotated[
        Literal["count", "skip", "fail"],
        typer.Option(
            "--on-error",
            help="Where an image, scene or given program is missing or broken: count the question as wrong, list it "
            "without judging it, or stop at the first.",
        ),
    ] = "count",
    limit: Limit = None,
    batch_size: BatchSize = 256,
    workers: Workers = 2,
    parser: ParserKind = "cascade",
    parser_weights: ParserWeights = None,
    language_model: LanguageModel = None,
    execution_guided: ExecutionGuided = None,
    policy: PolicyName = None,
    doubt: Doubt = None,
    budget_ms: BudgetMs = None,
    domain: DomainName = "clevr",
    weights: Weights = None,
    device: Device = "cpu",
) -> None:
    """Answer CLEVR questions: from pixels where --images is given, else from scenes.

    A question that cannot be answered counts as wrong, and so does "I don't know"; --on-error changes that for broken
    data only, never for a question that cannot be read. Intervals are of 95 %, from resampling whole images. With --images
    and --scenes the report also says how well images were seen.
    """
    _check_sources(images, scenes, causes=causes)
    from nmn.policies.choice import choice_of

    choice = choice_of(policy, doubt, budget_ms)
    if choice is not None and images is None:
        raise InputError(f"policy {choice.policy!r} is for images: described scenes leave nothing to look at")
    targets = Targets(json, out, submission)
    targets.check(questions, scenes)
    from nmn.datasets.clevr import read_questions, read_scenes
    from nmn.domain import Domain
    from nmn.engine import Engine
    from nmn.evaluation import ImageFolder, SceneTable
    from nmn.evaluation.review import Review

    asked = read_questions(questions)[:limit]

    def reader(about: Domain) -> Any:
        return chosen_parser(about, parser, parser_weights, language_model, device)

    if images is not None:
        from nmn.perception.detector import PixelPerceiver
        from nmn.policies.selecting import StagedBackends

        perceiver = PixelPerceiver.from_pretrained(weights, device=device)
        engine = Engine(
            perceiver,
            parser=reader(perceiver.domain),
            policy=choice,
            staged=StagedBackends.of_weights(perceiver, weights),
            execution_guided=guided(execution_guided),
        )
        engine.backend_for()
        true = {} if scenes is None else read_scenes(scenes, engine.domain)
        review = Review(engine, asked, ImageFolder(images), programs, true)
    elif scenes is not None:
        about = Domain.load(domain)
        engine = Engine.for_scenes(about, parser=reader(about), execution_guided=guided(execution_guided))
        review = Review(engine, asked, SceneTable(read_scenes(scenes, about)), programs, {})
    report = _evaluated(review, on_error, batch_size, workers, costs=json is not None or out is not None)
    if review.scenes:
        with _progress("looking back", len({question.image_index for question in asked})) as advance:
            report = review.compare(report, causes=causes, advance=advance)
    data = {"questions": str(questions), "scenes": scenes and str(scenes), "images": images and str(images)}
    _write(targets, report, review, {"programs": programs, "on_error": on_error, "data": data})
    print_report(report)


def _check_sources(images: Path | None, scenes: Path | None, *, causes: bool) -> None:
    if images is None and scenes is None:
        raise InputError("say what to look at: --images DIR for pixels, or --scenes FILE for described scenes")
    if images is not None and not images.is_dir():
        raise InputError(
            f"--images {str(images)!r} is a file: give the folder of the images"
            if images.exists()
            else f"no folder {str(images)!r}"
        )
    if causes and (images is None or scenes is None):
        raise InputError("--causes needs --images, to see what was seen, and --scenes, to see what is there")


def _evaluated(
    review: "Review", on_error: Literal["count", "skip", "fail"], batch_size: int, workers: int, *, costs: bool
) -> "Report":
    """The report of all questions, with what they cost if that is asked for."""
    from time import process_time

    from nmn.evaluation import evaluate
    from nmn.evaluation.compute import measure_compute

    started = process_time()
    with _progress("answering", len(review.questions)) as advance:
        report = evaluate(
            review.engine,
            review.questions,
            review.images,
            programs=review.programs,
            on_error=on_error,
            batch_size=batch_size,
            workers=workers,
            advance=advance,
        )
    if not costs:
        return report
    seconds = process_time() - started
    compute = measure_compute(
        review.engine, review.questions, review.images, programs=review.programs, cpu_seconds=seconds
    )
    return replace(report, compute=compute)


@contextmanager
def _progress(words: str, total: int) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(words, total=total)
        yield lambda number: progress.advance(task, number)


def _write(targets: Targets, report: "Report", review: "Review", about: dict[str, Any]) -> None:
    record = {**report.to_json(), **about}
    if targets.json is not None:
        write_target(targets.json, "--json", record)
    if targets.submission is not None:
        from nmn.evaluation.submission import submission

        write_text(targets.submission, "--submission", submission(report.outcomes))
    if targets.out is not None:
        _write_folder(targets.out, report, review, record)


def _write_folder(folder: Path, report: "Report", review: "Review", record: dict[str, Any]) -> None:
    from nmn.evaluation.gallery import gallery
    from nmn.evaluation.markdown import markdown
    from nmn.evaluation.plots import can_draw, draw

    title = f"Evaluation on {Path(record['data']['questions']).name}"
    write_target(folder / REPORT, "--out", record)
    page = gallery(review.exhibits(report), wrong=len(report.wrong), questions=len(report.outcomes), title=title)
    write_text(folder / GALLERY, "--out", page)
    plots: tuple[str, ...] = ()
    if can_draw():
        plots = draw(record, folder)
    else:
        words = "plots are left out: pip install 'nmn-engine[plots]' brings matplotlib"
        console().print(words, style="yellow", markup=False)
    write_text(folder / PAGE, "--out", markdown(record, title=title, plots=plots, gallery=GALLERY))


@app.command(
    "compare",
    epilog=examples(
        "nmn eval compare before.json after.json",
        "nmn eval compare before.json after.json --json difference.json",
    ),
)
def compare(
    first: Annotated[Path, typer.Argument(help="A report that nmn eval --json wrote.")],
    second: Annotated[Path, typer.Argument(help="Another on the same questions.")],
    json: Annotated[
        Path | None,
        typer.Option("--json", help="Write the comparison, with every question that changed, to this file."),
    ] = None,
) -> None:
    """Compare two reports on the same questions: which is better, by how much, and whether that may be chance.

    The difference is the second's accuracy minus the first's; its interval of 95 % is from resampling whole images. Lost are
    questions that only the first gets right, won those that only the second does; p is of McNemar's exact test on them,
    which takes questions as independent. Reports on different questions are refused.
    """
    if json is not None:
        check_target(json, "--json", inputs=(first, second))
    from nmn.evaluation import comparison

    found = comparison.compare(comparison.read_answers(first), comparison.read_answers(second))
    if json is not None:
        write_target(json, "--json", {"first": str(first), "second": str(second), **found.to_json()})
    print_comparison(found, (str(first), str(second)))
