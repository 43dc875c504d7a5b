"""How each benchmark's last runs went, for the small charts of the live page."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

# How many benchmarks, those with the newest runs; how many points of each; and among how many of
# the newest runs these are searched for.
TREND_BENCHMARKS, TREND_POINTS, TREND_RUNS = 200, 30, 5000

_SPEEDUPS = """
    SELECT benchmark, timestamp_seconds, speedup_p50_ratio FROM (
        SELECT id, timestamp_seconds FROM runs ORDER BY timestamp_seconds DESC LIMIT ?
    ) JOIN gate_outcomes ON gate_outcomes.run = id ORDER BY timestamp_seconds DESC, id DESC
"""
_TIMES = """
    SELECT name, timestamp_seconds, p50 * 1000 FROM (
        SELECT id, timestamp_seconds FROM runs ORDER BY timestamp_seconds DESC LIMIT ?
    ) JOIN results ON results.run = id
    WHERE unit = 'seconds' AND better IS NOT 'higher' AND p50 IS NOT NULL
    ORDER BY timestamp_seconds DESC, id DESC
"""


@dataclass(frozen=True, slots=True)
class Trend:
    """Values of the last runs of a benchmark, oldest first, with their times (seconds since 1970).

    They are its speedups p50 (`speedup_p50`, a ratio), or its execution times (`p50_ms`, of a
    benchmark with its variant).
    """

    name: str
    quantity: str
    timestamps_seconds: Sequence[float]
    values: Sequence[float]


def read_trends(connection: sqlite3.Connection) -> list[Trend]:
    """The trends among the newest TREND_RUNS runs; however many runs there are, these are read."""
    trends = []
    for quantity, statement in (("speedup_p50", _SPEEDUPS), ("p50_ms", _TIMES)):
        points: dict[str, list[tuple[float, float]]] = {}
        for name, timestamp, value in connection.execute(statement, (TREND_RUNS,)):
            if name in points or len(points) < TREND_BENCHMARKS:
                of_name = points.setdefault(name, [])
                if len(of_name) < TREND_POINTS:
                    of_name.append((timestamp, value))
        for name, newest_first in points.items():
            times, values = zip(*reversed(newest_first), strict=True)
            trends.append(Trend(name, quantity, times, values))
    return trends
