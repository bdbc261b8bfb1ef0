"""Training images: decoded once into one memory-mapped array, batches drawn by step.

What a batch holds is a function of the seed and the step alone, so a resumed run sees exactly what an uninterrupted one
does.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nmn.domain import Domain
from nmn.errors import DataError, ImageError
from nmn.images import load_image
from nmn.perception.letterbox import Letterbox, letterbox, shrink
from nmn.perception.network_config import NetworkConfig
from nmn.perception.targets import UNKNOWN, SceneTargets, load_targets


@dataclass(frozen=True)
class Source:
    """Images with their scenes.

    Args:
        images: Folder of image files.
        scenes: Official scenes file; scenes without a file in the folder are left out.
        below: Only images whose index is below this, so that held-out images stay out.
        repeat: How often an image of this source is seen in an epoch.
        unlike: A value, as attribute=value, whose objects are of other sizes here than in the other sources: neither
            the attributes named in ``untold`` nor the coordinates of them are learned.
        untold: Attributes that are not learned of objects that ``unlike`` names.
    """

    images: Path
    scenes: Path
    below: int | None = None
    repeat: int = 1
    unlike: str = ""
    untold: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Images with padded targets, in pixels of the frame."""

    images: Tensor  # [images, 3, height, width] 0 to 1, at the scale of the network's input
    present: Tensor  # [images, objects] bool
    centres: Tensor  # [images, objects, 2] px
    boxes: Tensor  # [images, objects, 4] px, NaN where unknown
    labels: Tensor  # [images, objects, attributes], UNKNOWN where unknown
    coordinates: Tensor  # [images, objects, axes], NaN where unknown
    scale: int = 1  # px of the frame a pixel of the images

    def part(self, chosen: slice) -> "Batch":
        """Some of the images."""
        tensors = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "scale"}
        return Batch(**{name: tensor[chosen] for name, tensor in tensors.items()}, scale=self.scale)

    def to(self, device: torch.device) -> "Batch":
        """The same on another device."""
        tensors = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "scale"}
        return Batch(**{name: tensor.to(device) for name, tensor in tensors.items()}, scale=self.scale)


@dataclass(frozen=True)
class ImageSet:
    """Decoded images with their targets."""

    pixels: NDArray[np.uint8]  # [images, height, width, 3], usually memory-mapped
    targets: tuple[SceneTargets, ...]
    repeats: tuple[int, ...]
    counts: tuple[int, ...] = ()  # images by source
    scale: int = 1  # px of the frame a pixel of the images

    def __len__(self) -> int:
        return len(self.targets)

    def subset(self, rows: Sequence[int]) -> "Subset":
        """A view of some images."""
        return Subset(self, tuple(rows))


@dataclass(frozen=True)
class Subset:
    """Some of the images of a set, in an order."""

    whole: ImageSet
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def batch(self, positions: Sequence[int]) -> Batch:
        """Collate the images at these positions of the subset."""
        rows = [self.rows[position] for position in positions]
        targets = [self.whole.targets[row] for row in rows]
        pixels = torch.from_numpy(self.whole.pixels[rows])
        width = max([1, *(len(target.centres) for target in targets)])
        return Batch(
            images=pixels.permute(0, 3, 1, 2).float().div_(255.0),
            present=torch.tensor([[k < len(t.centres) for k in range(width)] for t in targets]),
            centres=_pad([t.centres for t in targets], width, 0.0),
            boxes=_pad([t.boxes for t in targets], width, np.nan),
            labels=_pad([t.labels for t in targets], width, UNKNOWN),
            coordinates=_pad([t.coordinates for t in targets], width, np.nan),
            scale=self.whole.scale,
        )


def _pad(arrays: Sequence[NDArray[np.generic]], width: int, value: float) -> Tensor:
    padded = np.full((len(arrays), width, arrays[0].shape[1]), value, arrays[0].dtype)
    for row, array in enumerate(arrays):
        padded[row, : len(array)] = array
    return torch.from_numpy(padded)


def epoch_order(subset: Subset, seed: int, epoch: int) -> list[int]:
    """Positions of one epoch, shuffled; an image comes as often as its source repeats."""
    positions = [p for p, row in enumerate(subset.rows) for _ in range(subset.whole.repeats[row])]
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return [positions[k] for k in torch.randperm(len(positions), generator=generator).tolist()]


