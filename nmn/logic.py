"""Arithmetic of log-odds: and, or, not, kept finite.

A log-odds is clamped to plus or minus :data:`LIMIT`, so that certainty stays finite, gradients exist everywhere, and
reasoning over certain facts agrees with set logic to about 1e-6.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

LIMIT = 16.0
"""Largest log-odds: a doubt of 1.1e-7, the least that float32 can tell from certainty."""

POSSIBLE = -LIMIT + 1e-3
"""Log-odds, and log-probabilities, above this are of something that may be; what is asked of objects depends on it."""

ABSENT = -1e4
"""Stands for log 0 where padding is left out of a softmax; finite, so that an image without objects gives no NaN."""

_LOWEST = -LIMIT - math.log1p(math.exp(-LIMIT))
_HIGHEST = -math.log1p(math.exp(-LIMIT))
_TINY = 1e-30
_NEARLY = 1.0 - 1e-7


def clamp(log_odds: Tensor) -> Tensor:
    """Keep log-odds within the limit."""
    return log_odds.clamp(-LIMIT, LIMIT)


def from_log_probability(log_probability: Tensor) -> Tensor:
    """Log-odds of a log-probability, precise near 0 and near 1."""
    return from_bounded(bounded(log_probability))


def bounded(log_probability: Tensor) -> Tensor:
    """A log-probability within the bounds of clamped log-odds; past them its log-odds would have no gradient."""
    return log_probability.clamp(_LOWEST, _HIGHEST)


def from_bounded(log_probability: Tensor) -> Tensor:
    """Log-odds of a log-probability that is within bounds."""
    return log_probability - torch.log(-torch.expm1(log_probability))


def conjunction(first: Tensor, second: Tensor) -> Tensor:
    """Log-odds of both of two independent claims: ``p q``."""
    return from_log_probability(logsigmoid(first) + logsigmoid(second))


def disjunction(first: Tensor, second: Tensor) -> Tensor:
    """Log-odds of at least one of two independent claims: ``p + q - p q``."""
    return -conjunction(-first, -second)


def from_odds(yes: Tensor, no: Tensor) -> Tensor:
    """Log-odds from the probabilities of yes and of no, each computed for itself so that neither loses digits."""
    return clamp(torch.log(yes.clamp_min(_TINY)) - torch.log(no.clamp_min(_TINY)))


def less(first: Tensor, second: Tensor) -> Tensor:
    """Log-odds that the first of two independent numbers is the smaller.

    Args:
        first: [batch, numbers] probabilities of 0, 1, ...
        second: [batch, numbers], likewise.
    """
    below = first.cumsum(-1) - first
    at_least = first.flip(-1).cumsum(-1).flip(-1)
    return from_odds((second * below).sum(-1), (second * at_least).sum(-1))


def log_or_least(probability: Tensor) -> Tensor:
    """Log-probability, finite where the probability is 0."""
    return probability.clamp_min(_TINY).log()


def one_of_two(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """[batch, 2] probabilities of two claims given that one of them holds, and [batch] log-probability that one does.

    Args:
        first: [batch] probability of the first and not the second.
        second: [batch] probability of the second and not the first.
    """
    weights = torch.stack([first, second], dim=-1) + _TINY
    return weights / weights.sum(-1, keepdim=True), log_or_least((first + second).clamp_max(1.0))


def agreement(members: Tensor, presence: Tensor, values: Tensor, mask: Tensor, possible: Tensor) -> Tensor:
    """[batch] log-odds that all members of a set have one value.

    Args:
        members: [batch, objects] log-odds of membership.
        presence: [batch, objects] log-odds that it is an object at all.
        values: [batch, objects, concepts] probabilities of values.
        mask: [batch, objects] bool, False on padding.
        possible: [batch, concepts] bool, the values that there are.
    """
    member = conjunction(members, presence).sigmoid() * mask
    none = torch.log1p(-member.clamp_max(_NEARLY)).sum(-1)
    differing = (member.unsqueeze(-1) * (1.0 - values)).clamp_max(_NEARLY)
    # Given that there is a member, that all have one value and that all have another exclude each other.
    agreeing = (torch.log1p(-differing).sum(1).exp() - none.exp().unsqueeze(-1)) * possible
    all_agree = none.exp() + agreeing.sum(-1)
    return from_odds(all_agree, 1.0 - all_agree)


def mixed(weight: Tensor, rows: Tensor) -> Tensor:
    """Log-odds of the row of an uncertain object: ``sum_i o[i] * r[i, j]``.

    Args:
        weight: [batch, objects] log-probabilities of which object it is.
        rows: [batch, objects, others] log-odds, a row for each object.
    """
    chosen = weight.exp().unsqueeze(1)
    return from_odds(torch.bmm(chosen, rows.sigmoid()).squeeze(1), torch.bmm(chosen, (-rows).sigmoid()).squeeze(1))


def any_related(weight: Tensor, members: Tensor, rows: Tensor, mask: Tensor) -> Tensor:
    """Log-odds that an uncertain object is related to any member: ``sum_i o[i] * (1 - prod_j(1 - p[j] * r[i, j]))``.

    Args:
        weight: [batch, objects] log-probabilities of which object it is.
        members: [batch, others] log-odds of being there and a member.
        rows: [batch, objects, others] log-odds, a row for each object.
        mask: [batch, others] bool, False where it is padding.
    """
    absent = logsigmoid(-conjunction(members.unsqueeze(1), rows)) * mask.unsqueeze(1)
    none, chosen = absent.sum(-1), weight.exp()
    return from_odds((chosen * -none.expm1()).sum(-1), (chosen * none.exp()).sum(-1))
