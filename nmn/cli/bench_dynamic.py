"""``nmn bench dynamic``: what policies save, and what it costs in accuracy."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer
from rich.table import Table

from nmn.cli.calibrate_policies import image_files, shipped, staged_perceiver
from nmn.cli.options import Limit, Weights, examples
from nmn.cli.outputs import check_target, write_target
from nmn.cli.show import console
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.bench.dynamic import DynamicReport, DynamicRow, Work
    from nmn.domain import Domain

DYNAMIC_EXAMPLE = examples(
    "nmn bench dynamic --weights run/weights --images $DATA/images/val \\",
    "    --questions $DATA/questions/CLEVR_val_questions.json \\",
    "    --json dynamic.json --plot dynamic.png",
)


def dynamic(
    images: Annotated[Path, typer.Option("--images", help="Folder of the questions' images.")],
    questions: Annotated[Path, typer.Option("--questions", help="Questions file with programs, in CLEVR's format.")],
    weights: Weights = None,
    static: Annotated[
        list[Path] | None,
        typer.Option(
            "--static", help="Folder with weights that look at every image alike, to be held against; repeatable."
        ),
    ] = None,
    limit: Limit = None,
    cache: Annotated[Path | None, typer.Option("--cache", help="Folder for what looks report.")] = None,
    timed: Annotated[int, typer.Option("--timed", min=0, help="Questions that are timed; 0 for none.")] = 64,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Samples of each time; medians are reported.")] = 5,
    json: Annotated[Path | None, typer.Option("--json", help="Write all rows to this file.")] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", help="Draw accuracy against FLOPs and time, a PNG file.")
    ] = None,
) -> None:
    """Compare policies over their range on the same weights, with random looks and an oracle beside them.

    Accuracy, looks and FLOPs are those of a question by itself, its program given. Times are from files and question texts to
    answers, one thread, CPU time, interleaved.
    """
    for target, option in ((json, "--json"), (plot, "--plot")):
        if target is not None:
            check_target(target, option, inputs=(questions,))
    files = image_files(images, 0)
    import torch

    from nmn.bench.dynamic import compare_policies
    from nmn.engine import Engine
    from nmn.perception.detector import PixelPerceiver
    from nmn.policies.costs import weights_fingerprint
    from nmn.policies.selecting import StagedBackends

    torch.set_num_threads(1)
    folder = shipped() if weights is None else weights
    perceiver = PixelPerceiver.from_pretrained(folder)
    staged = StagedBackends.of_weights(perceiver, folder)
    if staged is None:
        raise InputError(f"weights {folder} have no focus: there are no looks to choose among")
    settings = staged.settings
    work = _work(files, questions, limit, perceiver.domain)
    calibration = perceiver.config.calibration
    # What all are held against takes every look, whatever the weights leave out by themselves.
    engine = Engine(perceiver.calibrated(replace(calibration, doubt=0.0)), staged=staged)
    others = {f"static {each.name}": PixelPerceiver.from_pretrained(each) for each in static or []}
    if calibration.doubt > 0:
        others |= {f"own doubt {calibration.doubt:g}": perceiver}
    statics = {name: Engine(each, parser=engine.parser) for name, each in others.items()}
    kept = None if cache is None else cache / f"{weights_fingerprint(folder)}-{settings.precision}" / questions.stem
    shown = console(stderr=True)
    report = compare_policies(
        engine,
        settings,
        work,
        statics=statics,
        cache=kept,
        timed=timed,
        repeats=repeats,
        advance=lambda words: shown.print(words, style="dim") if shown.is_terminal else None,
    )
    if json is not None:
        write_target(json, "--json", {"weights": str(folder), "questions_file": str(questions), **report.to_json()})
    if plot is not None:
        from nmn.bench.plot_dynamic import draw_dynamic

        draw_dynamic(report.rows, plot)
    _print(report)


DIFFICULTY_EXAMPLE = examples(
    "nmn bench difficulty --weights run/weights --images $DATA/images/val \\",
    "    --questions $DATA/questions/CLEVR_val_questions.json --limit 1000",
)


def difficulty(
    images: Annotated[Path, typer.Option("--images", help="Folder of the questions' images.")],
    questions: Annotated[Path, typer.Option("--questions", help="Questions file with programs, in CLEVR's format.")],
    weights: Weights = None,
    limit: Limit = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write all rows to this file.")] = None,
) -> None:
    """Show whether --policy value looks more closely where a glance sees less.

    The images are asked about as they are, with noise, in the dark, compressed and blurred; and, as they are, in parts by
    the number of objects and the length of programs.
    """
    if json is not None:
        check_target(json, "--json", inputs=(questions,))
    files = image_files(images, 0)
    from tempfile import TemporaryDirectory

    from nmn.bench.difficulty import by_difficulty
    from nmn.policies.settings import PolicySettings
    from nmn.registry import default_registry

    folder = shipped() if weights is None else weights
    settings = PolicySettings.read(folder)
    staged = staged_perceiver(folder, cast(Any, settings.precision))
    work = _work(files, questions, limit, staged.domain)
    shown = console(stderr=True)
    with TemporaryDirectory(prefix="nmn-") as temporary:
        rows = by_difficulty(
            staged,
            default_registry(),
            settings,
            work,
            Path(temporary),
            lambda words: shown.print(words, style="dim") if shown.is_terminal else None,
        )
    if json is not None:
        write_target(json, "--json", {"weights": str(folder), "rows": [row.to_json() for row in rows]})
    table = Table("questions", "number", "glance", "value", "everything", "looks", "opened", "priced, ms")
    for row in rows:
        shares = (f"{each:.2%}" for each in (row.glance, row.value, row.everything))
        cost = (f"{row.looks_per_image:.2f}", f"{row.opened:.1%}", f"{row.price_ms:.1f}")
        table.add_row(row.kind, f"{row.questions:,}", *shares, *cost)
    console().print(table)


def _work(files: list[Path], questions: Path, limit: int | None, domain: "Domain") -> "Work":
    """Questions about the files, and of the files only those that are asked about. Raises: InputError."""
    from nmn.bench.dynamic import Work
    from nmn.datasets.clevr import read_questions
    from nmn.parser.clevr import import_program

    known = {path.name: path for path in files}
    asked = [each for each in read_questions(questions) if each.image_filename in known and each.answer is not None]
    asked = asked[:limit]
    if not asked:
        raise InputError(f"no question of {questions} is about these images, or none has an answer")
    if any(each.program is None for each in asked):
        raise InputError(f"questions of {questions} have no programs")
    names = list(dict.fromkeys(str(each.image_filename) for each in asked))
    place = {name: number for number, name in enumerate(names)}
    return Work(
        [known[name] for name in names],
        [each.text for each in asked],
        [import_program(each.program or [], domain, where=f"question {each.question_index}") for each in asked],
        [place[str(each.image_filename)] for each in asked],
        [str(each.answer) for each in asked],
    )


def _print(report: "DynamicReport") -> None:
    ways = list(dict.fromkeys(way for row in report.rows for way in row.ms))
    shown = Table("policy", "doubt", "accuracy", "less", "same", "looks", "opened", "MFLOPs", "priced, ms", *ways)
    for row in report.rows:
        shown.add_row(*_cells(row), *(f"{row.ms[way]:.2f}" if way in row.ms else "" for way in ways))
    out = console()
    out.print(shown)
    out.print(f"{report.questions:,} questions on {report.images:,} images; times are CPU ms a question")
    for way, ratio in report.overhead.items():
        out.print(f"everything by its name takes {ratio:.3f} of the time without policies ({way})")
    for line in report.flops_without_time():
        out.print(f"FLOPs fell and time did not: {line}")


def _cells(row: "DynamicRow") -> tuple[str, ...]:
    low, high = row.difference_interval or (0.0, 0.0)
    return (
        row.policy,
        "" if row.doubt is None else f"{row.doubt:g}",
        f"{row.accuracy:.2%}",
        f"{100 * row.difference:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})",
        f"{row.agreement:.2%}",
        f"{row.looks_per_image:.2f}",
        f"{row.opened:.1%}",
        f"{row.flops_per_question / 1e6:.1f}",
        f"{row.price_ms:.1f}" if row.price_ms else "",
    )
