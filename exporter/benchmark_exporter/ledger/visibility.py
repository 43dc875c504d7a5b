"""Which series a scrape shows: those of subjects that had a run lately, the first ones first.

A subject is what series come and go with: a benchmark or result of a scope, or a branch and trigger
of a pipeline. Series of a pipeline alone (its failure ratio) go with its first subject. Subjects
are shown in the order in which they came. One that was too old to be shown comes last when it has a
run again, since those that are shown stay. All of that is in the ledger, so a restart shows what
was shown before it. Nothing is deleted: what is not shown is still counted.
"""

import math
import sqlite3
from collections.abc import Iterable, Mapping
from sys import intern

from benchmark_exporter.ledger.columns import to_json
from benchmark_exporter.ledger.rows import ReturnedRow, SubjectRow
from benchmark_exporter.ledger.state import (
    REGRESSIONS_BY_COMMIT,
    SUBJECT_COUNTERS,
    SUBJECT_HISTOGRAMS,
    Labels,
    Subject,
    SubjectSelection,
)
from benchmark_exporter.ledger.subject_place import SubjectPlace
from benchmark_exporter.ledger.tables import RETURNED, SUBJECTS
from benchmark_exporter.ledger.totals_reading import newest_commits
from benchmark_exporter.model import SubjectKind

# How long at most a counter that returned is shown as it was before: config.yaml allows no longer
# hold.
MAX_HOLD_SECONDS = 3600.0
# The stored time at which a subject was last seen is no finer than this share of the age at which
# it is no longer shown, to save writing.
_SEEN_RESOLUTION = 1e-3

_LAST_POSITION = "SELECT coalesce(max(position), 0) FROM subjects"
_DELETE_RETURNED = "DELETE FROM returned WHERE at_seconds < ?"
_RETURN_COUNTERS = (
    "INSERT OR REPLACE INTO returned (name, labels, at_seconds, total) "
    "SELECT name, labels, :at, value FROM counters "
    "WHERE name = :name AND labels > :prefix AND labels < :after"
)
_RETURN_HISTOGRAMS = (
    "INSERT OR REPLACE INTO returned (name, labels, at_seconds, bounds, counts, total) "
    "SELECT name, labels, :at, bounds, counts, total FROM histograms "
    "WHERE name = :name AND labels > :prefix AND labels < :after"
)


def see(
    connection: sqlite3.Connection, subject: Subject, at_seconds: float, max_age_seconds: float
) -> float:
    """Records that a subject has a run, before anything of that run is counted.

    Returns when it was last seen, as it is stored now. Of a subject that returns after more than
    `max_age_seconds`, the counters are kept as they were: shown so for a while, they let increase()
    see what is new, and only that.
    """
    execute, key = connection.execute, tuple(subject)
    found = execute(SUBJECTS.select, key).fetchone()
    if found is None:
        row = SubjectRow(prefix_of(subject), next_position(connection), at_seconds)
    else:
        row = SUBJECTS.columns.read(found)
        if row.seen_seconds <= at_seconds - max_age_seconds:
            _keep_counters(connection, subject, at_seconds)
            row = SubjectRow(row.prefix, next_position(connection), at_seconds)
        elif is_lately(row.seen_seconds, at_seconds, max_age_seconds):
            return row.seen_seconds
        else:
            row = SubjectRow(row.prefix, row.position, at_seconds)
    execute(SUBJECTS.replace, SUBJECTS.bind(key, row))
    return at_seconds


def is_lately(seen_seconds: float, at_seconds: float, max_age_seconds: float) -> bool:
    """Whether a subject was seen so shortly before that its stored time need not change."""
    return seen_seconds <= at_seconds < seen_seconds + max_age_seconds * _SEEN_RESOLUTION


def next_position(connection: sqlite3.Connection) -> int:
    """The position of a subject that comes after all others."""
    (last,) = connection.execute(_LAST_POSITION).fetchone()
    return int(last) + 1


def prefix_of(subject: Subject) -> str:
    """How the labels of each running total of a subject begin, as `to_json` writes them.

    What follows is the end of the labels or a comma, both of which sort before _AFTER.
    """
    return to_json(subject.total_labels)[:-1]


_AFTER = "^"


def _keep_counters(connection: sqlite3.Connection, subject: Subject, at_seconds: float) -> None:
    connection.execute(_DELETE_RETURNED, (at_seconds - MAX_HOLD_SECONDS,))
    prefix = prefix_of(subject)
    span = {"at": at_seconds, "prefix": prefix, "after": prefix + _AFTER}
    for counter, kind in SUBJECT_COUNTERS.items():
        if kind == subject.kind:
            connection.execute(_RETURN_COUNTERS, {"name": counter, **span})
    for histogram, kind in SUBJECT_HISTOGRAMS.items():
        if kind == subject.kind:
            connection.execute(_RETURN_HISTOGRAMS, {"name": histogram, **span})
    if subject.kind == "pipeline":
        return
    connection.executemany(
        RETURNED.replace,
        [
            RETURNED.bind(
                (REGRESSIONS_BY_COMMIT, each.labels),
                ReturnedRow(at_seconds, None, None, each.value),
            )
            for each in newest_commits(connection, subject.total_labels)
        ],
    )


