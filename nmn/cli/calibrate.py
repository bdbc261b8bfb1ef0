"""``nmn calibrate``: make confidences mean what they say, and find from where on a parser's word is taken."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table
from rich.text import Text

from nmn.cli.options import AsJson, Device, DomainName, LanguageModel, Limit, ParserWeights, examples
from nmn.cli.show import console, print_json
from nmn.domain import Domain
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.parser.cascade_calibration import CalibrationReport
    from nmn.parser.cascade_readout import CalibratedLink
    from nmn.parser.generation.generator import Example

FILES = "files"
"""The style of questions that come from files."""

app = typer.Typer(name="calibrate", help="Calibrate what the engine uses.", no_args_is_help=True)


@app.callback()
def calibrate() -> None:
    """Calibrate what the engine uses."""


@app.command(
    epilog=examples(
        "nmn calibrate parser --out run/weights",
        "nmn calibrate parser --out run/weights --questions train.json --wrong-cost 10",
    )
)
def parser(
    out: Annotated[Path, typer.Option("--out", help="Folder to write the calibration to; made if there is none.")],
    questions: Annotated[
        list[Path] | None,
        typer.Option(
            "--questions", help="Questions with programs in CLEVR's format, beside those made up; repeatable."
        ),
    ] = None,
    number: Annotated[int, typer.Option("--number", min=50, help="How many questions to make up.")] = 4000,
    limit: Limit = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Of every random choice.")] = 0,
    wrong_cost: Annotated[float, typer.Option("--wrong-cost", min=0, help="Of a wrong program.")] = 4.0,
    unknown_cost: Annotated[
        float, typer.Option("--unknown-cost", min=0, help="""Of "I don't know" where there is an answer.""")
    ] = 1.0,
    time_cost: Annotated[float, typer.Option("--time-cost", min=0, help="Of a second of reading.")] = 0.1,
    parser_weights: ParserWeights = None,
    language_model: LanguageModel = None,
    domain: DomainName = "clevr",
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Fit the confidence of every parser of the cascade, and the thresholds of least expected cost.

    Without --parser-weights the weights in --out are calibrated, or else those that ship with nmn. Use no questions that
    you want to test on.
    """
    spoken = Domain.load(domain)
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {str(out)!r} is a file: name a folder")
    from nmn.parser.cascade_calibration import calibrate, save
    from nmn.parser.cascade_config import Costs

    costs = Costs(wrong_cost, unknown_cost, time_cost)
    links = _links(spoken, _weights(parser_weights, out), language_model, device)
    given = list(_of_files(questions or [], spoken, limit))
    asked = [*_made_up(spoken, number, seed), *given]
    with _progress(len(asked) * len(links), "reading") as advance:
        report = calibrate(links, asked, spoken, costs=costs, seed=seed, advance=advance)
    out.mkdir(parents=True, exist_ok=True)
    save(report, links, out)
    if json:
        print_json(report.to_json())
    else:
        print_report(report, out)


def _weights(given: Path | None, out: Path) -> Path | None:
    from nmn.parser.links import CONFIG_FILE

    return out if given is None and (out / CONFIG_FILE).is_file() else given


def _links(domain: Domain, weights: Path | None, language_model: str | None, device: str) -> "list[CalibratedLink]":
    """The links of the cascade as their parsers are, not calibrated. Raises: WeightsError, InputError."""
    from nmn.parser.cascade_readout import NeuralLink, ReadingsLink
    from nmn.parser.links import load_grammar, load_language_model, load_spelling, shipped_weights

    links: list[CalibratedLink] = [ReadingsLink(load_grammar(domain))]
    folder = shipped_weights(domain) if weights is None else weights
    if folder is not None:
        from nmn.parser.neural.parser import NeuralParser

        neural = NeuralLink(NeuralParser.from_pretrained(folder, domain=domain, device=device))
        links += [ReadingsLink(load_spelling(domain, folder)), neural]
    if language_model is not None:
        links.append(ReadingsLink(load_language_model(language_model, domain, device)))
    if len(links) == 1:
        raise InputError(
            "there is nothing to choose from: name --parser-weights or a --language-model beside the grammar"
        )
    return links


def _made_up(domain: Domain, number: int, seed: int) -> "list[Example]":
    from nmn.parser.cascade_calibration import draw_examples

    with _progress(number, "making up questions") as advance:
        return draw_examples(domain, number, seed=seed, advance=advance)


def _of_files(paths: list[Path], domain: Domain, limit: int | None) -> "Iterator[Example]":
    """Questions of files with their programs. Raises: DataError, ProgramError; InputError when a program is missing."""
    from nmn.datasets.clevr import read_questions
    from nmn.parser.clevr import import_program
    from nmn.parser.generation.generator import Example

    for path in paths:
        for question in read_questions(path)[:limit]:
            where = f"{path}, question {question.question_index}"
            if question.program is None:
                raise InputError(f"{where} has no program, so nobody can say whether it is read rightly")
            yield Example(question.text, import_program(question.program, domain, where=where), FILES)


@contextmanager
def _progress(total: int, what: str) -> Iterator[Callable[[int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=total)
        yield lambda number: bar.advance(task, number)


def print_report(report: "CalibrationReport", out: Path) -> None:
    """A table of how the calibrated cascade does on questions that it was not fitted to, and a line a link."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    table.add_column("questions")
    for column in ("number", "answered", "read rightly", "right outcome", "cost", "ECE"):
        table.add_column(column, justify="right")
    for style, score in (*report.by_style.items(), ("all", report.score)):
        read = "-" if score.accuracy is None else f"{score.accuracy:.2%}"
        error = "-" if score.ece is None else f"{score.ece:.3f}"
        row = (
            f"{score.questions:,}",
            f"{score.coverage:.2%}",
            read,
            f"{score.correct:.2%}",
            f"{score.cost:.3f}",
            error,
        )
        table.add_row(Text(style), *row, style="bold" if style == "all" else None)
    shown = console()
    shown.print(table)
    for name, settings in report.config.links.items():
        share, milliseconds = report.score.by_link[name], report.seconds[name] * 1e3
        line = f"{name}: answers {share:.1%}, from confidence {settings.threshold:.3f} on; {milliseconds:.1f} ms a question"
        shown.print(Text(line, style="dim"))
    shown.print(Text(f"fitted to {report.fitted:,} other questions; written to {out}", style="dim"))
