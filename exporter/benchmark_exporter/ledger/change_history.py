"""Reads change points, newest first."""

import sqlite3
from contextlib import closing
from pathlib import Path

from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.connection import (
    Connect,
    connect_to_read,
    open_to_read,
    reading_errors_named,
)
from benchmark_exporter.ledger.selection import ChangeSelection
from benchmark_exporter.ledger.tables import CHANGE_POINTS

_CHANGES = CHANGE_POINTS.columns.query("""FROM change_points
    WHERE (:environment IS NULL OR environment = :environment)
    AND (:project IS NULL OR project = :project)
    AND (:branch IS NULL OR branch GLOB :branch)
    AND (:machine_class IS NULL OR machine_class GLOB :machine_class)
    AND (:commit_hash IS NULL OR substr(commit_hash, 1, length(:commit_hash)) = :commit_hash)
    AND (:benchmark IS NULL OR name GLOB :benchmark OR name GLOB :benchmark || '/*')
    AND at_seconds >= :since AND at_seconds < :until
    ORDER BY at_seconds DESC, run DESC, name LIMIT :limit
""")


def read_changes(
    connection: sqlite3.Connection, selection: ChangeSelection, limit: int
) -> list[ChangePoint]:
    """The newest change points that are selected."""
    return list(_CHANGES.rows(connection, {**selection.parameters, "limit": limit}))


def read_changes_of(
    path: Path, selection: ChangeSelection, limit: int, *, connect: Connect = connect_to_read
) -> list[ChangePoint]:
    """Those of the ledger at a path, which its exporter may be writing.

    Raises:
        LedgerError: the ledger cannot be read; the message says why and what to do.
    """
    with closing(open_to_read(path, connect)) as connection, reading_errors_named(path):
        return read_changes(connection, selection, limit)
