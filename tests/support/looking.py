"""Images of made-up objects of which a glance is unsure, with what every look would report."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nmn.domain import Domain
from nmn.perceiver import PRESENCE
from nmn.policies.looks import Prices
from nmn.policies.outcomes import Outcome
from nmn.policies.remembered import RememberedPerceiver
from nmn.policies.reporting import Reporting, fit_reporting

CLEVR = Domain.load("clevr")
NAMES = tuple(each.name for each in CLEVR.attributes)
PATHWAYS = {PRESENCE: (PRESENCE,), **{name: (name,) for name in NAMES}}
PRICES = Prices(2.0, 0.5, dict.fromkeys(PATHWAYS, 1.0), dict.fromkeys(PATHWAYS, 0.5), 10.0)


@dataclass(frozen=True)
class Stages:
    """What a staged perceiver says of itself."""

    domain: Domain
    pathways: Mapping[str, tuple[str, ...]]

    def glance_cost(self, images: int) -> int:
        return 1000 * images

    def look_cost(self, pathway: str) -> int:
        return 100

    def read_cost(self, attribute: str) -> int:
        return 1

    def attribute_cost(self, attribute: str) -> int:
        return self.look_cost(attribute)

    def relation_cost(self, relation: str, objects: int) -> int:
        return objects


def perceiver() -> RememberedPerceiver:
    return RememberedPerceiver(Stages(CLEVR, PATHWAYS))  # type: ignore[arg-type]


def outcome(seed: int, objects: int = 5, *, noise: float = 2.0) -> Outcome:
    """One image; the more noise, the more the glance errs."""
    random = np.random.default_rng(seed)
    there = np.append(random.random(objects) < 0.9, False)[:objects]
    logits, reports = {}, {}
    for attribute in CLEVR.attributes:
        count = len(attribute.values)
        true = random.integers(count, size=objects)
        sure = np.eye(count)[true] * 8.0
        logits[attribute.name] = (sure + random.normal(0, noise, (objects, count))).astype(np.float32)
        chances = np.exp(sure) / np.exp(sure).sum(1, keepdims=True)
        reports[attribute.name] = np.log(chances).astype(np.float32)
    odds = np.where(there, 5.0, -5.0)
    reports[PRESENCE] = odds.astype(np.float32)
    places = random.normal(0, 2, (objects, 2))
    relations = np.stack(
        [
            each.sign * (places[None, :, each.axis or 0] - places[:, None, each.axis or 0]) * 50
            for each in CLEVR.relations
        ]
    )
    circumstances = np.stack((random.normal(0, 0.5, objects), random.random(objects) * 0.5), 1)
    return Outcome(
        (odds + random.normal(0, noise, objects)).astype(np.float32),
        circumstances.astype(np.float32),
        logits,
        reports,
        relations.astype(np.float32),
    )


def outcomes(number: int, start: int = 0, *, noise: float = 2.0, objects: int = 5) -> list[Outcome]:
    return [outcome(seed, objects, noise=noise) for seed in range(start, start + number)]


def reporting(images: Sequence[Outcome] | None = None) -> Reporting:
    known = outcomes(40, 1000) if images is None else images
    return fit_reporting(known, {each.name: len(each.values) for each in CLEVR.attributes})
