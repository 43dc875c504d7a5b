"""Renaming the results that the history of regressions' states names."""

import sqlite3
from collections.abc import Sequence

from benchmark_exporter.names import Renamings

_NAMES = "SELECT DISTINCT project, name FROM triage_history"
_RENAME = "UPDATE triage_history SET name = ? WHERE project = ? AND name = ?"


def rename_triage(
    connection: sqlite3.Connection, renamings: Renamings, projects: Sequence[str]
) -> None:
    """Gives the entries of these projects, of all if there are none, their new names."""
    for project, name in connection.execute(_NAMES).fetchall():
        if renamings.applies(name) and (not projects or project in projects):
            connection.execute(_RENAME, (renamings.name(name), project, name))
