"""Rows that are added and not read again in their transaction: written by one call a table, since the calls cost more than the rows."""

import sqlite3
from collections import defaultdict
from typing import Any

Row = tuple[Any, ...]


class Inserts:
    """Rows by the statement that adds one. Whoever reads a table in between calls `write` first."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows: defaultdict[str, list[Row]] = defaultdict(list)

    def add(self, statement: str, row: Row) -> None:
        """Gathers a row."""
        self._rows[statement].append(row)

    def write(self) -> None:
        """Adds the rows in the database, those of a table in their order."""
        for statement, rows in self._rows.items():
            self._connection.executemany(statement, rows)
        self._rows.clear()

    def clear(self) -> None:
        """Forgets the rows that are not written yet."""
        self._rows.clear()
