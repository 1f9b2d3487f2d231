"""``natron``, and ``python -m natron``."""

import sys


def main() -> None:
    """Run one command; Ctrl-C ends it without a word, even while it is still being imported."""
    try:
        from natron.cli import run

        run()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