def load_images(
    domain: Domain,
    sources: Sequence[Source],
    config: NetworkConfig,
    cache: Path,
    *,
    limit: int | None = None,
    workers: int = 2,
) -> ImageSet:
    """Decode the images of all sources into the cache folder (once) and map them.

    Raises: DataError when a folder is missing or holds none of the scenes' images; ImageError; SceneError.
    """
    files: list[Path] = []
    targets: list[SceneTargets] = []
    repeats: list[int] = []
    counts: list[int] = []
    for source in sources:
        if not source.images.is_dir():
            raise DataError(f"no image folder {source.images}; give the folder that holds the image files")
        found = sorted(load_targets(domain, source.scenes), key=lambda target: target.index)
        found = [_told(domain, source, t) for t in found if source.below is None or t.index < source.below]
        # A scenes file may name its images with another ending than the files have.
        endings = {entry.stem: entry for entry in source.images.iterdir()}
        pairs = [(endings[Path(t.image).stem], t) for t in found if Path(t.image).stem in endings]
        if not pairs:
            raise DataError(f"none of the images named in {source.scenes} is in {source.images}")
        pairs = pairs[:limit]
        files += [file for file, _ in pairs]
        targets += [target for _, target in pairs]
        repeats += [source.repeat] * len(pairs)
        counts.append(len(pairs))
    pixels, boxes = _decode(files, config, cache, workers)
    fitted = tuple(_into_input(target, box) for target, box in zip(targets, boxes, strict=True))
    return ImageSet(pixels, fitted, tuple(repeats), tuple(counts), config.scale)


def _told(domain: Domain, source: Source, target: SceneTargets) -> SceneTargets:
    """The target without what its source does not tell truly."""
    if not source.unlike:
        return target
    attribute, _, value = source.unlike.partition("=")
    names = [known.name for known in domain.attributes]
    other = target.labels[:, names.index(domain.attribute(attribute).name)] == domain.attribute(attribute).index(value)
    labels, coordinates = target.labels.copy(), target.coordinates.copy()
    for name in source.untold:
        labels[other, names.index(domain.attribute(name).name)] = UNKNOWN
    coordinates[other] = np.nan
    return replace(target, labels=labels, coordinates=coordinates)


def _into_input(target: SceneTargets, box: Letterbox) -> SceneTargets:
    centres, boxes = box.points_in(target.centres), box.boxes_in(target.boxes)
    return SceneTargets(target.image, target.index, centres, boxes, target.labels, target.coordinates)


def _decode(
    files: Sequence[Path], config: NetworkConfig, cache: Path, workers: int
) -> tuple[NDArray[np.uint8], list[Letterbox]]:
    stamp = [(str(f.resolve()), f.stat().st_size, f.stat().st_mtime_ns) for f in files]
    width, height = config.width // config.scale, config.height // config.scale
    sized = [stamp, config.width, config.height, *([config.scale] if config.scale > 1 else [])]
    key = hashlib.sha256(json.dumps(sized).encode()).hexdigest()[:16]
    cache.mkdir(parents=True, exist_ok=True)
    path, boxes_path = cache / f"{key}.npy", cache / f"{key}.json"
    if not (path.is_file() and boxes_path.is_file()):
        shape = (len(files), height, width, 3)
        temporary = cache / f".{key}.{os.getpid()}.npy.part"
        array = np.lib.format.open_memmap(temporary, "w+", np.uint8, shape)

        def decode(row: int) -> tuple[int, int]:
            image = load_image(files[row])
            frame, _ = letterbox(image, config.width, config.height)
            array[row] = shrink(frame, config.scale)
            return image.shape[1], image.shape[0]

        try:
            with ThreadPoolExecutor(max(1, workers)) as pool:
                sizes = list(pool.map(decode, range(len(files))))
        except ImageError:
            temporary.unlink(missing_ok=True)
            raise
        array.flush()
        written = cache / f".{key}.{os.getpid()}.json.part"
        written.write_text(json.dumps(sizes))
        written.replace(boxes_path)
        temporary.replace(path)
    sizes = json.loads(boxes_path.read_text())
    boxes = [Letterbox.fit(width, height, config.width, config.height) for width, height in sizes]
    return np.load(path, mmap_mode="r"), boxes
