"""Reads the running totals that a scrape shows. `visibility.select` has selected the subjects."""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from benchmark_exporter.counters import COUNTERS, UNTRACKED_BRANCH_RUNS
from benchmark_exporter.ledger.columns import Columns, to_json
from benchmark_exporter.ledger.rows import ReturnedRow
from benchmark_exporter.ledger.state import (
    COMMITS_SHOWN,
    SUBJECT_COUNTERS,
    SUBJECT_HISTOGRAMS,
    Histogram,
    Labels,
    RunningTotal,
)
from benchmark_exporter.model import SEVERITIES


class _Named(msgspec.Struct, frozen=True):
    """A counter with its name."""

    name: str
    total: RunningTotal


class _NamedHistogram(msgspec.Struct, frozen=True):
    """A histogram with its name."""

    name: str
    histogram: Histogram


class _Returned(msgspec.Struct, frozen=True):
    """A row of `returned` with its key."""

    name: str
    labels: Labels
    row: ReturnedRow


_COUNTERS_OF_SUBJECTS = Columns(RunningTotal).query(
    "FROM temp.shown_totals s CROSS JOIN counters c "
    "ON c.name = ? AND labels > prefix AND labels < after WHERE kind = ?"
)
_OTHER_COUNTERS = Columns(_Named).query(
    "FROM counters WHERE name NOT IN (SELECT value FROM json_each(?))"
)
_UNTRACKED = Columns(RunningTotal).query(
    "FROM counters WHERE name = ? "
    "AND json_extract(labels, '$[0]') IN (SELECT project FROM temp.shown_projects)"
)
_UNTRACKED_NAME = UNTRACKED_BRANCH_RUNS.name
_EXPORTER_COUNTERS = [
    total.name for total in COUNTERS if total.owner == "exporter" and total.name != _UNTRACKED_NAME
]
_OF_NAME = Columns(RunningTotal).query("FROM counters WHERE name = ?")
_HISTOGRAMS_OF_SUBJECTS = Columns(Histogram).query(
    "FROM temp.shown_totals s CROSS JOIN histograms h "
    "ON h.name = ? AND labels > prefix AND labels < after WHERE kind = ?"
)
_OTHER_HISTOGRAMS = Columns(_NamedHistogram).query(
    "FROM histograms WHERE name NOT IN (SELECT value FROM json_each(?))"
)
_RETURNED = Columns(_Returned).query("FROM returned WHERE at_seconds > ?")
_ANY_RETURNED = "SELECT 1 FROM returned LIMIT 1"
_RETURNED_OF_FEW = Columns(_Returned).query(
    "FROM temp.shown_totals s CROSS JOIN (SELECT DISTINCT name FROM returned) n "
    "CROSS JOIN returned r ON r.name = n.name AND labels > prefix AND labels < after "
    "WHERE at_seconds > ?",
    name="r.name",
)
_COMMITS = (
    "SELECT commit_hash, value, born_seconds FROM commit_regressions "
    "WHERE project = ? AND environment = ? AND machine_class = ? AND branch = ? "
    "AND benchmark = ? AND severity = ? ORDER BY rank_seconds DESC, commit_hash LIMIT ?"
)


def read_counters(connection: sqlite3.Connection) -> Mapping[str, Sequence[RunningTotal]]:
    """The counters of the selected subjects, and all that are not of a subject."""
    counters = {**read_subject_counters(connection)}
    others: dict[str, list[RunningTotal]] = {}
    apart = to_json([*SUBJECT_COUNTERS, _UNTRACKED_NAME])
    for named in _OTHER_COUNTERS.rows(connection, (apart,)):
        others.setdefault(named.name, []).append(named.total)
    return {**counters, **others, **_read_untracked(connection)}


def read_changed_counters(
    connection: sqlite3.Connection,
) -> Mapping[str, Sequence[RunningTotal]]:
    """The counters of the selected subjects, and those that the exporter itself shows."""
    counters = {**read_subject_counters(connection)}
    for name in _EXPORTER_COUNTERS:
        if found := list(_OF_NAME.rows(connection, (name,))):
            counters[name] = found
    return {**counters, **_read_untracked(connection)}


def read_subject_counters(
    connection: sqlite3.Connection,
) -> Mapping[str, Sequence[RunningTotal]]:
    """The counters of the selected subjects."""
    counters = {}
    for name, kind in SUBJECT_COUNTERS.items():
        if found := list(_COUNTERS_OF_SUBJECTS.rows(connection, (name, kind))):
            counters[name] = found
    return counters


def _read_untracked(connection: sqlite3.Connection) -> Mapping[str, Sequence[RunningTotal]]:
    found = list(_UNTRACKED.rows(connection, (_UNTRACKED_NAME,)))
    return {_UNTRACKED_NAME: found} if found else {}


def read_histograms(connection: sqlite3.Connection) -> Mapping[str, Sequence[Histogram]]:
    """The histograms of the selected subjects, and all that are not of a subject."""
    histograms = {**read_subject_histograms(connection)}
    for named in _OTHER_HISTOGRAMS.rows(connection, (to_json([*SUBJECT_HISTOGRAMS]),)):
        histograms.setdefault(named.name, []).append(named.histogram)
    return histograms


def read_subject_histograms(connection: sqlite3.Connection) -> Mapping[str, list[Histogram]]:
    """The histograms of the selected subjects."""
    histograms: dict[str, list[Histogram]] = {}
    for name, kind in SUBJECT_HISTOGRAMS.items():
        if found := list(_HISTOGRAMS_OF_SUBJECTS.rows(connection, (name, kind))):
            histograms[name] = found
    return histograms


def read_returned(
    connection: sqlite3.Connection, after_seconds: float
) -> tuple[Mapping[tuple[str, Labels], RunningTotal], Mapping[tuple[str, Labels], Histogram]]:
    """What counters and histograms were when their subjects returned, after a time."""
    return _returned(_RETURNED.rows(connection, (after_seconds,)))


def read_few_returned(
    connection: sqlite3.Connection, after_seconds: float
) -> tuple[Mapping[tuple[str, Labels], RunningTotal], Mapping[tuple[str, Labels], Histogram]]:
    """The same of the selected subjects only, which are few."""
    if connection.execute(_ANY_RETURNED).fetchone() is None:  # as most of the time
        return {}, {}
    return _returned(_RETURNED_OF_FEW.rows(connection, (after_seconds,)))


def _returned(
    rows: Iterable[_Returned],
) -> tuple[Mapping[tuple[str, Labels], RunningTotal], Mapping[tuple[str, Labels], Histogram]]:
    counters, histograms = {}, {}
    for name, labels, row in map(msgspec.structs.astuple, rows):
        if row.bounds is None:
            counters[name, labels] = RunningTotal(labels, row.total, row.at_seconds)
        else:
            histograms[name, labels] = Histogram(
                labels, row.bounds, row.counts, row.total, row.at_seconds
            )
    return counters, histograms


def newest_commits(connection: sqlite3.Connection, subject: Labels) -> Iterator[RunningTotal]:
    """A subject's regressions by commit, for each severity those of its newest commits.

    The subject is a benchmark or result, by its `total_labels`.
    """
    for severity in SEVERITIES:
        for commit_hash, value, born in connection.execute(
            _COMMITS, (*subject, severity, COMMITS_SHOWN)
        ):
            yield RunningTotal((*subject, severity, commit_hash), value, born)
