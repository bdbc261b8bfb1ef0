"""Options that name images with their scenes, one source or several."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from nmn.errors import InputError

if TYPE_CHECKING:
    from nmn.perception.data import ImageSet, Source, Subset

Folders: TypeAlias = Annotated[list[Path], typer.Option("--images", help="Folder of images; once for each --scenes.")]
Files: TypeAlias = Annotated[
    list[Path], typer.Option("--scenes", help="Scenes file of the --images at the same place.")
]
Below: TypeAlias = Annotated[
    list[int] | None,
    typer.Option("--below", help="Only images with an index below this, one a source; 0 for all."),
]
Repeat: TypeAlias = Annotated[
    list[int] | None,
    typer.Option("--repeat", help="How often an epoch shows each image, one a source; 1 by default."),
]
Unlike: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--unlike",
        help="attribute=value:attribute,...: of objects with that value, which are of other sizes in this source than in"
        " the others, neither these attributes nor coordinates are learned; one a source, '' for none.",
    ),
]
BoxesFrom: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--boxes-from",
        help="Folder with weights, of any domain, that tell the boxes of objects whose scenes have none, or 'shipped'.",
    ),
]
Tune: TypeAlias = Annotated[
    int, typer.Option("--tune", help="Last images of the first source to keep for watching progress.")
]

SHIPPED = "shipped"
"""The weights of the package, where an option names weights."""


def read_sources(
    images: list[Path], scenes: list[Path], below: list[int], repeat: list[int], unlike: list[str]
) -> "list[Source]":
    """Sources of options that go side by side. Raises: InputError."""
    if len(images) != len(scenes):
        raise InputError(f"--images and --scenes go in pairs; there are {len(images)} and {len(scenes)}")
    for name, count in (("--below", len(below)), ("--repeat", len(repeat)), ("--unlike", len(unlike))):
        if count > len(images):
            raise InputError(f"{name} is given {count} times for {len(images)} sources")
    for folder in images:
        if not folder.is_dir():
            raise InputError(f"no image folder {folder}; give the folder that holds the image files")
    from nmn.perception.data import Source

    bounds = [*below, *[0] * (len(images) - len(below))]
    times = [*repeat, *[1] * (len(images) - len(repeat))]
    odd = [*unlike, *[""] * (len(images) - len(unlike))]
    if min(times) < 1 or min(bounds) < 0:
        raise InputError("--repeat must be at least 1 and --below at least 0")
    return [
        Source(folder, file, bound or None, often, *_unlike(text))
        for folder, file, bound, often, text in zip(images, scenes, bounds, times, odd, strict=True)
    ]


def _unlike(text: str) -> tuple[str, tuple[str, ...]]:
    value, _, attributes = text.partition(":")
    if text and "=" not in value:
        raise InputError(f"--unlike {text!r} must be attribute=value:attribute,...")
    return value.strip(), tuple(name.strip() for name in attributes.split(",") if name.strip())


def split(whole: "ImageSet", sources: "list[Source]", tune: int) -> "tuple[Subset, Subset | None]":
    """The images to train on, and the last ``tune`` of the first source, for watching. Raises: InputError."""
    first = whole.counts[0]
    if tune < 0 or tune >= first:
        raise InputError(f"--tune must be at least 0 and below the {first} images of {sources[0].images}, not {tune}")
    training = whole.subset([*range(first - tune), *range(first, len(whole))])
    return training, whole.subset(range(first - tune, first)) if tune else None


def shipped_or(folder: Path) -> Path | None:
    """The folder of an option, or None for the weights that ship with the package."""
    return None if str(folder) == SHIPPED else folder


def with_boxes(whole: "ImageSet", folder: Path | None, frames: "ImageSet") -> "ImageSet":
    """The set with boxes where scenes have none, as weights see them in the frames at full resolution."""
    if folder is None:
        return whole
    from nmn.perception.boxes import boxes_seen
    from nmn.perception.detector import PixelPerceiver

    return boxes_seen(PixelPerceiver.from_pretrained(shipped_or(folder)), whole, frames)
