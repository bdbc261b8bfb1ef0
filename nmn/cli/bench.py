"""nmn bench: measure speed on this machine."""

from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from nmn.cli.options import Weights, examples
from nmn.cli.outputs import check_target, write_target
from nmn.cli.show import console
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.bench.executor import Row
    from nmn.bench.workload import Workload

app = typer.Typer(help="Measure speed on this machine.", no_args_is_help=True)


@app.callback()
def bench() -> None:
    """Measure speed on this machine."""


@app.command("executor", epilog=examples("nmn bench executor --batch 16 --work executor --repeats 1"))
def executor(
    batch: Annotated[
        list[int] | None, typer.Option("--batch", min=1, help="Questions run together; repeatable.")
    ] = None,
    work: Annotated[
        list[str] | None, typer.Option("--work", help="end_to_end, executor or training; repeatable; all if not given.")
    ] = None,
    questions: Annotated[
        Path | None,
        typer.Option("--questions", help="Questions file with programs; the bundled samples' if not given."),
    ] = None,
    images: Annotated[Path | None, typer.Option("--images", help="Folder of the questions' images.")] = None,
    scenes: Annotated[Path | None, typer.Option("--scenes", help="Their scenes, for the exact rules.")] = None,
    repeats: Annotated[int, typer.Option("--repeats", min=1, help="Samples of each; medians are reported.")] = 5,
    weights: Weights = None,
    json: Annotated[Path | None, typer.Option("--json", help="Write all rows to this file.")] = None,
    plot: Annotated[Path | None, typer.Option("--plot", help="Draw the ratios into this PNG file.")] = None,
) -> None:
    """Compare ways to run the same programs: one at a time, everything in advance, this executor, the exact rules.

    One thread, CPU time, interleaved. Ratios are to the loop that runs one call at a time and keeps nothing.

    Printed are questions a second (median, slowest, fastest), the ratio to the loop, planning's share of the time, the
    most memory that tensors took, FLOPs, the share of facets that was computed, and calls of modules.
    """
    if (questions is None) != (images is None):
        raise InputError("--questions and --images go together")
    if scenes is not None and questions is None:
        raise InputError("--scenes goes with --questions and --images")
    for target, option in ((json, "--json"), (plot, "--plot")):
        if target is not None:
            check_target(target, option, inputs=(questions, scenes))
    import torch

    from nmn.bench.executor import WORKS, cache_figures, compare
    from nmn.errors import nearest

    for each in work or ():
        if each not in WORKS:
            raise InputError(f"no work {each!r}{nearest(each, WORKS)}")
    torch.set_num_threads(1)
    workload = _workload(questions, images, scenes, weights)
    chosen = [each for each in WORKS if not work or each in work]
    sizes = batch or [1, 16, 64, 256, 1024]
    out = console()
    rows: list[Row] = []
    with console(stderr=True).status("looking at images and measuring") as status:
        for row in compare(workload, batches=sizes, works=chosen, repeats=repeats):
            rows.append(row)
            status.update(f"measured {row.work} at {row.batch}, {row.images.replace('_', ' ')} an image: {row.design}")
    _print(rows)
    kept = cache_figures(workload)
    out.print(
        f"plan cache over {kept.programs:,} questions, from empty: {kept.program_hits:.0%} of programs had been planned "
        f"before, and {kept.structure_hits:.0%} of the others' structures; {kept.patterns} patterns of steps in all",
        style="dim",
    )
    if json is not None:
        about = {"threads": 1, "clock": "CPU time", "torch": torch.__version__, "repeats": repeats}
        write_target(json, "--json", {**about, "plan_cache": asdict(kept), "rows": [row.to_json() for row in rows]})
    if plot is not None:
        from nmn.bench.plot import draw

        draw(rows, plot)


def _workload(questions: Path | None, images: Path | None, scenes: Path | None, weights: Path | None) -> "Workload":
    """Images and programs that have answers, every image with the same number of questions."""
    from importlib import resources

    from nmn.bench.workload import Workload
    from nmn.datasets.clevr import read_questions, read_scenes
    from nmn.parser.clevr import import_program
    from nmn.perception.detector import PixelPerceiver

    samples = Path(str(resources.files("nmn.demo"))) / "samples"
    if questions is None or images is None:
        questions, images, scenes = samples / "questions.json", samples, samples / "scenes.json"
    perceiver = PixelPerceiver.from_pretrained(weights)
    described = read_scenes(scenes, perceiver.domain) if scenes is not None else {}
    by_image: dict[int, list[tuple[str, object, str]]] = {}
    for each in read_questions(questions):
        if each.program is not None and each.answer is not None and each.image_filename is not None:
            program = import_program(each.program, perceiver.domain, where=f"question {each.question_index}")
            by_image.setdefault(each.image_index, []).append((each.image_filename, program, each.answer))
    if not by_image:
        raise InputError(f"{str(questions)!r} has no questions with programs, answers and images")
    kept = list(by_image)
    return Workload(
        perceiver,
        tuple(perceiver.glance([images / by_image[index][0][0]]) for index in kept),
        tuple(tuple(program for _, program, _ in by_image[index]) for index in kept),  # type: ignore[misc]
        tuple(tuple(answer for _, _, answer in by_image[index]) for index in kept),
        tuple(perceiver.model.attribute_heads.parameters()),
        tuple(described[index] for index in kept) if all(index in described for index in kept) else (),
    )


def _print(rows: "list[Row]") -> None:
    """One table for each batch size, images and work, that fits in 80 columns."""
    out = console()
    for (batch, images, work), group in groupby(rows, key=lambda row: (row.batch, row.images, row.work)):
        out.print(f"{batch} at a time, {images.replace('_', ' ')} an image, {work.replace('_', ' ')}", style="bold")
        table = Table(box=None, pad_edge=False, header_style="dim")
        table.add_column("design", style="cyan")
        for name in ("a second", "slowest", "fastest", "x loop", "plan", "MB", "MFLOPs", "facets", "calls"):
            table.add_column(name, justify="right", no_wrap=True)
        for row in group:
            table.add_row(
                row.design,
                f"{row.questions_per_second:,.0f}",
                f"{row.slowest:,.0f}",
                f"{row.fastest:,.0f}",
                f"{row.ratio_to_loop:.2f}",
                "-" if row.planner_share is None else f"{row.planner_share:.0%}",
                "-" if row.peak_bytes is None else f"{row.peak_bytes / 1e6:.2f}",
                f"{row.flops / 1e6:.2f}",
                "-" if not row.possible_facet_rows else f"{row.facet_rows / row.possible_facet_rows:.0%}",
                f"{row.kernels:,}",
            )
        out.print(table)
        out.print()
