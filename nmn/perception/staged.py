"""StagedPerceiver: a perceiver taken apart, so that each of its stages can be left out.

The glance alone, with no closer look at presence, from an image that is decoded no larger than the glance needs; then any
pathway at any objects, for which the image is decoded in full once the first such look is asked for. What a look gives is
what the whole perceiver reports: the glance's logits and the focus's, added as calibration says.
"""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cached_property
from itertools import groupby
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, Literal, cast, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from nmn.domain import Domain
from nmn.errors import InputError
from nmn.images import load_image, load_reduced
from nmn.perceiver import PRESENCE, Glance, Rows
from nmn.perception.closer import Detail
from nmn.perception.crops import CropConfig
from nmn.perception.detector import CHUNK, PixelPerceiver
from nmn.perception.flops import encoder_flops, linear_flops, network_flops
from nmn.perception.focus import PLACE, Crops
from nmn.perception.letterbox import Letterbox, letterbox, shrink
from nmn.perception.network import Maps, Network
from nmn.perception.proposals import Detections, detect_in

Precision = Literal["float32", "bfloat16"]

TRIALS = 9
SIDE = 32.0  # px of the frame; what sizes of objects are told against

Pixels = NDArray[np.uint8]


@dataclass
class Picture:
    """An image as far as it has been decoded.

    Attributes:
        source: A path, or pixels.
        small: [height, width, 3] fitted into the glance's input.
        fitted: Where the image lies in the frame of full size.
        frame: [height, width, 3] the frame of full size; None until a look needs it.
    """

    source: Any
    small: Pixels
    fitted: Letterbox
    frame: Pixels | None = None

    def full(self, width: int, height: int) -> Pixels:
        """The frame of full size, decoded when first asked for."""
        if self.frame is None:
            self.frame = letterbox(load_image(self.source), width, height)[0]
        return self.frame


@dataclass
class Seen:
    """What a glance keeps of one image for looks.

    Attributes:
        picture: The image.
        boxes: [objects, 4] px of the frame.
        centres: [objects, 2] px of the frame.
        detail: Crops, from the first look on.
    """

    picture: Picture
    boxes: Tensor
    centres: Tensor
    detail: Detail | None = field(default=None)

    def crops(self, objects: Sequence[int], size: tuple[int, int], crop: CropConfig) -> Crops:
        """Crops of some objects; the image is decoded in full if it was not."""
        if self.detail is None:
            self.detail = Detail.of(self.picture.full(*size), self.boxes, self.centres, crop)
        return self.detail.look(objects)


