"""Settings: what policies know beyond the weights, in ``policies.json`` and ``costs.json`` beside them."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nmn.errors import DataError, InputError, WeightsError
from nmn.files import read_json, write_json
from nmn.policies.choice import Choice
from nmn.policies.costs import CostTable, machine_fingerprint, weights_fingerprint
from nmn.policies.looks import Policy, Prices
from nmn.policies.reporting import Reporting
from nmn.policies.rules import GlanceAlone, Threshold
from nmn.policies.value import Value

_LOG = logging.getLogger(__name__)

SETTINGS_FORMAT = 1
SETTINGS_FILE, COSTS_FILE = "policies.json", "costs.json"

PRECISIONS = ("float32", "bfloat16")

SHARE = 1 / 3
"""Part of the tolerated doubt that a first look at an image must be worth; what the rate follows from."""


@dataclass(frozen=True)
class PolicySettings:
    """What was fitted on images that no network was trained on.

    Attributes:
        weights: Fingerprint of the weights.
        images: How many images.
        precision: What the glance's convolutions compute in.
        reporting: What looks would report, given the glance.
        doubt: Tolerated by default, by policy.
        costs: What stages take; decisions follow from it wherever they are taken.
    """

    weights: str
    images: int
    precision: str
    reporting: Reporting
    doubt: Mapping[str, float]
    costs: CostTable

    @property
    def prices(self) -> Prices:
        """What looks cost."""
        return self.costs.prices()

    def write(self, folder: Path) -> None:
        """Write both files, each in one step."""
        record = {
            "format": SETTINGS_FORMAT,
            "weights": self.weights,
            "images": self.images,
            "precision": self.precision,
            "reporting": self.reporting.to_record(),
            "doubt": dict(self.doubt),
        }
        self.costs.write(folder / COSTS_FILE)
        write_json(folder / SETTINGS_FILE, record, indent=1)

    @staticmethod
    def read(folder: Path) -> "PolicySettings":
        """What stands beside weights; the log says where it is of other weights, or its costs of another machine.

        Raises: WeightsError when it is missing or broken.
        """
        path = folder / SETTINGS_FILE
        if not path.is_file():
            raise WeightsError(
                f"weights {folder} have no {SETTINGS_FILE}, which policies need: nmn calibrate policies writes it"
            )
        record = read_json(path, WeightsError)
        try:
            found = _settings(record, CostTable.read(folder / COSTS_FILE))
        except DataError as error:
            raise WeightsError(f"{error}; nmn bench costs writes one") from None
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise WeightsError(f"{path} holds no settings of policies: {error}") from None
        found._warn(folder)
        return found

    def with_costs(self, costs: CostTable) -> "PolicySettings":
        """The same with other prices."""
        return replace(self, costs=costs)

    def _warn(self, folder: Path) -> None:
        own = weights_fingerprint(folder)
        if self.weights != own:
            _LOG.warning(
                "%s was fitted for other weights: nmn calibrate policies fits it again", folder / SETTINGS_FILE
            )
        if self.costs.weights != own:
            _LOG.warning("%s is of other weights: nmn bench costs measures it again", folder / COSTS_FILE)
        elif self.costs.machine != machine_fingerprint():
            _LOG.warning("%s is of another machine; its prices stay in force", folder / COSTS_FILE)

    def policy(self, choice: Choice) -> Policy:
        """The policy that is chosen. Raises: InputError when its budget cannot be kept."""
        if choice.policy == "glance":
            return GlanceAlone()
        doubt = self.doubt[choice.policy] if choice.doubt is None else choice.doubt
        if choice.policy == "threshold":
            return Threshold(doubt)
        prices = self.prices
        budget = None
        if choice.budget_ms is not None:
            budget = choice.budget_ms - prices.glance
            if budget < 0:
                raise InputError(
                    f"a budget of {choice.budget_ms:g} ms cannot be kept: a glance alone takes {prices.glance:.1f} ms"
                )
        return Value(doubt, rate_of(doubt, prices), prices, budget)


def rate_of(doubt: float, prices: Prices) -> float:
    """Value a millisecond at which a first look that is worth a part of the tolerated doubt is just worth its price."""
    first = min(prices.opening + prices.crop + prices.setups[name] + prices.each[name] for name in prices.each)
    return SHARE * doubt / max(first, 1e-6)


def _settings(record: Any, costs: CostTable) -> PolicySettings:
    if record["format"] != SETTINGS_FORMAT:
        raise ValueError(f"it is not of format {SETTINGS_FORMAT}")
    doubt = {str(name): float(value) for name, value in dict(record["doubt"]).items()}
    if not {"threshold", "value"} <= set(doubt) or not all(0 <= value < 1 for value in doubt.values()):
        raise ValueError("it has no doubt of threshold and value")
    precision = str(record["precision"])
    if precision not in PRECISIONS:
        raise ValueError(f"precision must be one of {', '.join(PRECISIONS)}")
    reporting = Reporting.from_record(record["reporting"])
    return PolicySettings(str(record["weights"]), int(record["images"]), precision, reporting, doubt, costs)
