"""Costs: what each stage takes on this machine, measured; prices of looks come from it.

Every stage takes some time to set up and some for each thing it is done to; both are fitted to CPU time at several batch
sizes. FLOPs are no price: a small crop costs as much in calls as in arithmetic.
"""

import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any

import numpy as np
import torch

from nmn.errors import DataError, InputError
from nmn.files import read_json, write_json
from nmn.perceiver import Rows, Staged
from nmn.policies.looks import Prices

COSTS_FORMAT = 1
SIZES = (1, 2, 4, 8, 16, 32, 64)
GLANCE, OPENING, CROP = "glance", "opening", "crop"
LEAST = 1e-3  # ms; no stage is free


@dataclass(frozen=True)
class StageCost:
    """What one stage takes.

    Attributes:
        setup: ms whatever the number.
        each: ms for each image or crop more.
        measured: ms of a batch, by its size.
    """

    setup: float
    each: float
    measured: Mapping[int, float]

    @staticmethod
    def of(measured: Mapping[int, float]) -> "StageCost":
        """Fitted so that relative errors are small at every size; neither part below 0."""
        sizes = np.array(list(measured), np.float64)
        times = np.array([measured[size] for size in measured])
        design = np.stack((np.ones_like(sizes), sizes), 1) / times[:, None]
        setup, each = np.linalg.lstsq(design, np.ones_like(sizes), rcond=None)[0].tolist()
        if setup < 0 or each < 0 or len(sizes) < 2:
            share = float(median((times / sizes).tolist()))
            setup, each = (0.0, share) if setup < 0 or len(sizes) < 2 else (float(median(times.tolist())), 0.0)
        return StageCost(
            round(setup, 4), round(max(LEAST, each), 4), {int(n): round(t, 4) for n, t in measured.items()}
        )


@dataclass(frozen=True)
class CostTable:
    """What stages take on one machine with one set of weights.

    Attributes:
        machine: Fingerprint of the processor and the libraries.
        weights: Fingerprint of the weights.
        stages: By name: glance, opening, crop, and every pathway.
    """

    machine: str
    weights: str
    stages: Mapping[str, StageCost]

    def prices(self) -> Prices:
        """Prices for one image by itself, so that what is bought does not depend on the batch."""
        pathways = {name: cost for name, cost in self.stages.items() if name not in (GLANCE, OPENING, CROP)}
        glance, opening, crop = (self.stages[name] for name in (GLANCE, OPENING, CROP))
        return Prices(
            max(0.0, opening.each - crop.each),
            crop.each,
            {name: cost.setup for name, cost in pathways.items()},
            {name: cost.each for name, cost in pathways.items()},
            glance.setup + glance.each,
        )

    def to_record(self) -> dict[str, Any]:
        """As JSON."""
        stages = {
            name: {
                "setup_ms": cost.setup,
                "each_ms": cost.each,
                "measured_ms": {str(n): t for n, t in cost.measured.items()},
            }
            for name, cost in self.stages.items()
        }
        return {"format": COSTS_FORMAT, "machine": self.machine, "weights": self.weights, "stages": stages}

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "CostTable":
        """From JSON. Raises: KeyError, TypeError or ValueError when it is not one."""
        if record["format"] != COSTS_FORMAT:
            raise ValueError(f"it is not of format {COSTS_FORMAT}")
        stages = {
            str(name): StageCost(
                float(each["setup_ms"]),
                float(each["each_ms"]),
                {int(size): float(time) for size, time in dict(each["measured_ms"]).items()},
            )
            for name, each in dict(record["stages"]).items()
        }
        if not {GLANCE, OPENING, CROP} < set(stages):
            raise ValueError("it has no prices of the glance, of opening an image, of a crop and of pathways")
        return CostTable(str(record["machine"]), str(record["weights"]), stages)

    def write(self, path: Path) -> None:
        """Write it in one step."""
        write_json(path, self.to_record(), indent=1)

    @staticmethod
    def read(path: Path) -> "CostTable":
        """What :meth:`write` wrote. Raises: DataError."""
        record = read_json(path, DataError)
        try:
            return CostTable.from_record(record)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path} is no table of costs: {error}") from None


