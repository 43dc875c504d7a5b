"""Keeps change points consistent with runs that are deleted or pruned."""

import sqlite3

_DUE = """
    INSERT INTO change_searches_due
    SELECT DISTINCT project, environment, machine, line, name, unit, 0
    FROM gone_runs JOIN runs ON id = run JOIN results USING (run) WHERE tracked
    ON CONFLICT DO NOTHING
"""
_DELETE = "DELETE FROM change_points WHERE run IN (SELECT run FROM gone_runs)"
# A row number that was given to a run which has gone may be given again.
_STEP_BACK = """
    UPDATE change_search SET through_run = min(through_run,
        (SELECT coalesce(max(id), 0) FROM runs))
"""
# What a scrape shows stays.
_PRUNE = """
    DELETE FROM change_points WHERE run NOT IN (SELECT id FROM runs)
    AND NOT newest AND alarm_commit IS NULL
"""


def leave_changes(connection: sqlite3.Connection) -> None:
    """Deletes the changes with the runs in the temporary table gone_runs, before these go.

    Their series are searched again.
    """
    connection.execute(_DUE)
    connection.execute(_DELETE)


def step_back(connection: sqlite3.Connection) -> None:
    """Has runs collected that get the row numbers of runs which were deleted."""
    connection.execute(_STEP_BACK)


def prune_changes(connection: sqlite3.Connection) -> int:
    """Deletes the change points of pruned runs that are not shown, and returns how many."""
    return connection.execute(_PRUNE).rowcount
