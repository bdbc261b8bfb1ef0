"""Sizes of the convolutional network of a glance."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

FINE_STRIDE = 4  # px of the frame a cell of the centre map
COARSE_STRIDE = 8  # px of the frame a cell of the coarse features
DEEPEST_STRIDE = 32  # px of the frame a cell of the deepest stage
READINGS = 7  # numbers a cell: log-odds of a centre, its offset (2), box edges (4)
MOST = 1 << 13  # no size in a config is larger


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network. ``width`` and ``height`` are those of the frame that every image is letterboxed to.

    ``depths`` are residual blocks a stage, which may be none; ``fine`` 0 is no fine map.
    """

    width: int = 480  # px
    height: int = 320  # px
    stem: int = 48
    stages: tuple[int, ...] = (64, 128, 192)
    depths: tuple[int, ...] = (2, 2, 1)
    pyramid: int = 64
    fine: int = 48
    window: int = 7  # sampling points a side of an object's window
    hidden: int = 256
    axes: int = 2
    scale: int = 1  # how many times smaller than the frame the network sees it: 1 or 2
    backbone: str = ""  # config of a transformers backbone as JSON; "" for the one of stem, stages and depths

    def __post_init__(self) -> None:
        if self.width % DEEPEST_STRIDE or self.height % DEEPEST_STRIDE or min(self.width, self.height) < 1:
            raise ValueError(f"width and height must be multiples of {DEEPEST_STRIDE} px")
        if self.scale not in (1, 2):
            raise ValueError(f"network scale must be 1 or 2, not {self.scale}")

    @property
    def full(self) -> "NetworkConfig":
        """The same frame at its full resolution."""
        return replace(self, scale=1)

    @staticmethod
    def from_record(record: Mapping[str, Any]) -> "NetworkConfig":
        """From JSON. Raises: TypeError or ValueError when it is not one."""
        sizes: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in dict(record).items()
        }
        text = sizes.pop("backbone", "")
        if not isinstance(text, str):
            raise ValueError("network backbone must be a text")
        for key, value in sizes.items():
            several = key in ("stages", "depths")
            least = 0 if key in ("depths", "fine") else 1
            numbers = value if several and isinstance(value, tuple) and value else (value,)
            if isinstance(value, tuple) > several or not all(type(n) is int and least <= n <= MOST for n in numbers):
                raise ValueError(f"network {key} must be {'sizes' if several else 'a size'} from {least} to {MOST}")
        config = NetworkConfig(**sizes, backbone=text)
        if len(config.stages) != len(config.depths):
            raise ValueError("network stages and depths must be as many")
        if FINE_STRIDE * 2 ** len(config.stages) > DEEPEST_STRIDE:
            raise ValueError(f"network stages must not go below stride {DEEPEST_STRIDE}")
        return config
