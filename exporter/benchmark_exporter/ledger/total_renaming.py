"""Renaming the running totals of benchmarks, whose labels have the name; see `renaming`."""

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from benchmark_exporter.ledger.columns import Key, Table, to_json
from benchmark_exporter.ledger.rows import CommitRegressionsRow, CounterRow, HistogramRow
from benchmark_exporter.ledger.state import (
    REGRESSIONS_BY_COMMIT,
    SUBJECT_COUNTERS,
    SUBJECT_HISTOGRAMS,
    Labels,
    Subject,
)
from benchmark_exporter.ledger.tables import COUNTERS, HISTOGRAMS, RETURNED, SUBJECTS
from benchmark_exporter.model import Scope
from benchmark_exporter.names import Renamings

# Labels begin with the four of a scope.
_NAME = 4
_OF_BENCHMARKS = (
    *(
        name
        for name, kind in {**SUBJECT_COUNTERS, **SUBJECT_HISTOGRAMS}.items()
        if kind == "benchmark"
    ),
    REGRESSIONS_BY_COMMIT,
)


def rename_totals(
    connection: sqlite3.Connection, renamings: Renamings, projects: Sequence[str]
) -> None:
    """Renames counters and histograms, before the subjects that they belong to.

    Those of a subject that has just returned are shown for a while as they were before. Where the
    new name is shown already, they are not: it would fall.
    """
    for table, joined in _TOTALS:
        for name, labels, row in _rows(connection, table, renamings, projects):
            key: Key = (name, labels)
            new = (name, (*labels[:_NAME], renamings.name(labels[_NAME]), *labels[_NAME + 1 :]))
            connection.execute(table.delete, table.bind_key(key))
            if table is RETURNED and _is_known(connection, new[1]):
                continue
            known = connection.execute(table.select, table.bind_key(new)).fetchone()
            renamed = row if known is None else joined(row, table.columns.read(known))
            connection.execute(table.replace, table.bind(new, renamed))


def _rows(
    connection: sqlite3.Connection, table: Table[Any], renamings: Renamings, projects: Sequence[str]
) -> list[tuple[str, Labels, Any]]:
    found = connection.execute(
        f"SELECT name, labels, {', '.join(table.columns.names)} FROM {table.name} "  # noqa: S608  # names of the schema
        "WHERE name IN (SELECT value FROM json_each(?))",
        (to_json(_OF_BENCHMARKS),),
    )
    rows = []
    for name, text, *values in found:
        labels = msgspec.json.decode(text, type=tuple[str, ...])
        if renamings.applies(labels[_NAME]) and (not projects or labels[0] in projects):
            rows.append((name, labels, table.columns.read(values)))
    return rows


def _is_known(connection: sqlite3.Connection, labels: Labels) -> bool:
    subject = Subject.benchmark(Scope(*labels[:_NAME]), labels[_NAME])
    return connection.execute(SUBJECTS.select, tuple(subject)).fetchone() is not None


def _joined_counter(row: CounterRow, known: CounterRow) -> CounterRow:
    return CounterRow(known.value + row.value, known.born_seconds)


def joined_commit(row: CommitRegressionsRow, known: CommitRegressionsRow) -> CommitRegressionsRow:
    """The regressions of a commit by both names."""
    rank_seconds = max(known.rank_seconds, row.rank_seconds)
    return CommitRegressionsRow(known.value + row.value, known.born_seconds, rank_seconds)


def _joined_histogram(row: HistogramRow, known: HistogramRow) -> HistogramRow:
    """With other bounds, old counts cannot be distributed over the new buckets."""
    if row.bounds != known.bounds:
        return known
    counts = tuple(map(sum, zip(row.counts, known.counts, strict=True)))
    return HistogramRow(known.bounds, counts, known.total + row.total, known.born_seconds)


def _known(_: Any, known: Any) -> Any:
    return known


_TOTALS: Sequence[tuple[Table[Any], Callable[[Any, Any], Any]]] = (
    (RETURNED, _known),
    (COUNTERS, _joined_counter),
    (HISTOGRAMS, _joined_histogram),
)
