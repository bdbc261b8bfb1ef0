"""The executor against the loop: the claim of speed in docs/performance.md.

Run with small defaults, or as ``nmn bench executor`` with all its options.
"""

import subprocess
import sys

if __name__ == "__main__":
    arguments = sys.argv[1:] or ["--batch", "1", "--batch", "64", "--repeats", "3"]
    sys.exit(subprocess.call([sys.executable, "-m", "nmn.cli", "bench", "executor", *arguments]))
