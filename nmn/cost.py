"""Cost: what a module declares that it computes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """The sizes that a module's cost depends on."""

    objects: int
    concepts: int


LOGARITHM = 8
"""FLOPs that an exponential or a logarithm counts as."""

CONJUNCTION = 4 * LOGARITHM + 4
"""FLOPs of one :func:`nmn.logic.conjunction`."""
