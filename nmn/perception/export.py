"""From training checkpoints to a calibrated perceiver."""

import json
import math
from dataclasses import replace
from pathlib import Path

from nmn.domain import Domain
from nmn.errors import WeightsError
from nmn.perception.calibration import LEAST_PRESENCE, Calibration, fit, gather, least_separation
from nmn.perception.data import Subset
from nmn.perception.detector import PixelPerceiver
from nmn.perception.focus import FocusConfig
from nmn.perception.network_config import NetworkConfig
from nmn.perception.optimisation import part, read_checkpoint
from nmn.perception.proposals import ProposalConfig
from nmn.perception.weights import PerceiverConfig, build

PROPOSED = 0.1  # raw probability of a peak from which on it is worth a closer look


def export(
    checkpoint: Path,
    domain: Domain,
    *,
    focus: Path | None = None,
    proposed: float = PROPOSED,
    calibrate_on: Subset | None = None,
) -> PixelPerceiver:
    """The averaged weights of checkpoints as a perceiver.

    Args:
        checkpoint: Of the glance, written by training.
        domain: The domain it was trained for.
        focus: Checkpoint of the focus networks; None for a glance alone.
        proposed: Raw probability of a peak from which on it is worth a closer look.
        calibrate_on: Images to calibrate on, none of them trained on, at the frame's resolution; None leaves the raw
            probabilities and assumes nothing about how far apart objects are.

    Raises: WeightsError when a checkpoint cannot be used.
    """
    tensors, about = read_checkpoint(checkpoint, domain)
    record = json.loads(about["config"])
    size = NetworkConfig.from_record(record["network"])
    proposals = ProposalConfig.from_record(record["proposals"])
    neutral = Calibration.neutral(tuple(a.name for a in domain.attributes), size.axes)
    config = PerceiverConfig(size, proposals, neutral)
    model, _ = build(config, domain)
    model.load_state_dict(part(tensors, "average."))
    perceiver = PixelPerceiver(model, config, domain)
    if focus is not None:
        perceiver = with_focus(perceiver, focus, proposed=proposed)
    return perceiver if calibrate_on is None else calibrate(perceiver, calibrate_on)


def with_focus(perceiver: PixelPerceiver, checkpoint: Path, *, proposed: float = PROPOSED) -> PixelPerceiver:
    """The same glance with the averaged focus networks of a checkpoint, to be calibrated.

    Args:
        perceiver: Its own focus networks, if any, are left out.
        checkpoint: Written by the training of the focus.
        proposed: Raw probability of a peak from which on it is worth a closer look.

    Raises: WeightsError when the checkpoint cannot be used.
    """
    tensors, about = read_checkpoint(checkpoint, perceiver.domain)
    try:
        sizes = FocusConfig.from_record(json.loads(about["config"])["focus"])
    except KeyError:
        raise WeightsError(f"checkpoint {checkpoint} is not of focus networks") from None
    proposals = replace(perceiver.config.proposals, threshold=proposed)
    config = replace(perceiver.config, focus=sizes, proposals=proposals)
    _, pathways = build(config, perceiver.domain)
    assert pathways is not None
    pathways.load_state_dict(part(tensors, "average."))
    return PixelPerceiver(perceiver.model, config, perceiver.domain, focus=pathways, device=perceiver.device)


def calibrate(perceiver: PixelPerceiver, images: Subset) -> PixelPerceiver:
    """The same weights, with probabilities fitted to images that were not trained on."""
    config = perceiver.config
    margin = max([0.0, *(r.margin for r in perceiver.domain.relations if r.axis is not None)])
    separation = least_separation(images, config.network.axes, margin)
    found = gather(perceiver, images)
    calibration = fit(found, margin=margin, separation=separation)
    proposals = config.proposals
    if perceiver.focus is None:
        least = math.log(LEAST_PRESENCE / (1 - LEAST_PRESENCE)) - calibration.presence_shift
        threshold = round(1 / (1 + math.exp(-least / calibration.presence_scale)), 4)
        proposals = replace(proposals, threshold=max(threshold, proposals.threshold))
    proposed = round(len(found.logits) / max(1, found.images), 2)
    return perceiver.configured(
        replace(config, proposals=proposals, calibration=calibration, separation=separation, proposed=proposed)
    )
