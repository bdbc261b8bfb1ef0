"""From a training checkpoint to a calibrated perceiver."""

import json
import math
from dataclasses import replace
from pathlib import Path

from nmn.domain import Domain
from nmn.perception.calibration import Calibration, fit, gather, least_separation
from nmn.perception.data import Subset
from nmn.perception.detector import PerceiverConfig, PixelPerceiver
from nmn.perception.heads import Perception
from nmn.perception.network import NetworkConfig
from nmn.perception.proposals import ProposalConfig
from nmn.perception.training import part, read_checkpoint

LEAST_PRESENCE = 0.01  # calibrated probability below which a peak is not worth a row


def export(checkpoint: Path, domain: Domain, *, calibrate_on: Subset | None = None) -> PixelPerceiver:
    """The averaged weights of a checkpoint as a perceiver.

    Args:
        checkpoint: Written by training.
        domain: The domain it was trained for.
        calibrate_on: Images to calibrate on, none of them trained on; None leaves the raw probabilities and assumes
            nothing about how far apart objects are.

    Raises: WeightsError when the checkpoint cannot be used.
    """
    tensors, about = read_checkpoint(checkpoint, domain)
    record = json.loads(about["config"])
    size = NetworkConfig.from_record(record["network"])
    model = Perception(size, {a.name: len(a.values) for a in domain.attributes})
    model.load_state_dict(part(tensors, "average."))
    neutral = Calibration.neutral(model.attributes, model.config.axes)
    perceiver = PixelPerceiver(
        model, PerceiverConfig(model.config, ProposalConfig.from_record(record["proposals"]), neutral), domain
    )
    return perceiver if calibrate_on is None else calibrate(perceiver, calibrate_on)


def calibrate(perceiver: PixelPerceiver, images: Subset) -> PixelPerceiver:
    """The same weights, with probabilities fitted to images that were not trained on."""
    config, model = perceiver.config, perceiver.model
    margin = max([0.0, *(r.margin for r in perceiver.domain.relations if r.axis is not None)])
    separation = least_separation(images, config.network.axes, margin)
    found = gather(model, images, config.proposals)
    calibration = fit(found, margin=margin, separation=separation)
    least = (math.log(LEAST_PRESENCE / (1 - LEAST_PRESENCE)) - calibration.presence_shift) / calibration.presence_scale
    threshold = round(1 / (1 + math.exp(-least)), 4)
    proposals = replace(config.proposals, threshold=max(threshold, config.proposals.threshold))
    fitted = PerceiverConfig(config.network, proposals, calibration, separation)
    return PixelPerceiver(model, fitted, perceiver.domain, device=perceiver.device)
