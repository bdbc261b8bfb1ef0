"""Kinds: what values imply, in domains where a dog is an animal or a thing may be black and white.

Where every attribute has exactly one value and none implies another, as in CLEVR, there is nothing to compute and no
:class:`Kinds`.
"""

from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from nmn.domain import Domain
from nmn.logic import LIMIT

_TINY = 1e-30


@dataclass
class Kinds:
    """What objects are, besides the values that a perceiver gives.

    Of an exclusive attribute a perceiver gives the distribution of the most specific value; of one that is not, the
    probability of each value by itself.

    Attributes:
        domain: Says what implies what.
        fits: [concepts, images, objects] log-probability that an object carries each concept, by its values or by any that
            imply it.
        several: [attributes] bool, those of which several values may hold.
    """

    domain: Domain
    fits: Tensor
    several: Tensor

    @staticmethod
    def of(domain: Domain, attributes: Tensor) -> "Kinds | None":
        """Kinds of objects of which nothing is known yet; None in a domain that has none.

        Args:
            domain: Says what implies what.
            attributes: [concepts, images, objects], for size and type.
        """
        if not has_kinds(domain):
            return None
        several = torch.tensor([not each.exclusive for each in domain.attributes], device=attributes.device)
        return Kinds(domain, attributes.clone(), several)

    def put(self, attribute: int, flat: Tensor, values: Tensor) -> None:
        """Take in the values [rows, values] of an attribute, log-probabilities, for objects at flat positions."""
        declared = self.domain.attributes[attribute]
        first, end = self.domain.span(declared.name)
        fits = values
        if declared.hypernyms:
            upper, below = _below(self.domain, attribute)
            below = below.to(values)
            if declared.exclusive:
                implied = torch.matmul(values.exp(), below.t()).clamp_min(_TINY).log()
            else:
                lacking = torch.log((-values.expm1()).clamp_min(_TINY))
                implied = (-torch.matmul(lacking, below.t()).expm1()).clamp_min(_TINY).log()
            fits = values.index_copy(1, upper.to(values.device), implied.clamp(-LIMIT, 0.0))
        self.fits.view(self.fits.shape[0], -1)[first:end].index_copy_(1, flat, fits.t())

    def named(self, values: Tensor, attribute: Tensor) -> Tensor:
        """Probabilities [batch, objects, concepts] of the value that one would name: of several that hold, each as likely."""
        total = values.sum(-1, keepdim=True).clamp_min(_TINY)
        return torch.where(self.several[attribute][:, None, None], values / total, values)

    def imply_both(self, first: Tensor, second: Tensor) -> Tensor:
        """[batch, concepts] bool: the values that imply both of two concepts."""
        implies = implications(self.domain).to(first.device)
        return implies.index_select(0, first) & implies.index_select(0, second)


def has_kinds(domain: Domain) -> bool:
    """Whether a value may imply another, or stand beside another, in this domain."""
    return bool(domain.included) or not all(attribute.exclusive for attribute in domain.attributes)


@lru_cache(maxsize=4)
def implications(domain: Domain) -> Tensor:
    """[concepts, concepts] bool: whether the second implies the first; every concept implies itself."""
    found = torch.eye(len(domain.concepts), dtype=torch.bool)
    for concept, values in domain.included.items():
        found[concept, list(values)] = True
    return found


@lru_cache(maxsize=16)
def _below(domain: Domain, attribute: int) -> tuple[Tensor, Tensor]:
    """Positions of an attribute's hypernyms, and which of its values imply each."""
    declared = domain.attributes[attribute]
    below = torch.zeros(len(declared.included), len(declared.values))
    for row, values in enumerate(declared.included.values()):
        below[row, [declared.index(value) for value in values]] = 1.0
    return torch.tensor([declared.index(value) for value in declared.included]), below
