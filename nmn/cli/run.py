"""nmn run: a program on a scene or an image."""

from pathlib import Path
from typing import Annotated

import typer

from nmn.cli.inputs import program_of, scene_of
from nmn.cli.options import AsJson, Device, DomainName, Weights
from nmn.cli.show import print_answer, print_json
from nmn.errors import InputError


def run(
    program: Annotated[str, typer.Argument(help="A program as text or JSON, or a file that holds one.")],
    scene: Annotated[Path | None, typer.Option("--scene", help="A scenes file in CLEVR's format.")] = None,
    index: Annotated[int | None, typer.Option("--index", help="The scene's image_index in that file.")] = None,
    image: Annotated[Path | None, typer.Option("--image", help="An image file, instead of a scene.")] = None,
    trace: Annotated[bool, typer.Option("--trace", help="Show what ran, node by node.")] = False,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="Refuse, with exit code 1, when what the program takes for granted does not hold."
        ),
    ] = False,
    domain: DomainName = "clevr",
    weights: Weights = None,
    device: Device = "cpu",
    json: AsJson = False,
) -> None:
    """Run a program on a described scene or on an image."""
    if (scene is None) == (image is None):
        raise InputError("give either --scene FILE with --index N, or --image FILE")
    if index is not None and scene is None:
        raise InputError("--index chooses a scene of --scene FILE; an image has none")
    from nmn.domain import Domain
    from nmn.registry import default_registry

    spoken = Domain.load(domain)
    written = program_of(program, spoken, default_registry())
    from nmn.engine import Engine

    if scene is not None:
        shown = scene_of(scene, index, spoken)
        engine = Engine.for_scenes(spoken)
        answer = engine.answer(shown, written.program, trace=trace, strict=strict)
    else:
        from nmn.images import load_image

        pixels = load_image(image)
        engine = Engine.from_pretrained(weights, device=device)
        answer = engine.answer(pixels, written.program, trace=trace, strict=strict)
    if json:
        print_json(answer.to_json())
    else:
        print_answer(answer, engine.domain)
