"""From the maps to objects: where each is, a feature vector for each, and the heads that read it.

An object's features come from a window of bilinear samples over its box (RoIAlign, He et al. 2017, arXiv:1703.06870,
section 3) and the coarse features at its centre. Attribute heads run only on the rows asked for.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from nmn.perception.network import Maps, Network
from nmn.perception.network_config import COARSE_STRIDE, FINE_STRIDE, NetworkConfig

BOX_UNIT = 32.0  # px; box edges are regressed in this unit
WINDOW_GROWTH = 1.25  # an object's window is its box grown by this, so that contours and shadows are seen
POLYNOMIAL_DEGREE = 4
LEAST_SIZE = 4.0  # px; a window is never smaller


@dataclass(frozen=True)
class Places:
    """Where objects are, in pixels of the frame."""

    images: Tensor  # [rows] int64 position in the batch
    centres: Tensor  # [rows, 2] x y of the projected centre, which may be hidden behind another object
    boxes: Tensor  # [rows, 4] x0 y0 x1 y1 of the visible part


def read_places(maps: Maps, images: Tensor, rows: Tensor, columns: Tensor) -> Places:
    """Read centre and box from the map cells (``images``, ``rows``, ``columns``), each [objects] int64."""
    geometry = maps.geometry[images, :, rows, columns]
    cell = (torch.stack((columns, rows), 1).to(geometry.dtype) + 0.5) * FINE_STRIDE
    centres = cell + geometry[:, :2] * FINE_STRIDE
    edges = cell.repeat(1, 2) + geometry[:, 2:] * BOX_UNIT
    low = torch.minimum(edges[:, :2], edges[:, 2:])
    high = torch.maximum(edges[:, :2], edges[:, 2:])
    return Places(images, centres, torch.cat((low, high), 1))


def polynomial(centres: Tensor, config: NetworkConfig) -> Tensor:
    """All monomials up to POLYNOMIAL_DEGREE of the centre [rows, 2], scaled to about -1..1: [rows, terms]."""
    half = centres.new_tensor([config.width / 2, config.height / 2])
    u, v = ((centres - half) / half).unbind(1)
    terms = [
        u**power * v**other for power in range(POLYNOMIAL_DEGREE + 1) for other in range(POLYNOMIAL_DEGREE + 1 - power)
    ]
    return torch.stack(terms, 1)


POLYNOMIAL_TERMS = (POLYNOMIAL_DEGREE + 1) * (POLYNOMIAL_DEGREE + 2) // 2


class ObjectEncoder(nn.Module):
    """Feature vectors of objects."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.window = nn.Conv2d(config.fine or config.pyramid, config.pyramid, 3)
        inner = config.window - 2
        self.join = nn.Linear(inner * inner * config.pyramid + config.pyramid, config.hidden)
        self.mix = nn.Linear(config.hidden, config.hidden)

    def forward(self, maps: Maps, places: Places) -> Tensor:
        """Features [rows, hidden] of the objects at ``places``; a row never depends on another."""
        middle = (places.boxes[:, :2] + places.boxes[:, 2:]) / 2
        half = (places.boxes[:, 2:] - places.boxes[:, :2]).clamp(min=LEAST_SIZE) / 2 * WINDOW_GROWTH
        steps = torch.linspace(-1, 1, self.config.window, device=middle.device)
        steps_y, steps_x = torch.meshgrid(steps, steps, indexing="ij")
        grid = torch.stack((steps_x, steps_y), 2).reshape(1, -1, 2)
        points = middle[:, None] + grid * half[:, None]
        side = self.config.window
        stride = self.config.width // maps.fine.shape[-1]
        window = sample(maps.fine, places.images, points, stride)  # [rows, points, channels]
        window = window.transpose(1, 2).reshape(*window.shape[::2], side, side)
        window = functional.relu(self.window(window))
        at_centre = sample(maps.coarse, places.images, places.centres[:, None], COARSE_STRIDE)[:, 0]
        joined = functional.relu(self.join(torch.cat((window.flatten(1), at_centre), 1)))
        return functional.relu(joined + self.mix(joined))


