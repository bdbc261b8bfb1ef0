"""From coordinates to relations: is one object further along an axis than another, and how sure is that?"""

import torch
from torch import Tensor

from nmn.domain import Relation


def relation_log_odds(difference: Tensor, variance: Tensor, *, margin: float, separation: float) -> Tensor:
    """Log-odds that a true difference exceeds ``margin``, given its noisy measurement.

    The measured difference m has a Gaussian error of variance s². Where a generator keeps every two objects at least
    ``separation`` = g apart along every axis, the true difference d cannot lie in (-g, g); its posterior under a flat
    prior is the Gaussian N(m, s²) with that stretch cut out and the rest scaled up::

        P(d > margin) = F((m - g) / s) / (F((m - g) / s) + F((-m - g) / s))    g >= margin, F the normal distribution

    So a difference measured as +0.1 with s = 0.15 most likely holds although it is below the margin: a true 0.4 is a
    much nearer explanation than a true -0.4. Swapping the two objects negates m, which negates the log-odds: a relation
    and its inverse never contradict each other. With ``separation`` 0 nothing is known beforehand, and it is the plain
    Gaussian ``F((m - margin) / s)``; the relation and its inverse may then both fail to hold.

    Source: ours; the 0.4 is twice the margin of clevr-dataset-gen's ``--margin``, measured on its scenes.

    Args:
        difference: Measured differences, any shape, in world units.
        variance: Variances of their errors, same shape.
        margin: What the true difference must exceed.
        separation: 0, or the least absolute value of a true difference, at least ``margin``.

    Raises: ValueError when ``separation`` lies between 0 and ``margin``.
    """
    if 0 < separation < margin:
        raise ValueError(f"separation must be 0 or at least the margin {margin}, not {separation}")
    spread = variance.sqrt()
    if separation == 0:
        holds = (difference - margin) / spread
        fails = -holds
    else:
        holds = (difference - separation) / spread
        fails = (-difference - separation) / spread
    odds: Tensor = torch.special.log_ndtr(holds) - torch.special.log_ndtr(fails)
    return odds


def relation_between(
    relation: Relation,
    coordinates: Tensor,
    variance: Tensor,
    anchors: Tensor,
    anchor_variance: Tensor,
    separation: float,
) -> Tensor:
    """Log-odds [rows, objects] that each object is ``relation`` of the row's anchor.

    Args:
        relation: One with an axis.
        coordinates: [rows, objects, axes] of all objects of the anchor's image.
        variance: [rows, objects, axes].
        anchors: [rows, axes] of the anchors.
        anchor_variance: [rows, axes].
        separation: See :func:`relation_log_odds`.
    """
    axis = relation.axis or 0
    difference = relation.sign * (coordinates[..., axis] - anchors[:, None, axis])
    total = variance[..., axis] + anchor_variance[:, None, axis]
    return relation_log_odds(difference, total, margin=relation.margin, separation=separation)
