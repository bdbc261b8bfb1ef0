"""PixelPerceiver: the trained network behind the Perceiver protocol."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from nmn.domain import Domain
from nmn.errors import DomainError, InputError, WeightsError
from nmn.files import read_json, write_json
from nmn.images import load_image
from nmn.perceiver import Glance, Rows
from nmn.perception.calibration import Calibration
from nmn.perception.geometry import relation_between
from nmn.perception.heads import Perception
from nmn.perception.letterbox import letterbox
from nmn.perception.network import NetworkConfig, fold
from nmn.perception.proposals import Detections, ProposalConfig, detect

WEIGHTS_FORMAT = 1
WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
CHUNK = 8  # images run together; more is no faster on a CPU and takes more memory


@dataclass(frozen=True)
class PerceiverConfig:
    """What stands beside the weights in config.json."""

    network: NetworkConfig
    proposals: ProposalConfig
    calibration: Calibration
    separation: float = 0.0  # world units; see nmn.perception.geometry


class PixelPerceiver:
    """Objects, attributes and relations from pixels. A :class:`nmn.perceiver.Perceiver`.

    Inference is in 32-bit floats with the batch normalisation folded away, so a result does not depend on what shares
    its batch. Weights are rounded to 16 bits once, when they leave training; saving and loading changes nothing then.

    Args:
        model: Trained; is folded and rounded in place.
        config: Sizes, proposals and calibration.
        domain: What the heads are about.
        device: Where to run; what is seen stays there.

    Raises: InputError when there is no such device.
    """

    def __init__(
        self, model: Perception, config: PerceiverConfig, domain: Domain, *, device: str | torch.device = "cpu"
    ) -> None:
        fold(model.eval())
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.requires_grad_(False).copy_(parameter.half().float())
        try:
            self.device = torch.device(device)
            model.to(self.device)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"cannot run on device {str(device)!r}: {str(error).splitlines()[0]}") from None
        self.model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
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
        folder = Path(str(resources.files("nmn"))) / "weights" / "clevr" if path is None else Path(path)
        if not (folder / CONFIG_FILE).is_file() or not (folder / WEIGHTS_FILE).is_file():
            raise WeightsError(f"no perception weights in {folder}: {CONFIG_FILE} and {WEIGHTS_FILE} are needed")
        config, domain = _read_config(folder / CONFIG_FILE, domain)
        try:
            with torch.device("meta"):  # without data, so that sizes that the weights do not have cost nothing
                model = Perception(config.network, {a.name: len(a.values) for a in domain.attributes})
                fold(model.eval())
            tensors = {name: value.float() for name, value in load_file(folder / WEIGHTS_FILE).items()}
            model.load_state_dict(tensors, assign=True)
        except (SafetensorError, OSError, RuntimeError) as error:
            reason = str(error).strip().splitlines()[-1].strip()
            raise WeightsError(f"weights {folder / WEIGHTS_FILE} do not fit their config: {reason}") from None
        return PixelPerceiver(model, config, domain, device=device)

    def save_pretrained(self, path: str | Path) -> None:
        """Write weights (float16 safetensors) and config.json into a folder, each in one step."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f".{WEIGHTS_FILE}.part"
        tensors = {name: value.half().cpu().contiguous() for name, value in self.model.state_dict().items()}
        save_file(tensors, temporary, {"format": "pt"})
        temporary.chmod(0o644)  # safetensors makes files that only their owner can read
        temporary.replace(folder / WEIGHTS_FILE)
        about = {"name": self.domain.name, "fingerprint": self.domain.fingerprint}
        record = {"format": WEIGHTS_FORMAT, "domain": about, **asdict(self.config)}
        write_json(folder / CONFIG_FILE, record, indent=2)

    def calibrated(self, calibration: Calibration) -> "PixelPerceiver":
        """The same weights under another calibration."""
        return PixelPerceiver(
            self.model, replace(self.config, calibration=calibration), self.domain, device=self.device
        )

    def load(self, image: Any) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """Pixels of a path, PIL image or array. Raises: ImageError."""
        return load_image(image)

    @torch.no_grad()
    def glance(self, images: Sequence[Any]) -> Glance:
        """Find the objects of images: paths, PIL images or arrays of any size. Raises: ImageError."""
        found: list[tuple[Tensor, Tensor, Tensor]] = []
        for start in range(0, len(images), CHUNK):
            found += self._look([load_image(image) for image in images[start : start + CHUNK]])
        width = max([0, *(len(presence) for presence, _, _ in found)])
        shape = (len(found), width)
        channels = self.config.network.hidden + 2 * self.config.network.axes
        where = self.device
        presence, mask = torch.zeros(shape, device=where), torch.zeros(shape, dtype=torch.bool, device=where)
        boxes, features = torch.zeros(*shape, 4, device=where), torch.zeros(*shape, channels, device=where)
        for row, (odds, its_boxes, its_features) in enumerate(found):
            here = slice(len(odds))
            presence[row, here], mask[row, here] = odds, True
            boxes[row, here], features[row, here] = its_boxes, its_features
        return Glance(presence, mask, boxes, features)

    def _look(self, images: Sequence[np.ndarray[Any, np.dtype[np.uint8]]]) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Presence, boxes and features of each image of one chunk."""
        size = self.config.network
        fitted = [letterbox(image, size.width, size.height) for image in images]
        batch = torch.from_numpy(np.stack([pixels for pixels, _ in fitted])).permute(0, 3, 1, 2)
        detections = self.detect(batch.to(self.device).float().div_(255.0))
        presence = self.config.calibration.presence(detections.logits)
        features = torch.cat((detections.features, detections.coordinates, detections.log_variance), 1)
        parts = []
        for row, (_, box) in enumerate(fitted):
            mine = detections.places.images == row
            boxes = torch.from_numpy(box.boxes_out(detections.places.boxes[mine].cpu().numpy()))
            parts.append((presence[mine], boxes, features[mine]))
        return parts

    def detect(self, images: Tensor) -> Detections:
        """Raw detections of images [images, 3, height, width], 0 to 1, in the network's own size."""
        return detect(self.model, images, self.config.proposals)

    def look_attribute(self, glance: Glance, attribute: str, rows: Rows) -> Tensor:
        """Calibrated log-probabilities [rows, values]. Raises: DomainError for an unknown attribute."""
        self.domain.attribute(attribute)
        flat = rows.images * glance.features.shape[1] + rows.objects
        features = glance.features.flatten(0, 1).index_select(0, flat)[:, : self.config.network.hidden]
        logits = self.model.read_attribute(attribute, features)
        return functional.log_softmax(logits / self.config.calibration.temperature(attribute), dim=1)

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
        """FLOPs of a glance: the network, and the encoder for as many objects as proposals are kept at most."""
        return images * (self._network_flops + self.config.proposals.most * self._object_flops)

    def attribute_cost(self, attribute: str) -> int:
        """FLOPs of one row of an attribute's head. Raises: DomainError."""
        return self._head_flops[self.domain.attribute(attribute).name]

    def relation_cost(self, relation: str, objects: int) -> int:
        """FLOPs of one anchor's row: a difference, a sum, and two tails of a normal distribution, about 20 each."""
        self.domain.relation(relation)
        return 44 * objects

    @cached_property
    def _head_flops(self) -> dict[str, int]:
        heads = zip(self.model.attributes, self.model.attribute_heads, strict=True)
        return {name: _linear_flops(head) for name, head in heads}

    @cached_property
    def _network_flops(self) -> int:
        """Counted on a model without data, so that nothing runs."""
        from torch.utils.flop_counter import FlopCounterMode

        size = self.config.network
        sizes = {attribute.name: len(attribute.values) for attribute in self.domain.attributes}
        with torch.device("meta"):
            ghost = Perception(size, sizes).network.eval()
            image = torch.empty(1, 3, size.height, size.width)
        counter = FlopCounterMode(display=False)
        with counter, torch.no_grad():
            ghost(image)
        return int(counter.get_total_flops())

    @cached_property
    def _object_flops(self) -> int:
        encoder, inner = self.model.encoder, self.config.network.window - 2
        window = 2 * int(encoder.window.weight.numel()) * inner * inner
        return window + _linear_flops(encoder.join) + _linear_flops(encoder.mix) + _linear_flops(self.model.coordinates)


