"""One benchmark as pages show it: its scopes, its newest results, and what is known of them."""

import sqlite3
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec.structs import replace

from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.reading import INSTRUCTIONS, read_only
from benchmark_exporter.ledger.state import (
    NewestBaseline,
    NewestDrift,
    NewestGate,
    NewestVerdict,
)
from benchmark_exporter.ledger.triage_rows import TriagedRegression
from benchmark_exporter.model import Result, Scope

# Of each result, the newest change points that are read.
MOST_CHANGES = 50


class BenchmarkScope(msgspec.Struct, frozen=True):
    """A benchmark in a scope. `failed` says that its newest run ended with an error.

    `run` is that run's row in the ledger; `rank_seconds` its place, in seconds since 1970.
    """

    scope: Scope
    benchmark: str
    run: int
    failed: bool
    rank_seconds: float


class NewestRunOf(msgspec.Struct, frozen=True):
    """The newest run of a benchmark; its time is in seconds since 1970."""

    run_id: str
    commit_hash: str
    format: str
    timestamp_seconds: float


class FiringAlert(msgspec.Struct, frozen=True):
    """An alert of the stack that fires for a benchmark or one of its results.

    For `missing_seconds` see `ReceivedNotification`.
    """

    alertname: str
    benchmark: str
    severity: str
    summary: str
    since_seconds: float
    missing_seconds: float | None


class ResultState(msgspec.Struct, frozen=True):
    """The newest of a result, and what is known of its series.

    `verdict` is None for what is not judged. `triage` is of its last regression, open or not.
    Changes are the newest first.
    """

    result: Result
    run: NewestRunOf
    verdict: NewestVerdict | None
    triage: TriagedRegression | None
    changes: Sequence[ChangePoint]


class _Newest(msgspec.Struct, frozen=True):
    result: Result
    run: NewestRunOf


class _Pinned(msgspec.Struct, frozen=True):
    name: str
    unit: str
    baseline: NewestBaseline


class _Drifting(msgspec.Struct, frozen=True):
    name: str
    unit: str
    drift: NewestDrift


_SCOPES = Columns(BenchmarkScope).query(
    "FROM newest_runs WHERE benchmark = ? ORDER BY rank_seconds DESC, tie DESC"
)
_BENCHMARKS_OF_RESULT = """
    SELECT DISTINCT r.benchmark FROM newest_results n
    JOIN results r ON r.run = n.run AND r.name = n.name WHERE n.name = ?
"""
_NAMES = "SELECT DISTINCT benchmark FROM newest_runs LIMIT ?"
_RUN = Columns(NewestRunOf).query("FROM runs WHERE id = ?")
_ERROR = "SELECT error FROM failures WHERE run = ? AND benchmark = ?"
_IN_SCOPE = (
    "n.project = :project AND n.environment = :environment "
    "AND n.machine_class = :machine_class AND n.branch = :branch"
)
# A result's name is its benchmark's, or begins with that and a slash; "0" comes after the slash.
_OF_BENCHMARK = f"{_IN_SCOPE} AND n.name >= :benchmark AND n.name < :benchmark || '0'"
_NEWEST = Columns(_Newest, without=("samples",)).query(
    f"FROM newest_results n JOIN results r ON r.run = n.run AND r.name = n.name "
    f"JOIN runs ON runs.id = n.run WHERE {_OF_BENCHMARK} AND r.benchmark = :benchmark"
)
_VERDICTS = Columns(
    NewestVerdict, names={"limit": "limit_value"}, without=("baseline", "drift", "triage")
).query(
    f"FROM newest_verdicts n JOIN verdicts v ON v.run = n.run AND v.name = n.name "
    f"JOIN results r ON r.run = n.run AND r.name = n.name JOIN runs ON runs.id = n.run "
    f"WHERE {_OF_BENCHMARK} AND r.benchmark = :benchmark",
    project="n.project",
    environment="n.environment",
    machine_class="n.machine_class",
    branch="n.branch",
    name="n.name",
    run="n.run",
    shifted="coalesce(v.shifted, 0)",
)
_PINNED = Columns(_Pinned, names={"pinned_seconds": "at_seconds"}).query(
    f"FROM baselines n WHERE {_OF_BENCHMARK}",
    speedup_p50_ratio="NULL",
    speedup_p95_ratio="NULL",
)
_DRIFTS = Columns(_Drifting).query(f"FROM drifts n WHERE {_OF_BENCHMARK}")
_TRIAGED = Columns(TriagedRegression).query(f"FROM triage n WHERE {_OF_BENCHMARK}")
_CHANGES = Columns(ChangePoint).query(
    f"FROM change_points n WHERE {_IN_SCOPE} AND n.name = :name AND unit = :unit "
    "ORDER BY at_seconds DESC, run DESC LIMIT :limit"
)
_GATE = Columns(NewestGate).query(
    f"FROM newest_gate_outcomes n JOIN gate_outcomes g "
    f"ON g.run = n.run AND g.benchmark = n.benchmark JOIN runs ON runs.id = n.run "
    f"WHERE {_IN_SCOPE} AND n.benchmark = :benchmark",
    project="n.project",
    environment="n.environment",
    machine_class="n.machine_class",
    branch="n.branch",
    benchmark="n.benchmark",
)
# An alert has the labels that its rule gives it: some name the result, some the benchmark.
_ALERTS = Columns(FiringAlert).query(
    "FROM notifications WHERE status = 'firing' AND known AND project = :project "
    "AND environment IN ('', :environment) AND machine_class IN ('', :machine_class) "
    "AND branch IN ('', :branch) AND benchmark >= :benchmark AND benchmark < :benchmark || '0' "
    "ORDER BY severity, since_seconds DESC"
)


