"""Gallery: the images that a page can ask about: samples, described scenes of a file, and what was uploaded."""

import base64
import binascii
import io
import json
import secrets
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from nmn.datasets.clevr import read_scenes
from nmn.demo.run_request import ANNOTATION, NETWORK
from nmn.domain import Domain
from nmn.errors import ImageError, InputError
from nmn.images import DAMAGED, load_image
from nmn.inspection.pictures import jpeg_address, pictured
from nmn.inspection.view import Picture
from nmn.scenes import Scene

LARGEST_UPLOAD = 8_000_000  # bytes
MOST_PIXELS = 24_000_000
LONGEST_SIDE = 1280  # px, of an upload as it is kept
MOST_UPLOADS = 24  # the oldest is forgotten when another comes
MOST_SCENES = 200  # of a file
FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
THUMBNAIL = 128  # px

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Exhibit:
    """An image that can be asked about.

    Attributes:
        name: What it is asked for by.
        pixels: The image, if there is one.
        scene: What is written down of it, if anything is.
        questions: Examples.
    """

    name: str
    pixels: Pixels | None
    scene: Scene | None = None
    questions: tuple[str, ...] = ()

    def seen_by(self, eyes: str) -> Any:
        """What a perceiver is given. Raises: InputError when there is no such thing of this image."""
        found = self.scene if eyes == ANNOTATION else self.pixels
        if found is None:
            missing, other = ("annotation", NETWORK) if eyes == ANNOTATION else ("pixels", ANNOTATION)
            raise InputError(f"image {self.name!r} has no {missing}: look at it with the {other}")
        return found

    @cached_property
    def picture(self) -> Picture | None:
        """What to draw on, if there is an image."""
        return None if self.pixels is None else pictured(self.pixels)

    def to_json(self) -> dict[str, Any]:
        """What a page needs to offer it."""
        shown = None if self.pixels is None else jpeg_address(self.pixels, THUMBNAIL)
        eyes = [name for name, there in ((NETWORK, self.pixels), (ANNOTATION, self.scene)) if there is not None]
        return {"name": self.name, "thumbnail": shown, "eyes": eyes, "questions": list(self.questions)}


class Gallery:
    """All images that can be asked about.

    Uploads are kept in memory, under names that nobody can guess, and never as files.

    Args:
        exhibits: What is there from the beginning.
    """

    def __init__(self, exhibits: Mapping[str, Exhibit]) -> None:
        self.exhibits = dict(exhibits)
        self._uploads: OrderedDict[str, Exhibit] = OrderedDict()
        self._lock = Lock()

    def find(self, name: str) -> Exhibit:
        """The image of a name. Raises: InputError."""
        with self._lock:
            found = self.exhibits.get(name) or self._uploads.get(name)
        if found is None:
            raise InputError("there is no such image here any more: choose one, or upload it again")
        return found

    def add(self, address: str) -> Exhibit:
        """Keep an upload, given as a ``data:`` address. Raises: ImageError."""
        added = Exhibit(f"upload-{secrets.token_urlsafe(12)}", decoded(address))
        with self._lock:
            self._uploads[added.name] = added
            while len(self._uploads) > MOST_UPLOADS:
                self._uploads.popitem(last=False)
        return added


def decoded(address: str) -> Pixels:
    """The pixels of an uploaded image. Raises: ImageError when it is too large, broken, or no image."""
    head, comma, body = address.partition(",")
    if not comma or not head.startswith("data:") or not head.endswith(";base64"):
        raise ImageError("an upload must be an image file")
    if len(body) * 3 // 4 > LARGEST_UPLOAD:
        raise ImageError(f"the file is too large: at most {LARGEST_UPLOAD // 1_000_000} MB can be uploaded")
    try:
        data = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        raise ImageError("the upload was damaged on its way") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # what follows is stricter
            image = Image.open(io.BytesIO(data), formats=FORMATS)
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise ImageError(
                f"the image has {width}x{height} px; at most {MOST_PIXELS // 1_000_000} megapixels can be used"
            )
        pixels = load_image(image)
    except (UnidentifiedImageError, Image.DecompressionBombError):
        raise ImageError(f"the file is no image that can be used; give a {', '.join(FORMATS)}") from None
    except DAMAGED as error:
        raise ImageError(f"the image is damaged or cut off: {(str(error).splitlines() or [''])[0]}") from None
    return _bounded(pixels)


def _bounded(pixels: Pixels) -> Pixels:
    if max(pixels.shape[:2]) <= LONGEST_SIDE:
        return pixels
    image = Image.fromarray(pixels)
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def samples(domain: Domain) -> dict[str, Exhibit]:
    """The sample images that ship with the package, with their scenes and questions."""
    found: dict[str, Exhibit] = {}
    with resources.as_file(resources.files("nmn.demo") / "samples") as folder:
        asked: dict[str, list[str]] = {}
        for entry in json.loads((folder / "questions.json").read_text(encoding="utf-8"))["questions"]:
            asked.setdefault(entry["image_filename"], []).append(entry["question"])
        for scene in read_scenes(folder / "scenes.json", domain).values():
            file = str(scene.image_filename)
            name = Path(file).stem
            found[name] = Exhibit(name, load_image(folder / file), scene, tuple(asked.get(file, ())))
    return found


def described(path: Path, domain: Domain, images: Path | None = None) -> dict[str, Exhibit]:
    """The first scenes of a file, with their images where a folder holds them.

    Raises: SceneError, ImageError.
    """
    found = {}
    for index, scene in list(read_scenes(path, domain).items())[:MOST_SCENES]:
        file = None if images is None or scene.image_filename is None else images / Path(scene.image_filename).name
        pixels = load_image(file) if file is not None and file.is_file() else None
        exhibit = Exhibit(f"scene-{index}", pixels, scene)
        found[exhibit.name] = replace(exhibit, questions=("How many things are there?",) if not scene.objects else ())
    return found
