"""Fine-tuning: begin a training run with finished weights, of another domain perhaps.

Finished weights have their batch normalisation folded away. It is put back so that nothing changes: the statistics of each
convolution's outputs over some images of the run become those of its normalisation, and its scale and shift undo them.
"""

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from nmn.domain import Domain
from nmn.errors import InputError, WeightsError
from nmn.perception.heads import Perception
from nmn.perception.layers import ConvNorm
from nmn.perception.weights import read_weights

LEAST_VARIANCE = 1e-4  # of a channel's outputs; a dead one would otherwise be scaled up without bound


@torch.no_grad()
def begin(model: Perception, domain: Domain, folder: Path | None, images: Tensor) -> tuple[str, ...]:
    """Give a network in training the finished weights of another, in place.

    Args:
        model: What is to be trained, on the CPU.
        domain: What it is about.
        folder: Finished weights; None for those that ship with the package.
        images: [images, 3, height, width] 0 to 1, of the run, at the scale of the network's input.

    Returns: Names of the heads that begin anew, as the weights do not know what they tell.

    Raises: WeightsError when there are no such weights; InputError when they are of other sizes.
    """
    theirs, about = _finished(folder, domain)
    same = about.fingerprint == domain.fingerprint
    parts = dict(theirs.named_modules())
    for name, part in model.named_modules():
        if isinstance(part, ConvNorm):
            _unfold(part, parts.get(name), name)
    known = {each.name: each.values for each in about.attributes}
    anew = [each.name for each in domain.attributes if known.get(each.name) != each.values]
    _copy(model.encoder, theirs.encoder)
    for name, child in model.network.named_children():
        _copy(child, dict(theirs.network.named_children())[name])
    for name, head in zip(model.attributes, model.attribute_heads, strict=True):
        if name not in anew:
            _copy(head, theirs.attribute_heads[theirs.attributes.index(name)])
    if same:
        _copy(model.coordinates, theirs.coordinates)
    else:
        anew.append("coordinates")
    _measure(model, images)
    return tuple(anew)


def _finished(folder: Path | None, domain: Domain) -> tuple[Perception, Domain]:
    try:
        model, _, _, about = read_weights(folder, domain)
    except WeightsError:
        model, _, _, about = read_weights(folder, None)
    return model, about


def _unfold(part: ConvNorm, finished: object, name: str) -> None:
    """A normalisation that does nothing but add what was the convolution's bias."""
    fits = isinstance(finished, ConvNorm) and finished.conv.weight.shape == part.conv.weight.shape
    if not fits or not isinstance(finished, ConvNorm) or not isinstance(part.norm, nn.BatchNorm2d):
        raise InputError(
            f"the weights to begin with are of other sizes than the network to be trained, first in {name}"
        )
    assert finished.conv.bias is not None
    part.conv.weight.copy_(finished.conv.weight)
    part.norm.reset_running_stats()
    part.norm.weight.fill_((1 + part.norm.eps) ** 0.5)
    part.norm.bias.copy_(finished.conv.bias)


def _copy(mine: nn.Module, theirs: nn.Module) -> None:
    """Every tensor of the same name and shape; the rest keeps its start."""
    given = dict(theirs.named_parameters())
    for name, parameter in mine.named_parameters():
        value = given.get(name)
        if value is not None and value.shape == parameter.shape and not name.endswith("conv.weight"):
            parameter.copy_(value)


def _measure(model: Perception, images: Tensor) -> None:
    """Statistics of the run's images instead of none, with the function kept."""
    seen: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], None]:
        def hook(_: nn.Module, __: tuple[Tensor, ...], out: Tensor) -> None:
            seen[name] = out

        return hook

    norms = {name: part for name, part in model.named_modules() if isinstance(part, ConvNorm)}
    hooks = [part.conv.register_forward_hook(keep(name)) for name, part in norms.items()]
    training = model.training
    model.eval().network(images)
    model.train(training)
    for hook in hooks:
        hook.remove()
    for name, part in norms.items():
        norm = part.norm
        if name not in seen or not isinstance(norm, nn.BatchNorm2d):
            continue
        assert norm.running_mean is not None
        assert norm.running_var is not None
        variance, mean = torch.var_mean(seen[name].float(), (0, 2, 3))
        variance.clamp_(min=LEAST_VARIANCE)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.bias.add_(mean)