def _linear_flops(part: nn.Module) -> int:
    return 2 * sum(int(layer.weight.numel()) for layer in part.modules() if isinstance(layer, nn.Linear))


def _read_config(path: Path, domain: Domain | None) -> tuple[PerceiverConfig, Domain]:
    record = read_json(path, WeightsError)
    if not isinstance(record, dict) or record.get("format") != WEIGHTS_FORMAT:
        raise WeightsError(f"{path} is not of perception weights format {WEIGHTS_FORMAT}")
    try:
        about = record["domain"]
        domain = Domain.load(about["name"]) if domain is None else domain
        if about["fingerprint"] != domain.fingerprint:
            raise WeightsError(
                f"weights {path.parent} were trained for domain {about['name']!r} with other names or values than"
                f" {domain.name!r} has; train them again for it"
            )
        return _config(record), domain
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WeightsError(f"{path} is not a perception config: {error}") from None


def _config(record: Mapping[str, Any]) -> PerceiverConfig:
    for part in ("network", "proposals", "calibration"):
        if not isinstance(record[part], dict):
            raise TypeError(f"{part} must be an object")
    separation = float(record["separation"])
    if not 0 <= separation < math.inf:
        raise ValueError("separation must be a distance")
    network = NetworkConfig.from_record(record["network"])
    calibration = Calibration.from_record(record["calibration"])
    if len(calibration.spread) != network.axes:
        raise ValueError(f"calibration spread must have {network.axes} factors, one an axis")
    return PerceiverConfig(network, ProposalConfig.from_record(record["proposals"]), calibration, separation)
