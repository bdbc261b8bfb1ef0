"""``nmn train shapes`` and ``nmn eval shapes``: the domain SHAPES, learned from answers alone."""

from importlib import resources
from pathlib import Path
from time import perf_counter, process_time
from typing import Annotated

import typer

from nmn.cli.options import ReportFile
from nmn.cli.outputs import check_folder, check_target, write_target
from nmn.cli.show import console

DATA = Annotated[Path, typer.Option("--data", help="Folder with SPLIT.query, SPLIT.output and SPLIT.input.npy.")]
NAME, TRAINING = "shapes", ("train.tiny", "train.small")
EVAL_EXAMPLE = "Example:\n\n    nmn eval shapes --data $DATA/shapes --split val --json report.json"
TRAIN_EXAMPLE = "Example:\n\n    nmn train shapes --data $DATA/shapes --out run --seed 1"


def train(
    data: DATA,
    out: Annotated[Path, typer.Option("--out", help="Folder for the weights.")],
    steps: Annotated[int, typer.Option(min=10, help="Batches of 64 questions.")] = 1200,
    rate: Annotated[float, typer.Option(min=1e-6, help="Learning rate at its peak.")] = 5e-3,
    seed: Annotated[int, typer.Option(help="Of the weights and of the order of questions.")] = 2,
) -> None:
    """Learn what SHAPES images show from the answers of train.tiny and train.small.

    A loss above 0.05 at the end is that of a poor start which was never left: try another --seed.
    """
    check_folder(out, "--out")
    import torch

    from nmn.datasets.shapes import GridPerceiver, QueryParser, read_split, shapes_registry, words
    from nmn.domain import Domain
    from nmn.executor import Modules
    from nmn.learning import LearningConfig, Lesson, learn

    torch.manual_seed(seed)
    perceiver = GridPerceiver(Domain.load(NAME))
    parser, lessons, losses = QueryParser(perceiver.domain), list[Lesson](), list[float]()
    for split in TRAINING:
        questions, images = read_split(data, split)
        perceiver.said |= words(questions)
        for each in questions:
            program = parser.parse(each.text)[0].program
            lessons.append(Lesson(images[each.image_index], program, each.answer or ""))
    started, used = perf_counter(), process_time()
    config = LearningConfig(steps, rate=rate, seed=seed)
    with console().status("learning"):
        learn(lessons, perceiver, Modules(shapes_registry()), config, advance=lambda _, loss: losses.append(loss))
    perceiver.save_pretrained(out)
    took = f"{perf_counter() - started:.0f} s, {process_time() - used:.0f} s of CPU time"
    typer.echo(f"weights: {out}; {len(lessons)} questions, loss {sum(losses[-50:]) / 50:.4f}, {took}")


def evaluate(
    data: DATA,
    split: Annotated[str, typer.Option("--split", help="Which of the folder's splits.")] = "val",
    json: ReportFile = None,
    weights: Annotated[Path | None, typer.Option("--weights", help="Folder; those that ship with nmn if None.")] = None,
) -> None:
    """Answer SHAPES queries from pixels; those with words that training never said are reported apart."""
    if json is not None:
        check_target(json, "--json")
    from nmn.cli.report_tables import print_report
    from nmn.datasets.shapes import GridPerceiver, QueryParser, read_split, shapes_registry, words
    from nmn.engine import Engine
    from nmn.evaluation import evaluate as answered

    questions, images = read_split(data, split)
    perceiver = GridPerceiver.from_pretrained(weights or Path(str(resources.files("nmn"))) / "weights" / NAME)
    engine = Engine(perceiver, parser=QueryParser(perceiver.domain), registry=shapes_registry())
    report = answered(engine, questions, lambda question: images[question.image_index], programs="parsed")
    pairs = zip(report.outcomes, questions, strict=True)
    new = [each for each, question in pairs if not words([question]) <= perceiver.said]
    right = sum(bool(each.correct) for each in new)
    if json is not None:
        apart = {"questions": len(new), "correct": right, "accuracy": right / len(new) if new else None}
        write_target(json, "--json", {**report.to_json(), "unsaid_in_training": apart, "split": split})
    print_report(report)
    if new:
        typer.echo(f"with words that training never said: {right:,} of {len(new):,} right, {right / len(new):.2%}")
