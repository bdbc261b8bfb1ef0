"""``nmn calibrate policies`` and ``nmn bench costs``: what looking closer is worth, and what it takes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from nmn.cli.options import AsJson, Weights, examples
from nmn.cli.outputs import check_target, write_target
from nmn.cli.show import console, print_json
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.perception.staged import Precision, StagedPerceiver
    from nmn.policies.costs import CostTable
    from nmn.program import Program

POLICIES_EXAMPLE = examples(
    "nmn calibrate policies --weights run/weights \\",
    "    --images $DATA/images/calib --below 500 \\",
    "    --questions $DATA/questions/CLEVR_calib_questions.json",
)
COSTS_EXAMPLE = examples("nmn bench costs --weights run/weights --images demo/samples")
SUFFIXES = (".jpg", ".jpeg", ".png")


def policies(
    weights: Annotated[Path, typer.Option("--weights", help="Folder with weights of a glance and a focus.")],
    images: Annotated[Path, typer.Option("--images", help="Folder of images that no network was trained on.")],
    questions: Annotated[
        Path | None,
        typer.Option(
            "--questions", help="Questions on them, with programs, to choose by how much doubt may be tolerated."
        ),
    ] = None,
    below: Annotated[int, typer.Option("--below", min=0, help="Only images with an index below this; 0 for all.")] = 0,
    cache: Annotated[
        Path | None, typer.Option("--cache", help="Folder for what looks report; a run that was cut short goes on.")
    ] = None,
    precision: Annotated[
        Literal["float32", "bfloat16"] | None,
        typer.Option(
            "--precision", help="What the glance's convolutions compute in; the quicker on this machine if not given."
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Fit what closer looks would report, and write policies.json and costs.json beside the weights.

    Every look at every image is taken once. What stages cost is measured anew.
    """
    if cache is not None and cache.exists() and not cache.is_dir():
        raise InputError(f"--cache {str(cache)!r} is a file: name a folder")
    files = image_files(images, below)
    from nmn.policies.costs import weights_fingerprint
    from nmn.policies.fitting import fit_policies
    from nmn.registry import default_registry

    staged = staged_perceiver(weights, precision)
    fingerprint = weights_fingerprint(weights)
    costs = measured(staged, files[:64], fingerprint, repeats=3)
    programs, positions = _asked(questions, files, staged) if questions is not None else ([], [])
    with progress("looking at everything", len(files)) as advance:
        found = fit_policies(
            staged,
            default_registry(),
            files,
            fingerprint,
            costs,
            precision=staged.precision,
            programs=programs,
            positions=positions,
            cache=None if cache is None else cache / f"{fingerprint}-{staged.precision}",
            advance=advance,
        )
    found.write(weights)
    if json:
        print_json(
            {"weights": str(weights), "images": len(files), "questions": len(programs), "doubt": dict(found.doubt)}
        )
    else:
        typer.echo(f"fitted to {len(files):,} images and {len(programs):,} questions; written to {weights}")
        for name, doubt in found.doubt.items():
            typer.echo(f"doubt tolerated by {name}: {doubt:g}")


def costs(
    images: Annotated[Path, typer.Option("--images", help="Folder of images to measure on.")],
    weights: Weights = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="File to write; costs.json beside the weights if not given.")
    ] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Samples of each; medians are taken.")] = 5,
    json: AsJson = False,
) -> None:
    """Measure what each stage of looking takes: once for setting up, and for each image or crop more.

    One thread, CPU time. Prices of looks come from this table.
    """
    from nmn.policies.costs import weights_fingerprint
    from nmn.policies.settings import COSTS_FILE, SETTINGS_FILE, PolicySettings

    if weights is None and out is None:
        raise InputError("say where to write: --weights DIR for costs.json beside the weights, or --out FILE")
    folder = weights if weights is not None else shipped()
    target = out if out is not None else folder / COSTS_FILE
    check_target(target, "--out")
    precision = PolicySettings.read(folder).precision if (folder / SETTINGS_FILE).is_file() else None
    staged = staged_perceiver(folder, cast("Precision | None", precision))
    table = measured(staged, image_files(images, 0)[:64], weights_fingerprint(folder), repeats=repeats)
    write_target(target, "--out", table.to_record())
    if json:
        print_json(table.to_record())
        return
    from rich.table import Table

    shown = Table("stage", "set up, ms", "each, ms", *(f"{size}, ms" for size in _sizes(table)))
    for name, cost in table.stages.items():
        times = (f"{cost.measured[size]:.2f}" if size in cost.measured else "" for size in _sizes(table))
        shown.add_row(name, f"{cost.setup:.2f}", f"{cost.each:.2f}", *times)
    console().print(shown)


def _sizes(table: "CostTable") -> list[int]:
    return sorted({size for cost in table.stages.values() for size in cost.measured})


def shipped() -> Path:
    """The folder of the weights that ship with the package."""
    from importlib import resources

    return Path(str(resources.files("nmn"))) / "weights" / "clevr"


def staged_perceiver(weights: Path, precision: "Precision | None" = None) -> "StagedPerceiver":
    """The stages of weights on one thread, in the quicker precision if none is named. Raises: WeightsError, InputError."""
    import torch

    from nmn.perception.detector import PixelPerceiver
    from nmn.perception.staged import StagedPerceiver, quicker_precision

    torch.set_num_threads(1)
    whole = PixelPerceiver.from_pretrained(weights)
    StagedPerceiver(whole)  # weights without a focus are refused here
    return StagedPerceiver(whole, quicker_precision(whole) if precision is None else precision)


def measured(staged: "StagedPerceiver", files: list[Path], fingerprint: str, *, repeats: int) -> "CostTable":
    """The costs of stages, with a progress bar."""
    from nmn.policies.costs import measure_costs

    with progress("measuring costs", repeats + 1) as advance:
        return measure_costs(staged, files, fingerprint, repeats=repeats, advance=advance)


def image_files(folder: Path, below: int) -> list[Path]:
    """The image files of a folder, those with an index below a bound. Raises: InputError when there is none."""
    if not folder.is_dir():
        raise InputError(f"no image folder {str(folder)!r}; give the folder that holds the image files")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    chosen = [path for path in files if not below or index_of(path) < below]
    if not chosen:
        raise InputError(f"no images in {str(folder)!r}" + (f" with an index below {below}" if files else ""))
    return chosen


def index_of(path: Path) -> int:
    """The number at the end of a file's name, as CLEVR names images; 0 without one."""
    digits = path.stem.rpartition("_")[2]
    return int(digits) if digits.isdigit() else 0


def _asked(questions: Path, files: list[Path], staged: "StagedPerceiver") -> "tuple[list[Program], list[int]]":
    """The programs of questions about these files, and the position of each one's image."""
    from nmn.datasets.clevr import read_questions
    from nmn.parser.clevr import import_program

    place = {path.name: number for number, path in enumerate(files)}
    programs, positions = [], []
    for each in read_questions(questions):
        if each.image_filename in place:
            if each.program is None:
                raise InputError(f"question {each.question_index} of {questions} has no program")
            where = f"question {each.question_index}"
            programs.append(import_program(each.program, staged.domain, where=where))
            positions.append(place[each.image_filename])
    if not programs:
        raise InputError(f"no question of {questions} is about these images")
    return programs, positions


@contextmanager
def progress(words: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar on the terminal; nothing where there is none."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(words), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, console=console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(words, total=total)
        yield lambda number: bar.advance(task, number)
