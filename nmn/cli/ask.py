"""nmn ask: a question about an image."""

from pathlib import Path
from typing import Annotated

import typer

from nmn.cli.inputs import as_file, text_of
from nmn.cli.options import AsJson, Device, Weights
from nmn.cli.show import print_answer, print_json
from nmn.errors import InputError


def ask(
    image: Annotated[Path, typer.Argument(help="An image file.")],
    question: Annotated[str, typer.Argument(help="A question, or a text file with one question a line.")],
    trace: Annotated[bool, typer.Option("--trace", help="Show what ran, node by node.")] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Refuse, with exit code 1, when what the question takes for granted does not hold."
        ),
    ] = False,
    weights: Weights = None,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Ask a question about an image.

    Example: nmn ask demo/samples/CLEVR_val_000000.jpg "How many cubes are there?" --trace
    """
    several = as_file(question) is not None
    questions = [line.strip() for line in text_of(question).splitlines() if line.strip()] if several else [question]
    if not questions:
        raise InputError(f"{question!r} holds no questions: write one a line")
    from nmn.engine import Engine
    from nmn.images import load_image

    pixels = load_image(image)
    engine = Engine.from_pretrained(weights, device=device)
    answers = engine.answer(pixels, questions, trace=trace, strict=strict)
    if json:
        records = [answer.to_json() for answer in answers]
        print_json({"answers": records} if several else records[0])
        return
    for number, answer in enumerate(answers):
        if number:
            print()
        print_answer(answer, engine.domain)
