"""Deleting single runs, benchmarks and branches on request.

What was counted of a run stays counted. The runs after a deleted one are judged again as if it had
never been there, by whoever asked for the deletion. What no longer has a run goes with its totals.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.ledger.columns import to_json
from benchmark_exporter.ledger.run_removal import Gap, remove_runs
from benchmark_exporter.ledger.state import (
    REGRESSIONS_BY_COMMIT,
    SUBJECT_COUNTERS,
    SUBJECT_HISTOGRAMS,
)
from benchmark_exporter.ledger.tables import SERIES


@dataclass(frozen=True, slots=True)
class DeletionSelection:
    """What is to be deleted: one of the first three; `projects` are the only ones to search.

    `run` is a run_id, or else the number of a run's row. `benchmark` is a glob of benchmarks or
    results, `branch` one of the runs' branches. No projects are all.
    """

    run: str | None = None
    benchmark: str | None = None
    branch: str | None = None
    projects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeletedRuns:
    """How many runs were deleted whole, and how many results and failures in all."""

    runs: int
    results: int


_IN_PROJECT = "(:projects = '[]' OR project IN (SELECT value FROM json_each(:projects)))"
_BRANCH = "iif(branch = '', line, branch)"
_SELECTED_RUNS = f"""
    CREATE TEMP TABLE gone_runs AS SELECT id AS run FROM runs WHERE {_IN_PROJECT} AND (
        run_id = :run OR {_BRANCH} GLOB :branch
        OR id = :row AND NOT EXISTS (SELECT 1 FROM runs WHERE run_id = :run))
"""  # noqa: S608  # constants
# Names of results and benchmarks by project: a benchmark takes its variants with it.
_SELECTED_NAMES = f"""
    CREATE TEMP TABLE gone_names AS
        SELECT DISTINCT project, name FROM (
            SELECT project, name FROM results JOIN runs ON id = run
                WHERE benchmark GLOB :benchmark OR name GLOB :benchmark
            UNION SELECT project, benchmark FROM results JOIN runs ON id = run
                WHERE benchmark GLOB :benchmark
            UNION SELECT project, benchmark FROM failures JOIN runs ON id = run
                WHERE benchmark GLOB :benchmark
            UNION SELECT project, benchmark FROM gate_outcomes JOIN runs ON id = run
                WHERE benchmark GLOB :benchmark)
        WHERE {_IN_PROJECT}
