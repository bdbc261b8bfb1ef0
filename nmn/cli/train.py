"""``nmn train``: train what the engine sees with."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmn.cli.image_sources import (
    Below,
    BoxesFrom,
    Files,
    Folders,
    Repeat,
    Tune,
    Unlike,
    read_sources,
    shipped_or,
    split,
    with_boxes,
)
from nmn.cli.options import Device
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.perception.training import Progress, Trainer

app = typer.Typer(name="train", help="Train the networks that the engine uses.", no_args_is_help=True)

PERCEPTION_EXAMPLE = r"""Example, where $DATA holds a data set in CLEVR's format:

    nmn train perception --out run --images $DATA/images/train \
        --scenes $DATA/scenes/CLEVR_train_scenes.json --threads 2
    nmn ask photo.jpg "How many cubes are there?" --weights run/weights"""


@app.callback()
def train() -> None:
    """Train the networks that the engine uses."""


@app.command(epilog=PERCEPTION_EXAMPLE)
def perception(
    images: Folders,
    scenes: Files,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, logs and the finished weights.")],
    below: Below = None,
    repeat: Repeat = None,
    unlike: Unlike = None,
    boxes_from: BoxesFrom = None,
    tune: Tune = 150,
    calibrate_images: Annotated[Path | None, typer.Option(help="Images to calibrate on at the end.")] = None,
    calibrate_scenes: Annotated[Path | None, typer.Option(help="Scenes file of --calibrate-images.")] = None,
    calibrate_below: Annotated[int, typer.Option(help="Only calibration images below this index; 0 for all.")] = 0,
    domain: Annotated[str, typer.Option(help="Domain, by name or .toml file.")] = "clevr",
    config: Annotated[
        Path | None, typer.Option(help="YAML file with the training config, such as configs/glance.yaml.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps; 8000 by default.")] = None,
    batch_size: Annotated[int | None, typer.Option(min=2, help="Images a step; 16 by default.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of every random choice; 0 by default.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the training config, such as augment.mirror=0.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in --out.")] = False,
    start: Annotated[
        Path | None,
        typer.Option(
            help="What to begin with: a checkpoint, a folder of finished weights, of another domain perhaps, or 'shipped'."
        ),
    ] = None,
    device: Device = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 leaves it to torch.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Threads that decode; above 0, batches are made ahead.")] = 2,
    limit: Annotated[int | None, typer.Option(min=4, help="At most this many images a source.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for decoded images; by default OUT/cache.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the final report as JSON.")] = False,
) -> None:
    """Train the detector on images with scenes, then write calibrated weights to OUT/weights."""
    sources = read_sources(images, scenes, below or [], repeat or [], unlike or [])
    if (calibrate_images is None) != (calibrate_scenes is None):
        raise InputError("--calibrate-images and --calibrate-scenes go together")
    if start is not None and resume:
        raise InputError("--start begins a run and --resume goes on with one; give one of them")
    import torch

    from nmn.domain import Domain
    from nmn.perception.data import Source, load_images
    from nmn.perception.export import export
    from nmn.perception.processes import join, leave, world
    from nmn.perception.training import Trainer, configure
    from nmn.perception.weights import keep_domain

    if threads:
        torch.set_num_threads(threads)
    given = {"steps": steps, "batch_size": batch_size, "seed": seed}
    numbers = {name: str(value) for name, value in given.items() if value is not None}
    wanted = configure({**numbers, **read_settings(settings)}, config)
    loaded = Domain.load(domain)
    join(device)
    folder = out / "cache" if cache is None else cache
    whole = load_images(loaded, sources, wanted.network, folder, limit=limit, workers=workers)
    if boxes_from is not None:
        frames = load_images(loaded, sources, wanted.network.full, folder, limit=limit, workers=workers)
        whole = with_boxes(whole, boxes_from, frames)
    training, watching = split(whole, sources, tune)
    try:
        trainer = Trainer(wanted, loaded, training, watching, device=device, prepare_ahead=workers > 0)
    except RuntimeError as error:
        raise InputError(f"cannot train on device {device!r}: {str(error).splitlines()[0]}") from None
    if start is not None:
        _begin(trainer, start, quiet=as_json)
    if resume:
        trainer.load(out / "last.safetensors")
    first = world()[0] == 0
    _run(trainer, out, quiet=as_json or not first, curves=first)
    leave()
    if not first:
        return
    chosen = None
    if calibrate_images is not None and calibrate_scenes is not None:
        held = Source(calibrate_images, calibrate_scenes, calibrate_below or None)
        kept = load_images(loaded, [held], wanted.network.full, folder, limit=limit, workers=workers)
        chosen = kept.subset(range(len(kept)))
    export(out / "last.safetensors", loaded, calibrate_on=chosen).save_pretrained(out / "weights")
    keep_domain(domain, out / "weights")
    _finish(trainer, out, as_json=as_json)


@app.command()
def measure(
    images: Annotated[Path, typer.Option(help="Folder of images.")],
    scenes: Annotated[Path, typer.Option(help="Scenes file of the images.")],
    weights: Annotated[Path | None, typer.Option(help="Folder with weights; those of the package by default.")] = None,
    below: Annotated[int, typer.Option(min=0, help="Only images with an index below this; 0 for all.")] = 0,
    last: Annotated[int, typer.Option(min=0, help="Only the last so many by index; 0 for all.")] = 0,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 leaves it to torch.")] = 0,
    cache: Annotated[Path | None, typer.Option(help="Folder for decoded images; by default none is kept.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Report how well weights see images with known scenes: exact scenes, objects, attributes, relations."""
    import json
    from dataclasses import asdict
    from math import isnan
    from tempfile import TemporaryDirectory

    import torch

    from nmn.perception.data import Source, load_images
    from nmn.perception.detector import PixelPerceiver
    from nmn.perception.report import measure as measured

    if threads:
        torch.set_num_threads(threads)
    perceiver = PixelPerceiver.from_pretrained(weights)
    with TemporaryDirectory(prefix="nmn-") as temporary:
        folder = Path(temporary) if cache is None else cache
        source = Source(images, scenes, below or None)
        whole = load_images(perceiver.domain, [source], perceiver.config.network.full, folder)
        rows = range(len(whole))[-last:] if last else range(len(whole))
        report = measured(perceiver, whole.subset(rows))
    error = None if isnan(report.error) else report.error  # JSON has no NaN
    typer.echo(json.dumps(asdict(report) | {"error": error}) if as_json else report.line())


