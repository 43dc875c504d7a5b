"""What a series is judged by, replayed from the ledger.

A series that was last judged by another rule, or by another version of this one, is replayed from
its newest runs, so that nobody has to wait for a new history.
"""

import sqlite3
from collections.abc import Sequence
from itertools import takewhile

from msgspec.structs import replace

from benchmark_exporter.judge import (
    Alarm,
    Better,
    JudgeLimits,
    SeriesState,
    accept,
    replay,
)
from benchmark_exporter.ledger.rows import Series, SeriesKey

# Twice the runs that a state has: the first half is what the second half is judged by. Of a series
# that is rarely measured, no more runs of its project than this are searched for them.
_REPLAYED_RUNS, _SEARCHED_RUNS = 140, 5_000
_JUDGED = """
    SELECT rank_seconds, id, value FROM (
        SELECT rank_seconds, tie, id FROM runs
        WHERE project = :project AND environment = :environment
        AND machine = :machine_class AND line = :branch AND tracked
        ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT :searched) AS searched
    CROSS JOIN verdicts v ON v.run = searched.id AND v.name = :name
    JOIN results r ON r.run = searched.id AND r.name = :name AND r.unit = :unit
    ORDER BY rank_seconds DESC, tie DESC, id DESC LIMIT :replayed
"""
_Judged = tuple[float, int, float]  # when it was made, the run's row, the value


def replayed(
    connection: sqlite3.Connection,
    key: SeriesKey,
    series: Series,
    better: Better,
    limits: JudgeLimits,
) -> SeriesState:
    """The state that the series' judged runs give.

    An alarm stays open only if the last verdict was critical: what the other rule let pass is not
    reported because the rule has changed.
    """
    runs = [(value, rank) for rank, _, value in _judged(connection, key)]
    if len(runs) < len(series.window):  # the others are pruned
        first = series.rank_seconds - len(series.window)
        runs = [(value, first + number) for number, value in enumerate(series.window)]
    return replay(
        runs,
        better=better,
        limits=limits,
        pinned=series.pinned,
        keep_alarm=series.previous == "critical",
    )


def at_level_of(
    connection: sqlite3.Connection,
    key: SeriesKey,
    run: int,
    reference: float | None,
    better: Better,
    limits: JudgeLimits,
) -> SeriesState:
    """The state with the level of a run, which was compared with a reference, as its level.

    The runs just before it that are nearer to it than to the reference have the same level. The
    noise of those before them is kept.
    """
    judged = _judged(connection, key)
    earlier = list(takewhile(lambda each: each[1] != run, judged))
    if len(earlier) < len(judged) and reference is not None:
        *_, level = judged[len(earlier)]
        while earlier and abs(earlier[-1][2] - level) < abs(earlier[-1][2] - reference):
            earlier.pop()
    before = replay(
        [(value, rank) for rank, _, value in earlier],
        better=better,
        limits=limits,
        keep_alarm=False,
    )
    since = judged[len(earlier) :]
    if not since or len(before.values) < limits.least_runs:
        runs = [(value, rank) for rank, _, value in since or judged]
        return replay(runs, better=better, limits=limits, keep_alarm=False)
    values, began = tuple(value for *_, value in since), since[0][0]
    alarm = Alarm(values[0], values[0], began, len(since), began, len(since), values)
    opened = replace(before, alarm=alarm)
    return accept(opened, better=better, limits=limits)


def _judged(connection: sqlite3.Connection, key: SeriesKey) -> Sequence[_Judged]:
    """The newest judged runs of a series, oldest first."""
    how_many = {"searched": _SEARCHED_RUNS, "replayed": _REPLAYED_RUNS}
    newest_first = connection.execute(_JUDGED, {**key._asdict(), **how_many}).fetchall()
    return newest_first[::-1]
