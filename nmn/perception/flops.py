"""FLOPs of the parts of a perceiver, two for a multiply-add, counted on networks without data, so that nothing runs."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from nmn.perception.crops import MARKS, MEASURES
from nmn.perception.focus import Crops, Focus, FocusConfig
from nmn.perception.heads import ObjectEncoder
from nmn.perception.network import Network
from nmn.perception.network_config import NetworkConfig


def counted(run: Callable[[], object]) -> int:
    """FLOPs of what a function runs."""
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        run()
    return int(counter.get_total_flops())


def network_flops(config: NetworkConfig) -> int:
    """Of the convolutional network on one image."""
    with torch.device("meta"):
        ghost = Network(config).eval()
        image = torch.empty(1, 3, config.height // config.scale, config.width // config.scale)
        return counted(lambda: ghost(image))


def pathway_flops(config: FocusConfig, name: str, outputs: int) -> int:
    """Of one focus pathway on one crop; ``outputs`` is how many numbers it reads."""
    size = config.crop.size
    told = config.pathways[name].attributes
    with torch.device("meta"):
        ghost = Focus(config, dict.fromkeys((a for p in config.pathways.values() for a in p.attributes), 1)).eval()
        pixels = torch.empty(1, 3 + MARKS, size, size)
        crops = Crops(pixels, pixels, torch.empty(1, MEASURES))
        seen = counted(lambda: ghost.look(name, crops))
    return seen + 2 * config.pathways[name].hidden * (outputs - max(1, len(told)))


def linear_flops(part: nn.Module) -> int:
    """Of the linear layers of a part on one row."""
    return 2 * sum(int(layer.weight.numel()) for layer in part.modules() if isinstance(layer, nn.Linear))


def encoder_flops(encoder: ObjectEncoder) -> int:
    """Of the features of one object."""
    inner = encoder.config.window - 2
    kernel: Tensor = encoder.window.weight
    return 2 * int(kernel.numel()) * inner * inner + linear_flops(encoder.join) + linear_flops(encoder.mix)
