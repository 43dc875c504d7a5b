"""Renaming the change points of series, whose histories may have become one; see `renaming`."""

import sqlite3
from collections.abc import Sequence

from benchmark_exporter.ledger.columns import to_json

_IN_PROJECTS = (
    "name IN (SELECT old FROM renamed_names) AND (:projects = '[]' "
    "OR project IN (SELECT value FROM json_each(:projects)))"
)
_SEARCH_AGAIN = f"""
    INSERT OR REPLACE INTO change_searches_due (project, environment, machine_class, branch, name,
        unit, regressed)
    SELECT DISTINCT project, environment, machine_class, branch,
        (SELECT new FROM renamed_names WHERE old = name), unit, 1
    FROM series WHERE {_IN_PROJECTS}
"""  # noqa: S608  # constants
_FORGET = tuple(
    f"DELETE FROM {table} WHERE {_IN_PROJECTS}"  # noqa: S608  # constants
    for table in ("change_points", "change_searches_due")
)


def rename_changes(connection: sqlite3.Connection, projects: Sequence[str]) -> None:
    """Has the series with a new name searched again, before they are renamed."""
    for statement in (_SEARCH_AGAIN, *_FORGET):
        connection.execute(statement, {"projects": to_json(projects)})
