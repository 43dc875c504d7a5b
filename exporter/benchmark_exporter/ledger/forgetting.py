"""Forgetting whole projects and pipelines, as a person asks for it: what was made up, misspelt, or has moved away."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.ledger.state import SUBJECT_COUNTERS, SUBJECT_HISTOGRAMS, to_json
from benchmark_exporter.model import SubjectKind


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many runs went, of projects and of pipelines."""

    runs: int
    pipeline_runs: int


# A name that another project has results of, too, keeps its totals: which of them are whose is not known.
_GONE = """
CREATE TEMP TABLE gone AS SELECT id AS run FROM runs WHERE project IN (SELECT value FROM json_each(?));
    CREATE TEMP TABLE gone_names AS
        SELECT name FROM results WHERE run IN gone UNION SELECT benchmark FROM results WHERE run IN gone
        UNION SELECT benchmark FROM failures WHERE run IN gone;
    DELETE FROM gone_names WHERE name IN (
        SELECT name FROM results WHERE run NOT IN gone UNION SELECT benchmark FROM results WHERE run NOT IN gone
        UNION SELECT benchmark FROM failures WHERE run NOT IN gone);
"""
# In this order, since the newest refer to their runs.
_OF_RUNS = (
    "newest_judgements",
    "newest_results",
    "newest_runs",
    "newest_verdicts",
    "results",
    "failures",
    "verdicts",
    "judgements",
)
_OF_PROJECTS = ("series", "baselines", "shifts")
_OF_BENCHMARKS = ("commit_regressions", "notifications")
_OF_PIPELINES = ("pipeline_runs", "newest_pipeline_runs")
_TOTALS = ("counters", "histograms", "returned")


def forget(
    connection: sqlite3.Connection, projects: Sequence[str], pipelines: Sequence[str]
) -> Forgotten:
    """Deletes all that is of these projects and pipelines, totals and pinned baselines too; within a transaction.

    The digests of their documents and measurements stay, so that a file which is still in the folder does not come in again.
    """
    execute = connection.execute
    create, *others = _GONE.strip().removesuffix(";").split(";")
    execute(create, (to_json(projects),))
    for statement in others:
        execute(statement)
    names = [name for (name,) in execute("SELECT name FROM gone_names")]
    for table in _OF_RUNS:
        execute(f"DELETE FROM {table} WHERE run IN gone")  # noqa: S608  # the tables above
    runs = execute("DELETE FROM runs WHERE id IN gone").rowcount
    execute("DROP TABLE gone")
    execute("DROP TABLE gone_names")
    for table in _OF_PROJECTS:
        _delete(connection, table, "project", projects)
    for table in _OF_BENCHMARKS:
        _delete(connection, table, "benchmark", names)
    pipeline_runs, _ = (
        _delete(connection, table, "pipeline", pipelines) for table in _OF_PIPELINES
    )
    _forget_totals(connection, "benchmark", names)
    _forget_totals(connection, "pipeline", pipelines)
    return Forgotten(runs, pipeline_runs)


def _forget_totals(connection: sqlite3.Connection, kind: SubjectKind, names: Sequence[str]) -> None:
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
    """How many rows that were; of some totals alone, where these are named."""
    statement = f"DELETE FROM {table} WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608  # the tables and columns above
    if totals is None:
        return connection.execute(statement, (to_json(names),)).rowcount
    statement += " AND name IN (SELECT value FROM json_each(?))"
    return connection.execute(statement, (to_json(names), to_json(totals))).rowcount
