"""Removes runs as if the ones before them were the newest; `selective_deletion` says which."""

import sqlite3

from msgspec.structs import replace

from benchmark_exporter.ledger.change_removal import leave_changes, step_back
from benchmark_exporter.ledger.columns import to_json
from benchmark_exporter.ledger.rows import Series, SeriesKey
from benchmark_exporter.ledger.tables import SERIES, SHIFTS, VERDICTS
from benchmark_exporter.ledger.totals import tie_of
from benchmark_exporter.model import REGRESSED

# Each table of newest rows, its column of names, the table of what was measured, and what else
# changes with the run.
_NEWEST = (
    ("newest_verdicts", "name", "verdicts", ", shifted = 0"),
    ("newest_results", "name", "results", ""),
    ("newest_gate_outcomes", "benchmark", "gate_outcomes", ""),
)
_SCOPE = "project, environment, machine_class, branch"
_IN_SCOPE = (
    "project = ? AND environment = ? AND machine = ? AND line = ? AND tracked "
    "AND id NOT IN (SELECT run FROM gone_runs)"
)
# A run that was dated in the future ranks by its arrival.
_RANK = "iif(ahead, ingested_seconds, timestamp_seconds)"
_RUNS_OF_NAME = """
    SELECT id, {rank}, measurements FROM runs JOIN {table} t ON t.run = id
    WHERE {in_scope} AND t.{name} = ? ORDER BY 2 DESC, 3 DESC LIMIT 1
"""
_RUNS_OF_BENCHMARK = f"""
    SELECT id, {_RANK}, measurements, EXISTS (
        SELECT 1 FROM failures f WHERE f.run = id AND f.benchmark = :benchmark)
    FROM runs WHERE {_IN_SCOPE} AND (
        EXISTS (SELECT 1 FROM results r WHERE r.run = id AND r.benchmark = ?)
        OR EXISTS (SELECT 1 FROM failures f WHERE f.run = id AND f.benchmark = ?))
    ORDER BY 2 DESC, 3 DESC LIMIT 1
""".replace(":benchmark", "?")  # noqa: S608  # constants
_GONE_VERDICTS = """
    SELECT DISTINCT project, environment, machine, line, name, unit
    FROM gone_runs JOIN runs ON id = run JOIN verdicts USING (run) JOIN results USING (run, name)
    WHERE tracked
"""
_NEWEST_VERDICT = f"""
    SELECT run, {_RANK}, commit_hash FROM runs JOIN verdicts ON run = id
    JOIN results USING (run, name) WHERE {_IN_SCOPE} AND name = ? AND unit = ?
    ORDER BY 2 DESC, measurements DESC LIMIT 1
"""  # noqa: S608  # constants
# The regressions of the runs of a shift moved with it.
_MOVED = f"""
    UPDATE newest_verdicts SET shifted = 1 WHERE ({_SCOPE}) = (?, ?, ?, ?)
    AND run IN (SELECT value FROM json_each(?)) AND EXISTS (
        SELECT 1 FROM verdicts v WHERE v.run = newest_verdicts.run
        AND v.name = newest_verdicts.name AND v.state IN ('warning', 'critical'))
"""  # noqa: S608  # constants
_OF_RUNS = ("results", "failures", "gate_outcomes", "verdicts")


def remove_runs(connection: sqlite3.Connection) -> None:
    """Removes the runs in the temporary table gone_runs; the newest before them are shown."""
    _show_those_before(connection)
    _leave_windows(connection)
    _leave_shifts(connection)
    leave_changes(connection)
    for table in _OF_RUNS:
        connection.execute(f"DELETE FROM {table} WHERE run IN (SELECT run FROM gone_runs)")  # noqa: S608  # constants
    connection.execute("DELETE FROM runs WHERE id IN (SELECT run FROM gone_runs)")
    step_back(connection)


def _show_those_before(connection: sqlite3.Connection) -> None:
    """Points what is newest to the newest run that stays, or removes it."""
    for table, name, of_run, more in _NEWEST:
        statement = _RUNS_OF_NAME.format(rank=_RANK, table=of_run, in_scope=_IN_SCOPE, name=name)
        for *key, _ in _gone(connection, table, name):
            found = connection.execute(statement, key).fetchone()
            _point(connection, table, name, key, found, more)
    for *scope, benchmark, _ in _gone(connection, "newest_runs", "benchmark"):
        found = connection.execute(
            _RUNS_OF_BENCHMARK, (benchmark, *scope, benchmark, benchmark)
        ).fetchone()
        failed = "" if found is None else f", failed = {int(found[3])}"
        _point(connection, "newest_runs", "benchmark", [*scope, benchmark], found, failed)


def _gone(connection: sqlite3.Connection, table: str, name: str) -> list[tuple[str, ...]]:
    return connection.execute(
        f"SELECT {_SCOPE}, {name}, run FROM {table} WHERE run IN (SELECT run FROM gone_runs)"  # noqa: S608  # constants
    ).fetchall()


def _point(
    connection: sqlite3.Connection,
    table: str,
    name: str,
    key: list[str],
    found: tuple[int, float, bytes] | None,
    more: str,
) -> None:
    where = f"WHERE ({_SCOPE}, {name}) = (?, ?, ?, ?, ?)"
    if found is None:
        connection.execute(f"DELETE FROM {table} {where}", key)  # noqa: S608  # constants
        return
    run, rank_seconds, measurements, *_ = found
    connection.execute(
        f"UPDATE {table} SET run = ?, rank_seconds = ?, tie = ?{more} {where}",  # noqa: S608  # constants
        (run, rank_seconds, tie_of(measurements), *key),
    )


def _leave_windows(connection: sqlite3.Connection) -> None:
    """Has the next run of each series judged by the runs that stay."""
    for columns in connection.execute(_GONE_VERDICTS).fetchall():
        key = SeriesKey(*columns)
        row = connection.execute(SERIES.select, SERIES.bind_key(key)).fetchone()
        if row is not None:
            series = _before(connection, key, SERIES.columns.read(row))
            connection.execute(SERIES.replace, SERIES.bind(key, series))


def _before(connection: sqlite3.Connection, key: SeriesKey, series: Series) -> Series:
    """A series as the newest run that stays left it; its state is replayed when it is needed."""
    newest = connection.execute(_NEWEST_VERDICT, key).fetchone()
    if newest is None:
        return Series(pinned=series.pinned)
    run, rank_seconds, commit_hash = newest
    row = VERDICTS.columns.read(
        connection.execute(VERDICTS.select, VERDICTS.bind_key((run, key.name))).fetchone()
    )
    state = row.verdict.state
    return replace(
        series,
        state=None,
        window=(),
        previous=state,
        passed_commit=row.passed_commit if state in REGRESSED else commit_hash,
        rank_seconds=min(series.rank_seconds, rank_seconds),
    )


def _leave_shifts(connection: sqlite3.Connection) -> None:
    """A shift that only these runs showed has ended."""
    gone = {run for (run,) in connection.execute("SELECT run FROM gone_runs")}
    rows = connection.execute(f"SELECT {_SCOPE} FROM shifts").fetchall()  # noqa: S608  # constants
    for key in rows:
        row = SHIFTS.columns.read(
            connection.execute(SHIFTS.select, SHIFTS.bind_key(key)).fetchone()
        )
        runs = tuple(run for run in row.runs if run not in gone)
        if runs != row.runs:
            shifted = row.shifted and bool(runs)
            connection.execute(
                SHIFTS.replace, SHIFTS.bind(key, replace(row, runs=runs, shifted=shifted))
            )
            connection.execute(_MOVED, (*key, to_json(runs)))
