"""Searches series for change points, some at a time, and keeps what was found.

A series is due once it has a new run: runs are collected by their row numbers, so recording a run
does nothing for this, and what is not searched yet is found again after a restart. The change
points of a series follow from its newest runs. Those that are too old to be among these are kept as
they were found.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from msgspec.structs import replace

from benchmark_exporter.changes import Alarm, Change, begin_of, find_changes
from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.rows import SeriesKey
from benchmark_exporter.ledger.series_runs import SeriesRun, read_series
from benchmark_exporter.ledger.tables import CHANGE_POINTS
from benchmark_exporter.ledger.touched import Touched
from benchmark_exporter.model import Scope

log = logging.getLogger(__name__)

# What is collected at a time: so many runs, or the first ones that have so many results. And how
# many series are searched in one transaction at most.
COLLECTED_RUNS, COLLECTED_RESULTS, SEARCHED_SERIES = 200, 2000, 50
# A change that was found elsewhere so few runs away, in the same direction, has moved.
_MOVED_RUNS = 5
# No change is found with fewer runs before it.
_LEAST_BEFORE = 5
_KEY = ", ".join(SeriesKey._fields)
_MATCH = " AND ".join(f"{field} = ?" for field in SeriesKey._fields)
_NEXT_RUNS = """
    SELECT id FROM runs WHERE id > (SELECT through_run FROM change_search) ORDER BY id LIMIT ?
"""
_COUNT_RESULTS = "SELECT count(*) FROM verdicts WHERE run = ?"
_COLLECT = f"""
    INSERT INTO change_searches_due ({_KEY}, regressed)
    SELECT project, environment, machine, line, v.name, r.unit,
        max(v.state IN ('warning', 'critical'))
    FROM runs JOIN verdicts v ON v.run = id JOIN results r ON r.run = id AND r.name = v.name
    WHERE id > (SELECT through_run FROM change_search) AND id <= ? AND tracked
    GROUP BY 1, 2, 3, 4, 5, 6
    ON CONFLICT DO UPDATE SET regressed = max(regressed, excluded.regressed)
"""  # noqa: S608  # constants
# Regressions come first: their alerts say what they began with.
_DUE = f"SELECT {_KEY} FROM change_searches_due ORDER BY regressed DESC LIMIT ?"  # noqa: S608  # constants
_DONE = f"DELETE FROM change_searches_due WHERE {_MATCH}"  # noqa: S608  # constants
_KNOWN = CHANGE_POINTS.columns.query(f"FROM change_points WHERE {_MATCH} ORDER BY at_seconds, run")
_WITHDRAW = f"DELETE FROM change_points WHERE {_MATCH}"  # noqa: S608  # constants


class Searched(NamedTuple):
    """How many series were searched, whether any change differs, and how many are still due.

    While not all series with new runs are collected, one more is due than is known.
    """

    series: int
    changed: bool
    due: int


class ChangeSearch:
    """Searches in one transaction of `connection`; `touched` gets what that changes."""

    def __init__(self, connection: sqlite3.Connection, touched: Touched) -> None:
        self._connection = connection
        self._touched = touched

    def step(self, now: float, enough: Callable[[], bool]) -> Searched:
        """Collects series with new runs, and then searches the next ones, until that is `enough`.

        At least one is searched if all are collected. `now` is the time in seconds since 1970.
        """
        changed, searched, behind = False, 0, self._collect()
        while behind and not enough():
            behind = self._collect()
        rows = [] if behind else self._connection.execute(_DUE, (SEARCHED_SERIES,)).fetchall()
        for key in map(SeriesKey._make, rows):
            changed = self._search(key, now) or changed
            self._connection.execute(_DONE, key)
            searched += 1
            if enough():
                break
        (due,) = self._connection.execute("SELECT count(*) FROM change_searches_due").fetchone()
        return Searched(searched, changed, int(due) + behind)

    def _collect(self) -> bool:
        """Makes the series of the next runs due; whether there may be more runs."""
        ids = self._connection.execute(_NEXT_RUNS, (COLLECTED_RUNS,)).fetchall()
        results, last = 0, None
        for (last,) in ids:
            (count,) = self._connection.execute(_COUNT_RESULTS, (last,)).fetchone()
            results += count
            if results >= COLLECTED_RESULTS:
                break
        if last is not None:
            self._connection.execute(_COLLECT, (last,))
            self._connection.execute("UPDATE change_search SET through_run = ?", (last,))
        return results >= COLLECTED_RESULTS or len(ids) == COLLECTED_RUNS

    def _search(self, key: SeriesKey, now: float) -> bool:
        """Whether the change points of a series are others than before."""
        runs = read_series(self._connection, key)
        known = list(_KNOWN.rows(self._connection, key))
        found = list(_change_points(key, runs, now))
        kept = [point for point in known if _is_too_old(point, runs)]
        kept_runs = {point.run for point in kept}
        found = [_as_known(point, known, runs) for point in found if point.run not in kept_runs]
        points = _in_order([*kept, *found])
        if points == known:
            return False
        self._touched.benchmarks.add(key[:5])
        self._connection.execute(_WITHDRAW, key)
        rows = [CHANGE_POINTS.bind((*key, point.run), point) for point in points]
        self._connection.executemany(CHANGE_POINTS.insert, rows)
        return True


def _change_points(key: SeriesKey, runs: Sequence[SeriesRun], now: float) -> Iterator[ChangePoint]:
    """What a series' runs show now."""
    values, alarm = [run.value for run in runs], _open_alarm(runs)
    try:
        changes = find_changes(values, alarm)
    except Exception:  # one series must not keep the others from being searched
        log.exception("change points cannot be searched", extra={"fields": key._asdict()})
        return
    begin = None if alarm is None else begin_of(changes, alarm)
    ends = [*(change.at for change in changes), len(runs)][1:]
    for change, end in zip(changes, ends, strict=True):
        passed = runs[-1].passed_commit if change is begin else None
        yield _change_point(key, runs[:end], change, now, passed)