class StagedPerceiver:
    """The stages of a :class:`PixelPerceiver`. A :class:`nmn.perceiver.Staged`.

    Args:
        perceiver: Whose networks and calibration these are; it must have focus networks.
        precision: What the glance's convolutions compute in: with ``bfloat16``, processors that know it take a third to two
            thirds of the time, and what is lost is part of what policies are fitted to. Heads stay in 32 bits.

    Raises: InputError when the weights are of a glance alone.
    """

    def __init__(self, perceiver: PixelPerceiver, precision: Precision = "float32") -> None:
        if perceiver.focus is None:
            raise InputError(
                "these weights are of one stage: there is nothing to look closer with, so every policy is one"
            )
        self.perceiver = perceiver
        self.focus = perceiver.focus
        self.precision = precision
        self._rounded = _rounded(perceiver.model.network) if precision == "bfloat16" else None

    @property
    def domain(self) -> Domain:
        """What it can speak of."""
        return self.perceiver.domain

    @cached_property
    def pathways(self) -> Mapping[str, tuple[str, ...]]:
        """What each pathway tells: names of attributes, or PRESENCE."""
        named = self.focus.config.pathways
        return {name: (PRESENCE,) if name == PLACE else pathway.attributes for name, pathway in named.items()}

    def load(self, image: Any) -> Picture:
        """Decode as much of an image as a glance needs. Raises: ImageError."""
        if isinstance(image, Picture):
            return image
        width, height = self._size
        scale = self.perceiver.config.network.scale
        if scale > 1 and isinstance(image, str | Path):
            pixels, whole = load_reduced(image, width // scale, height // scale)
            if pixels.shape[1::-1] != whole:
                small, _ = letterbox(pixels, width // scale, height // scale)
                return Picture(image, small, Letterbox.fit(*whole, width, height))
        else:
            pixels = load_image(image)
        frame, fitted = letterbox(pixels, width, height)
        return Picture(image, shrink(frame, scale), fitted, frame)

    @torch.no_grad()
    def glance(self, images: Sequence[Picture]) -> Glance:
        """Glance at pictures, without any closer look; presence is in raw log-odds of the glance."""
        parts: list[tuple[Tensor, Tensor, Tensor, Seen]] = []
        for start in range(0, len(images), CHUNK):
            parts += self._glance(images[start : start + CHUNK])
        shape = (len(parts), max([0, *(len(odds) for odds, _, _, _ in parts)]))
        network, where = self.perceiver.config.network, self.perceiver.device
        presence, mask = torch.zeros(shape, device=where), torch.zeros(shape, dtype=torch.bool, device=where)
        boxes = torch.zeros(*shape, 4, device=where)
        features = torch.zeros(*shape, network.hidden + 2 * network.axes, device=where)
        for row, (odds, its_boxes, its_features, _) in enumerate(parts):
            here = slice(len(odds))
            presence[row, here], mask[row, here] = odds, True
            boxes[row, here], features[row, here] = its_boxes, its_features
        return Glance(presence, mask, boxes, features, tuple(seen for _, _, _, seen in parts))

    def _glance(self, images: Sequence[Picture]) -> list[tuple[Tensor, Tensor, Tensor, Seen]]:
        batch = torch.from_numpy(np.stack([image.small for image in images])).permute(0, 3, 1, 2)
        found = self._detect(batch.to(self.perceiver.device).float().div_(255.0))
        features = torch.cat((found.features, found.coordinates, found.log_variance), 1)
        images_of, boxes, centres = found.places.images.cpu(), found.places.boxes.cpu(), found.places.centres.cpu()
        parts = []
        for number, image in enumerate(images):
            rows = (images_of == number).nonzero()[:, 0]
            mine = boxes[rows]
            shown = torch.from_numpy(image.fitted.boxes_out(mine.numpy())).to(self.perceiver.device)
            parts.append((found.logits[rows], shown, features[rows], Seen(image, mine, centres[rows])))
        return parts

    def _detect(self, images: Tensor) -> Detections:
        if self._rounded is None:
            return self.perceiver.detect(images)
        model = self.perceiver.model
        seen = self._rounded(images.to(torch.bfloat16).contiguous(memory_format=torch.channels_last))
        maps = Maps(seen.centres, seen.geometry, seen.fine.float(), seen.coarse.float(), seen.context)
        return detect_in(model, maps, self.perceiver.config.proposals)

    @torch.no_grad()
    def read(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """Raw logits [rows, values] of an attribute from the glance alone. Raises: DomainError."""
        self.domain.attribute(attribute)
        flat = rows.images * glance.features.shape[1] + rows.objects
        features = glance.features.flatten(0, 1).index_select(0, flat)[:, : self.perceiver.config.network.hidden]
        return self.perceiver.model.read_attribute(attribute, features)

    @torch.no_grad()
    def circumstances(self, glance: Glance) -> Tensor:
        """Log of an object's side over 32 px of the frame, and the share of its box that the box of another covers."""
        found = np.zeros((*glance.mask.shape, 2), np.float32)
        odds = glance.presence.cpu().numpy()
        for image, seen in enumerate(glance.details):
            count = len(seen.boxes)
            if count:
                found[image, :count] = _circumstances(seen.boxes.numpy(), odds[image, :count] > 0)
        return torch.from_numpy(found).to(glance.mask.device)

    def prepare(self, glance: Glance, rows: Rows) -> None:
        """Decode the images of these objects in full and cut their crops, where that was not done before."""
        self._crops(glance, rows)

    def _crops(self, glance: Glance, rows: Rows) -> Crops:
        pairs = zip(rows.images.tolist(), rows.objects.tolist(), strict=True)
        parts = [
            glance.details[image].crops([number for _, number in group], self._size, self.focus.config.crop)
            for image, group in groupby(pairs, key=lambda pair: pair[0])
        ]
        return Crops.joined(parts)

    @torch.no_grad()
    def look(self, glance: Glance, pathway: str, rows: Rows) -> dict[str, Tensor]:
        """What the whole perceiver reports of objects, as far as a pathway tells it.

        Args:
            glance: From :meth:`glance`.
            pathway: Name of a pathway.
            rows: Which objects, image by image.

        Returns: Calibrated log-probabilities [rows, values] by attribute; log-odds [rows] of PRESENCE.
        """
        calibration = self.perceiver.config.calibration
        seen = self.focus.look(pathway, self._crops(glance, rows).to(self.perceiver.device))
        if pathway == PLACE:
            odds = calibration.presence(glance.presence[rows.images, rows.objects])
            return {PRESENCE: odds + calibration.presence_focus * seen[PLACE][:, 0]}
        return {
            name: functional.log_softmax(
                self.read(glance, name, rows) / calibration.temperature(name) + calibration.focus.get(name, 0.0) * raw,
                1,
            )
            for name, raw in seen.items()
        }

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """Log-odds [rows, objects], from the glance's coordinates. Raises: DomainError."""
        return self.perceiver.look_relation(glance, relation, rows)

    @torch.no_grad()
    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """Log-probabilities [rows, values] as the whole perceiver reports them. Raises: DomainError."""
        self.domain.attribute(attribute)
        pathway = self.focus.config.pathway_of(attribute)
        if pathway is not None and len(rows):
            return self.look(glance, pathway, rows)[attribute]
        logits = self.read(glance, attribute, rows) / self.perceiver.config.calibration.temperature(attribute)
        return functional.log_softmax(logits, dim=1)

    def glance_cost(self, images: int) -> int:
        """FLOPs of a glance, without closer looks, for as many proposals as the calibration images had."""
        proposed = self.perceiver.config.proposed or self.perceiver.config.proposals.most
        return round(images * (self._image_flops + proposed * self._object_flops))

    def look_cost(self, pathway: str) -> int:
        """FLOPs of one look at one object through a pathway."""
        return self.perceiver.pathway_cost(pathway)

    def read_cost(self, attribute: str) -> int:
        """FLOPs of one row of an attribute from the glance alone. Raises: DomainError."""
        return self.perceiver.glimpse_cost(attribute)

    def attribute_cost(self, attribute: str) -> int:
        """FLOPs of one row of an attribute, with its look. Raises: DomainError."""
        pathway = self.focus.config.pathway_of(attribute)
        return self.read_cost(attribute) + (0 if pathway is None else self.look_cost(pathway))

    def relation_cost(self, relation: str, objects: int) -> int:
        """FLOPs of one anchor's row. Raises: DomainError."""
        return self.perceiver.relation_cost(relation, objects)

    @cached_property
    def _image_flops(self) -> int:
        return network_flops(self.perceiver.config.network)

    @cached_property
    def _object_flops(self) -> int:
        model = self.perceiver.model
        return encoder_flops(model.encoder) + linear_flops(model.coordinates)

    @property
    def _size(self) -> tuple[int, int]:
        return self.perceiver.config.network.width, self.perceiver.config.network.height


def _rounded(network: Network) -> Network:
    """A copy whose convolutions compute in 16 bits."""
    copied = deepcopy(network).to(torch.bfloat16).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    copied.context.float()  # what it reads is a mean in 32 bits
    return cast(Network, copied)


def quicker_precision(perceiver: PixelPerceiver) -> Precision:
    """The precision in which a glance at one image takes least time on this machine."""
    took: dict[Precision, float] = {}
    network = perceiver.config.network
    image = torch.rand(1, 3, network.height // network.scale, network.width // network.scale, device=perceiver.device)
    for precision in get_args(Precision):
        staged = StagedPerceiver(perceiver, precision)
        samples = []
        with torch.no_grad():
            for _ in range(TRIALS):
                started = process_time()
                staged._detect(image)
                samples.append(process_time() - started)
        took[precision] = median(samples)
    return min(took, key=lambda each: took[each])


def _circumstances(boxes: NDArray[np.float32], likely: NDArray[np.bool_]) -> NDArray[np.float32]:
    """[objects, 2] of one image, from boxes [objects, 4] in px of the frame and whether each is likely an object."""
    low, high = boxes[:, :2], boxes[:, 2:]
    area = np.maximum(high - low, 1.0).prod(1)
    shared = np.minimum(high[:, None], high[None]) - np.maximum(low[:, None], low[None])
    covering = np.maximum(shared, 0.0).prod(2) * likely[None]
    np.fill_diagonal(covering, 0.0)
    return np.stack((np.log(np.sqrt(area) / SIDE), (covering / area[:, None]).max(1)), 1)
