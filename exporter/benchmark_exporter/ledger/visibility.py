"""Which series a scrape shows: those of the subjects that had a run lately, the ones that were there first.

A subject is what series come and go with: a benchmark name in an environment, or a branch and trigger of a pipeline. Series of the name
alone (a speedup, a pipeline's failure ratio) go with the subject of that name that was there first. Subjects have their places in the order
in which they came; one that was too old to be shown comes last when it has a run again, since those that are shown stay. All of that is in
the ledger, so a restart shows what was shown before it. Nothing is deleted: what is not shown still counts.
"""

import sqlite3

from benchmark_exporter.ledger.state import (
    REGRESSIONS_BY_COMMIT,
    SUBJECT_COUNTERS,
    SUBJECT_HISTOGRAMS,
    Selection,
    Subject,
    newest_commits,
    to_json,
)
from benchmark_exporter.model import SubjectKind

# How long at most a counter that returned is shown as it was before: config.yaml allows no longer hold.
MAX_HOLD_SECONDS = 3600.0
# When a subject was last seen is written down no finer than this share of the age at which it is no longer shown, to save writing.
_SEEN_RESOLUTION = 1e-3


def see(
    connection: sqlite3.Connection, subject: Subject, at_seconds: float, max_age_seconds: float
) -> float:
    """That a subject has a run, before anything of that run is counted. Gives when it was last seen, as that is written down now.

    Of one that returns after more than `max_age_seconds`, the counters are kept as they were: shown so for a while, they let increase() see
    what is new, and that alone.
    """
    key = tuple(subject)
    execute = connection.execute
    row = execute(
        "SELECT place, seen_seconds FROM subjects WHERE kind = ? AND name = ? AND qualifier = ? AND trigger = ?",
        key,
    ).fetchone()
    place, seen = row or (None, 0.0)
    if place is None:
        execute(
            "INSERT INTO subjects VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*key, _prefix(subject.name), _next_place(connection), at_seconds),
        )
    elif seen <= at_seconds - max_age_seconds:
        _keep_counters(connection, subject.name, at_seconds)
        execute(
            "UPDATE subjects SET place = ?, seen_seconds = ? WHERE place = ?",
            (_next_place(connection), at_seconds, place),
        )
    elif is_lately(seen, at_seconds, max_age_seconds):
        return float(seen)
    else:
        execute("UPDATE subjects SET seen_seconds = ? WHERE place = ?", (at_seconds, place))
    return at_seconds


def is_lately(seen_seconds: float, at_seconds: float, max_age_seconds: float) -> bool:
    """Whether what is written down of a subject may stay so when it has a run: it was seen so shortly before."""
    return seen_seconds <= at_seconds < seen_seconds + max_age_seconds * _SEEN_RESOLUTION


def _next_place(connection: sqlite3.Connection) -> int:
    (last,) = connection.execute("SELECT coalesce(max(place), 0) FROM subjects").fetchone()
    return int(last) + 1


def _prefix(name: str) -> str:
    """How the labels of each series of a name begin, as `to_json` writes them."""
    return to_json((name,))[:-1] + ","


def _keep_counters(connection: sqlite3.Connection, name: str, at_seconds: float) -> None:
    prefix = _prefix(name)
    span = (prefix, prefix[:-1] + "-")
    connection.execute(
        "DELETE FROM returned WHERE at_seconds < ?", (at_seconds - MAX_HOLD_SECONDS,)
    )
    for counter in SUBJECT_COUNTERS:
        connection.execute(
            "INSERT OR REPLACE INTO returned SELECT name, labels, ?, NULL, NULL, value FROM counters "
            "WHERE name = ? AND labels > ? AND labels < ?",
            (at_seconds, counter, *span),
        )
    for histogram in SUBJECT_HISTOGRAMS:
        connection.execute(
            "INSERT OR REPLACE INTO returned SELECT name, labels, ?, bounds, counts, total FROM histograms "
            "WHERE name = ? AND labels > ? AND labels < ?",
            (at_seconds, histogram, *span),
        )
    connection.executemany(
        "INSERT OR REPLACE INTO returned VALUES (?, ?, ?, NULL, NULL, ?)",
        [
            (REGRESSIONS_BY_COMMIT, to_json(each.labels), at_seconds, each.value)
            for each in newest_commits(connection, name)
        ],
    )


# Labels that begin with a name come after its prefix, and before what has the character that follows a comma in the comma's place.
_TEMPORARY_TABLES = (
    "CREATE TEMP TABLE IF NOT EXISTS shown (place INTEGER PRIMARY KEY, kind TEXT, name TEXT, qualifier TEXT, trigger TEXT, prefix TEXT)",
    "CREATE TEMP TABLE IF NOT EXISTS shown_names (kind TEXT, name TEXT, prefix TEXT, after TEXT)",
    "DELETE FROM temp.shown",
    "DELETE FROM temp.shown_names",
)


def select(connection: sqlite3.Connection, after_seconds: float, at_most: int) -> Selection:
    """The first subjects, `at_most` of them, that had a run after `after_seconds`; left in the table temp.shown for `read_state`."""
    for statement in _TEMPORARY_TABLES:
        connection.execute(statement)
    connection.execute(
        "INSERT INTO temp.shown SELECT place, kind, name, qualifier, trigger, prefix FROM subjects WHERE seen_seconds > ? "
        "ORDER BY place LIMIT ?",
        (after_seconds, at_most),
    )
    connection.execute(
        "INSERT INTO temp.shown_names SELECT DISTINCT kind, name, prefix, substr(prefix, 1, length(prefix) - 1) || '-' FROM temp.shown"
    )
    counts: dict[SubjectKind, int] = {"benchmark": 0, "pipeline": 0}
    first_seen = []
    for kind, count, seen in connection.execute(
        "SELECT kind, count(*), min(seen_seconds) FROM subjects WHERE seen_seconds > ? GROUP BY kind",
        (after_seconds,),
    ):
        counts[kind] = count
        first_seen.append(seen)
    subjects = [
        Subject(*row)
        for row in connection.execute(
            "SELECT kind, name, qualifier, trigger FROM temp.shown ORDER BY place"
        )
    ]
    return Selection(subjects, counts, min(first_seen, default=float("inf")))
