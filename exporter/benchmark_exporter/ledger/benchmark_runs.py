"""The runs of a benchmark in a scope: its history for charts, and pages of its runs."""

import json
import math
from collections.abc import Collection, Iterator, Sequence

import msgspec

from benchmark_exporter.judge import VerdictState
from benchmark_exporter.ledger.benchmark_reading import (
    BenchmarkReader,
    BenchmarkScope,
    place_of,
)
from benchmark_exporter.ledger.columns import Columns

# Name, unit, place in seconds since 1970, value, reference, limit, state; values in the unit.
HistoryRow = tuple[str, str, float, float | None, float | None, float | None, VerdictState | None]


class RunOf(msgspec.Struct, frozen=True):
    """A run of a benchmark. `row` is its number in the ledger; times are in seconds since 1970.

    It is `tracked` if it belongs to the series, and otherwise only compared with it; `branch` is
    as its document states it. `error` is what the benchmark ended with, None if with a measurement.
    Gate and severity are None without a gate.
    """

    row: int
    rank_seconds: float
    tie: int
    run_id: str
    commit_hash: str
    branch: str
    tracked: bool
    timestamp_seconds: float
    error: str | None
    passed: bool | None
    severity: str | None


class ValueOf(msgspec.Struct, frozen=True):
    """A result of a run: its median, or its mean without one, and its verdict if it was judged."""

    run: int
    name: str
    unit: str
    value: float | None
    state: VerdictState | None
    worsening_ratio: float | None


class RunPosition(msgspec.Struct, frozen=True, array_like=True):
    """Where a page of runs ended: it goes on after this run."""

    rank_seconds: float
    tie: int
    row: int


_IN_SCOPE = (
    "runs.project = :project AND runs.environment = :environment "
    "AND runs.machine = :machine_class AND runs.line = :branch"
)
# CROSS JOIN states the order: the runs of the scope from the newest on, of each the results by
# their key.
_HISTORY = f"""
    SELECT r.name, r.unit, runs.rank_seconds, coalesce(r.p50, r.mean), v.reference,
        v.limit_value, v.state
    FROM runs CROSS JOIN results r
        ON r.run = runs.id AND r.name IN (SELECT value FROM json_each(:names))
    LEFT JOIN verdicts v ON v.run = r.run AND v.name = r.name
    WHERE {_IN_SCOPE} AND runs.rank_seconds BETWEEN :since AND :until AND runs.tracked
    ORDER BY runs.rank_seconds DESC, runs.tie DESC
"""  # noqa: S608  # constants
_RUNS = Columns(RunOf, names={"row": "id"}).query(
    f"""FROM runs LEFT JOIN failures f ON f.run = runs.id AND f.benchmark = :benchmark
    LEFT JOIN gate_outcomes g ON g.run = runs.id AND g.benchmark = :benchmark
    WHERE {_IN_SCOPE} AND runs.rank_seconds <= :at
    AND (runs.rank_seconds, runs.tie, runs.id) < (:at, :tie, :after)
    AND (f.error IS NOT NULL OR EXISTS (SELECT 1 FROM results WHERE run = runs.id
        AND name >= :benchmark AND name < :benchmark || '0' AND benchmark = :benchmark))
    ORDER BY runs.rank_seconds DESC, runs.tie DESC, runs.id DESC LIMIT :limit
"""  # noqa: S608  # constants
)
_VALUES = Columns(ValueOf).query(
    """FROM results LEFT JOIN verdicts USING (run, name)
    WHERE run IN (SELECT value FROM json_each(:runs))
    AND name IN (SELECT value FROM json_each(:names))
""",
    value="coalesce(p50, mean)",
)


def history(
    reader: BenchmarkReader, found: BenchmarkScope, names: Collection[str], since_seconds: float
) -> Iterator[HistoryRow]:
    """The results of some names in the tracked runs of a scope since a time, the newest run first.

    They are read as they are asked for.
    """
    parameters = {
        **place_of(found),
        "names": json.dumps(list(names)),
        "since": since_seconds,
        "until": found.rank_seconds,
    }
    yield from reader.connection.execute(_HISTORY, parameters)


def page_of_runs(
    reader: BenchmarkReader, found: BenchmarkScope, limit: int, after: RunPosition | None
) -> Sequence[RunOf]:
    """The newest runs of a benchmark, or those after a position, also those of other branches."""
    last = after or RunPosition(math.inf, 0, 0)
    parameters = {
        **place_of(found),
        "at": last.rank_seconds,
        "tie": last.tie,
        "after": last.row,
        "limit": limit,
    }
    return list(_RUNS.rows(reader.connection, parameters))


def values(
    reader: BenchmarkReader, runs: Sequence[RunOf], names: Collection[str]
) -> Sequence[ValueOf]:
    """The results of some names in some runs."""
    parameters = {"runs": json.dumps([run.row for run in runs]), "names": json.dumps(list(names))}
    return list(_VALUES.rows(reader.connection, parameters))
