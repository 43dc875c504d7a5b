"""Renaming benchmarks and results, on request and by configured aliases.

All that is known by the old name goes on under the new one: what was measured, verdicts, totals,
pinned baselines, what the next run is judged by, and the order in which names are shown. Where the
new name is known too, the two become one. Counters add up, so that none of the new name falls; the
newer run is the newest; the pin of the new name is kept; and the state of the series is replayed
from both histories when its next run is judged.

Runs stay known by what their documents state, so that none counts twice. Notifications stay as they
were received.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from benchmark_exporter.ledger.columns import Key, Table
from benchmark_exporter.ledger.name_matching import IN_PROJECTS, MATCHES, OF_RUNS, parameters
from benchmark_exporter.ledger.renamed_benchmarks import (
    hide_benchmarks,
    left_benchmarks,
    show_benchmarks,
)
from benchmark_exporter.ledger.rows import Series, SubjectRow
from benchmark_exporter.ledger.state import Subject
from benchmark_exporter.ledger.tables import (
    BASELINES,
    COMMIT_REGRESSIONS,
    NEWEST_GATE_OUTCOMES,
    NEWEST_RESULTS,
    NEWEST_RUNS,
    NEWEST_VERDICTS,
    SERIES,
    SUBJECTS,
)
from benchmark_exporter.ledger.total_renaming import (
    joined_commit,
    rename_totals,
)
from benchmark_exporter.ledger.visibility import prefix_of
from benchmark_exporter.names import Renaming


class RenameError(Exception):
    """A renaming that cannot be done; the message says why."""


# Makes one row of two: by their new key, the one that gets it, and the one that had it.
_Join = Callable[[Key, Any, Any], Any]


@dataclass(frozen=True, slots=True)
class Renamed:
    """How many results and failures were renamed, of how many runs, and how many series.

    `joined` of the series went on with a series that had the new name already.
    """

    runs: int
    results: int
    series: int
    joined: int


_PARTS = (
    ", benchmark = renamed_benchmark(benchmark, variant), "
    "variant = renamed_variant(benchmark, variant)"
)
# What was measured, by run: the table, its column of names, and what else changes.
_MEASURED = (
    ("results", "name", _PARTS),
    ("failures", "benchmark", ""),
    ("gate_outcomes", "benchmark", ""),
    ("verdicts", "name", ""),
)
# The newest verdict on a series, if it had too short a history for one.
_IS_BLIND = """
    SELECT 1 FROM newest_verdicts n JOIN verdicts USING (run, name) JOIN results USING (run, name)
    WHERE (n.project, n.environment, n.machine_class, n.branch, n.name, unit) = (?, ?, ?, ?, ?, ?)
    AND state = 'insufficient_data'