def _begin(trainer: "Trainer", start: Path, *, quiet: bool) -> None:
    """Begin with a checkpoint or with finished weights."""
    if shipped_or(start) is not None and not start.is_dir():
        trainer.load(start, anew=True)
        return
    anew = trainer.begin(shipped_or(start))
    if anew and not quiet:
        typer.echo(f"begins anew: {', '.join(anew)}")


def read_settings(settings: list[str] | None) -> dict[str, str]:
    """The key=value pairs of --set. Raises: InputError."""
    pairs = {}
    for setting in settings or []:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting!r} must be key=value")
        pairs[key.strip()] = value.strip()
    return pairs


def _run(trainer: "Trainer", out: Path, *, quiet: bool, curves: bool) -> None:
    """Train with a progress bar and TensorBoard scalars, if they are wanted."""
    from nmn.cli.watching import watch

    with watch(out, steps=trainer.config.steps, done=trainer.step, quiet=quiet, curves=curves) as run:

        def show(progress: "Progress") -> None:
            text = f"loss {progress.losses['total']:.3f}  {progress.images_per_second:.0f} images/s"
            line = None if progress.report is None else progress.report.line()
            run.show(progress.step, text, _curves(progress), line=line)

        trainer.run(out, show)


def _curves(progress: "Progress") -> dict[str, float]:
    found = {f"loss/{name}": value for name, value in progress.losses.items()} | {"rate": progress.rate}
    if progress.report is not None:
        found["tuning/exact scenes"] = progress.report.exact_share
        found["tuning/relations"] = progress.report.relation_share
    return found


def _finish(trainer: "Trainer", out: Path, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    report = trainer.evaluate()
    if as_json:
        record = None if report is None else asdict(report)
        typer.echo(json.dumps({"steps": trainer.step, "weights": str(out / "weights"), "tuning": record}))
        return
    typer.echo(f"weights: {out / 'weights'}")
    if report is not None:
        typer.echo(f"tuning images: {report.line()}")
