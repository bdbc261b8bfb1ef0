"""Fitting: what policies need to know, from images that no network was trained on and questions about them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmn.perceiver import Staged
from nmn.policies.backend import StagedBackend
from nmn.policies.costs import CostTable
from nmn.policies.looks import Policy
from nmn.policies.outcomes import Outcome, gather
from nmn.policies.remembered import RememberedPerceiver
from nmn.policies.reporting import Reporting, fit_reporting
from nmn.policies.rules import Thorough, Threshold
from nmn.policies.settings import PolicySettings, rate_of
from nmn.policies.value import Value
from nmn.program import Program
from nmn.registry import Registry
from nmn.soft import SoftBackend

DOUBTS = (0.3, 0.2, 0.1, 0.05, 0.02, 0.01)
"""Tolerated doubts that are tried, the greatest first."""

DIFFERENT = 0.001
"""Share of answers that may differ from those with all looks, beyond those that do at the least doubt."""

BATCH = 64


@dataclass(frozen=True)
class Asked:
    """Questions about images whose looks are known.

    Attributes:
        outcomes: Of the images.
        programs: Checked programs.
        images: For each program, the position of its image.
    """

    outcomes: Sequence[Outcome]
    programs: Sequence[Program]
    images: Sequence[int]


def fit_policies(
    perceiver: Staged,
    registry: Registry,
    images: Sequence[Any],
    weights: str,
    costs: CostTable,
    *,
    precision: str = "float32",
    programs: Sequence[Program] = (),
    positions: Sequence[int] = (),
    cache: Path | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> PolicySettings:
    """Take every look at some images and fit what policies need.

    Args:
        perceiver: Looks at the images.
        registry: The operations.
        images: Files that no network was trained on.
        weights: Fingerprint of the perceiver's weights.
        costs: What stages take.
        precision: What the perceiver's glance computes in.
        programs: Checked programs of questions about the images, to choose the tolerated doubts by; without, they are the
            most cautious.
        positions: For each program, the position of its image.
        cache: Folder for outcomes; what it holds is not looked at again.
        advance: Called with the number of images looked at.

    Raises: InputError when an image cannot be used.
    """
    outcomes = gather(perceiver, images, cache, advance)
    domain = perceiver.domain
    told = {each.name: len(each.values) for each in domain.attributes}
    reporting = fit_reporting(outcomes, told)
    doubt = dict.fromkeys(("threshold", "value"), DOUBTS[-1])
    if programs:
        trial = Trial(perceiver, registry, reporting, Asked(outcomes, programs, positions))
        prices = costs.prices()
        doubt["threshold"] = trial.greatest(Threshold)
        doubt["value"] = trial.greatest(lambda each: Value(each, rate_of(each, prices), prices))
    return PolicySettings(weights, len(images), precision, reporting, doubt, costs)


class Trial:
    """Policies tried on images whose looks are known, one question at a time.

    Args:
        perceiver: Whose looks they are.
        registry: The operations.
        reporting: What looks would report.
        asked: The questions.
    """

    def __init__(self, perceiver: Staged, registry: Registry, reporting: Reporting, asked: Asked) -> None:
        self.soft = SoftBackend(RememberedPerceiver(perceiver), registry)
        self.reporting, self.asked = reporting, asked
        self.thorough, backend = self.answers(Thorough())
        self.tally = backend.tally

    def answers(self, policy: Policy) -> tuple[list[str | None], StagedBackend]:
        """The answers by a policy, and the back end that counted its looks."""
        backend = StagedBackend(self.soft, self.reporting, policy)
        found: list[str | None] = []
        for start in range(0, len(self.asked.programs), BATCH):
            part = slice(start, start + BATCH)
            images = [self.asked.outcomes[image] for image in self.asked.images[part]]
            answered = backend.run(images, self.asked.programs[part], range(len(images)))
            found += [each.value for each in answered]
        return found, backend

    def greatest(self, make: Callable[[float], Policy]) -> float:
        """The greatest doubt with which hardly more answers differ from those with all looks than with the least doubt.

        Some differ whatever is tolerated: those of which the answer with all looks is itself next to even.
        """
        least = self._different(make(DOUBTS[-1]))
        for doubt in DOUBTS[:-1]:
            if self._different(make(doubt)) <= least + DIFFERENT * len(self.thorough):
                return doubt
        return DOUBTS[-1]

    def _different(self, policy: Policy) -> int:
        found, _ = self.answers(policy)
        return sum(one != other for one, other in zip(found, self.thorough, strict=True))
