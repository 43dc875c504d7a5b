"""`python -m stack COMMAND`: what the Makefile calls."""

import sys


def main() -> int:
    """Run one command; importing what it needs takes a while, in which Ctrl-C counts too."""
    try:
        from stack.program import run

        return run()
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    sys.exit(main())
