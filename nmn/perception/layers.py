"""Layers that all the convolutional networks here are made of."""

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from nmn.perception.processes import BatchNorm


class ConvNorm(nn.Module):
    """Convolution, batch normalisation, and a rectifier unless told otherwise."""

    def __init__(self, inputs: int, outputs: int, *, size: int = 3, stride: int = 1, rectify: bool = True) -> None:
        super().__init__()
        padding = (size - stride + 1) // 2 if size > stride else 0
        self.conv = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
        self.norm: nn.Module | None = BatchNorm(outputs)
        self.rectify = rectify

    def forward(self, x: Tensor) -> Tensor:
        """Map [images, inputs, rows, columns] to [images, outputs, rows / stride, columns / stride]."""
        y: Tensor = self.conv(x)
        if self.norm is not None:
            y = self.norm(y)
        return functional.relu(y, inplace=True) if self.rectify else y


class Residual(nn.Module):
    """Two 3x3 convolutions beside the identity."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = ConvNorm(channels, channels)
        self.second = ConvNorm(channels, channels, rectify=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map [images, channels, rows, columns] to the same shape."""
        return functional.relu(self.second(self.first(x)) + x, inplace=True)


def fold(network: nn.Module) -> None:
    """Fold every batch normalisation into its convolution, in place: the same function in evaluation, with less to run.

    Afterwards no result can depend on what shares its batch.
    """
    for part in network.modules():
        if isinstance(part, ConvNorm) and isinstance(part.norm, nn.BatchNorm2d):
            part.conv = fuse_conv_bn_eval(part.conv.eval(), part.norm.eval())
            part.norm = None
