"""``python -m benchmarks [GROUP ...]``: the same as ``natron bench``."""

import sys

from natron.cli import run

sys.argv[1:1] = ["bench"]
run()