def machine_fingerprint() -> str:
    """What tells machines apart whose times differ: the processor, the system, torch."""
    model = platform.processor() or platform.machine()
    information = Path("/proc/cpuinfo")
    if information.is_file():
        names = [line for line in information.read_text(errors="replace").splitlines() if line.startswith("model name")]
        model = names[0].partition(":")[2].strip() if names else model
    return _digest(f"{model}|{platform.system()}|{torch.__version__}".encode())


def weights_fingerprint(folder: Path) -> str:
    """Of the weights and their configuration in a folder. Raises: InputError when they cannot be read."""
    try:
        return _digest(*((folder / name).read_bytes() for name in ("model.safetensors", "config.json")))
    except OSError as error:
        raise InputError(f"cannot read weights in {folder}: {error.strerror or error}") from None


def _digest(*parts: bytes) -> str:
    found = sha256()
    for part in parts:
        found.update(part)
    return found.hexdigest()[:16]


def measure_costs(
    perceiver: Staged,
    images: Sequence[Any],
    weights: str,
    *,
    sizes: Sequence[int] = SIZES,
    repeats: int = 5,
    advance: Callable[[int], None] = lambda _: None,
) -> CostTable:
    """Measure every stage on some images; CPU time, medians of interleaved repeats.

    Args:
        perceiver: What looks.
        images: Files, as many as the largest size or used again.
        weights: Fingerprint of its weights.
        sizes: Of batches.
        repeats: Samples of each size.
        advance: Called with 1 after every repeat of all stages.

    Raises: InputError when nothing is found in any of the images.
    """
    chosen = [images[number % len(images)] for number in range(max(sizes))]
    samples: dict[str, dict[int, list[float]]] = {}
    for repeat in range(repeats + 1):  # the first does not count
        for size in sizes:
            for stage, milliseconds in _once(perceiver, chosen[:size], size).items():
                if repeat:
                    samples.setdefault(stage, {}).setdefault(size, []).append(milliseconds)
        advance(1)
    middle = {stage: {n: median(times) for n, times in by_size.items()} for stage, by_size in samples.items()}
    if CROP not in middle:
        raise InputError("no image on which to measure costs has two objects")
    opening = float(median(middle.pop(OPENING).values()))
    stages = {stage: StageCost.of(times) for stage, times in middle.items()}
    stages[OPENING] = StageCost(0.0, round(opening, 4), {1: round(opening, 4)})
    return CostTable(machine_fingerprint(), weights, stages)


def _once(perceiver: Staged, images: Sequence[Any], size: int) -> dict[str, float]:
    """Milliseconds of each stage on a batch; of opening, of one image, with its first crop."""
    took: dict[str, float] = {}
    started = process_time()
    glance = perceiver.glance([perceiver.load(image) for image in images])
    took[GLANCE] = 1e3 * (process_time() - started)
    found = glance.mask.nonzero()[:size]
    if len(found) < size:
        raise InputError("no objects are found in the images to measure costs on")
    # As many objects as the batch is large, of as few images as have them.
    rows = Rows(found[:, 0].contiguous(), found[:, 1].contiguous())
    first = _first_of_each(rows)
    count = len(first)
    took[OPENING] = _timed(lambda: perceiver.prepare(glance, first)) / count
    rest = len(rows) - count
    if rest:
        took[CROP] = _timed(lambda: perceiver.prepare(glance, rows)) * size / rest
    for name in perceiver.pathways:
        took[name] = min(_timed(partial(perceiver.look, glance, name, rows)) for _ in range(2))
    return took


def _first_of_each(rows: Rows) -> Rows:
    """One object of every image."""
    _, first = np.unique(rows.images.cpu().numpy(), return_index=True)
    chosen = torch.from_numpy(first).to(rows.images.device)
    return Rows(rows.images[chosen], rows.objects[chosen])


def _timed(run: Callable[[], object]) -> float:
    started = process_time()
    run()
    return 1e3 * (process_time() - started)
