"""All benchmarks with their newest states, for the list that people search."""

import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from benchmark_exporter.judge import VerdictState
from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.model import Scope
from benchmark_exporter.triage.rule import TriageState

# For small charts: of how many of a result's newest runs values are read, and in how many runs of
# its scope they are looked for, which are more where others run more often.
TREND_RUNS, TREND_RUNS_SEARCHED = 60, 3_000

BenchmarkKey = tuple[str, str, str, str, str]


class BenchmarkPlace(NamedTuple):
    """Of each benchmark in a scope what the list is filtered, ordered and counted by, as stored.

    A list reads thousands of these, so they are plain rows.
    """

    project: str
    environment: str
    machine_class: str
    branch: str
    benchmark: str
    failed: int
    timestamp_seconds: float
    passed: int | None
    severity: str | None

    @property
    def key(self) -> BenchmarkKey:
        """Its scope and its name."""
        return self[:5]


class ResultPlace(NamedTuple):
    """The same of each judged result."""

    project: str
    environment: str
    machine_class: str
    branch: str
    benchmark: str
    name: str
    state: VerdictState
    worsening_ratio: float | None

    @property
    def key(self) -> BenchmarkKey:
        """The scope and the name of its benchmark."""
        return self[:5]


class ListedBenchmark(msgspec.Struct, frozen=True):
    """The newest run of a benchmark in a scope, and the newest outcome of its gate.

    Its time is in seconds since 1970. `failed` says that it ended with an error; `passed` and
    `severity` are None without a gate.
    """

    scope: Scope
    benchmark: str
    failed: bool
    commit_hash: str
    timestamp_seconds: float
    passed: bool | None
    severity: str | None


class ListedResult(msgspec.Struct, frozen=True):
    """The newest verdict of a result, and the state of its regression, None if none is open.

    `rank_seconds` is the place of its run in the order of runs.
    """

    scope: Scope
    benchmark: str
    name: str
    unit: str
    value: float
    state: VerdictState
    worsening_ratio: float | None
    triage: TriageState | None
    rank_seconds: float


_ON_SCOPE = (
    "{0}.project = n.project AND {0}.environment = n.environment "
    "AND {0}.machine_class = n.machine_class AND {0}.branch = n.branch"
)
_SCOPE = {name: f"n.{name}" for name in Scope.__struct_fields__}
_OF_BENCHMARKS = (
    "FROM newest_runs n CROSS JOIN runs ON runs.id = n.run "
    f"LEFT JOIN newest_gate_outcomes o ON {_ON_SCOPE.format('o')} AND o.benchmark = n.benchmark "
    "LEFT JOIN gate_outcomes g ON g.run = o.run AND g.benchmark = o.benchmark"
)
_OF_RESULTS = (
    "FROM newest_verdicts n CROSS JOIN verdicts v ON v.run = n.run AND v.name = n.name "
    "CROSS JOIN results r ON r.run = n.run AND r.name = n.name"
)
_OF_SCOPE = " AND ".join(f"{column} = ?" for column in _SCOPE.values())
_BENCHMARKS = f"""
    SELECT {", ".join(_SCOPE.values())}, n.benchmark, failed, timestamp_seconds, passed, severity
    {_OF_BENCHMARKS}
"""
_RESULTS = f"""
    SELECT {", ".join(_SCOPE.values())}, r.benchmark, n.name, v.state, worsening_ratio {_OF_RESULTS}
"""
_BENCHMARK = Columns(ListedBenchmark).query(
    f"{_OF_BENCHMARKS} WHERE {_OF_SCOPE} AND n.benchmark = ?", **_SCOPE, benchmark="n.benchmark"
)
_RESULT = Columns(ListedResult).query(
    f"{_OF_RESULTS} LEFT JOIN triage t ON {_ON_SCOPE.format('t')} AND t.name = n.name "
    f"AND t.ended_seconds IS NULL WHERE {_OF_SCOPE} AND n.name = ?",
    **_SCOPE,
    name="n.name",
    value="v.value",
    state="v.state",
    triage="t.state",
    rank_seconds="n.rank_seconds",
)
_TREND = """
    SELECT v.value FROM runs CROSS JOIN verdicts v ON v.run = runs.id AND v.name = :name
    WHERE project = :project AND environment = :environment AND machine = :machine_class
    AND line = :branch AND tracked AND rank_seconds BETWEEN :oldest AND :newest
    ORDER BY rank_seconds DESC, tie DESC LIMIT :runs
"""
_OLDEST_SEARCHED = """
    SELECT rank_seconds FROM runs WHERE project = :project AND environment = :environment
    AND machine = :machine_class AND line = :branch AND rank_seconds <= :newest
    ORDER BY rank_seconds DESC, tie DESC LIMIT 1 OFFSET :searched
"""


class ListReader:
    """Reads the list in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._oldest: dict[tuple[Scope, float], float] = {}

    def benchmarks(self) -> Iterator[BenchmarkPlace]:
        """All benchmarks that have a run of a tracked branch, in no order."""
        return map(BenchmarkPlace._make, self._connection.execute(_BENCHMARKS))

    def results(self) -> Iterator[ResultPlace]:
        """Their judged results, in no order."""
        return map(ResultPlace._make, self._connection.execute(_RESULTS))

    def benchmark(self, scope: Scope, name: str) -> ListedBenchmark | None:
        """What the list shows of a benchmark; None if there is none."""
        return next(_BENCHMARK.rows(self._connection, (*scope.key, name)), None)

    def result(self, scope: Scope, name: str) -> ListedResult | None:
        """What the list shows of a judged result; None if there is none."""
        return next(_RESULT.rows(self._connection, (*scope.key, name)), None)

    def trend(self, result: ListedResult) -> Sequence[float]:
        """The values of a result in its newest TREND_RUNS runs, the oldest first."""
        place = {
            **dict(zip(Scope.__struct_fields__, result.scope.key, strict=True)),
            "newest": result.rank_seconds,
        }
        oldest = self._oldest_searched(result, place)
        parameters = {**place, "name": result.name, "oldest": oldest, "runs": TREND_RUNS}
        return [value for (value,) in self._connection.execute(_TREND, parameters)][::-1]

    def _oldest_searched(self, result: ListedResult, place: Mapping[str, object]) -> float:
        """The rank of the oldest run that is searched; most results of a scope have the same."""
        key = result.scope, result.rank_seconds
        if key not in self._oldest:
            parameters = {**place, "searched": TREND_RUNS_SEARCHED}
            row = self._connection.execute(_OLDEST_SEARCHED, parameters).fetchone()
            self._oldest[key] = -math.inf if row is None else row[0]
        return self._oldest[key]
