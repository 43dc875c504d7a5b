"""Deleting projects and pipelines on request: test data, misspelt names, what has moved away."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.ledger.columns import to_json
from benchmark_exporter.ledger.state import SUBJECT_COUNTERS, SUBJECT_HISTOGRAMS
from benchmark_exporter.model import SubjectKind


@dataclass(frozen=True, slots=True)
class Deleted:
    """How many runs were deleted, of projects and of pipelines."""

    runs: int
    pipeline_runs: int


# A name that another project has results of, too, keeps its totals: which of them belong to which
# project is not known.
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
    "results",
    "failures",
    "gate_outcomes",
    "verdicts",
)
_OF_PROJECTS = ("series", "baselines", "shifts")
_OF_BENCHMARKS = ("commit_regressions", "notifications")
_OF_PIPELINES = ("pipeline_runs", "newest_pipeline_runs")
_TOTALS = ("counters", "histograms", "returned")


def delete(
    connection: sqlite3.Connection, projects: Sequence[str], pipelines: Sequence[str]
) -> Deleted:
    """Deletes everything of these projects and pipelines, totals and pinned baselines too.

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
    execute("DROP TABLE deleted")
    execute("DROP TABLE deleted_names")
    for table in _OF_PROJECTS:
        _delete(connection, table, "project", projects)
    for table in _OF_BENCHMARKS:
        _delete(connection, table, "benchmark", names)
    pipeline_runs, _ = (
        _delete(connection, table, "pipeline", pipelines) for table in _OF_PIPELINES
    )
    _delete_totals(connection, "benchmark", names)
    _delete_totals(connection, "pipeline", pipelines)
    return Deleted(runs, pipeline_runs)


def _delete_totals(connection: sqlite3.Connection, kind: SubjectKind, names: Sequence[str]) -> None:
    totals = [name for name, of in {**SUBJECT_COUNTERS, **SUBJECT_HISTOGRAMS}.items() if of == kind]
    for table in _TOTALS:
        _delete(connection, table, "json_extract(labels, '$[0]')", names, totals)
    connection.execute(
        "DELETE FROM subjects WHERE kind = ? AND name IN (SELECT value FROM json_each(?))",
        (kind, to_json(names)),
    )


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
