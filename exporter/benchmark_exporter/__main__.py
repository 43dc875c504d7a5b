"""The command `benchmark-exporter`: dispatch, and nothing else."""

import os
import sys
from collections.abc import Sequence

from benchmark_exporter.commands import EXIT_INTERRUPTED, EXIT_OK, EXIT_REJECTED, EXIT_UNUSABLE

__all__ = ["EXIT_OK", "EXIT_REJECTED", "EXIT_UNUSABLE", "main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words == ["--version"]:  # the one answer for which click would be loaded in vain
        from benchmark_exporter import __version__

        print(f"benchmark-exporter {__version__}")
        return EXIT_OK
    try:
        return _run(words)
    except KeyboardInterrupt:  # while it is imported, too
        return EXIT_INTERRUPTED


def _run(words: list[str]) -> int:
    import click

    from benchmark_exporter.commands.output import escape_what_streams_lack
    from benchmark_exporter.commands.program import program

    escape_what_streams_lack()
    try:
        with program.make_context("benchmark-exporter", words) as context:
            status: int = program.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as end:  # help was shown
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # The reader closed the pipe, as `head` does. What Python has not flushed goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_REJECTED
    return status


if __name__ == "__main__":
    sys.exit(main())
