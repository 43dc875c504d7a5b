"""A connection that only reads, for a bounded time."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmark_exporter.ledger.connection import (
    LedgerError,
    connect_to_read,
    open_to_read,
    reading_errors_named,
)

# How many instructions of SQLite's machine, some tenths of a millisecond, pass between two checks.
INSTRUCTIONS = 20_000


class TookTooLong(LedgerError):
    """A read was ended, because it would take longer than it may."""


@contextmanager
def read_only(
    path: Path,
    most_seconds: float | None = None,
    *,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[sqlite3.Connection, Callable[[], None]]]:
    """A connection to a ledger that its exporter may be writing, in one transaction.

    With it comes what raises TookTooLong if the time is over, for what is done between statements.

    Raises:
        TookTooLong: statements were still running after `most_seconds`.
        LedgerError: the ledger cannot be read; the message says why and what to do.
    """
    ends = None if most_seconds is None else monotonic() + most_seconds

    def is_over() -> bool:
        return ends is not None and monotonic() > ends

    def check() -> None:
        if is_over():
            raise TookTooLong(f"{path}: this takes too long to read")

    with reading_errors_named(path), closing(open_to_read(path, connect_to_read)) as connection:
        connection.set_progress_handler(is_over, INSTRUCTIONS)
        connection.execute("PRAGMA query_only = ON")
        connection.execute("BEGIN")
        try:
            yield connection, check
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname == "SQLITE_INTERRUPT":
                check()
            raise
