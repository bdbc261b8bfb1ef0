"""Certifying: proofs of what a policy answers where it stops."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nmn.domain import Domain
from nmn.errors import ProgramError
from nmn.possible import PossibleProgram, possible_program
from nmn.possible.building import Chances, from_chances
from nmn.program import Program
from nmn.promise.certificate import Certificate, certify
from nmn.registry import Registry

PROGRAMS_KEPT = 2**14


@dataclass(frozen=True)
class Certifier:
    """Proves answers from what is known of the facets that were not looked at.

    Attributes:
        domain: What is spoken of.
        registry: The operations.
        least: Probability from which on a value is among those that a look may report.
        fingerprints: Of weights, domain and calibration.
    """

    domain: Domain
    registry: Registry
    least: float
    fingerprints: Mapping[str, str]
    _programs: dict[Program, PossibleProgram | None] = field(default_factory=dict, repr=False, compare=False)

    def certificate(
        self,
        program: Program,
        presence: Chances,
        attributes: Mapping[str, Chances],
        relations: NDArray[np.bool_],
        answer: str | None,
    ) -> Certificate | None:
        """A certificate of an answer; None where what is known leaves another, or none was found.

        Args:
            program: Checked.
            presence: [objects] probability that a look would report it; of what was looked at next to 0 or 1.
            attributes: [objects, values] likewise, by name, of those that the program reads.
            relations: [relations, anchors, objects] that surely hold; no look changes them.
            answer: What the policy answers.

        Raises: SceneError.
        """
        possible = self._possible(program)
        if possible is None:
            return None
        named = {self.domain.relations[number].name: relations[number].astype(float) for number in possible.relations}
        read = {self.domain.attributes[number].name for number in possible.attributes}
        known = {name: table for name, table in attributes.items() if name in read}
        scene = from_chances(self.domain, presence, known, named, least=self.least)
        found = certify(possible, scene, self.fingerprints)
        return found if found is not None and found.answer == answer else None

    def _possible(self, program: Program) -> PossibleProgram | None:
        if program not in self._programs:
            if len(self._programs) >= PROGRAMS_KEPT:
                self._programs.clear()
            try:
                self._programs[program] = possible_program(program, self.domain, self.registry)
            except ProgramError:
                self._programs[program] = None
        return self._programs[program]


def missed(
    reported: Mapping[str, NDArray[np.int64]], chances: Mapping[str, Chances], thresholds: Sequence[float]
) -> NDArray[np.float64]:
    """[thresholds] share of an image's facets whose reported value is not in its prediction set.

    What :func:`nmn.promise.risk.largest_threshold` takes, one row an image.

    Args:
        reported: [objects] the value that a look reports, by attribute.
        chances: [objects, values] what was expected of it, by attribute.
        thresholds: Rising.
    """
    found, count = np.zeros(len(thresholds)), 0
    for name, values in reported.items():
        table = chances[name]
        given = table[np.arange(len(values)), values]
        likeliest = given == table.max(1, initial=0.0)
        found += ((given[:, None] <= np.asarray(thresholds)) & ~likeliest[:, None]).sum(0)
        count += len(values)
    return found / max(count, 1)
