"""Perception as ONNX files, for places without Python or torch, each checked against what torch computes.

``glance.onnx`` makes maps of images, ``objects.onnx`` reads objects at places of those maps, and ``focus_NAME.onnx`` looks at
crops through one pathway. What joins them holds no weights: finding peaks (:mod:`nmn.perception.proposals`), cutting crops
(:mod:`nmn.perception.crops`) and weighing opinions (:mod:`nmn.perception.calibration`); ``config.json`` has their numbers.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nmn.errors import InputError
from nmn.files import write_json
from nmn.perception.crops import MARKS, MEASURES
from nmn.perception.detector import PixelPerceiver
from nmn.perception.focus import PLACE, Crops, Focus
from nmn.perception.heads import Perception, Places
from nmn.perception.network import Maps
from nmn.perception.network_config import NetworkConfig

NEEDED = "it needs onnx, onnxruntime and onnxscript: pip install 'nmn-engine[onnx]'"
ROWS = (2, 1, 5)  # of the inputs that graphs are traced and checked with


@dataclass(frozen=True)
class Graph:
    """One file to write.

    Attributes:
        name: Of the file, without its ending.
        network: What it computes.
        inputs: Names of its inputs.
        outputs: Names of its outputs.
        rows: Which dimension of each input may be of any size, by the dimension's name.
    """

    name: str
    network: nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rows: tuple[str, ...]


class _Glance(nn.Module):
    """Images [images, 3, height, width], 0 to 1, to maps."""

    def __init__(self, model: Perception) -> None:
        super().__init__()
        self.network = model.network

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        maps = self.network(images)
        return maps.centres, maps.geometry, maps.fine, maps.coarse, maps.context


class _Objects(nn.Module):
    """Maps and places to attributes' raw logits, coordinates and their log-variances."""

    def __init__(self, model: Perception) -> None:
        super().__init__()
        self.model = model

    def forward(
        self, fine: Tensor, coarse: Tensor, context: Tensor, image: Tensor, centre: Tensor, box: Tensor
    ) -> tuple[Tensor, ...]:
        places = Places(image, centre, box)
        features = self.model.encoder(Maps(fine, fine, fine, coarse, context), places)
        mean, log_variance = self.model.coordinates(features, context[image], places)
        return *(head(features) for head in self.model.attribute_heads), mean, log_variance


class _Pathway(nn.Module):
    """Crops [rows, 5, size, size] and measures to what one pathway reads."""

    def __init__(self, focus: Focus, name: str) -> None:
        super().__init__()
        self.focus, self.name = focus, name
        told = focus.config.pathways[name].attributes
        self.outputs = (PLACE,) if name == PLACE else told

    def forward(self, crops: Tensor, measures: Tensor) -> tuple[Tensor, ...]:
        read = self.focus.look(self.name, Crops(crops, crops, measures))
        return tuple(read[about] for about in self.outputs)


def graphs(perceiver: PixelPerceiver) -> list[Graph]:
    """All files of a perceiver."""
    model, focus = perceiver.model, perceiver.focus
    found = [
        Graph("glance", _Glance(model), ("images",), ("centres", "geometry", "fine", "coarse", "context"), ("images",)),
        Graph(
            "objects",
            _Objects(model),
            ("fine", "coarse", "context", "image", "centre", "box"),
            (*model.attributes, "coordinates", "log_variance"),
            ("images", "images", "images", "rows", "rows", "rows"),
        ),
    ]
    if focus is not None:
        for name in focus.names:
            looker = _Pathway(focus, name)
            found.append(Graph(f"focus_{name}", looker, ("crops", "measures"), looker.outputs, ("rows", "rows")))
    return found


