"""Pictures: what objects are drawn on."""

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nmn.inspection.view import Picture

LONGEST_SIDE = 640  # px, of an image as it is shown
_QUALITY = 84


def thumbnail(pixels: NDArray[np.uint8], longest: int = LONGEST_SIDE) -> Picture:
    """An image as it is shown: no side longer than so many pixels."""
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=_QUALITY)
    source = "data:image/jpeg;base64," + base64.b64encode(kept.getvalue()).decode("ascii")
    return Picture(float(image.width), float(image.height), source)


def drawn_on(loaded: Any, picture: Picture | None) -> tuple[float, Picture | None]:
    """What is drawn on, and how many of its pixels there are to one of the image."""
    if isinstance(loaded, np.ndarray):
        drawn = picture if picture is not None else thumbnail(loaded)
        return drawn.width / loaded.shape[1], drawn
    return 1.0, picture


def scaled_box(box: tuple[float, float, float, float] | None, scale: float) -> tuple[float, float, float, float] | None:
    """A box of the image in pixels of its picture."""
    return None if box is None else (box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale)
