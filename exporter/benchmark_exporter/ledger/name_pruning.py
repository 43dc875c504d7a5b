"""What the ledger prunes of names that come from outside: branches and commits.

Nothing of what a scrape shows goes, and no total: those of a pipeline are not by branch, and of
each benchmark its newest commits stay.
"""

import sqlite3
from collections.abc import Iterator

from benchmark_exporter.ledger.state import COMMITS_SHOWN

_COMMIT = "project, environment, machine_class, branch, benchmark, severity, commit_hash"
_DELETE_COMMITS = f"""
    DELETE FROM commit_regressions WHERE ({_COMMIT}) IN (
        SELECT {_COMMIT} FROM (SELECT *, row_number() OVER (
            PARTITION BY project, environment, machine_class, branch, benchmark, severity
            ORDER BY rank_seconds DESC, commit_hash) AS place FROM commit_regressions)
        WHERE place > :shown AND rank_seconds < :before LIMIT :limit)
"""  # noqa: S608  # a constant
# Every feature branch that ran a pipeline is a subject. The newest one of each pipeline stays, so
# that the pipeline is known when it runs again.
_DELETE_SUBJECTS = """
    DELETE FROM subjects WHERE kind = 'pipeline' AND (project, name, branch, trigger) IN (
        SELECT project, name, branch, trigger FROM (SELECT *, row_number() OVER (
            PARTITION BY project, name ORDER BY seen_seconds DESC, position) AS place
            FROM subjects WHERE kind = 'pipeline')
        WHERE place > 1 AND seen_seconds < :before LIMIT :limit)
"""
_DELETE_NEWEST = """
    DELETE FROM newest_pipeline_runs WHERE (project, pipeline, branch, trigger) IN (
        SELECT project, pipeline, branch, trigger FROM (SELECT *, row_number() OVER (
            PARTITION BY project, pipeline ORDER BY rank_seconds DESC, branch, trigger) AS place
            FROM newest_pipeline_runs)
        WHERE place > 1 AND rank_seconds < :before AND (project, pipeline, branch, trigger) NOT IN
            (SELECT project, name, branch, trigger FROM subjects WHERE kind = 'pipeline')
        LIMIT :limit)
"""
# Each transaction reads all branches of the projects that it concerns. Those with most runs stay,
# since one of them is tracked if no other is, and so do those that are tracked.
BRANCHES_KEPT = 1000
_DELETE_BRANCHES = """
    DELETE FROM branches WHERE rowid IN (
        SELECT id FROM (SELECT rowid AS id, project, branch, row_number() OVER (
            PARTITION BY project ORDER BY runs DESC, rowid DESC) AS place FROM branches)
        WHERE place > :branches AND branch <> ''
        AND (project, branch) NOT IN (SELECT project, branch FROM newest_runs)
        AND (project, branch) NOT IN (SELECT project, branch FROM fallback_branches)
        LIMIT :limit)
"""


def prune_names(
    connection: sqlite3.Connection, before_seconds: float, step_rows: int
) -> Iterator[int]:
    """Deletes what had no run since a time (seconds since 1970), of which nothing is shown.

    Each step is for a transaction of its own and yields how many rows it deleted.
    """
    values = {
        "before": before_seconds,
        "limit": step_rows,
        "shown": COMMITS_SHOWN,
        "branches": BRANCHES_KEPT,
    }
    for statement in (_DELETE_COMMITS, _DELETE_SUBJECTS, _DELETE_NEWEST, _DELETE_BRANCHES):
        while deleted := connection.execute(statement, values).rowcount:
            yield deleted
