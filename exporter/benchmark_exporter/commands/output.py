"""What commands print: lines that no text of a document or file name can break or control."""

import io
import sys
from collections.abc import Iterable
from typing import TextIO

from benchmark_exporter.wording import printable


def show(line: str, *, file: TextIO | None = None) -> None:
    """Prints one line, on standard output unless a file is given, and has it seen at once."""
    print(printable(line), file=file or sys.stdout, flush=True)


def show_all(lines: Iterable[str]) -> None:
    """Prints lines on standard output."""
    print("\n".join(map(printable, lines)))


def escape_what_streams_lack() -> None:
    r"""From now on, what a console's encoding lacks is printed as `\u7d4c`, not an error.

    Windows' consoles in Japan have CP932, and a locale C has ASCII.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
