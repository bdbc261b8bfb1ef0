"""Weights on disk: a folder with config.json and float16 safetensors."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nmn.domain import Domain
from nmn.errors import WeightsError
from nmn.files import read_json, write_bytes, write_json
from nmn.perception.calibration import Calibration
from nmn.perception.focus import Focus, FocusConfig
from nmn.perception.heads import Perception
from nmn.perception.layers import fold
from nmn.perception.network_config import NetworkConfig
from nmn.perception.proposals import ProposalConfig

WEIGHTS_FORMAT = 1
WEIGHTS_FILE, CONFIG_FILE = "model.safetensors", "config.json"
DOMAIN_FILE = "domain.toml"  # beside weights whose domain does not ship with the package
FOCUS = "focus."  # what the names of the focus networks' weights begin with


@dataclass(frozen=True)
class PerceiverConfig:
    """What stands beside the weights in config.json.

    Attributes:
        network: Sizes of the glance.
        proposals: Which peaks become objects.
        calibration: What makes probabilities of raw outputs.
        separation: World units; see :mod:`nmn.perception.geometry`.
        focus: Sizes of the focus networks; None where there is but a glance.
        proposed: Objects that a glance proposes of an image, in the mean of those that it was calibrated on.
    """

    network: NetworkConfig
    proposals: ProposalConfig
    calibration: Calibration
    separation: float = 0.0
    focus: FocusConfig | None = None
    proposed: float = 0.0


def build(config: PerceiverConfig, domain: Domain) -> tuple[Perception, Focus | None]:
    """Networks of these sizes, untrained. Raises: ValueError."""
    sizes = {attribute.name: len(attribute.values) for attribute in domain.attributes}
    return Perception(config.network, sizes), None if config.focus is None else Focus(config.focus, sizes)


def read_weights(
    path: str | Path | None, domain: Domain | None
) -> tuple[Perception, Focus | None, PerceiverConfig, Domain]:
    """Networks, folded, that :func:`write_weights` wrote; without a path, those that ship with the package.

    Raises: WeightsError when they are missing, damaged, of another format or of another domain.
    """
    folder = Path(str(resources.files("nmn"))) / "weights" / "clevr" if path is None else Path(path)
    if not (folder / CONFIG_FILE).is_file() or not (folder / WEIGHTS_FILE).is_file():
        raise WeightsError(f"no perception weights in {folder}: {CONFIG_FILE} and {WEIGHTS_FILE} are needed")
    config, domain = _read_config(folder / CONFIG_FILE, domain)
    try:
        with torch.device("meta"):  # without data, so that sizes that the weights do not have cost nothing
            model, focus = build(config, domain)
            for network in (model, focus):
                if network is not None:
                    fold(network.eval())
        tensors = {name: value.float() for name, value in load_file(folder / WEIGHTS_FILE).items()}
        mine = {name: value for name, value in tensors.items() if not name.startswith(FOCUS)}
        model.load_state_dict(mine, assign=True)
        if focus is not None:
            closer = {name.removeprefix(FOCUS): value for name, value in tensors.items() if name.startswith(FOCUS)}
            focus.load_state_dict(closer, assign=True)
    except (SafetensorError, OSError, RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[-1].strip()
        raise WeightsError(f"weights {folder / WEIGHTS_FILE} do not fit their config: {reason}") from None
    return model, focus, config, domain


def write_weights(
    folder: Path, model: nn.Module, focus: nn.Module | None, config: PerceiverConfig, domain: Domain
) -> None:
    """Write weights and config.json into a folder, each in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{WEIGHTS_FILE}.part"
    tensors: dict[str, Tensor] = dict(model.state_dict())
    if focus is not None:
        tensors |= {FOCUS + name: value for name, value in focus.state_dict().items()}
    save_file({name: value.half().cpu().contiguous() for name, value in tensors.items()}, temporary, {"format": "pt"})
    temporary.chmod(0o644)  # safetensors makes files that only their owner can read
    temporary.replace(folder / WEIGHTS_FILE)
    about = {"name": domain.name, "fingerprint": domain.fingerprint}
    record = {"format": WEIGHTS_FORMAT, "domain": about, **asdict(config)}
    write_json(folder / CONFIG_FILE, record, indent=2)


def keep_domain(domain: str, folder: Path) -> None:
    """Put a copy of a domain file beside weights, so that they are read with it; a domain that ships needs none."""
    if Path(domain).is_file():
        write_bytes(folder / DOMAIN_FILE, Path(domain).read_bytes())


def _read_config(path: Path, domain: Domain | None) -> tuple[PerceiverConfig, Domain]:
    record = read_json(path, WeightsError)
    if not isinstance(record, dict) or record.get("format") != WEIGHTS_FORMAT:
        raise WeightsError(f"{path} is not of perception weights format {WEIGHTS_FORMAT}")
    try:
        about = record["domain"]
        if domain is None:
            beside = path.parent / DOMAIN_FILE
            domain = Domain.load(beside if beside.is_file() else about["name"])
        if about["fingerprint"] != domain.fingerprint:
            raise WeightsError(
                f"weights {path.parent} were trained for domain {about['name']!r} with other names or values than"
                f" {domain.name!r} has; train them again for it"
            )
        return _config(record), domain
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise WeightsError(f"{path} is not a perception config: {error}") from None


def _config(record: Mapping[str, Any]) -> PerceiverConfig:
    for part in ("network", "proposals", "calibration"):
        if not isinstance(record[part], dict):
            raise TypeError(f"{part} must be an object")
    separation = float(record["separation"])
    if not 0 <= separation < math.inf:
        raise ValueError("separation must be a distance")
    network = NetworkConfig.from_record(record["network"])
    calibration = Calibration.from_record(record["calibration"])
    if len(calibration.spread) != network.axes:
        raise ValueError(f"calibration spread must have {network.axes} factors, one an axis")
    focus = None if record.get("focus") is None else FocusConfig.from_record(record["focus"])
    proposed = float(record.get("proposed", 0.0))
    if not 0 <= proposed < math.inf:
        raise ValueError("proposed must be a number of objects")
    proposals = ProposalConfig.from_record(record["proposals"])
    return PerceiverConfig(network, proposals, calibration, separation, focus, proposed)
