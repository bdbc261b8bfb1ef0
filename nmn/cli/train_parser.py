"""``nmn train parser``: train the parser of free wording."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nmn.cli.options import Device
from nmn.cli.train import read_settings
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.domain import Domain
    from nmn.parser.neural.data import Asked
    from nmn.parser.neural.training import Progress, Trainer, TrainingConfig

PARSER_EXAMPLE = r"""Examples, where $DATA holds a data set in CLEVR's format:

    nmn train parser --out run --threads 2 --questions $DATA/questions/CLEVR_train_questions.json
    nmn train parser --out run --domain mine.toml --steps 3000 --set mixture.spoken=0.5 --set network.width=192
    nmn train parser --out run --resume --questions $DATA/questions/CLEVR_train_questions.json

Without --questions, all examples are made up from the domain. A batch mixes styles by the shares mixture.files,
noisy_files, plain, clevr, spoken, noisy and outside. The weights land in OUT/weights."""


def parser(
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, logs and the finished weights.")],
    domain: Annotated[str, typer.Option(help="Domain, by name or .toml file.")] = "clevr",
    questions: Annotated[
        list[Path] | None, typer.Option("--questions", help="Questions file in CLEVR's format, with programs.")
    ] = None,
    below: Annotated[
        list[int] | None, typer.Option(help="Only questions on images below this index, one a file; 0 for all.")
    ] = None,
    hold_out: Annotated[
        list[Path] | None,
        typer.Option("--hold-out", help="Questions file whose programs' structures are never trained on."),
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Optimiser steps.")] = 14000,
    batch_size: Annotated[int, typer.Option(min=1, help="Questions a step.")] = 64,
    seed: Annotated[int, typer.Option(min=0, help="Seed of every random choice.")] = 0,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="key=value of the training config, such as mixture.spoken=0.5.")
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on from the last checkpoint in --out.")] = False,
    device: Device = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 leaves it to torch.")] = 0,
    beside: Annotated[
        bool, typer.Option(help="Make batches in a process beside; they are the same either way.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the final report as JSON.")] = False,
) -> None:
    """Train the neural parser on made-up questions and those of files, then write weights to OUT/weights."""
    if len(below or []) > len(questions or []):
        raise InputError(f"--below is given {len(below or [])} times for {len(questions or [])} files of --questions")
    import torch

    from nmn.domain import Domain
    from nmn.parser.neural.training import Trainer, configure

    if threads:
        torch.set_num_threads(threads)
    given = {"steps": str(steps), "batch_size": str(batch_size), "seed": str(seed), **read_settings(settings)}
    config = configure(given)
    loaded = Domain.load(domain)
    bounds = [*(below or []), *[0] * (len(questions or []) - len(below or []))]
    asked = [
        each for file, bound in zip(questions or [], bounds, strict=True) for each in _questions(file, bound, loaded)
    ]
    excluded = _structures([each for file in hold_out or [] for each in _questions(file, 0, loaded)])
    try:
        trainer = Trainer(config, _mixture(config, loaded, asked, excluded), device=device, prepare_ahead=beside)
    except RuntimeError as error:
        raise InputError(f"cannot train on device {device!r}: {str(error).splitlines()[0]}") from None
    if resume:
        trainer.load(out / "last.safetensors")
    _run(trainer, out, quiet=as_json)
    trainer.parser().save_pretrained(out / "weights")
    _finish(trainer, out, as_json=as_json)


def _questions(file: Path, below: int, domain: "Domain") -> "list[Asked]":
    """The questions of a file that have programs, of images below a bound; all images if it is 0."""
    from nmn.datasets.clevr import read_questions
    from nmn.parser.clevr import import_program
    from nmn.parser.neural.data import Asked

    found = [
        Asked(each.text, import_program(each.program, domain, where=f"{file}: question {each.question_index}"))
        for each in read_questions(file)
        if each.program is not None and (not below or each.image_index < below)
    ]
    if not found:
        raise InputError(f"{file} holds no question with a program" + (f" on an image below {below}" if below else ""))
    return found


def _structures(asked: "list[Asked]") -> frozenset[str]:
    from nmn.parser.generation.structure import structure
    from nmn.registry import default_registry

    registry = default_registry()
    return frozenset(structure(each.program, registry) for each in asked if each.program is not None)


def _mixture(config: "TrainingConfig", domain: "Domain", asked: "list[Asked]", excluded: frozenset[str]) -> Any:
    from nmn.parser.neural.data import Mixture
    from nmn.registry import default_registry

    return Mixture(domain, default_registry(), asked, excluded, config.mixture, config.seed, config.batch_size)


def _run(trainer: "Trainer", out: Path, *, quiet: bool) -> None:
    """Train with a progress bar and TensorBoard scalars."""
    from nmn.cli.watching import watch

    with watch(out, steps=trainer.config.steps, done=trainer.step, quiet=quiet) as run:

        def show(progress: "Progress") -> None:
            loss, report = f"loss {progress.loss:.3f}", progress.report
            text = f"{loss}  {progress.examples_per_second:.0f} questions/s"
            line = None if report is None else f"{loss}  {report.line()}"
            run.show(progress.step, text, _curves(progress), line=line)

        trainer.run(out, show)


def _curves(progress: "Progress") -> dict[str, float]:
    found = {"loss": progress.loss, "rate": progress.rate, "questions a second": progress.examples_per_second}
    if progress.report is not None:
        found |= {f"exact/{style}": share for style, share in progress.report.exact.items()}
        found["wrongly refused"] = progress.report.refused
    return found


def _finish(trainer: "Trainer", out: Path, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from nmn.files import write_json

    report = trainer.evaluate()
    record = {"steps": trainer.step, "weights": str(out / "weights"), "watched": asdict(report)}
    write_json(out / "report.json", record, indent=2)
    typer.echo(json.dumps(record) if as_json else f"weights: {out / 'weights'}\nwatched questions, {report.line()}")
