"""Batches: images that are looked at once, however many questions are about them, and loaded while others are answered."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from nmn.errors import NmnError
from nmn.program import Program
from nmn.trace import Answer

IMAGES_AT_A_TIME = 128
"""How many images are run together: enough to fill a core, few enough that what they need stays in its cache."""

Load = Callable[[Any], Any]
"""Makes an image ready to be looked at. Raises: InputError."""


class Backend(Protocol):
    """Runs programs on images."""

    def run(
        self, images: Sequence[Any], programs: Sequence[Program], positions: Sequence[int], *, trace: bool = False
    ) -> list[Answer]:
        """Answer checked programs, each on the image at its position. Raises: InputError."""
        ...


class Batch:
    """Some items of a stream, their images being loaded."""

    def __init__(self, items: list[tuple[Any, Any]], images: "dict[Any, Future[Any]]") -> None:
        self.items = items
        self.images = images

    @staticmethod
    def of(load: Load, pool: ThreadPoolExecutor, items: list[tuple[Any, Any]]) -> "Batch":
        """Start to load the images of some items, each once."""
        images: dict[Any, Future[Any]] = {}
        for image, _ in items:
            if key_of(image) not in images:
                images[key_of(image)] = pool.submit(_load, load, image)
        return Batch(items, images)


def _load(load: Load, image: Any) -> Any:
    return image if isinstance(image, NmnError) else load(image)


def outcome(loading: "Future[Any]") -> Any:
    """What was loaded, or the error that kept it from being."""
    try:
        return loading.result()
    except NmnError as error:
        return error


def key_of(image: Any) -> Any:
    """What tells images apart: their path, or which object they are."""
    return image if isinstance(image, str | Path) else id(image)


def chunks_of(images: Sequence[Any]) -> list[tuple[list[Any], list[tuple[int, int]]]]:
    """Split work at a bounded number of distinct images: (distinct images, [(place, position of its image)])."""
    order: dict[Any, list[int]] = {}
    for place, image in enumerate(images):
        order.setdefault(key_of(image), []).append(place)
    keys = list(order)
    chunks = []
    for start in range(0, len(keys), IMAGES_AT_A_TIME):
        part = keys[start : start + IMAGES_AT_A_TIME]
        distinct = [images[order[key][0]] for key in part]
        chunks.append((distinct, [(place, position) for position, key in enumerate(part) for place in order[key]]))
    return chunks
