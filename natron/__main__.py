"""``python -m natron``."""

from natron.cli import main

main()
