"""All benchmarks with their newest states, for the list that people search."""

import sqlite3
from collections.abc import Sequence

import msgspec

from benchmark_exporter.judge import VerdictState
from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.model import Scope
from benchmark_exporter.triage.rule import TriageState

# For small charts: of how many of a scope's newest runs values are read.
TREND_RUNS = 60


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
    """The newest verdict of a result, and the state of its regression, None if none is open."""

    scope: Scope
    benchmark: str
    name: str
    unit: str
    value: float
    state: VerdictState
    worsening_ratio: float | None
    triage: TriageState | None


_ON_SCOPE = (
    "{0}.project = n.project AND {0}.environment = n.environment "
    "AND {0}.machine_class = n.machine_class AND {0}.branch = n.branch"
)
_SCOPE = {name: f"n.{name}" for name in Scope.__struct_fields__}
_BENCHMARKS = Columns(ListedBenchmark).query(
    "FROM newest_runs n CROSS JOIN runs ON runs.id = n.run "
    f"LEFT JOIN newest_gate_outcomes o ON {_ON_SCOPE.format('o')} AND o.benchmark = n.benchmark "
    "LEFT JOIN gate_outcomes g ON g.run = o.run AND g.benchmark = o.benchmark",
    **_SCOPE,
    benchmark="n.benchmark",
)
_RESULTS = Columns(ListedResult).query(
    "FROM newest_verdicts n CROSS JOIN verdicts v ON v.run = n.run AND v.name = n.name "
    "CROSS JOIN results r ON r.run = n.run AND r.name = n.name "
    f"LEFT JOIN triage t ON {_ON_SCOPE.format('t')} AND t.name = n.name "
    "AND t.ended_seconds IS NULL",
    **_SCOPE,
    name="n.name",
    value="v.value",
    state="v.state",
    triage="t.state",
)
_TRENDS = """
    SELECT v.name, v.value FROM (
        SELECT id, rank_seconds, tie FROM runs WHERE project = :project
        AND environment = :environment AND machine = :machine_class AND line = :branch AND tracked
        ORDER BY rank_seconds DESC, tie DESC LIMIT :runs
    ) CROSS JOIN verdicts v ON v.run = id AND v.name IN (SELECT value FROM json_each(:names))
    ORDER BY rank_seconds, tie
"""


class ListReader:
    """Reads the list in one transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def benchmarks(self) -> Sequence[ListedBenchmark]:
        """All benchmarks that have a run of a tracked branch, in no order."""
        return list(_BENCHMARKS.rows(self._connection))

    def results(self) -> Sequence[ListedResult]:
        """Their judged results, in no order."""
        return list(_RESULTS.rows(self._connection))

    def trends(self, scope: Scope, names: Sequence[str]) -> dict[str, list[float]]:
        """The values of results in the newest TREND_RUNS runs of their scope, oldest first."""
        found: dict[str, list[float]] = {}
        parameters = {
            **dict(zip(Scope.__struct_fields__, scope.key, strict=True)),
            "runs": TREND_RUNS,
            "names": msgspec.json.encode(names).decode(),
        }
        for name, value in self._connection.execute(_TRENDS, parameters):
            found.setdefault(name, []).append(value)
        return found