def _change_point(
    key: SeriesKey, runs: Sequence[SeriesRun], change: Change, now: float, passed: str | None
) -> ChangePoint:
    """A change in the runs of a series up to the next change."""
    first, last = runs[change.at], runs[change.at - 1]
    worse = (change.after > change.before) == (first.better == "lower")
    reported = (run.ingested_seconds for run in runs[change.at :] if run.regressed)
    return ChangePoint(
        scope=Scope(*key[:4]),
        name=key.name,
        unit=key.unit,
        run=first.row,
        run_id=first.run_id,
        commit_hash=first.commit_hash,
        at_seconds=first.at_seconds,
        previous_run=last.row,
        previous_run_id=last.run_id,
        previous_commit_hash=last.commit_hash,
        previous_seconds=last.at_seconds,
        value_before=change.before,
        value_after=change.after,
        ratio=change.ratio,
        p_value=change.p_value,
        worse=worse,
        reported_seconds=next(reported, None) if worse else None,
        found_seconds=now,
        alarm_commit=passed,
    )


def _in_order(points: Sequence[ChangePoint]) -> list[ChangePoint]:
    """The oldest first, the last one marked as the newest."""
    ordered = sorted(points, key=lambda point: (point.at_seconds, point.run))
    last = len(ordered) - 1
    return [replace(point, newest=at == last) for at, point in enumerate(ordered)]


def _open_alarm(runs: Sequence[SeriesRun]) -> Alarm | None:
    """The regression that the newest run belongs to, from its first bad run."""
    bad = len(list(takewhile(lambda run: run.regressed, reversed(runs))))
    return Alarm(len(runs) - bad, runs[-1].better == "lower") if bad else None


def _is_too_old(point: ChangePoint, runs: Sequence[SeriesRun]) -> bool:
    """Whether a change came before the runs that are searched, or too close to their first."""
    return len(runs) > _LEAST_BEFORE and point.at_seconds < runs[_LEAST_BEFORE].at_seconds


def _as_known(
    point: ChangePoint, known: Sequence[ChangePoint], runs: Sequence[SeriesRun]
) -> ChangePoint:
    """A change with the time at which it was first found, here or a few runs away."""
    positions: Mapping[int, int] = {run.row: position for position, run in enumerate(runs)}
    at = positions[point.run]
    near = [
        (abs(positions[each.run] - at), each.found_seconds)
        for each in known
        if each.run in positions and each.worse == point.worse
    ]
    away, found_seconds = min(near, default=(_MOVED_RUNS + 1, 0.0))
    return replace(point, found_seconds=found_seconds) if away <= _MOVED_RUNS else point
