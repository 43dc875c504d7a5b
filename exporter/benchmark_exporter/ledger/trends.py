"""How each benchmark's last runs went, for the small charts of the live page."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from benchmark_exporter.model import Scope

# How many benchmarks, those with the newest runs; how many points of each; and among how many of
# the newest runs these are searched for.
TREND_BENCHMARKS, TREND_POINTS, TREND_RUNS = 200, 30, 5000

_NEWEST_RUNS = """
    SELECT id, timestamp_seconds, tie, project, environment, machine, line FROM runs WHERE tracked
    ORDER BY timestamp_seconds DESC, tie DESC, id DESC LIMIT ?
"""
_POINT = "project, environment, machine, line, timestamp_seconds"
_SPEEDUPS = f"""
    SELECT benchmark, {_POINT}, speedup_p50_ratio FROM ({_NEWEST_RUNS})
    JOIN gate_outcomes ON gate_outcomes.run = id ORDER BY timestamp_seconds DESC, tie DESC, id DESC
"""  # noqa: S608  # constants
_TIMES = f"""
    SELECT name, {_POINT}, p50 * 1000 FROM ({_NEWEST_RUNS})
    JOIN results ON results.run = id
    WHERE unit = 'seconds' AND better IS NOT 'higher' AND p50 IS NOT NULL
    ORDER BY timestamp_seconds DESC, tie DESC, id DESC
"""  # noqa: S608  # constants


@dataclass(frozen=True, slots=True)
class Trend:
    """Values of the last runs of a benchmark in a scope, oldest first.

    Times are in seconds since 1970. The values are its speedups p50 (`speedup_p50`, a ratio), or
    its execution times (`p50_ms`, of a benchmark with its variant).
    """

    name: str
    scope: Scope
    quantity: str
    timestamps_seconds: Sequence[float]
    values: Sequence[float]


def read_trends(connection: sqlite3.Connection) -> list[Trend]:
    """The trends among the newest TREND_RUNS runs of tracked branches, that of the newest run last.

    However many runs there are, these are read.
    """
    trends = []
    for quantity, statement in (("speedup_p50", _SPEEDUPS), ("p50_ms", _TIMES)):
        points: dict[tuple[str, ...], list[tuple[float, float]]] = {}
        for *key, timestamp, value in connection.execute(statement, (TREND_RUNS,)):
            benchmark = tuple(key)
            if benchmark in points or len(points) < TREND_BENCHMARKS:
                of_benchmark = points.setdefault(benchmark, [])
                if len(of_benchmark) < TREND_POINTS:
                    of_benchmark.append((timestamp, value))
        for (name, *scope), newest_first in reversed(points.items()):
            times, values = zip(*reversed(newest_first), strict=True)
            trends.append(Trend(name, Scope(*scope), quantity, times, values))
    return trends