_TEMPORARY_TABLES = (
    """CREATE TEMP TABLE IF NOT EXISTS shown (
        position INTEGER PRIMARY KEY, kind TEXT, project TEXT, name TEXT, environment TEXT,
        machine_class TEXT, branch TEXT, trigger TEXT, prefix TEXT, seen_seconds REAL)""",
    "CREATE TEMP TABLE IF NOT EXISTS shown_totals (kind TEXT, prefix TEXT, after TEXT)",
    "CREATE TEMP TABLE IF NOT EXISTS shown_projects (project TEXT PRIMARY KEY)",
    "DELETE FROM temp.shown",
    "DELETE FROM temp.shown_totals",
    "DELETE FROM temp.shown_projects",
)
_SUBJECT = ", ".join(Subject._fields)
_INSERT_SHOWN = f"""
    INSERT INTO temp.shown (position, {_SUBJECT}, prefix, seen_seconds)
    SELECT position, {_SUBJECT}, prefix, seen_seconds FROM subjects WHERE seen_seconds > ?
"""  # noqa: S608  # names of the schema
_SHOW = f"{_INSERT_SHOWN} ORDER BY position LIMIT ?"
_SHOW_BENCHMARK = f"""{_INSERT_SHOWN} AND kind = 'benchmark' AND project = ?
    AND environment = ? AND machine_class = ? AND branch = ? AND name = ? AND trigger = ''
"""
_SHOW_PIPELINE = f"{_INSERT_SHOWN} AND kind = 'pipeline' AND project = ? AND name = ?"
_SHOW_PLACED = f"{_INSERT_SHOWN} AND position = ?"
_SHOW_PROJECTS = """
    INSERT OR IGNORE INTO temp.shown_projects SELECT DISTINCT project FROM temp.shown
"""
_SHOW_PROJECT = "INSERT OR IGNORE INTO temp.shown_projects VALUES (?)"
_SHOW_TOTALS = f"""
    INSERT INTO temp.shown_totals (kind, prefix, after)
    SELECT DISTINCT kind, prefix, prefix || '{_AFTER}' FROM temp.shown
"""  # noqa: S608  # a constant
_COUNTS = (
    "SELECT kind, count(*), min(seen_seconds) FROM subjects WHERE seen_seconds > ? GROUP BY kind"
)
_SHOWN = f"SELECT position, seen_seconds, {_SUBJECT} FROM temp.shown ORDER BY position"  # noqa: S608  # names of the schema


def select(connection: sqlite3.Connection, after_seconds: float, at_most: int) -> SubjectSelection:
    """The first `at_most` subjects that had a run after `after_seconds`.

    They are left in the table temp.shown for `read_state`.
    """
    _clear(connection)
    connection.execute(_SHOW, (after_seconds, at_most))
    counts, first_seen = count_visible(connection, after_seconds)
    return _selected(connection, counts, first_seen)


def select_only(
    connection: sqlite3.Connection,
    after_seconds: float,
    benchmarks: Iterable[Labels],
    pipelines: Iterable[Labels],
    projects: Iterable[str],
) -> SubjectSelection:
    """Those of some subjects, by their `total_labels`, that had a run after `after_seconds`.

    They are left in the table temp.shown for `read_changed`, and their projects and `projects` in
    temp.shown_projects. `counts` is left empty.
    """
    _clear(connection)
    many = connection.executemany
    many(_SHOW_BENCHMARK, [(after_seconds, *benchmark) for benchmark in benchmarks])
    many(_SHOW_PIPELINE, [(after_seconds, *pipeline) for pipeline in pipelines])
    many(_SHOW_PROJECT, [(project,) for project in projects])
    return _selected(connection, {}, math.inf)


def select_placed(
    connection: sqlite3.Connection, places: Iterable[SubjectPlace]
) -> SubjectSelection:
    """The subjects at some places; otherwise as `select_only`."""
    _clear(connection)
    connection.executemany(_SHOW_PLACED, [(-math.inf, place.position) for place in places])
    return _selected(connection, {}, math.inf)


def count_visible(
    connection: sqlite3.Connection, after_seconds: float
) -> tuple[Mapping[SubjectKind, int], float]:
    """How many subjects of each kind had a run after a time, and when the first of these had it."""
    counts: dict[SubjectKind, int] = {"benchmark": 0, "pipeline": 0}
    first_seen = []
    for kind, count, seen in connection.execute(_COUNTS, (after_seconds,)):
        counts[kind] = count
        first_seen.append(seen)
    return counts, min(first_seen, default=math.inf)


def _clear(connection: sqlite3.Connection) -> None:
    for statement in _TEMPORARY_TABLES:
        connection.execute(statement)


def _selected(
    connection: sqlite3.Connection, counts: Mapping[SubjectKind, int], first_seen: float
) -> SubjectSelection:
    connection.execute(_SHOW_TOTALS)
    connection.execute(_SHOW_PROJECTS)
    rows = connection.execute(_SHOWN).fetchall()
    return SubjectSelection(
        [Subject._make(map(intern, row[2:])) for row in rows],
        counts,
        first_seen,
        [SubjectPlace(*row[:2]) for row in rows],
    )
