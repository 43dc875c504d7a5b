"""Removes runs as if the ones before them were the newest; `selective_deletion` says which."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

from msgspec.structs import replace

from benchmark_exporter.ledger.change_removal import leave_changes, step_back
from benchmark_exporter.ledger.rows import Place, Series, SeriesKey
from benchmark_exporter.ledger.tables import SERIES, SETTLED

# Each table of newest rows, its column of names, and the table of what was measured.
_NEWEST = (
    ("newest_verdicts", "name", "verdicts"),
    ("newest_results", "name", "results"),
    ("newest_gate_outcomes", "benchmark", "gate_outcomes"),
)
_SCOPE = "project, environment, machine_class, branch"
_IN_SCOPE = (
    "project = ? AND environment = ? AND machine = ? AND line = ? AND tracked "
    "AND id NOT IN (SELECT run FROM gone_runs)"
)
_RUNS_OF_NAME = """
    SELECT id, rank_seconds, tie FROM runs JOIN {table} t ON t.run = id
    WHERE {in_scope} AND t.{name} = ? ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT 1
"""
_RUNS_OF_BENCHMARK = f"""
    SELECT id, rank_seconds, tie, EXISTS (
        SELECT 1 FROM failures f WHERE f.run = id AND f.benchmark = :benchmark)
    FROM runs WHERE {_IN_SCOPE} AND (
        EXISTS (SELECT 1 FROM results r WHERE r.run = id AND r.benchmark = ?)
        OR EXISTS (SELECT 1 FROM failures f WHERE f.run = id AND f.benchmark = ?))
    ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT 1
""".replace(":benchmark", "?")  # noqa: S608  # constants
_GONE_VERDICTS = """
    SELECT project, environment, machine, line, name, unit, rank_seconds, tie, id
    FROM gone_runs JOIN runs ON id = run JOIN verdicts USING (run) JOIN results USING (run, name)
    WHERE tracked ORDER BY rank_seconds DESC, tie DESC, id DESC
"""
_NEWEST_VERDICT = f"""
    SELECT rank_seconds, tie FROM runs JOIN verdicts ON run = id
    JOIN results USING (run, name) WHERE {_IN_SCOPE} AND name = ? AND unit = ?
    ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT 1
"""  # noqa: S608  # constants
_OF_RUNS = (
    "regression_reports",
    "results",
    "failures",
    "gate_outcomes",
    "verdicts",
    "checkpoints",
    "run_shifts",
)


class Gap(NamedTuple):
    """The place of the first run that was removed of a series, which has runs that stay."""

    key: SeriesKey
    place: Place


def remove_runs(connection: sqlite3.Connection) -> Sequence[Gap]:
    """Removes the runs in the temporary table gone_runs; the newest before them are shown.

    Returns from where on series are to be judged again.
    """
    _show_those_before(connection)
    gaps = [gap for gap in _gaps(connection) if _leave_series(connection, gap.key)]
    connection.execute("DELETE FROM shifts WHERE run IN (SELECT run FROM gone_runs)")
    leave_changes(connection)
    for table in _OF_RUNS:
        connection.execute(f"DELETE FROM {table} WHERE run IN (SELECT run FROM gone_runs)")  # noqa: S608  # constants
    connection.execute("DELETE FROM runs WHERE id IN (SELECT run FROM gone_runs)")
    # Other runs are compared now, and a new run may get the row of one that has gone.
    connection.execute("UPDATE drift_checks SET last_run = 0")
    step_back(connection)
    return gaps


def _show_those_before(connection: sqlite3.Connection) -> None:
    """Points what is newest to the newest run that stays, or removes it."""
    for table, name, of_run in _NEWEST:
        statement = _RUNS_OF_NAME.format(table=of_run, in_scope=_IN_SCOPE, name=name)
        for *key, _ in _gone(connection, table, name):
            found = connection.execute(statement, key).fetchone()
            _point(connection, table, name, key, found)
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
    found: tuple[int, float, int] | None,
    more: str = "",
) -> None:
    where = f"WHERE ({_SCOPE}, {name}) = (?, ?, ?, ?, ?)"
    if found is None:
        connection.execute(f"DELETE FROM {table} {where}", key)  # noqa: S608  # constants
        return
    run, rank_seconds, tie, *_ = found
    connection.execute(
        f"UPDATE {table} SET run = ?, rank_seconds = ?, tie = ?{more} {where}",  # noqa: S608  # constants
        (run, rank_seconds, tie, *key),
    )


def _gaps(connection: sqlite3.Connection) -> Sequence[Gap]:
    gaps = {
        SeriesKey(*columns[:6]): Place(*columns[6:])
        for columns in connection.execute(_GONE_VERDICTS)
    }
    return [Gap(key, place) for key, place in gaps.items()]


def _leave_series(connection: sqlite3.Connection, key: SeriesKey) -> bool:
    """Makes the newest run that stays the series' newest; whether there is one."""
    bound = SERIES.bind_key(key)
    row = connection.execute(SERIES.select, bound).fetchone()
    if row is None:
        return False
    series = SERIES.columns.read(row)
    newest = connection.execute(_NEWEST_VERDICT, key).fetchone()
    if newest is None:
        series = Series(pinned=series.pinned)
        connection.execute(SETTLED.delete, bound)
    else:
        series = replace(series, rank_seconds=newest[0], tie=newest[1])
    connection.execute(SERIES.replace, SERIES.bind(key, series))
    return newest is not None
