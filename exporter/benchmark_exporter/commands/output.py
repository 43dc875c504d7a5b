"""What commands print: lines that no text of a document or file name can break or control."""

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
