"""Reads the state from the ledger, which costs by the number of series, never by that of runs."""

import sqlite3
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.state import (
    FAILURE_RATIO_LEAST_RUNS,
    FAILURE_RATIO_RUNS,
    SUITE_DURATIONS,
    GateRun,
    NewestBaseline,
    NewestGateOutcome,
    NewestPipeline,
    NewestResult,
    NewestRun,
    NewestShift,
    NewestVerdict,
    RejectedFile,
    State,
    SubjectSelection,
)
from benchmark_exporter.ledger.tables import NOTIFICATIONS, TOTALS
from benchmark_exporter.ledger.totals_reading import (
    newest_commits,
    read_counters,
    read_histograms,
    read_returned,
)
from benchmark_exporter.model import Better


class _GateRunOf(msgspec.Struct, frozen=True):
    """The run of a benchmark's gate outcome."""

    benchmark: str
    run: GateRun


class _Pinned(msgspec.Struct, frozen=True):
    """A pinned baseline and the newest result of its series; both in the unit of the series."""

    name: str
    environment: str
    better: Better
    value: float
    p50: float | None
    newest_p50: float | None
    p95: float | None
    newest_p95: float | None
    version: str
    run_id: str
    commit_hash: str
    at_seconds: float


# SQLite joins in the order that CROSS JOIN states: from what is shown, never from all runs.
_TOTALS = TOTALS.columns.query("FROM totals")
_GATE_OUTCOMES = Columns(NewestGateOutcome).query(
    "FROM temp.shown_names n CROSS JOIN newest_gate_outcomes ON benchmark = n.name "
    "JOIN gate_outcomes USING (run, benchmark) WHERE kind = 'benchmark'"
)
_GATE_RUNS = Columns(_GateRunOf).query(
    "FROM temp.shown_names n CROSS JOIN newest_gate_outcomes ON benchmark = n.name "
    "JOIN runs ON runs.id = run WHERE kind = 'benchmark'"
)
_PIPELINES = Columns(NewestPipeline).query(
    "FROM temp.shown s CROSS JOIN newest_pipeline_runs p "
    "ON pipeline = s.name AND branch = s.qualifier AND p.trigger = s.trigger "
    "WHERE kind = 'pipeline'",
    trigger="p.trigger",
)
_RESULTS = Columns(NewestResult, without=("samples",)).query(
    "FROM temp.shown s CROSS JOIN newest_results n "
    "ON n.name = s.name AND n.environment = s.qualifier "
    "JOIN results r ON r.run = n.run AND r.name = n.name WHERE s.kind = 'benchmark'"
)
_RUNS = Columns(NewestRun).query(
    "FROM temp.shown s CROSS JOIN newest_runs n "
    "ON n.benchmark = s.name AND n.environment = s.qualifier "
    "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'",
    environment="n.environment",
)
_SUITE_DURATIONS = (
    "SELECT suite_duration_seconds FROM runs WHERE suite_duration_seconds IS NOT NULL "
    "ORDER BY id DESC LIMIT ?"
)
# Of several machine classes the newest run's.
_SHIFTS = Columns(NewestShift).query(
    "FROM shifts s WHERE rank_seconds = (SELECT max(rank_seconds) FROM shifts "
    "WHERE project = s.project AND environment = s.environment) GROUP BY project, environment"
)
_REJECTED_FILES = Columns(RejectedFile).query(
    "FROM files WHERE reason IS NOT NULL ORDER BY at_seconds DESC, path"
)
_RECEIVED = NOTIFICATIONS.columns.query(
    "FROM notifications ORDER BY received_seconds DESC, fingerprint"
)
# Few results have a baseline, all have a verdict.
_BASELINES = Columns(_Pinned).query(
    "FROM baselines b CROSS JOIN newest_verdicts n "
    "ON n.name = b.name AND n.environment = b.environment "
    "JOIN runs ON runs.id = n.run AND runs.project = b.project AND runs.machine = b.machine "
    "JOIN results s ON s.run = n.run AND s.name = n.name AND s.unit = b.unit",
    name="b.name",
    environment="b.environment",
    value="b.value",
    p50="b.p50",
    newest_p50="s.p50",
    p95="b.p95",
    newest_p95="s.p95",
    run_id="b.run_id",
    commit_hash="b.commit_hash",
)
_VERDICTS = Columns(NewestVerdict, names={"limit": "limit_value"}, without=("baseline",)).query(
    "FROM temp.shown s CROSS JOIN newest_verdicts n "
    "ON n.name = s.name AND n.environment = s.qualifier "
    "JOIN verdicts v ON v.run = n.run AND v.name = n.name "
    "JOIN results r ON r.run = n.run AND r.name = n.name "
    "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'",
    name="n.name",
    environment="n.environment",
    state="v.state",
)
_LAST_PIPELINE_RUNS = (
    "SELECT passed FROM pipeline_runs WHERE pipeline = ? "
    "ORDER BY rank_seconds DESC, run_id DESC LIMIT ?"
)


