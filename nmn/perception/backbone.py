"""Backbones: an image in, feature maps out, each at half the resolution of the one before.

One interface stands before the small residual network that is trained here and before any backbone of transformers
(``AutoBackbone``), so that the rest of the network does not know which it has.
"""

import json
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn

from nmn.errors import InputError
from nmn.perception.layers import ConvNorm, Residual
from nmn.perception.network_config import FINE_STRIDE, NetworkConfig

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, which such backbones were trained on
PROBE = 64  # px a side of the image that tells a backbone's strides


class Backbone(Protocol):
    """What makes feature maps; a torch module.

    Attributes:
        channels: Of each map, from the finest, at FINE_STRIDE px of the frame, to the coarsest.
    """

    channels: tuple[int, ...]

    def __call__(self, images: Tensor) -> list[Tensor]:
        """Maps of images [images, 3, height, width], 0 to 1."""
        ...


class ResidualBackbone(nn.Module):
    """A strided stem and stages of residual blocks."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        stride = FINE_STRIDE // config.scale
        self.channels = (config.stem, *config.stages)
        self.stem = ConvNorm(3, config.stem, size=stride + 2, stride=stride)
        self.stages = nn.ModuleList(
            nn.Sequential(ConvNorm(before, after, stride=2), *(Residual(after) for _ in range(depth)))
            for (before, after), depth in zip(pairwise(self.channels), config.depths, strict=True)
        )

    def forward(self, images: Tensor) -> list[Tensor]:
        """See :class:`Backbone`."""
        levels: list[Tensor] = [self.stem((images - 0.45) * 6.0)]  # CLEVR's grey floor comes out near 0
        for stage in self.stages:
            levels.append(stage(levels[-1]))
        return levels


class TransformersBackbone(nn.Module):
    """A backbone of transformers, with the maps of all its stages.

    Args:
        record: Its config as JSON, with ``model_type``.
        scale: How many times smaller than the frame its images are.

    Raises: ValueError when there is no such backbone, or its maps do not halve from stride 4 of the frame on.
    """

    def __init__(self, record: str, scale: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.deviation: Tensor
        from transformers import AutoBackbone, AutoConfig

        try:
            given = json.loads(record)
            config = AutoConfig.for_model(given.pop("model_type"), **given)
            config.out_features = list(config.stage_names)
            self.body = AutoBackbone.from_config(config)
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            raise ValueError(f"no backbone of transformers: {str(error).splitlines()[0]}") from None
        for name, values in (("mean", MEAN), ("deviation", DEVIATION)):
            self.register_buffer(name, torch.tensor(values)[:, None, None], persistent=False)
        with torch.no_grad():
            maps = self.body.eval()(torch.zeros(1, 3, PROBE, PROBE)).feature_maps
        strides = [scale * PROBE // found.shape[-1] for found in maps]
        wanted = [FINE_STRIDE * 2**level for level in range(8) if FINE_STRIDE * 2**level in strides]
        if len(wanted) < 2 or wanted[0] != FINE_STRIDE:
            raise ValueError(f"a backbone needs maps at strides 4, 8, ... px of the frame; this one has {strides}")
        self.taken = tuple(max(k for k, stride in enumerate(strides) if stride == each) for each in wanted)
        self.channels = tuple(int(maps[k].shape[1]) for k in self.taken)

    def forward(self, images: Tensor) -> list[Tensor]:
        """See :class:`Backbone`."""
        maps = self.body((images - self.mean) / self.deviation).feature_maps
        return [maps[k] for k in self.taken]


def build_backbone(config: NetworkConfig) -> "ResidualBackbone | TransformersBackbone":
    """The backbone that a config names. Raises: ValueError."""
    return TransformersBackbone(config.backbone, config.scale) if config.backbone else ResidualBackbone(config)


def backbone_record(name: str) -> str:
    """The config of a backbone of transformers, by name or folder, as JSON. Raises: InputError."""
    from transformers import AutoConfig

    try:
        config = AutoConfig.from_pretrained(name)
    except (OSError, ValueError) as error:
        raise InputError(f"no backbone {name!r}: {str(error).strip().splitlines()[0]}") from None
    record = config.to_diff_dict() | {"model_type": config.model_type}
    return json.dumps({key: value for key, value in record.items() if key not in _OF_FILES})


_OF_FILES = {
    "architectures",
    "transformers_version",
    "_name_or_path",
    "dtype",
    "torch_dtype",
    "out_features",
    "out_indices",
}


def load_pretrained(backbone: TransformersBackbone, name: str) -> None:
    """Give a backbone the weights that transformers has of it, by name or folder. Raises: InputError."""
    try:
        theirs = type(backbone.body).from_pretrained(name)
        backbone.body.load_state_dict(theirs.state_dict())
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(f"no weights of backbone {name!r}: {str(error).strip().splitlines()[0]}") from None
