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

from benchmark_exporter.ledger.change_renaming import rename_changes
from benchmark_exporter.ledger.columns import Key, Table
from benchmark_exporter.ledger.renamed_benchmarks import hide_benchmarks, show_benchmarks
from benchmark_exporter.ledger.renamed_runs import (
    gathered,
    having_both,
    rename_measured,
)
from benchmark_exporter.ledger.rows import Series, SubjectRow
from benchmark_exporter.ledger.state import Subject
from benchmark_exporter.ledger.tables import (
    BASELINES,
    COMMIT_REGRESSIONS,
    DRIFTS,
    NEWEST_GATE_OUTCOMES,
    NEWEST_RESULTS,
    NEWEST_RUNS,
    NEWEST_VERDICTS,
    REGRESSION_REPORTS,
    SERIES,
    SETTLED,
    SUBJECTS,
    TRIAGE,
)
from benchmark_exporter.ledger.total_renaming import (
    joined_commit,
    rename_totals,
)
from benchmark_exporter.ledger.triage_renaming import rename_triage
from benchmark_exporter.ledger.visibility import prefix_of
from benchmark_exporter.names import Renamings


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


# The newest verdict on a series, if it had too short a history for one.
_IS_BLIND = """
    SELECT 1 FROM newest_verdicts n JOIN verdicts USING (run, name) JOIN results USING (run, name)
    WHERE (n.project, n.environment, n.machine_class, n.branch, n.name, unit) = (?, ?, ?, ?, ?, ?)
    AND state = 'insufficient_data'
"""


def rename(
    connection: sqlite3.Connection, renamings: Renamings, projects: Sequence[str]
) -> Renamed:
    """Renames within these projects, in all if there are none; it is called in a transaction.

    Raises:
        RenameError: a new name cannot be used, or a run has measured both; nothing is changed.
    """
    for each in renamings.all:
        flaw = each.flaw or (
            f"{each.new!r} is renamed too" if renamings.applies(each.new) else None
        )
        if flaw is not None:
            raise RenameError(flaw)
    with gathered(connection, renamings, projects) as runs:
        both = having_both(connection)
        if both is not None:
            old, new, run = both
            raise RenameError(f"run {run} has both {old} and {new}, so they are not the same")
        results, left = rename_measured(connection, renamings)
        rename_totals(connection, renamings, projects)
        rename_changes(connection, projects)
        rename_triage(connection, renamings, projects)
        join_series = _Joined(connection).series
        series = _move(connection, SERIES, "name", join_series, renamings, projects)
        for table, name, joined in _SCOPED:
            _move(connection, table, name, joined, renamings, projects)
        show_benchmarks(connection)
        hide_benchmarks(connection, left)
    return Renamed(runs, results, len(series), sum(series))


def _move(
    connection: sqlite3.Connection,
    table: Table[Any],
    name: str,
    joined: _Join,
    renamings: Renamings,
    projects: Sequence[str],
) -> list[bool]:
    """Gives rows their new keys; for each, whether it was joined with one that was there."""
    at, columns = table.key.index(name), (*table.key, *table.columns.names)
    rows = connection.execute(
        f"SELECT {', '.join(columns)} FROM {table.name}"  # noqa: S608  # names of the schema
        + (" WHERE kind = 'benchmark'" if table is SUBJECTS else "")
    ).fetchall()
    of_project = table.key.index("project")
    were_there = []
    for found in rows:
        key: Key = found[: len(table.key)]
        if not renamings.applies(key[at]) or (projects and key[of_project] not in projects):
            continue
        row = table.columns.read(found[len(table.key) :])
        new = (*key[:at], renamings.name(key[at]), *key[at + 1 :])
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
        places = [(each.rank_seconds, each.tie) for each in (known, row)]
        newer, older = (known, row) if places[0] >= places[1] else (row, known)
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
    (SETTLED, "name", _known),  # the replay of both settles the series
    (BASELINES, "name", _known),
    (REGRESSION_REPORTS, "name", _known),
    (TRIAGE, "name", _known),
    (DRIFTS, "name", _known),  # the next check is of both histories
    (NEWEST_VERDICTS, "name", _newer),
    (NEWEST_RESULTS, "name", _newer),
    (NEWEST_RUNS, "benchmark", _newer),
    (NEWEST_GATE_OUTCOMES, "benchmark", _newer),
    (COMMIT_REGRESSIONS, "benchmark", lambda _, row, known: joined_commit(row, known)),
    (SUBJECTS, "name", _joined_subject),
)
