"""Values of the language's kinds: their shapes and ranges, and where two differ."""

from collections.abc import Sequence

import torch
from torch import Tensor

from nmn.domain import Domain
from nmn.logic import LIMIT
from nmn.signature import BRACKET_KIND, Signature

SLACK = 1e-3
"""How far rounding may carry a number out of its range."""


def wrong_shape(
    outputs: Sequence[Tensor], signature: Signature, domain: Domain, batch: int, objects: int
) -> tuple[str, str] | None:
    """The first shape that is wrong and what it should be; None if all are right."""
    widths = {
        "ObjectSet": (objects,),
        "Object": (objects,),
        "Count": (objects + 1,),
        "Bool": (),
        "Value": (len(domain.concepts),),
        "Choice": (2,),
        "AttributeName": (len(domain.attributes),),
    }
    wanted = [(batch, *widths[signature.output])] + [(batch,)] * (len(outputs) - 1)
    names = [signature.output, "Presupposition"]
    for name, output, shape in zip(names, outputs, wanted, strict=False):
        if tuple(output.shape) != shape:
            return f"{name} of shape {tuple(output.shape)}", f"{name} of shape {shape}"
    return None


def out_of_range(
    outputs: Sequence[Tensor], signature: Signature, domain: Domain, values: Sequence[Tensor]
) -> tuple[str, str] | None:
    """What is out of range and what the range is; None if nothing is."""
    for output in outputs:
        if not bool(torch.isfinite(output).all()):
            return f"{output.tolist()}", "finite numbers"
    kind, output = signature.output, outputs[0]
    if len(outputs) > 1 and float(outputs[1].max()) > SLACK:
        return f"a presupposition of {float(outputs[1].max()):.4g}", "a log-probability: at most 0"
    if kind in ("ObjectSet", "Bool"):
        most = float(output.abs().max())
        return None if most <= LIMIT + SLACK else (f"log-odds of {most:.4g}", f"log-odds within +-{LIMIT:g}")
    if kind == "Object":
        output = output.exp()
    total = output.sum(-1)
    if float(output.min()) < -SLACK or float((total - 1).abs().max()) > SLACK:
        shown = f"smallest {float(output.min()):.4g}, sums {[round(each, 4) for each in total.tolist()]}"
        return shown, "probabilities of at least 0 with sum 1"
    if kind == "Value" and signature.bracket:
        place = [each.kind for each in signature.parameters].index(BRACKET_KIND)
        outside = torch.tensor(domain.concept_attributes)[None] != values[place][:, None]
        most = float((output * outside).max())
        if most > SLACK:
            return f"probability {most:.4g} of another attribute's value", "0 outside the attribute in brackets"
    return None


def differing(found: Tensor, wanted: Tensor, tolerance: float) -> tuple[int, ...] | None:
    """Where two tensors differ most, if by more than the tolerance; None if they agree.

    Raises: ValueError when their shapes differ.
    """
    if found.shape != wanted.shape:
        raise ValueError(f"a tensor of {tuple(found.shape)} where {tuple(wanted.shape)} would be right")
    if found.numel() == 0:
        return None
    apart = (found.double() - wanted.double()).abs() - tolerance * (1.0 + wanted.double().abs())
    apart = torch.where(torch.isnan(apart), torch.inf, apart)
    worst = apart.argmax()
    if float(apart.flatten()[worst]) <= 0:
        return None
    return tuple(int(each) for each in torch.unravel_index(worst, apart.shape))