"""


def rename(connection: sqlite3.Connection, renaming: Renaming, projects: Sequence[str]) -> Renamed:
    """Renames within these projects, in all if there are none; it is called in a transaction.

    Raises:
        RenameError: the new name cannot be used, or a run has measured both.
    """
    if renaming.flaw is not None:
        raise RenameError(renaming.flaw)
    values = parameters(renaming, projects)
    connection.create_function("renamed", 1, renaming.name, deterministic=True)
    for index, part in enumerate(("benchmark", "variant")):
        connection.create_function(
            f"renamed_{part}",
            2,
            lambda benchmark, variant, index=index: renaming.parts(benchmark, variant)[index],
            deterministic=True,
        )
    for measured, name, _ in _MEASURED:
        _refuse_both(connection, measured, name, values)
    left = left_benchmarks(connection, renaming, values)
    runs, results = _rename_measured(connection, values)
    rename_totals(connection, renaming, projects)
    series = _move(connection, SERIES, "name", _Joined(connection).series, renaming, values)
    for table, name, joined in _SCOPED:
        _move(connection, table, name, joined, renaming, values)
    show_benchmarks(connection, parameters(Renaming(renaming.new, renaming.old), projects))
    hide_benchmarks(connection, left)
    return Renamed(runs, results, len(series), sum(series))


def _refuse_both(
    connection: sqlite3.Connection, table: str, name: str, values: dict[str, object]
) -> None:
    matches = MATCHES.format(f"t.{name}")
    found = connection.execute(
        f"SELECT t.{name}, renamed(t.{name}), run_id FROM {table} t JOIN runs ON id = t.run "  # noqa: S608  # constants
        f"WHERE {matches} AND {IN_PROJECTS} AND EXISTS (SELECT 1 FROM {table} o "
        f"WHERE o.run = t.run AND o.{name} = renamed(t.{name})) LIMIT 1",
        values,
    ).fetchone()
    if found is not None:
        old, new, run = found
        raise RenameError(f"run {run} has both {old} and {new}, so they are not the same")


def _rename_measured(connection: sqlite3.Connection, values: dict[str, object]) -> tuple[int, int]:
    """How many runs have the name, and how many results and failures were renamed."""
    having = " UNION ".join(
        f"SELECT run FROM {table} WHERE {MATCHES.format(name)} AND {OF_RUNS}"  # noqa: S608  # constants
        for table, name, _ in _MEASURED
    )
    (runs,) = connection.execute(f"SELECT count(*) FROM ({having})", values).fetchone()  # noqa: S608  # constants
    renamed = {
        table: connection.execute(
            f"UPDATE {table} SET {name} = renamed({name}){more} "  # noqa: S608  # constants
            f"WHERE {MATCHES.format(name)} AND {OF_RUNS}",
            values,
        ).rowcount
        for table, name, more in _MEASURED
    }
    return runs, renamed["results"] + renamed["failures"]


def _move(
    connection: sqlite3.Connection,
    table: Table[Any],
    name: str,
    joined: _Join,
    renaming: Renaming,
    values: dict[str, object],
) -> list[bool]:
    """Gives rows their new keys; for each, whether it was joined with one that was there."""
    at, columns = table.key.index(name), (*table.key, *table.columns.names)
    of_kind = "kind = 'benchmark' AND " if table is SUBJECTS else ""
    rows = connection.execute(
        f"SELECT {', '.join(columns)} FROM {table.name} "  # noqa: S608  # names of the schema
        f"WHERE {of_kind}{MATCHES.format(name)} AND {IN_PROJECTS}",
        values,
    ).fetchall()
    were_there = []
    for found in rows:
        key: Key = found[: len(table.key)]
        row = table.columns.read(found[len(table.key) :])
        new = (*key[:at], renaming.name(key[at]), *key[at + 1 :])
        connection.execute(table.delete, table.bind_key(key))
        known = connection.execute(table.select, table.bind_key(new)).fetchone()
        if known is not None:
            row = joined(new, row, table.columns.read(known))
        if table is SUBJECTS:
            row = replace(row, prefix=prefix_of(Subject(*new)))
        connection.execute(table.replace, table.bind(new, row))
        were_there.append(known is not None)
    return were_there


def _newer(_: Key, row: Any, known: Any) -> Any:
    return max(known, row, key=lambda each: (each.rank_seconds, each.tie))


def _known(_: Key, __: Any, known: Any) -> Any:
    return known


def _joined_subject(_: Key, row: SubjectRow, known: SubjectRow) -> SubjectRow:
    """It is shown where the first of the two was."""
    position = min(row.position, known.position)
    return replace(known, position=position, seen_seconds=max(row.seen_seconds, known.seen_seconds))


class _Joined:
    """Joins series, before what was newest by their names is joined."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def series(self, key: Key, row: Series, known: Series) -> Series:
        """Both as one.

        `previous` keeps open an alarm that the replay of both histories leaves open. A commit that
        passed for want of a history is none to go back to.
        """
        newer, older = (known, row) if known.rank_seconds >= row.rank_seconds else (row, known)
        passed = [newer.passed_commit, older.passed_commit]
        if newer is known and self._connection.execute(_IS_BLIND, key).fetchone():
            passed.reverse()
        return replace(
            newer,
            state=None,
            window=(),
            previous="critical",
            pinned=row.pinned if known.pinned is None else known.pinned,
            passed_commit=passed[0] or passed[1],
        )


# By scope: each table, its column of names, and what two rows become.
_SCOPED: Sequence[tuple[Table[Any], str, _Join]] = (
    (BASELINES, "name", _known),
    (NEWEST_VERDICTS, "name", _newer),
    (NEWEST_RESULTS, "name", _newer),
    (NEWEST_RUNS, "benchmark", _newer),
    (NEWEST_GATE_OUTCOMES, "benchmark", _newer),
    (COMMIT_REGRESSIONS, "benchmark", lambda _, row, known: joined_commit(row, known)),
    (SUBJECTS, "name", _joined_subject),
)
