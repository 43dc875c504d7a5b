"""Keeps change points consistent with runs that are deleted or pruned."""

import sqlite3

_DUE = """
    INSERT INTO change_searches_due
    SELECT DISTINCT project, environment, machine, line, name, unit, 0
    FROM gone_runs JOIN runs ON id = run JOIN results USING (run) WHERE tracked
    ON CONFLICT DO NOTHING
"""
_GONE = "DELETE FROM change_points WHERE run NOT IN (SELECT id FROM runs)"
# A row number that was given to a run which has gone may be given again.
_STEP_BACK = """
    UPDATE change_search SET through_run = min(through_run,
        (SELECT coalesce(max(id), 0) FROM runs))
"""


def search_without_gone(connection: sqlite3.Connection) -> None:
    """Makes the series of the runs in the temporary table gone_runs due, before these go."""
    connection.execute(_DUE)


def remove_gone(connection: sqlite3.Connection) -> int:
    """Deletes the change points whose first run has gone, and returns how many."""
    connection.execute(_STEP_BACK)
    return connection.execute(_GONE).rowcount
