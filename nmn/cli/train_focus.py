"""``nmn train focus``: train the networks that look at single objects at full resolution."""

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
from nmn.cli.options import DomainName
from nmn.cli.train import read_settings

if TYPE_CHECKING:
    from nmn.perception.focus_training import FocusTrainer

FOCUS_EXAMPLE = r"""Example, where $DATA holds a data set in CLEVR's format and run a glance that was trained:

    nmn train focus --out run --config configs/focus.yaml --images $DATA/images/train \
        --scenes $DATA/scenes/CLEVR_train_scenes.json --threads 2
    nmn calibrate perception --glance run/last.safetensors --focus run/focus.safetensors --out run/weights \
        --images $DATA/images/calib --scenes $DATA/scenes/CLEVR_calib_scenes.json"""


def focus(
    images: Folders,
    scenes: Files,
    out: Annotated[Path, typer.Option(help="Folder for the checkpoint and logs.")],
    config: Annotated[Path, typer.Option(help="YAML file with the pathways and how to train them.")],
    below: Below = None,
    repeat: Repeat = None,
    unlike: Unlike = None,
    boxes_from: BoxesFrom = None,
    proposals_from: Annotated[
        Path | None,
        typer.Option(
            help="Folder with weights whose glance says where objects might be; or 'shipped'. Its errors are learned from."
        ),
    ] = None,
    tune: Tune = 150,
    domain: DomainName = "clevr",
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the training config, such as shake.mirror=0.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the checkpoint in --out.")] = False,
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 leaves it to torch.")] = 0,
    workers: Annotated[int, typer.Option(min=0, help="Threads that decode; above 0, batches are made ahead.")] = 2,
    limit: Annotated[int | None, typer.Option(min=4, help="At most this many images a source.")] = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for decoded images; by default OUT/cache.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the final report as JSON.")] = False,
) -> None:
    """Train the focus networks on crops of objects, into OUT/focus.safetensors."""
    sources = read_sources(images, scenes, below or [], repeat or [], unlike or [])
    import torch

    from nmn.domain import Domain
    from nmn.errors import InputError
    from nmn.perception.data import load_images
    from nmn.perception.detector import PixelPerceiver
    from nmn.perception.focus_training import FocusTrainer, FocusTrainingConfig
    from nmn.perception.network_config import NetworkConfig
    from nmn.perception.proposed import proposals_of
    from nmn.perception.settings import read_settings as configured

    if threads:
        torch.set_num_threads(threads)
    wanted = configured(FocusTrainingConfig, config, read_settings(settings))
    loaded = Domain.load(domain)
    folder = out / "cache" if cache is None else cache
    frame = NetworkConfig(width=wanted.width, height=wanted.height)
    whole = load_images(loaded, sources, frame, folder, limit=limit, workers=workers)
    whole = with_boxes(whole, boxes_from, whole)
    training, watching = split(whole, sources, tune)
    proposed = None
    if proposals_from is not None:
        proposed = proposals_of(PixelPerceiver.from_pretrained(shipped_or(proposals_from)), training)
    try:
        trainer = FocusTrainer(wanted, loaded, training, watching, proposed=proposed, prepare_ahead=workers > 0)
    except ValueError as error:
        raise InputError(f"settings {config}: {error}") from None
    if resume:
        trainer.load(out / "focus.safetensors")
    _run(trainer, out, quiet=as_json)
    _finish(trainer, out, as_json=as_json)


def _run(trainer: "FocusTrainer", out: Path, *, quiet: bool) -> None:
    """Train with a progress bar and TensorBoard scalars."""
    from nmn.cli.watching import watch

    with watch(out, steps=trainer.config.steps, done=trainer.step, quiet=quiet) as run:

        def show(step: int, losses: dict[str, float], crops_per_second: float) -> None:
            text = f"loss {losses['total']:.3f}  {crops_per_second:.0f} crops/s"
            run.show(step, text, {f"loss/{name}": value for name, value in losses.items()})

        trainer.run(out / "focus.safetensors", show)


def _finish(trainer: "FocusTrainer", out: Path, *, as_json: bool) -> None:
    import json

    shares = trainer.evaluate()
    checkpoint = out / "focus.safetensors"
    if as_json:
        typer.echo(json.dumps({"steps": trainer.step, "checkpoint": str(checkpoint), "tuning": shares}))
        return
    typer.echo(f"checkpoint: {checkpoint}")
    if shares:
        typer.echo("tuning objects: " + "  ".join(f"{name} {share:.4f}" for name, share in shares.items()))
