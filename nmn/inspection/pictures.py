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


def pictured(pixels: NDArray[np.uint8]) -> Picture:
    """An image to draw on, in its own coordinates; of a large one a smaller copy is shown in its place."""
    height, width = pixels.shape[:2]
    return Picture(float(width), float(height), jpeg_address(pixels, LONGEST_SIDE))


def jpeg_address(pixels: NDArray[np.uint8], longest: int) -> str:
    """An image with no side longer than so many pixels, as a ``data:`` address."""
    image = Image.fromarray(pixels)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    kept = io.BytesIO()
    image.save(kept, "JPEG", quality=_QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(kept.getvalue()).decode("ascii")


def drawn_on(loaded: Any, picture: Picture | None) -> Picture | None:
    """What is given to draw on, or the image itself."""
    return pictured(loaded) if picture is None and isinstance(loaded, np.ndarray) else picture
