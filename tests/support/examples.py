"""How many examples a law is tried on: as many as it says by `make test-all`, two in five of them by `make test`."""

import os

from hypothesis import settings

EXPLORING = os.environ.get("NMN_HYPOTHESIS") == "explore"
SHARE = 1.0 if EXPLORING else 0.4
USUALLY = 100  # hypothesis' own number


def examples(number: int) -> settings:
    """The settings of a law that is to be tried on so many examples."""
    return settings(max_examples=max(1, round(SHARE * number)))