def example(graph: Graph, perceiver: PixelPerceiver, rows: int) -> tuple[Tensor, ...]:
    """Random inputs of a graph with this many rows."""
    draw = torch.Generator().manual_seed(rows)
    config = perceiver.config.network
    width, height = config.width // config.scale, config.height // config.scale
    if graph.name == "glance":
        return (torch.rand(rows, 3, height, width, generator=draw),)
    if graph.name == "objects":
        return _places(config, perceiver.model, rows, draw)
    size = perceiver.config.focus.crop.size if perceiver.config.focus is not None else 0
    return torch.randn(rows, 3 + MARKS, size, size, generator=draw), torch.randn(rows, MEASURES, generator=draw)


def _places(config: NetworkConfig, model: Perception, rows: int, draw: torch.Generator) -> tuple[Tensor, ...]:
    images = 3
    maps = model.network(
        torch.rand(images, 3, config.height // config.scale, config.width // config.scale, generator=draw)
    )
    frame = torch.tensor([config.width, config.height])
    low = torch.rand(rows, 2, generator=draw) * frame * 0.8
    box = torch.cat((low, low + 4 + torch.rand(rows, 2, generator=draw) * frame * 0.2), 1)
    image = torch.randint(0, images, (rows,), generator=draw)
    return maps.fine, maps.coarse, maps.context, image, (box[:, :2] + box[:, 2:]) / 2, box


@torch.no_grad()
def write_onnx(perceiver: PixelPerceiver, folder: Path) -> dict[str, float]:
    """Write a perceiver as ONNX files and config.json.

    Returns: By file, the largest difference of any output between onnxruntime and torch, in units of that output's standard
        deviation (or of 1 where that is larger), over random inputs of several numbers of rows.

    Raises: InputError when the packages that this takes are not installed.
    """
    try:
        import onnx  # noqa: F401
        import onnxruntime
        import onnxscript  # noqa: F401
    except ImportError:
        raise InputError(f"cannot write ONNX files: {NEEDED}") from None
    folder.mkdir(parents=True, exist_ok=True)
    differences = {}
    for graph in graphs(perceiver):
        path = folder / f"{graph.name}.onnx"
        temporary = folder / f".{graph.name}.part.onnx"
        _write(graph, example(graph, perceiver, ROWS[0]), temporary)
        session = onnxruntime.InferenceSession(str(temporary), providers=["CPUExecutionProvider"])
        differences[path.name] = max(_difference(graph, session, example(graph, perceiver, rows)) for rows in ROWS)
        temporary.replace(path)
    record = {"domain": {"name": perceiver.domain.name, "fingerprint": perceiver.domain.fingerprint}}
    write_json(folder / "config.json", record | asdict(perceiver.config), indent=2)
    return differences


def _write(graph: Graph, inputs: tuple[Tensor, ...], path: Path) -> None:
    # One name is one size, whichever inputs have it.
    sizes = {name: torch.export.Dim(name, min=1, max=4096) for name in graph.rows}
    with _quiet():
        torch.onnx.export(
            graph.network.eval(),
            inputs,
            str(path),
            input_names=list(graph.inputs),
            output_names=list(graph.outputs),
            dynamic_shapes=[{0: sizes[name]} for name in graph.rows],
            external_data=False,
            dynamo=True,
            verbose=False,
        )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the chatter of exporters, which is of use to nobody who calls ours."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _difference(graph: Graph, session: Any, inputs: Sequence[Tensor]) -> float:
    theirs = run(session, dict(zip(graph.inputs, inputs, strict=True)))
    ours = dict(zip(graph.outputs, graph.network(*inputs), strict=True))
    return max(
        float((theirs[name] - value).abs().max() / value.std(correction=0).clamp(min=1.0))
        for name, value in ours.items()
    )


def run(session: Any, inputs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Outputs of a session of onnxruntime, by name."""
    named = {name: np.ascontiguousarray(value.numpy()) for name, value in inputs.items()}
    found = session.run(None, named)
    return {entry.name: torch.from_numpy(value) for entry, value in zip(session.get_outputs(), found, strict=True)}
