"""Load any image file as RGB bytes, or say in one line why it cannot be used."""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from nmn.errors import ImageError

LEAST_SIDE = 16  # px
GREATEST_SIDE = 10_000  # px

DAMAGED = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    struct.error,
)
"""What Pillow's readers raise on files that break their format."""

_QUIET = Lock()  # catch_warnings changes the filters of all threads, and images are loaded by several


def load_image(source: Any) -> NDArray[np.uint8]:
    """Load an image as bytes [height, width, 3], red green blue, upright.

    EXIF orientation is applied; 16-bit images are scaled, not clipped; transparency is laid over white, as viewers do.

    Args:
        source: A path, a ``PIL.Image.Image``, or an array [height, width] or [height, width, 1, 3 or 4] of uint8,
            uint16, bool, or floats from 0 to 1.

    Raises: ImageError saying what is wrong with which image, and what would be right.
    """
    if isinstance(source, Image.Image):
        return _from_pillow(source, "the image")
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, str | Path):
        return _from_file(Path(source))[0]
    raise ImageError(f"an image must be a path, a PIL image or a numpy array, not {type(source).__name__}")


def load_reduced(path: str | Path, width: int, height: int) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    """Load an image file as :func:`load_image` does, but no larger than needed where its format can be read so.

    A JPEG is decoded at 1/2, 1/4 or 1/8 of its size, with that much less work, as long as a frame of ``width`` x ``height``
    px can be filled from it; other formats are read whole.

    Returns: The pixels, and width and height of the whole image, upright.

    Raises: ImageError.
    """
    return _from_file(Path(path), (width, height))


def _from_file(path: Path, room: tuple[int, int] | None = None) -> tuple[NDArray[np.uint8], tuple[int, int]]:
    try:
        folder, file = path.is_dir(), path.is_file()
    except (OSError, ValueError):  # a name too long, or with a null byte
        folder = file = False
    if folder:
        raise ImageError(f"{path} is a folder; give an image file")
    if not file:
        raise ImageError(f"there is no image file {path}")
    try:
        if path.stat().st_size == 0:
            raise ImageError(f"image {path} is empty (0 bytes)")
        with _opened(path) as image:
            width, height = image.size
            if room is not None and image.format == "JPEG":
                _check_size(width, height, f"image {path}")
                image.draft(image.mode, _least_size(width, height, room))
            pixels = _from_pillow(image, f"image {path}")
            turned = (pixels.shape[1] > pixels.shape[0]) != (width > height)
            return pixels, (height, width) if turned else (width, height)
    except UnidentifiedImageError:
        raise ImageError(f"{path} is not an image that can be read; give a PNG, JPEG or other common format") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise ImageError(f"image {path} is too large; at most {GREATEST_SIDE} px a side can be used") from None
    except DAMAGED as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ImageError(f"image {path} is damaged or cut off: {reason}") from None


@contextmanager
def _quietly() -> Iterator[None]:
    """Metadata that breaks its format is not worth a word. One thread at a time is in here: not for decoding."""
    with _QUIET, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def _opened(path: Path) -> Image.Image:
    with _quietly():
        return Image.open(path)


def _least_size(width: int, height: int, room: tuple[int, int]) -> tuple[int, int]:
    """The size at which an image fills the room, lying or standing, but at least that of the smallest image."""
    scale = max(min(room[0] / side, room[1] / other) for side, other in ((width, height), (height, width)))
    scale = min(1.0, max(scale, LEAST_SIDE / min(width, height)))
    return round(width * scale), round(height * scale)


def _upright(image: Image.Image) -> Image.Image:
    """Turned as its metadata says, if that can be read."""
    with _quietly():
        try:
            return ImageOps.exif_transpose(image)
        except DAMAGED:
            return image


def _from_pillow(image: Image.Image, name: str) -> NDArray[np.uint8]:
    width, height = image.size
    _check_size(width, height, name)
    with _quietly():
        frames = getattr(image, "n_frames", 1)
    if frames > 1:
        raise ImageError(f"{name} is animated or has several pages; give a single image")
    with _quietly() if image.format == "TIFF" else nullcontext():  # its metadata is read while it is decoded
        image.load()
    image = _upright(image)
    if image.mode.startswith("I") or image.mode == "F":
        return _from_array(_deep(np.asarray(image), image.mode), name)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        layered = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layered.size, (255, 255, 255, 255)), layered)
    return np.array(image.convert("RGB"), np.uint8)


def _deep(pixels: NDArray[Any], mode: str) -> NDArray[Any]:
    """16-bit and float greyscale as an array that states its range by its type."""
    if mode == "F":
        return pixels / 255.0 if pixels.size and pixels.max() > 1.0 else pixels
    return np.asarray(np.clip(pixels, 0, 65535), np.uint16)


def _check_size(width: int, height: int, name: str) -> None:
    if min(width, height) < LEAST_SIDE:
        raise ImageError(f"{name} has {width}x{height} px; at least {LEAST_SIDE} px a side are needed")
    if max(width, height) > GREATEST_SIDE:
        raise ImageError(f"{name} has {width}x{height} px; at most {GREATEST_SIDE} px a side can be used")


def _from_array(array: NDArray[Any], name: str = "the image array") -> NDArray[np.uint8]:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(f"{name} has shape {array.shape}; [height, width] or [height, width, 1, 3 or 4] is needed")
    _check_size(array.shape[1], array.shape[0], name)
    pixels = _to_bytes(array, name)
    if pixels.ndim == 2:
        return np.repeat(pixels[:, :, None], 3, axis=2)
    if pixels.shape[2] == 4:
        alpha = pixels[:, :, 3:].astype(np.float32) / 255.0
        return np.asarray(np.rint(pixels[:, :, :3] * alpha + 255.0 * (1.0 - alpha)), np.uint8)
    return np.ascontiguousarray(pixels)


def _to_bytes(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype == np.uint16:
        return np.asarray(np.rint(array.astype(np.float32) / 257.0), np.uint8)
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all() or array.min() < 0.0 or array.max() > 1.0:
            raise ImageError(f"{name} holds floats outside 0 to 1; scale it to 0..1 or give uint8")
        return np.asarray(np.rint(array * 255.0), np.uint8)
    raise ImageError(f"{name} has type {array.dtype}; uint8, uint16, bool or float from 0 to 1 is needed")