"""  # noqa: S608  # constants
_OF_RUN = (("results", "name"), ("failures", "benchmark"), ("gate_outcomes", "benchmark"))
_MEASURED = "(SELECT run FROM results UNION SELECT run FROM failures)"

_SCOPE = "project, environment, machine_class, branch"
_NAMED = (
    *(("newest_verdicts", "name"), ("newest_results", "name"), ("newest_runs", "benchmark")),
    *(("newest_gate_outcomes", "benchmark"), ("series", "name"), ("baselines", "name")),
    *(("commit_regressions", "benchmark"), ("settled", "name"), ("regression_reports", "name")),
    *(("drifts", "name"), ("change_points", "name"), ("change_searches_due", "name")),
    *(("triage", "name"), ("triage_history", "name")),
)
# What a name belongs to, as long as anything has it.
_OF_NAMES = ("executables", "former_names")
_TOTALS = ("counters", "histograms", "returned")
_OF_BENCHMARKS = [
    *(name for name, kind in {**SUBJECT_COUNTERS, **SUBJECT_HISTOGRAMS}.items() if kind[0] == "b"),
    REGRESSIONS_BY_COMMIT,
]
_LABELS = ", ".join(f"json_extract(labels, '$[{index}]')" for index in range(5))
_OF_TOTALS = "name IN (SELECT value FROM json_each(:totals))"
_KNOWN = " UNION ".join(
    [
        f"SELECT {_SCOPE}, name FROM subjects WHERE kind = 'benchmark'",  # noqa: S608  # constants
        *(f"SELECT {_SCOPE}, {name} FROM {table}" for table, name in _NAMED),  # noqa: S608  # likewise
        *(f"SELECT {_LABELS} FROM {table} WHERE {_OF_TOTALS}" for table in _TOTALS),  # noqa: S608  # likewise
    ]
)
# What is shown or counted of a name of a scope.
_KNOWN_SUBJECTS = f"CREATE TEMP TABLE known_subjects ({_SCOPE}, name)"
_FILL_SUBJECTS = f"INSERT INTO known_subjects {_KNOWN}"


def delete_selected(
    connection: sqlite3.Connection, selection: DeletionSelection
) -> tuple[DeletedRuns, Sequence[Gap]]:
    """Deletes runs, or results of them. It is called within a transaction.

    Returns how many, and from where on series are to be judged again.

    The digests of documents stay, so that a file which is still in the folder is not ingested
    again.
    """
    row = selection.run or ""
    values: dict[str, object] = {
        "run": selection.run,
        "row": int(row) if row.isdecimal() and len(row) < 19 else None,
        "benchmark": selection.benchmark,
        "branch": selection.branch,
        "projects": to_json(selection.projects),
        "totals": to_json(_OF_BENCHMARKS),
    }
    execute = connection.execute
    before = _count(connection)
    execute(_KNOWN_SUBJECTS)
    if selection.benchmark is not None:
        execute(_SELECTED_NAMES, values)
        gaps = _delete_names(connection, values)
        execute("DROP TABLE gone_names")
    else:
        execute(_SELECTED_RUNS, values)
        lines = _lines_of_gone(connection)
        gaps = remove_runs(connection)
        _delete_unused_branches(connection)
        _delete_without_run(connection, values, lines)
        execute("DROP TABLE gone_runs")
    execute("DROP TABLE known_subjects")
    after = _count(connection)
    deleted = DeletedRuns(before.runs - after.runs, before.results - after.results)
    return deleted, [gap for gap in gaps if _is_known(connection, gap)]


def _is_known(connection: sqlite3.Connection, gap: Gap) -> bool:
    return connection.execute(SERIES.select, SERIES.bind_key(gap.key)).fetchone() is not None


def _count(connection: sqlite3.Connection) -> DeletedRuns:
    (runs,) = connection.execute("SELECT count(*) FROM runs").fetchone()
    (results,) = connection.execute(
        "SELECT (SELECT count(*) FROM results) + (SELECT count(*) FROM failures)"
    ).fetchone()
    return DeletedRuns(runs, results)


def _delete_names(connection: sqlite3.Connection, values: dict[str, object]) -> Sequence[Gap]:
    """Deletes all that is known of the names, and the runs that have nothing else."""
    execute = connection.execute
    execute(_FILL_SUBJECTS, values)
    execute(
        "DELETE FROM known_subjects WHERE (project, name) NOT IN "
        "(SELECT project, name FROM gone_names)"
    )
    _delete_subjects(connection, values)
    execute(
        "CREATE TEMP TABLE gone_runs AS SELECT id AS run FROM runs "
        "WHERE project IN (SELECT project FROM gone_names)"
    )
    for table, name in (*_OF_RUN, ("verdicts", "name"), ("checkpoints", "name")):
        execute(
            f"DELETE FROM {table} WHERE ((SELECT project FROM runs WHERE id = run), {name}) IN "  # noqa: S608  # constants
            "(SELECT project, name FROM gone_names)"
        )
    execute(f"DELETE FROM gone_runs WHERE run IN {_MEASURED}")  # noqa: S608  # constant
    gaps = remove_runs(connection)
    execute("DROP TABLE gone_runs")
    return gaps


def _lines_of_gone(connection: sqlite3.Connection) -> str:
    """The projects and tracked branches of the runs that go, as JSON."""
    rows = connection.execute(
        "SELECT DISTINCT project || char(10) || line FROM runs JOIN gone_runs ON id = run "
        "WHERE tracked"
    )
    return to_json([line for (line,) in rows])


def _delete_unused_branches(connection: sqlite3.Connection) -> None:
    """Deletes branches without a run, which must not decide what the default branch is."""
    for table in ("branches", "fallback_branches"):
        connection.execute(
            f"DELETE FROM {table} WHERE (project, branch) NOT IN "  # noqa: S608  # constants
            "(SELECT project, branch FROM runs)"
        )


def _delete_without_run(
    connection: sqlite3.Connection, values: dict[str, object], lines: str
) -> None:
    """Deletes what is known of names that no run of their scope has any longer."""
    connection.execute(_FILL_SUBJECTS, values)
    connection.execute(
        "DELETE FROM known_subjects WHERE project || char(10) || branch NOT IN "
        "(SELECT value FROM json_each(?))",
        (lines,),
    )
    for name in ("r.name", "r.benchmark"):
        connection.execute(
            f"DELETE FROM known_subjects WHERE ({_SCOPE}, name) IN (SELECT project, environment, "  # noqa: S608  # constants
            f"machine, line, {name} FROM runs JOIN results r ON r.run = id WHERE tracked)"
        )
    connection.execute(
        f"DELETE FROM known_subjects WHERE ({_SCOPE}, name) IN (SELECT project, environment, "  # noqa: S608  # constants
        "machine, line, benchmark FROM runs JOIN failures ON run = id WHERE tracked)"
    )
    _delete_subjects(connection, values)


def _delete_subjects(connection: sqlite3.Connection, values: dict[str, object]) -> None:
    """Deletes all that is shown or counted of the subjects in known_subjects."""
    known = "(SELECT * FROM known_subjects)"
    connection.execute(
        f"DELETE FROM subjects WHERE kind = 'benchmark' AND ({_SCOPE}, name) IN {known}"  # noqa: S608  # constants
    )
    for table, name in _NAMED:
        connection.execute(f"DELETE FROM {table} WHERE ({_SCOPE}, {name}) IN {known}")  # noqa: S608  # constants
    for table in _OF_NAMES:
        connection.execute(
            f"DELETE FROM {table} WHERE (project, benchmark) IN "  # noqa: S608  # constants
            "(SELECT project, name FROM known_subjects) AND (project, benchmark) NOT IN "
            "(SELECT project, name FROM subjects WHERE kind = 'benchmark')"
        )
    for table in _TOTALS:
        connection.execute(
            f"DELETE FROM {table} WHERE {_OF_TOTALS} AND ({_LABELS}) IN {known}",  # noqa: S608  # constants
            values,
        )
