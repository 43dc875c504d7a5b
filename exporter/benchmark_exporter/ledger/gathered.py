"""Running totals and newest rows: the files of a batch change the same few again and again, so each is read and written once a batch."""

import sqlite3
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark_exporter.ledger.state import from_json, to_json

Row = tuple[Any, ...]
Mark = tuple[dict[tuple["Rows", Row], int], dict[Row, Row]]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of one kind: how one is read and written by its key, and what a change makes of it. None stands for one not yet there.

    A row may be other here than it stands there, so that what costs to convert is converted once a batch.
    """

    read: str
    write: str
    changed: Callable[[Row | None, Row], Row]
    from_row: Callable[[Row], Row] = lambda row: row
    to_row: Callable[[Row], Row] = lambda row: row


class Gathered:
    """Changes, those of a row in the order they were made: what is written is what it would be were each written by itself."""

    def __init__(self) -> None:
        self._changes: defaultdict[tuple[Rows, Row], list[Row]] = defaultdict(list)
        self._counts: dict[Row, Row] = {}

    def add(self, rows: Rows, key: Row, change: Row) -> None:
        """Gathers a change of the row that has the key. A tuple in the key stands there as JSON."""
        self._changes[rows, key].append(change)

    def count(self, key: Row, by: int, at: float) -> None:
        """Gathers a change of the counter that has the key, of which there are more than of all others together."""
        self._counts[key] = _counted(self._counts.get(key), (by, at))

    def mark(self) -> Mark:
        """What there is, for `cut`."""
        return {place: len(changes) for place, changes in self._changes.items()}, dict(self._counts)

    def cut(self, mark: Mark) -> None:
        """Forgets all changes that came after the mark."""
        lengths, self._counts = mark
        for place, changes in self._changes.items():
            del changes[lengths.get(place, 0) :]

    def write(self, connection: sqlite3.Connection) -> None:
        """Makes the changes in the database."""
        for key, change in self._counts.items():
            self._changes[COUNTERS, key].append(change)
        for (rows, key), changes in self._changes.items():
            columns = [to_json(value) if isinstance(value, tuple) else value for value in key]
            known = connection.execute(rows.read, columns).fetchone()
            row = before = None if known is None else rows.from_row(known)
            for change in changes:
                row = rows.changed(row, change)
            if row is not None and row != before:
                connection.execute(rows.write, (*rows.to_row(row), *columns))


def _counted(row: Row | None, change: Row) -> Row:
    by, at = change
    value, born = row or (0, at)
    return value + by, born


def _counted_commit(row: Row | None, change: Row) -> Row:
    at, rank = change
    value, born, newest = row or (0, at, rank)
    return value + 1, born, max(newest, rank)


def _observed(row: Row | None, change: Row) -> Row:
    bounds, values, total, at = change
    if row is None or row[0] != bounds:
        row = bounds, [0] * (len(bounds) + 1), 0.0, at
    _, counts, old_total, born = row
    counts = counts.copy()
    for value in values:
        counts[bisect_left(bounds, value)] += 1
    return bounds, counts, old_total + total, born


def _to_histogram(row: Row) -> Row:
    bounds, counts, total, born = row
    return tuple(from_json(bounds)), from_json(counts), total, born


def _from_histogram(row: Row) -> Row:
    bounds, counts, total, born = row
    return to_json(bounds), to_json(counts), total, born


def _summed(row: Row | None, change: Row) -> Row:
    count, total = row or (0, 0.0)
    return count + 1, total + change[0]


def _replaced(_: Row | None, change: Row) -> Row:
    return change


def _newest(row: Row | None, change: Row) -> Row:
    new, at = change
    # A rank later than now was given by a clock that has been set back since, and no longer tells what is newest.
    return new if row is None or new[-1] >= row[-1] or row[-1] > at else row


def _rows(
    table: str,
    key: Sequence[str],
    values: Sequence[str],
    changed: Callable[[Row | None, Row], Row],
    *converted: Callable[[Row], Row],
) -> Rows:
    columns = (*values, *key)
    return Rows(
        f"SELECT {', '.join(values)} FROM {table} WHERE {' AND '.join(f'{column} = ?' for column in key)}",  # noqa: S608  # names from below
        f"INSERT OR REPLACE INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",  # noqa: S608  # likewise
        changed,
        *converted,
    )


# After each, what a change of it is.
COUNTERS = _rows("counters", ("name", "labels"), ("value", "born_seconds"), _counted)  # by, at
COMMIT_REGRESSIONS = _rows(  # at, rank
    "commit_regressions",
    ("benchmark", "severity", "commit_hash"),
    ("value", "born_seconds", "rank_seconds"),
    _counted_commit,
)
HISTOGRAMS = _rows(  # bounds, values, their sum, at
    "histograms",
    ("name", "labels"),
    ("bounds", "counts", "total", "born_seconds"),
    _observed,
    _to_histogram,
    _from_histogram,
)
NEWEST_RESULTS = _rows(
    "newest_results", ("name", "environment"), ("run", "rank_seconds"), _newest
)  # the row, at
NEWEST_RUNS = _rows(
    "newest_runs", ("benchmark", "environment"), ("run", "failed", "rank_seconds"), _newest
)  # the row, at
NEWEST_GATE_OUTCOMES = _rows(
    "newest_verdicts", ("benchmark",), ("run", "rank_seconds"), _newest
)  # the row, at
NEWEST_PIPELINE_RUNS = _rows(  # the row, at
    "newest_pipeline_runs",
    ("pipeline", "branch", "trigger"),
    ("passed", "duration_seconds", "rank_seconds"),
    _newest,
)
LAST_INGEST = Rows(
    "SELECT last_ingest_seconds FROM totals", "UPDATE totals SET last_ingest_seconds = ?", _replaced
)  # the row
SUITE_DURATIONS = Rows(  # seconds
    "SELECT suite_duration_count, suite_duration_sum_seconds FROM totals",
    "UPDATE totals SET suite_duration_count = ?, suite_duration_sum_seconds = ?",
    _summed,
)
