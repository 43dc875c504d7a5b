"""Ledgers watched from outside: rows read from the file, and statements seen as they run."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

from benchmark_exporter.ledger import Connect, Ledger, Signature, connect_to_write


def read_rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    """What a statement selects from a ledger that may be open."""
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(statement).fetchall()


def known_files(ledger: Ledger) -> dict[str, Signature | None]:
    """The signature of every file that the ledger knows."""
    return dict(chain.from_iterable(ledger.files(step_files=2)))


def watched(statement_begins: Callable[[str], None]) -> Connect:
    """Connections that call a function with each statement before it runs, the first one on."""

    def connect(path: Path) -> sqlite3.Connection:
        connection = connect_to_write(path)
        connection.set_trace_callback(statement_begins)
        return connection

    return connect


class Made:
    """Makes connections that a test can set up further. `connection` is the last one."""

    connection: sqlite3.Connection

    def __call__(self, path: Path) -> sqlite3.Connection:
        self.connection = connect_to_write(path)
        return self.connection