def read_state(
    connection: sqlite3.Connection, selection: SubjectSelection, returned_after_seconds: float
) -> State:
    """What the newest commit left of the exporter itself, and of the selected subjects.

    `visibility.select` has just selected them.
    """
    (totals,) = _TOTALS.rows(connection)
    returned_counters, returned_histograms = read_returned(connection, returned_after_seconds)
    gate_outcomes = list(_GATE_OUTCOMES.rows(connection))
    counters = read_counters(connection)
    # Most results never had a confirmed regression, and need not be searched for.
    confirmed = (
        counter.labels[0] for counter in counters.get("regressions_confirmed", ()) if counter.value
    )
    names = dict.fromkeys((*(gate_outcome.benchmark for gate_outcome in gate_outcomes), *confirmed))
    pipelines = list(_PIPELINES.rows(connection))
    return State(
        commits=totals.commits,
        selection=selection,
        counters=counters,
        regressions_by_commit=[
            counter for name in names for counter in newest_commits(connection, name)
        ],
        histograms=read_histograms(connection),
        returned_counters=returned_counters,
        returned_histograms=returned_histograms,
        results=list(_RESULTS.rows(connection)),
        runs=list(_RUNS.rows(connection)),
        gate_outcomes=gate_outcomes,
        gate_runs={of.benchmark: of.run for of in _GATE_RUNS.rows(connection)},
        verdicts=_read_verdicts(connection),
        shifts=list(_SHIFTS.rows(connection)),
        pipelines=pipelines,
        pipeline_failure_ratios=_failure_ratios(
            connection, dict.fromkeys(newest.pipeline for newest in pipelines)
        ),
        suite_durations_seconds=[
            seconds for (seconds,) in connection.execute(_SUITE_DURATIONS, (SUITE_DURATIONS,))
        ],
        suite_duration_count=totals.suite_duration_count,
        suite_duration_sum_seconds=totals.suite_duration_sum_seconds,
        rejected_files=list(_REJECTED_FILES.rows(connection)),
        notifications=list(_RECEIVED.rows(connection)),
        last_ingest_seconds=totals.last_ingest_seconds,
    )


def _read_verdicts(connection: sqlite3.Connection) -> list[NewestVerdict]:
    verdicts = list(_VERDICTS.rows(connection))
    baselines = {
        (pinned.name, pinned.environment): NewestBaseline(
            value=pinned.value,
            version=pinned.version,
            run_id=pinned.run_id,
            commit_hash=pinned.commit_hash,
            pinned_seconds=pinned.at_seconds,
            speedup_p50_ratio=_speedup(pinned.better, pinned.p50, pinned.newest_p50),
            speedup_p95_ratio=_speedup(pinned.better, pinned.p95, pinned.newest_p95),
        )
        for pinned in _BASELINES.rows(connection)
    }
    if not baselines:
        return verdicts
    return [
        replace(verdict, baseline=baselines.get((verdict.name, verdict.environment)))
        for verdict in verdicts
    ]


def _speedup(better: Better, pinned: float | None, newest: float | None) -> float | None:
    """How many times better: the old over the new if lower is better, else the new over the old."""
    if pinned is None or newest is None or pinned <= 0 or newest <= 0:
        return None
    return pinned / newest if better == "lower" else newest / pinned


def _failure_ratios(connection: sqlite3.Connection, pipelines: Iterable[str]) -> dict[str, float]:
    ratios = {}
    for pipeline in pipelines:
        rows = connection.execute(_LAST_PIPELINE_RUNS, (pipeline, FAILURE_RATIO_RUNS)).fetchall()
        if len(rows) >= FAILURE_RATIO_LEAST_RUNS:
            ratios[pipeline] = rows.count((0,)) / len(rows)
    return ratios