class Interrupted(Exception):
    """What was to be read could not be read whole in the time that it had."""


class BenchmarkReader:
    """Reads benchmarks in one transaction, until `ends` by the clock `monotonic`."""

    def __init__(
        self, connection: sqlite3.Connection, ends: float, monotonic: Callable[[], float]
    ) -> None:
        self.connection = connection
        self._ends = ends
        self._monotonic = monotonic

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Ends what is read in it after so many seconds.

        Raises:
            Interrupted: a statement was still running then.
        """
        soft = self._monotonic() + seconds
        if soft >= self._ends:
            yield
            return
        self._end_at(soft)
        try:
            yield
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname != "SQLITE_INTERRUPT":
                raise
            raise Interrupted from error
        finally:
            self._end_at(self._ends)

    def _end_at(self, ends: float) -> None:
        self.connection.set_progress_handler(lambda: self._monotonic() > ends, INSTRUCTIONS)

    def scopes(self, name: str) -> Sequence[BenchmarkScope]:
        """The scopes of the benchmark of a name, that of the newest run first.

        The name may be that of a result, as alerts state it.
        """
        found = list(_SCOPES.rows(self.connection, (name,)))
        if found:
            return found
        benchmarks = [row[0] for row in self.connection.execute(_BENCHMARKS_OF_RESULT, (name,))]
        return [scope for each in benchmarks for scope in _SCOPES.rows(self.connection, (each,))]

    def names(self, most: int) -> Sequence[str]:
        """The names of benchmarks, in no order."""
        return [row[0] for row in self.connection.execute(_NAMES, (most,))]

    def run(self, found: BenchmarkScope) -> NewestRunOf:
        """The newest run of a benchmark in a scope."""
        (run,) = _RUN.rows(self.connection, (found.run,))
        return run

    def error(self, found: BenchmarkScope) -> str:
        """What its newest run ended with; empty if with a measurement."""
        row = self.connection.execute(_ERROR, (found.run, found.benchmark)).fetchone()
        return "" if row is None else str(row[0])

    def gate(self, found: BenchmarkScope) -> NewestGate | None:
        """The outcome of its newest gate."""
        return next(_GATE.rows(self.connection, place_of(found)), None)

    def alerts(self, found: BenchmarkScope) -> Sequence[FiringAlert]:
        """What fires for it, as Alertmanager last said, the critical first."""
        begin = f"{found.benchmark}/"
        return [
            each
            for each in _ALERTS.rows(self.connection, place_of(found))
            if each.benchmark == found.benchmark or each.benchmark.startswith(begin)
        ]

    def results(self, found: BenchmarkScope) -> Sequence[ResultState]:
        """Its newest results, by name, without their change points."""
        place = place_of(found)
        verdicts = {each.name: each for each in _VERDICTS.rows(self.connection, place)}
        pinned = {(each.name, each.unit): each for each in _PINNED.rows(self.connection, place)}
        drifts = {(each.name, each.unit): each for each in _DRIFTS.rows(self.connection, place)}
        triaged = {each.name: each for each in _TRIAGED.rows(self.connection, place)}
        states = []
        for newest in _NEWEST.rows(self.connection, place):
            name, verdict = newest.result.name, verdicts.get(newest.result.name)
            if verdict is not None:
                baseline, drift = (each.get((name, verdict.unit)) for each in (pinned, drifts))
                verdict = replace(
                    verdict,
                    baseline=baseline.baseline if isinstance(baseline, _Pinned) else None,
                    drift=drift.drift if isinstance(drift, _Drifting) else None,
                )
            states.append(ResultState(newest.result, newest.run, verdict, triaged.get(name), ()))
        return states

    def with_changes(
        self, found: BenchmarkScope, states: Sequence[ResultState]
    ) -> Sequence[ResultState]:
        """The same results with their newest change points."""
        changes: dict[str, list[ChangePoint]] = defaultdict(list)
        for state in states:
            where = {"name": state.result.name, "unit": state.result.unit, "limit": MOST_CHANGES}
            changes[state.result.name] += _CHANGES.rows(self.connection, place_of(found) | where)
        return [replace(state, changes=changes[state.result.name]) for state in states]


@contextmanager
def read_benchmarks(
    path: Path, most_seconds: float, *, monotonic: Callable[[], float] = time.monotonic
) -> Iterator[BenchmarkReader]:
    """A reader of a ledger that its exporter may be writing, for a bounded time.

    Raises:
        TookTooLong: a statement was still running after that.
        LedgerError: the ledger cannot be read; the message says why and what to do.
    """
    ends = monotonic() + most_seconds
    with read_only(path, most_seconds, monotonic=monotonic) as (connection, _):
        yield BenchmarkReader(connection, ends, monotonic)


def place_of(found: BenchmarkScope) -> dict[str, object]:
    scope = found.scope
    return {
        "project": scope.project,
        "environment": scope.environment,
        "machine_class": scope.machine_class,
        "branch": scope.branch,
        "benchmark": found.benchmark,
    }
