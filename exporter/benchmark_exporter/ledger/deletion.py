"""Deleting projects and pipelines on request: test data, misspelt names, what has moved away."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.counters import UNTRACKED_BRANCH_RUNS
from benchmark_exporter.ledger.change_removal import step_back
from benchmark_exporter.ledger.columns import to_json
from benchmark_exporter.ledger.state import (
    REGRESSIONS_BY_COMMIT,
    SUBJECT_COUNTERS,
    SUBJECT_HISTOGRAMS,
)


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many runs were deleted, of projects and of pipelines."""

    runs: int
    pipeline_runs: int


# Alerts name a benchmark and no project: those of a name that another project has results of stay.
_DELETED = """
    CREATE TEMP TABLE deleted AS
        SELECT id AS run FROM runs WHERE project IN (SELECT value FROM json_each(?));
    CREATE TEMP TABLE deleted_names AS
        SELECT name FROM results WHERE run IN deleted
        UNION SELECT benchmark FROM results WHERE run IN deleted
        UNION SELECT benchmark FROM failures WHERE run IN deleted;
    DELETE FROM deleted_names WHERE name IN (
        SELECT name FROM results WHERE run NOT IN deleted
        UNION SELECT benchmark FROM results WHERE run NOT IN deleted
        UNION SELECT benchmark FROM failures WHERE run NOT IN deleted);
"""
# In this order, since the newest refer to their runs.
_OF_RUNS = (
    "newest_verdicts",
    "newest_results",
    "newest_runs",
    "newest_gate_outcomes",
    "regression_reports",
    "results",
    "failures",
    "gate_outcomes",
    "verdicts",
    "checkpoints",
    "run_shifts",
)
_OF_PROJECTS = (
    *(
        "series",
        "settled",
        "baselines",
        "shifts",
        "commit_regressions",
        "suite_durations",
        "branches",
    ),
    *("fallback_branches", "subjects", "executables", "former_names", "drifts"),
    *("change_points", "change_searches_due", "triage", "triage_history"),
)
_OF_PIPELINES = ("pipeline_runs", "newest_pipeline_runs")
_TOTALS = ("counters", "histograms", "returned")


def delete(
    connection: sqlite3.Connection, projects: Sequence[str], pipelines: Sequence[str]
) -> Deleted:
    """Deletes everything of these projects, their pipelines too, and of these pipelines.

    It is called within a transaction. The digests of their documents and measurements stay, so that
    a file that is still in the folder is not ingested again.
    """
    execute = connection.execute
    create, *others = _DELETED.strip().removesuffix(";").split(";")
    execute(create, (to_json(projects),))
    for statement in others:
        execute(statement)
    names = [name for (name,) in execute("SELECT name FROM deleted_names")]
    for table in _OF_RUNS:
        execute(f"DELETE FROM {table} WHERE run IN deleted")  # noqa: S608  # the tables above
    runs = execute("DELETE FROM runs WHERE id IN deleted").rowcount
    step_back(connection)
    execute("DROP TABLE deleted")
    execute("DROP TABLE deleted_names")
    execute("UPDATE drift_checks SET last_run = 0")  # a new run may get the row of a deleted one
    for table in _OF_PROJECTS:
        _delete(connection, table, "project", projects)
    _delete(connection, "notifications", "benchmark", names)
    pipeline_runs = 0
    for column, of_column in (("project", projects), ("pipeline", pipelines)):
        deleted, _ = (_delete(connection, table, column, of_column) for table in _OF_PIPELINES)
        pipeline_runs += deleted
    _delete_totals(connection, projects, pipelines)
    execute(
        "DELETE FROM subjects WHERE kind = 'pipeline' AND name IN (SELECT value FROM json_each(?))",
        (to_json(pipelines),),
    )
    return Deleted(runs, pipeline_runs)


def _delete_totals(
    connection: sqlite3.Connection, projects: Sequence[str], pipelines: Sequence[str]
) -> None:
    kinds = {**SUBJECT_COUNTERS, **SUBJECT_HISTOGRAMS, REGRESSIONS_BY_COMMIT: "benchmark"}
    of_pipelines = [name for name, kind in kinds.items() if kind == "pipeline"]
    for table in _TOTALS:
        of_projects = [*kinds, UNTRACKED_BRANCH_RUNS.name]
        _delete(connection, table, "json_extract(labels, '$[0]')", projects, of_projects)
        _delete(connection, table, "json_extract(labels, '$[1]')", pipelines, of_pipelines)


def _delete(
    connection: sqlite3.Connection,
    table: str,
    column: str,
    names: Sequence[str],
    totals: Sequence[str] | None = None,
) -> int:
    """How many rows were deleted; only those of some totals if these are named."""
    statement = f"DELETE FROM {table} WHERE {column}"  # noqa: S608  # the names above
    statement += " IN (SELECT value FROM json_each(?))"
    if totals is None:
        return connection.execute(statement, (to_json(names),)).rowcount
    statement += " AND name IN (SELECT value FROM json_each(?))"
    return connection.execute(statement, (to_json(names), to_json(totals))).rowcount
