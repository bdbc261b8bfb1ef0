"""``nmn calibrate perception``: fit the probabilities of what is seen, on images that nothing was trained on."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmn.cli.options import AsJson, DomainName, Weights, examples
from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.perception.calibration import Calibration

PERCEPTION_EXAMPLE = examples(
    "nmn calibrate perception --images $DATA/images/calib \\",
    "    --scenes $DATA/scenes/CLEVR_calib_scenes.json \\",
    "    --glance run/last.safetensors --focus run/focus.safetensors \\",
    "    --out run/weights",
)


def perception(
    images: Annotated[Path, typer.Option(help="Folder of images that no network was trained on.")],
    scenes: Annotated[Path, typer.Option(help="Scenes file of the images.")],
    out: Annotated[Path, typer.Option(help="Folder for the calibrated weights.")],
    glance: Annotated[Path | None, typer.Option(help="Checkpoint of nmn train perception.")] = None,
    focus: Annotated[Path | None, typer.Option(help="Checkpoint of nmn train focus.")] = None,
    proposed: Annotated[
        float, typer.Option(min=0.0, max=0.99, help="Raw probability of a peak that is worth a look of the --focus.")
    ] = 0.1,
    weights: Weights = None,
    below: Annotated[int, typer.Option(min=0, help="Only images with an index below this; 0 for all.")] = 0,
    domain: DomainName = "clevr",
    threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0 leaves it to torch.")] = 0,
    cache: Annotated[Path | None, typer.Option(help="Folder for decoded images; by default none is kept.")] = None,
    json: AsJson = False,
) -> None:
    """Fit temperatures, the weight of closer looks, presence and the spread of coordinates; write weights to --out.

    The glance is that of --glance, or else of --weights, or else the one that ships with nmn; --focus adds to it.
    """
    if glance is not None and weights is not None:
        raise InputError("--glance and --weights both say what to calibrate; give one of them")
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {str(out)!r} is a file: name a folder")
    from tempfile import TemporaryDirectory

    import torch

    from nmn.domain import Domain
    from nmn.perception.data import Source, load_images
    from nmn.perception.detector import PixelPerceiver
    from nmn.perception.export import calibrate, export, with_focus
    from nmn.perception.weights import keep_domain

    if threads:
        torch.set_num_threads(threads)
    spoken = Domain.load(domain)
    perceiver = PixelPerceiver.from_pretrained(weights, domain=spoken) if glance is None else export(glance, spoken)
    if focus is not None:
        perceiver = with_focus(perceiver, focus, proposed=proposed)
    with TemporaryDirectory(prefix="nmn-") as temporary:
        folder = Path(temporary) if cache is None else cache
        whole = load_images(spoken, [Source(images, scenes, below or None)], perceiver.config.network.full, folder)
        fitted = calibrate(perceiver, whole.subset(range(len(whole))))
    fitted.save_pretrained(out)
    keep_domain(domain, out)
    _print(fitted.config.calibration, out, len(whole), as_json=json)


def _print(calibration: "Calibration", out: Path, images: int, *, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    record = asdict(calibration)
    if as_json:
        typer.echo(json.dumps({"weights": str(out), "images": images, "calibration": record}))
        return
    typer.echo(f"fitted to {images:,} images; written to {out}")
    for name, value in record.items():
        typer.echo(f"{name}: {value}")
