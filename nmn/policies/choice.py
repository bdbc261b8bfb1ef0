"""Choice: which policy looks at an image, and how much doubt and time it may leave or take."""

import math
from dataclasses import dataclass
from typing import TypedDict

from nmn.errors import InputError, nearest

WHOLE = ("read", "lazy", "everything")
"""Policies of the soft back end: every look is taken, as programs are about to read, as they ask, or of all there is."""

STAGED = ("glance", "threshold", "value")
"""Policies that choose looks."""

POLICIES = (*WHOLE, *STAGED)


@dataclass(frozen=True)
class Choice:
    """How an image is looked at.

    Attributes:
        policy: One of :data:`POLICIES`.
        doubt: For ``value``, the probability of another answer that is tolerated; for ``threshold``, of another value of a
            facet. What was found best on the calibration images if None.
        budget_ms: Milliseconds that an image may cost together, for ``value``; no bound if None.
    """

    policy: str
    doubt: float | None = None
    budget_ms: float | None = None

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise InputError(f"no policy {self.policy!r}{nearest(self.policy, POLICIES)}")
        if self.doubt is not None and not 0 <= self.doubt < 1:
            raise InputError(f"doubt must be a probability from 0 to below 1, not {self.doubt:g}")
        if self.doubt is not None and self.policy not in ("value", "threshold"):
            raise InputError(f"policy {self.policy!r} takes no doubt; 'value' and 'threshold' do")
        if self.budget_ms is not None and self.policy != "value":
            raise InputError(f"policy {self.policy!r} keeps to no budget; 'value' does")
        if self.budget_ms is not None and not 0 < self.budget_ms < math.inf:
            raise InputError(f"a budget must be a number of milliseconds above 0, not {self.budget_ms:g}")


class LookOptions(TypedDict, total=False):
    """How closely images are looked at, in the words of a :class:`Choice`."""

    policy: str | None
    doubt: float | None
    budget_ms: float | None


def choice_of(policy: str | None = None, doubt: float | None = None, budget_ms: float | None = None) -> Choice | None:
    """The choice that is made by naming any part of it; None where none is named.

    Raises: InputError when the parts contradict each other.
    """
    if policy is None and doubt is None and budget_ms is None:
        return None
    return Choice("value" if policy is None else policy, doubt, budget_ms)
