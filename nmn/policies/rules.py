"""Rules: the policies that need no look ahead.

* ``glance``: never look closer.
* ``threshold``: look at each facet that programs read and of which the glance itself is not sure enough: a cascade that
  says "I don't know" (Wang et al. 2018, IDK Cascades, UAI, section 3), one facet at a time, blind to what the answer needs.
* ``thorough``: take every look at what programs read; what the others are held against.
"""

from dataclasses import dataclass

import numpy as np

from nmn.perceiver import PRESENCE
from nmn.policies.looks import Look, Pending


@dataclass(frozen=True)
class GlanceAlone:
    """Never looks closer."""

    def choose(self, image: Pending) -> list[Look]:
        """None."""
        return []


@dataclass(frozen=True)
class Threshold:
    """Looks at facets whose own doubt is above a bound.

    Attributes:
        doubt: The bound, 0 to 1.
    """

    doubt: float

    def choose(self, image: Pending) -> list[Look]:
        """All at once, in the first round."""
        if image.rounds:
            return []
        belief = image.belief
        there = np.asarray(belief.chances[PRESENCE] > self.doubt)
        chosen: list[Look] = []
        for name in (*sorted(frozenset[str]().union(*image.attributes)), PRESENCE):
            chances = belief.chances[name]
            doubts = np.minimum(chances, 1.0 - chances) if name == PRESENCE else (1.0 - chances.max(1)) * there
            for pathway in image.pathways_of([name]):
                chosen += [Look(index, pathway) for index in np.flatnonzero(doubts > self.doubt).tolist()]
        return list(dict.fromkeys(chosen))


@dataclass(frozen=True)
class Thorough:
    """Looks at every facet that programs read, of every object."""

    def choose(self, image: Pending) -> list[Look]:
        """All at once, in the first round."""
        if image.rounds:
            return []
        names = frozenset[str]().union(*image.attributes) | {PRESENCE}
        return [Look(index, pathway) for pathway in image.pathways_of(names) for index in range(image.belief.objects)]
