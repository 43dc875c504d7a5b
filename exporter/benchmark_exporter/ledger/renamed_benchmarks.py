"""Benchmarks that come to be, or have nothing left, because single results get another one."""

import sqlite3
from collections.abc import Sequence

from msgspec.structs import replace

from benchmark_exporter.ledger.newest_rows import NewestRunRow
from benchmark_exporter.ledger.state import Subject
from benchmark_exporter.ledger.tables import NEWEST_RUNS, SUBJECTS
from benchmark_exporter.ledger.visibility import next_position, prefix_of
from benchmark_exporter.model import Scope

_BENCHMARKS_SHOWN = """
    SELECT n.project, n.environment, n.machine_class, n.branch, r.benchmark, n.run, n.rank_seconds,
        n.tie, n.name
    FROM newest_results n JOIN results r USING (run, name)
    WHERE n.name IN (SELECT new FROM renamed_names)
    AND NOT EXISTS (SELECT 1 FROM newest_runs o WHERE o.project = n.project
        AND o.environment = n.environment AND o.machine_class = n.machine_class
        AND o.branch = n.branch AND o.benchmark = r.benchmark)
    ORDER BY n.rank_seconds, n.tie
"""
_IS_EMPTY = """
    project = n.project AND environment = n.environment AND machine_class = n.machine_class
    AND branch = n.branch AND NOT failed AND NOT EXISTS (
        SELECT 1 FROM newest_results o JOIN results r USING (run, name)
        WHERE o.project = n.project AND o.environment = n.environment
        AND o.machine_class = n.machine_class AND o.branch = n.branch AND r.benchmark = n.benchmark)
"""


def show_benchmarks(connection: sqlite3.Connection) -> None:
    """Shows benchmarks that have come to be because a single result left its own."""
    for *where, benchmark, run, rank_seconds, tie, name in connection.execute(
        _BENCHMARKS_SHOWN
    ).fetchall():
        scope = Scope(*where)
        newest = NewestRunRow(run, failed=False, rank_seconds=rank_seconds, tie=tie)
        connection.execute(NEWEST_RUNS.replace, NEWEST_RUNS.bind((*scope.key, benchmark), newest))
        of_result, subject = Subject.benchmark(scope, name), Subject.benchmark(scope, benchmark)
        found = connection.execute(SUBJECTS.select, tuple(of_result)).fetchone()
        if found is None or connection.execute(SUBJECTS.select, tuple(subject)).fetchone():
            continue  # its branch is not shown, or the benchmark is
        row = replace(
            SUBJECTS.columns.read(found),
            prefix=prefix_of(subject),
            position=next_position(connection),
        )
        connection.execute(SUBJECTS.replace, SUBJECTS.bind(tuple(subject), row))


def hide_benchmarks(connection: sqlite3.Connection, benchmarks: Sequence[str]) -> None:
    """Shows nothing more of benchmarks that have no result left. What was counted stays."""
    for benchmark in benchmarks:
        empty = connection.execute(
            f"SELECT project, environment, machine_class, branch FROM newest_runs n "  # noqa: S608  # constants
            f"WHERE benchmark = ? AND {_IS_EMPTY}",
            (benchmark,),
        ).fetchall()
        for where in empty:
            connection.execute(NEWEST_RUNS.delete, (*where, benchmark))
            subject = Subject.benchmark(Scope(*where), benchmark)
            connection.execute(SUBJECTS.delete, tuple(subject))
