"""``nmn export``: weights in other forms: ONNX files, and a card that says what they are."""

from pathlib import Path
from typing import Annotated

import typer

from nmn.cli.options import AsJson, Weights, examples
from nmn.errors import InputError

app = typer.Typer(name="export", help="Write weights in other forms.", no_args_is_help=True)

LARGEST_DIFFERENCE = 1e-3
"""Of an output, in its standard deviations, between onnxruntime and torch."""


@app.callback()
def export() -> None:
    """Write weights in other forms."""


@app.command(
    epilog=examples(
        "nmn export onnx --out onnx",
        "nmn export onnx --weights run/weights --out onnx --json",
    )
)
def onnx(
    out: Annotated[Path, typer.Option(help="Folder for the files.")],
    weights: Weights = None,
    json: AsJson = False,
) -> None:
    """Write perception as ONNX files, and check each against torch on random inputs.

    Exit code 1 when an output differs by more than a thousandth of its standard deviation.
    """
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {str(out)!r} is a file: name a folder")
    from nmn.perception.detector import PixelPerceiver
    from nmn.perception.onnx_files import write_onnx

    differences = write_onnx(PixelPerceiver.from_pretrained(weights), out)
    equal = max(differences.values()) <= LARGEST_DIFFERENCE
    if json:
        import json as plain

        typer.echo(plain.dumps({"out": str(out), "equal": equal, "differences": differences}))
    else:
        for name, difference in differences.items():
            typer.echo(f"{name}: largest difference from torch {difference:.1e} standard deviations")
        typer.echo(f"written to {out}" if equal else f"written to {out}, but NOT equal to torch")
    if not equal:
        raise typer.Exit(1)


@app.command(
    epilog=examples(
        "nmn export card --out README.md",
        "nmn export card --weights run/weights --out run/weights/README.md \\",
        '    --name "My objects" --licence MIT \\',
        '    --data "500 photos of my desk" --limit "never tried outside" \\',
        '    --report "100 photos kept out=report.json"',
    )
)
def card(
    out: Annotated[Path, typer.Option(help="Markdown file to write.")],
    weights: Weights = None,
    name: Annotated[str | None, typer.Option(help="Title.")] = None,
    licence: Annotated[str | None, typer.Option(help="Licence of the weights.")] = None,
    data: Annotated[list[str] | None, typer.Option(help="What they were trained on; again for more.")] = None,
    limit: Annotated[list[str] | None, typer.Option(help="What they cannot do; again for more.")] = None,
    report: Annotated[
        list[str] | None,
        typer.Option(help="what=FILE: figures from a report of nmn eval clevr or of nmn train measure --json."),
    ] = None,
) -> None:
    """Write a model card: what the weights are, their data, figures, limits and licence.

    What is not given is taken from card.json beside the weights, if there is one; what is given is kept there for weights
    of one's own.
    """
    from nmn.perception.card import told, write_card

    if out.is_dir():
        raise InputError(f"--out {str(out)!r} is a folder: name a file")
    changes = told(name, licence, data or [], limit or [], report or [])
    write_card(weights, out, changes)
    typer.echo(f"written to {out}")
