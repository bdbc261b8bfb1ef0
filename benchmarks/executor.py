"""The executor against the loop: the claim of speed in docs/performance.md.

The same as ``nmn bench executor``, with smaller defaults.
"""

import sys

from nmn.cli import main

if __name__ == "__main__":
    arguments = sys.argv[1:] or ["--batch", "1", "--batch", "64", "--repeats", "3"]
    sys.argv = ["nmn", "bench", "executor", *arguments]
    main()