def sample(feature_map: Tensor, images: Tensor, points: Tensor, stride: int) -> Tensor:
    """Bilinear samples [rows, points, channels] of a map [images, channels, height, width].

    Args:
        feature_map: The map.
        images: [rows] int64, the image each row reads from.
        points: [rows, points, 2] x y in pixels of the frame; outside, the nearest edge is read.
        stride: Pixels a cell of the map.
    """
    _, channels, height, width = feature_map.shape
    flat = feature_map.permute(0, 2, 3, 1).reshape(-1, channels)
    x = (points[..., 0] / stride - 0.5).clamp(0, width - 1)
    y = (points[..., 1] / stride - 0.5).clamp(0, height - 1)
    left, top = x.detach().floor().clamp(max=width - 2), y.detach().floor().clamp(max=height - 2)
    along, down = (x - left)[..., None], (y - top)[..., None]
    corner = (images[:, None] * height + top.long()) * width + left.long()
    shape = (*points.shape[:2], channels)

    def read(index: Tensor) -> Tensor:
        return flat.index_select(0, index.flatten()).reshape(shape).float()

    upper = read(corner) * (1 - along) + read(corner + 1) * along
    lower = read(corner + width) * (1 - along) + read(corner + width + 1) * along
    return upper * (1 - down) + lower * down


class CoordinateHead(nn.Module):
    """Ground-plane coordinates with their uncertainty, in the camera's frame.

    A polynomial of the centre's pixel is what a fixed camera would see of objects of one height; a small network
    corrects it from the object's looks (its size) and the image's context (the camera's jitter).
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.base = nn.Linear(POLYNOMIAL_TERMS, config.axes, bias=False)
        self.first = nn.Linear(config.hidden + config.pyramid + POLYNOMIAL_TERMS + 4, config.hidden // 2)
        self.second = nn.Linear(config.hidden // 2, 2 * config.axes)
        nn.init.zeros_(self.second.bias)
        with torch.no_grad():
            self.second.weight.mul_(0.1)

    def forward(self, features: Tensor, context: Tensor, places: Places) -> tuple[Tensor, Tensor]:
        """Mean and log-variance, each [rows, axes], from features [rows, hidden] and context [rows, channels]."""
        terms = polynomial(places.centres, self.config)
        edges = (places.boxes - places.centres.repeat(1, 2)) / BOX_UNIT
        hidden = functional.relu(self.first(torch.cat((features, context, terms, edges), 1)))
        correction, log_variance = self.second(hidden).chunk(2, 1)
        return self.base(terms) + correction, log_variance.clamp(-9.0, 4.0) - 2.0


class Perception(nn.Module):
    """All that is trained: network, encoder, coordinates and one small head an attribute.

    Args:
        config: Sizes.
        attributes: Number of values by the attribute's name, in the domain's order.
    """

    def __init__(self, config: NetworkConfig, attributes: Mapping[str, int]) -> None:
        super().__init__()
        self.config = config
        self.attributes = tuple(attributes)
        self.network = Network(config)
        self.encoder = ObjectEncoder(config)
        self.coordinates = CoordinateHead(config)
        half = config.hidden // 2
        # A list, as a ModuleDict refuses names such as "type".
        self.attribute_heads = nn.ModuleList(
            nn.Sequential(nn.Linear(config.hidden, half), nn.ReLU(), nn.Linear(half, values))
            for values in attributes.values()
        )

    def read_attribute(self, attribute: str, features: Tensor) -> Tensor:
        """Logits [rows, values] of one attribute from features [rows, hidden]."""
        logits: Tensor = self.attribute_heads[self.attributes.index(attribute)](features)
        return logits

    def fit_base(self, centres: Tensor, coordinates: Tensor) -> None:
        """Start the polynomial at its least squares fit to centres [rows, 2] and coordinates [rows, axes]."""
        terms = polynomial(centres.double(), self.config)
        solution = torch.linalg.lstsq(terms, coordinates.double()).solution
        with torch.no_grad():
            self.coordinates.base.weight.copy_(solution.T)
