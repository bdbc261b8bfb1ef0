"""What holds for every test: ./datasets hides nobody, one thread, no deadlines; and where real data lies."""

import os
import sys
from pathlib import Path

import pytest
from examples import EXPLORING, SHARE, USUALLY
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent

# With the root on sys.path, ./datasets would hide Hugging Face's package of that name (docs/decisions/0001).
sys.path[:] = [entry for entry in sys.path if Path(entry or ".").resolve() != ROOT]

# Read when torch is first imported, here or in a child process; tests that do not need torch do not wait for it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# No deadlines: the first call into torch takes a second. The same examples every time, so that a failure is the change's
# own; `make test-all` explores new ones, and more.
settings.register_profile("nmn", deadline=None, derandomize=True, max_examples=round(SHARE * USUALLY))
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("explore" if EXPLORING else "nmn")


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data sets: $NMN_DATA, or shared/data beside the repository."""
    folder = Path(os.environ.get("NMN_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"needs real data: there is no folder {folder}; set NMN_DATA to where it is")
    return folder
