"""PixelPerceiver: the trained networks behind the Perceiver protocol.

Seeing goes in stages. The glance reads the whole image, shrunk, and proposes objects with their attributes and places.
The focus looks at one object through one pathway, at full resolution, and adds to what the glance read of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from nmn.domain import Domain
from nmn.errors import DomainError, InputError
from nmn.images import load_image
from nmn.perceiver import Glance, Rows
from nmn.perception.calibration import Calibration
from nmn.perception.closer import Detail, crops_of
from nmn.perception.crops import CropConfig
from nmn.perception.flops import encoder_flops, linear_flops, network_flops, pathway_flops
from nmn.perception.focus import PLACE, Focus
from nmn.perception.geometry import relation_between
from nmn.perception.heads import Perception
from nmn.perception.layers import fold
from nmn.perception.letterbox import letterbox, shrink
from nmn.perception.proposals import Detections, detect
from nmn.perception.weights import PerceiverConfig, read_weights, write_weights

CHUNK = 8  # images run together; more is no faster on a CPU and takes more memory
Pixels = np.ndarray[Any, np.dtype[np.uint8]]


class PixelPerceiver:
    """Objects, attributes and relations from pixels. A :class:`nmn.perceiver.Perceiver`.

    Inference is in 32-bit floats with the batch normalisation folded away, so a result does not depend on what shares
    its batch. Weights are rounded to 16 bits once, when they leave training; saving and loading changes nothing then.

    Args:
        model: The glance, trained; is folded and rounded in place.
        config: Sizes, proposals and calibration.
        domain: What the heads are about.
        focus: The focus networks, likewise; None where there is but a glance.
        device: Where to run; what is seen stays there.

    Raises: InputError when there is no such device.
    """

    def __init__(
        self,
        model: Perception,
        config: PerceiverConfig,
        domain: Domain,
        *,
        focus: Focus | None = None,
        device: str | torch.device = "cpu",
    ) -> None:
        try:
            self.device = torch.device(device)
            for network in (model, focus):
                if network is not None:
                    _finished(network).to(self.device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"cannot run on device {str(device)!r}: {str(error).splitlines()[0]}") from None
        self.model, self.focus = model, focus
        self.config = config
        self.domain = domain

    @staticmethod
    def from_pretrained(
        path: str | Path | None = None, *, domain: Domain | None = None, device: str | torch.device = "cpu"
    ) -> "PixelPerceiver":
        """Load weights that :meth:`save_pretrained` wrote; without a path, those that ship with the package.

        Args:
            path: Folder with the weights and their config.json.
            domain: The domain they must be of; by default the one the config names.
            device: Where to run.

        Raises: WeightsError when they are missing, damaged, of another format or of another domain.
        """
        model, focus, config, domain = read_weights(path, domain)
        return PixelPerceiver(model, config, domain, focus=focus, device=device)

    def save_pretrained(self, path: str | Path) -> None:
        """Write weights (float16 safetensors) and config.json into a folder, each in one step."""
        write_weights(Path(path), self.model, self.focus, self.config, self.domain)

    def configured(self, config: PerceiverConfig) -> "PixelPerceiver":
        """The same weights under another config of the same sizes."""
        return PixelPerceiver(self.model, config, self.domain, focus=self.focus, device=self.device)

    def calibrated(self, calibration: Calibration) -> "PixelPerceiver":
        """The same weights under another calibration."""
        return self.configured(replace(self.config, calibration=calibration))

    def load(self, image: Any) -> Pixels:
        """Pixels of a path, PIL image or array. Raises: ImageError."""
        return load_image(image)

    @torch.no_grad()
    def glance(self, images: Sequence[Any]) -> Glance:
        """Find the objects of images: paths, PIL images or arrays of any size. Raises: ImageError."""
        found: list[tuple[Tensor, Tensor, Tensor, Detail]] = []
        for start in range(0, len(images), CHUNK):
            found += self._look([load_image(image) for image in images[start : start + CHUNK]])
        width = max([0, *(len(presence) for presence, _, _, _ in found)])
        shape = (len(found), width)
        channels = self.config.network.hidden + 2 * self.config.network.axes
        where = self.device
        presence, mask = torch.zeros(shape, device=where), torch.zeros(shape, dtype=torch.bool, device=where)
        boxes, features = torch.zeros(*shape, 4, device=where), torch.zeros(*shape, channels, device=where)
        for row, (odds, its_boxes, its_features, _) in enumerate(found):
            here = slice(len(odds))
            presence[row, here], mask[row, here] = odds, True
            boxes[row, here], features[row, here] = its_boxes, its_features
        return Glance(presence, mask, boxes, features, tuple(detail for _, _, _, detail in found))

    def _look(self, images: Sequence[Pixels]) -> list[tuple[Tensor, Tensor, Tensor, Detail]]:
        """Presence, boxes, features and what is kept of each image of one chunk; falling presence."""
        size = self.config.network
        fitted = [letterbox(image, size.width, size.height) for image in images]
        frames = [frame for frame, _ in fitted]
        detections = self.propose(frames)
        details = self.details(detections, frames)
        odds = self.presence(detections, details)
        features = torch.cat((detections.features, detections.coordinates, detections.log_variance), 1)
        parts = []
        for image, (_, box) in enumerate(fitted):
            rows = (detections.places.images == image).nonzero()[:, 0]
            mine = (odds[rows] >= self.config.calibration.least_odds).nonzero()[:, 0]
            mine = mine[odds[rows[mine]].argsort(descending=True, stable=True)]
            detail = details[image].only(mine.cpu())
            boxes = torch.from_numpy(box.boxes_out(detail.boxes.numpy())).to(self.device)
            parts.append((odds[rows[mine]], boxes, features[rows[mine]], detail))
        return parts

    def details(self, detections: Detections, frames: Sequence[Pixels]) -> list[Detail]:
        """What looking closer at detections needs, by image."""
        crop = CropConfig() if self.config.focus is None else self.config.focus.crop
        images, boxes, centres = (
            values.cpu() for values in (detections.places.images, detections.places.boxes, detections.places.centres)
        )
        rows = [images == image for image in range(len(frames))]
        return [Detail.of(frame, boxes[row], centres[row], crop) for frame, row in zip(frames, rows, strict=True)]

    def propose(self, frames: Sequence[Pixels]) -> Detections:
        """Raw detections of a glance at frames [height, width, 3] of the network's own size."""
        scale = self.config.network.scale
        batch = torch.from_numpy(np.stack([shrink(frame, scale) for frame in frames])).permute(0, 3, 1, 2)
        return self.detect(batch.to(self.device).float().div_(255.0))

    def detect(self, images: Tensor) -> Detections:
        """Raw detections of images [images, 3, height, width], 0 to 1, in the network's own size and scale."""
        return detect(self.model, images, self.config.proposals)

    def presence(self, detections: Detections, details: Sequence[Detail]) -> Tensor:
        """Calibrated log-odds [rows] that each proposal is an object, after a closer look at those that are in doubt."""
        calibration = self.config.calibration
        if self.focus is None or not len(detections.logits):
            return calibration.presence(detections.logits)
        odds = calibration.lone_presence(detections.logits)
        rows = calibration.doubted(torch.stack((odds.sigmoid(), (-odds).sigmoid()), 1)).nonzero()[:, 0]
        if len(rows):
            images, objects = (values[rows.cpu()] for values in _numbered(details))
            crops = crops_of(details, images, objects).to(self.device)
            closer = self.focus.look(PLACE, crops)[PLACE][:, 0]
            odds[rows] = calibration.presence(detections.logits[rows]) + calibration.presence_focus * closer
        return odds

    def closer(self, pathway: str, details: Sequence[Detail]) -> dict[str, Tensor]:
        """What a focus pathway reads of all objects, image by image: raw numbers [rows, outputs] by what they are about.

        Raises: InputError when there are no focus networks.
        """
        if self.focus is None:
            raise InputError("these weights have no focus networks; train them with nmn train focus")
        return self.focus.look(pathway, crops_of(details, *_numbered(details)).to(self.device))

    @torch.no_grad()
    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """Calibrated log-probabilities [rows, values], after a closer look at the rows that are in doubt.

        Raises: DomainError for an unknown attribute.
        """
        raw = self._read(glance, attribute, rows)
        calibration = self.config.calibration
        chances = calibration.attribute_alone(attribute, raw)
        name = None if self.focus is None else self.focus.config.pathway_of(attribute)
        if self.focus is None or name is None:
            return chances
        chosen = calibration.doubted(chances.exp()).nonzero()[:, 0]
        if len(chosen):
            where = chosen.to(rows.images.device)
            crops = crops_of(glance.details, rows.images[where], rows.objects[where]).to(self.device)
            closer = self.focus.look(name, crops)[attribute] * calibration.focus.get(attribute, 0.0)
            chances[chosen] = functional.log_softmax(raw[chosen] / calibration.temperature(attribute) + closer, dim=1)
        return chances

    def _read(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """Raw logits [rows, values] of the glance. Raises: DomainError for an unknown attribute."""
        self.domain.attribute(attribute)
        flat = rows.images * glance.features.shape[1] + rows.objects
        features = glance.features.flatten(0, 1).index_select(0, flat)[:, : self.config.network.hidden]
        return self.model.read_attribute(attribute, features)

    def look_relation(self, glance: Glance, relation: str, rows: Rows) -> Tensor:
        """Log-odds [rows, objects] that object j is ``relation`` of the row's object.

        Raises: DomainError for an unknown relation, or one without an axis, which coordinates cannot tell.
        """
        known = self.domain.relation(relation)
        if known.axis is None:
            name = self.domain.name
            raise DomainError(f"relation {relation!r} has no axis in domain {name!r}, so coordinates cannot tell it")
        mean, variance = self.coordinates(glance)
        return relation_between(
            known,
            mean[rows.images],
            variance[rows.images],
            mean[rows.images, rows.objects],
            variance[rows.images, rows.objects],
            self.config.separation,
        )

    def coordinates(self, glance: Glance) -> tuple[Tensor, Tensor]:
        """Ground-plane coordinates and the variances of their errors, each [images, objects, axes], in world units."""
        start, axes = self.config.network.hidden, self.config.network.axes
        mean = glance.features[..., start : start + axes]
        log_variance = glance.features[..., start + axes :]
        return mean, log_variance.exp() * mean.new_tensor(self.config.calibration.spread) ** 2

    def glance_cost(self, images: int) -> int:
        """FLOPs of a glance and of the looks at presence, for as many of each as the calibration images had."""
        closer = self._share(PLACE) * self.pathway_cost(PLACE)
        proposed = self.config.proposed or self.config.proposals.most
        return round(images * (self._network_flops + proposed * (self._object_flops + closer)))

    def attribute_cost(self, attribute: str) -> int:
        """FLOPs of one row of an attribute: the glance's head, and the pathway's look for the share that it is taken of.

        Raises: DomainError.
        """
        pathway = None if self.focus is None else self.focus.config.pathway_of(attribute)
        closer = 0.0 if pathway is None else self._share(attribute) * self.pathway_cost(pathway)
        return self.glimpse_cost(attribute) + round(closer)

    def glimpse_cost(self, attribute: str) -> int:
        """FLOPs of one row of an attribute without a closer look. Raises: DomainError."""
        return self._head_flops[self.domain.attribute(attribute).name]

    def _share(self, about: str) -> float:
        """Share of closer looks that were taken on the calibration images."""
        return self.config.calibration.looked.get(about, 1.0)

    def pathway_cost(self, pathway: str) -> int:
        """FLOPs of one look at one object through a pathway; 0 without focus networks."""
        return self._pathway_flops.get(pathway, 0)

    def relation_cost(self, relation: str, objects: int) -> int:
        """FLOPs of one anchor's row: a difference, a sum, and two tails of a normal distribution, about 20 each."""
        self.domain.relation(relation)
        return 44 * objects

    @cached_property
    def _head_flops(self) -> dict[str, int]:
        heads = zip(self.model.attributes, self.model.attribute_heads, strict=True)
        return {name: linear_flops(head) for name, head in heads}

    @cached_property
    def _pathway_flops(self) -> Mapping[str, int]:
        if self.focus is None:
            return {}
        config = self.focus.config
        values = {attribute.name: len(attribute.values) for attribute in self.domain.attributes}
        outputs = {name: sum(values[a] for a in pathway.attributes) or 1 for name, pathway in config.pathways.items()}
        return {name: pathway_flops(config, name, count) for name, count in outputs.items()}

    @cached_property
    def _network_flops(self) -> int:
        return network_flops(self.config.network)

    @cached_property
    def _object_flops(self) -> int:
        return encoder_flops(self.model.encoder) + linear_flops(self.model.coordinates)


def _numbered(details: Sequence[Detail]) -> tuple[Tensor, Tensor]:
    """Image and number of each object, image by image."""
    counts = [len(detail.cut) for detail in details]
    images = torch.repeat_interleave(torch.arange(len(details)), torch.tensor(counts))
    return images, torch.cat([torch.arange(count) for count in counts])


def _finished(network: torch.nn.Module) -> torch.nn.Module:
    """Folded, rounded to 16 bits and laid out for the CPU, in place."""
    fold(network.eval())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.requires_grad_(False).copy_(parameter.half().float())
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]
