"""Reads the state from the ledger, which costs by the number of series, never by that of runs."""

import sqlite3
from collections.abc import Iterable

import msgspec
from msgspec.structs import replace

from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.reports import read_pending
from benchmark_exporter.ledger.shift_state import AcceptedShift, NewestShift
from benchmark_exporter.ledger.state import (
    FAILURE_RATIO_LEAST_RUNS,
    FAILURE_RATIO_RUNS,
    SUITE_DURATIONS,
    NewestBaseline,
    NewestDrift,
    NewestGate,
    NewestPipeline,
    NewestResult,
    NewestRun,
    NewestVerdict,
    RejectedFile,
    State,
    SubjectSelection,
    SuiteDurations,
)
from benchmark_exporter.ledger.tables import FALLBACK_BRANCHES, NOTIFICATIONS, TOTALS
from benchmark_exporter.ledger.totals_reading import (
    newest_commits,
    read_counters,
    read_histograms,
    read_returned,
)
from benchmark_exporter.model import Better, Scope


class _Pinned(msgspec.Struct, frozen=True):
    """A pinned baseline and the newest result of its series; both in the unit of the series."""

    scope: Scope
    name: str
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


class _Drifting(msgspec.Struct, frozen=True):
    """A series that drifts."""

    scope: Scope
    name: str
    unit: str
    drift: NewestDrift


# SQLite joins in the order that CROSS JOIN states: from what is shown, never from all runs.
_TOTALS = TOTALS.columns.query("FROM totals")
_IN_SCOPE = (
    "n.project = s.project AND n.environment = s.environment "
    "AND n.machine_class = s.machine_class AND n.branch = s.branch"
)
_SCOPE = {
    "project": "s.project",
    "environment": "s.environment",
    "machine_class": "s.machine_class",
    "branch": "s.branch",
}
_GATES = Columns(NewestGate).query(
    f"FROM temp.shown s CROSS JOIN newest_gate_outcomes n ON {_IN_SCOPE} AND n.benchmark = s.name "
    "JOIN gate_outcomes g ON g.run = n.run AND g.benchmark = n.benchmark "
    "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'",
    **_SCOPE,
    benchmark="n.benchmark",
)
_PIPELINES = Columns(NewestPipeline).query(
    "FROM temp.shown s CROSS JOIN newest_pipeline_runs p ON p.project = s.project "
    "AND p.pipeline = s.name AND p.branch = s.branch AND p.trigger = s.trigger "
    "WHERE kind = 'pipeline'",
    project="p.project",
    branch="p.branch",
    trigger="p.trigger",
)
_RESULTS = Columns(NewestResult, without=("samples",)).query(
    f"FROM temp.shown s CROSS JOIN newest_results n ON {_IN_SCOPE} AND n.name = s.name "
    "JOIN results r ON r.run = n.run AND r.name = n.name WHERE s.kind = 'benchmark'",
    **_SCOPE,
)
_RUNS = Columns(NewestRun).query(
    f"FROM temp.shown s CROSS JOIN newest_runs n ON {_IN_SCOPE} AND n.benchmark = s.name "
    "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'",
    **_SCOPE,
)
# Anybody who may send results may name projects. Those without anything shown are not read.
_OF_SHOWN = "WHERE project IN (SELECT project FROM temp.shown)"
_SUITES = f"SELECT project, duration_count, duration_sum_seconds FROM suite_durations {_OF_SHOWN}"  # noqa: S608  # a constant
_SUITE_DURATIONS = (
    "SELECT suite_duration_seconds FROM runs WHERE project = ? "
    "AND suite_duration_seconds IS NOT NULL AND tracked ORDER BY id DESC LIMIT ?"
)
_SHIFTS = Columns(NewestShift).query("FROM shifts LEFT JOIN run_shifts USING (run)")
# Of the rows of a group, SQLite takes the other columns from the one with the greatest rank.
_ACCEPTED_SHIFTS = Columns(AcceptedShift).query(
    "FROM run_shifts CROSS JOIN runs ON runs.id = run_shifts.run WHERE accepted "
    "GROUP BY project, environment, machine, line",
    machine_class="machine",
    branch="line",
    rank_seconds="max(rank_seconds)",
)
_FALLBACK_BRANCHES = FALLBACK_BRANCHES.columns.query(f"FROM fallback_branches {_OF_SHOWN}")
_REJECTED_FILES = Columns(RejectedFile).query(
    "FROM files WHERE reason IS NOT NULL ORDER BY at_seconds DESC, path"
)
_RECEIVED = NOTIFICATIONS.columns.query(
    "FROM notifications ORDER BY received_seconds DESC, fingerprint"
)
# Few results have a baseline, all have a verdict.
_BASELINES = Columns(_Pinned).query(
    f"FROM baselines s CROSS JOIN newest_verdicts n ON {_IN_SCOPE} AND n.name = s.name "
    "JOIN results r ON r.run = n.run AND r.name = n.name AND r.unit = s.unit",
    **_SCOPE,
    name="s.name",
    value="s.value",
    p50="s.p50",
    newest_p50="r.p50",
    p95="s.p95",
    newest_p95="r.p95",
)
_VERDICTS = Columns(
    NewestVerdict, names={"limit": "limit_value"}, without=("baseline", "drift")
).query(
    f"FROM temp.shown s CROSS JOIN newest_verdicts n ON {_IN_SCOPE} AND n.name = s.name "
    "JOIN verdicts v ON v.run = n.run AND v.name = n.name "
    "JOIN results r ON r.run = n.run AND r.name = n.name "
    "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'",
    **_SCOPE,
    name="n.name",
    run="n.run",
)
_DRIFTS = Columns(_Drifting).query("FROM drifts")
_CHANGES = Columns(ChangePoint).query(
    f"FROM temp.shown s CROSS JOIN change_points n ON {_IN_SCOPE} AND n.name = s.name "
    "WHERE s.kind = 'benchmark' AND (n.newest OR n.alarm_commit IS NOT NULL)",
    **_SCOPE,
    name="n.name",
)
_LAST_PIPELINE_RUNS = (
    "SELECT passed FROM pipeline_runs WHERE project = ? AND pipeline = ? "
    "ORDER BY rank_seconds DESC, run_id DESC LIMIT ?"
)


def read_state(
    connection: sqlite3.Connection,
    selection: SubjectSelection,
    returned_after_seconds: float,
    passed_after_seconds: float,
) -> State:
    """What the newest commit left of the exporter itself, and of the selected subjects.

    `visibility.select` has just selected them.
    """
    (totals,) = _TOTALS.rows(connection)
    returned_counters, returned_histograms = read_returned(connection, returned_after_seconds)
    gates = list(_GATES.rows(connection))
    counters = read_counters(connection)
    # Most results never had a confirmed regression, and need not be searched for.
    confirmed = (
        counter.labels for counter in counters.get("regressions_confirmed", ()) if counter.value
    )
    compared = ((*gate.scope.key, gate.outcome.benchmark) for gate in gates)
    subjects = dict.fromkeys((*compared, *confirmed))
    pipelines = list(_PIPELINES.rows(connection))
    return State(
        commits=totals.commits,
        selection=selection,
        counters=counters,
        regressions_by_commit=[
            counter for subject in subjects for counter in newest_commits(connection, subject)
        ],
        histograms=read_histograms(connection),
        returned_counters=returned_counters,
        returned_histograms=returned_histograms,
        results=list(_RESULTS.rows(connection)),
        runs=list(_RUNS.rows(connection)),
        gates=gates,
        verdicts=_read_verdicts(connection),
        changes=list(_CHANGES.rows(connection)),
        shifts=list(_SHIFTS.rows(connection)),
        accepted_shifts=list(_ACCEPTED_SHIFTS.rows(connection)),
        pipelines=pipelines,
        pipeline_failure_ratios=_failure_ratios(
            connection, dict.fromkeys((newest.project, newest.pipeline) for newest in pipelines)
        ),
        suite_durations=_read_suite_durations(connection),
        fallback_branches=list(_FALLBACK_BRANCHES.rows(connection)),
        rejected_files=list(_REJECTED_FILES.rows(connection)),
        notifications=list(_RECEIVED.rows(connection)),
        last_ingest_seconds=totals.last_ingest_seconds,
        reports=read_pending(connection, passed_after_seconds),
    )


def _read_verdicts(connection: sqlite3.Connection) -> list[NewestVerdict]:
    verdicts = list(_VERDICTS.rows(connection))
    baselines = {
        (pinned.scope, pinned.name): NewestBaseline(
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
    drifts = {(each.scope, each.name, each.unit): each.drift for each in _DRIFTS.rows(connection)}
    if not baselines and not drifts:
        return verdicts
    return [
        replace(
            verdict,
            baseline=baselines.get((verdict.scope, verdict.name)),
            drift=drifts.get((verdict.scope, verdict.name, verdict.unit)),
        )
        for verdict in verdicts
    ]


def _speedup(better: Better, pinned: float | None, newest: float | None) -> float | None:
    """How many times better: the old over the new if lower is better, else the new over the old."""
    if pinned is None or newest is None or pinned <= 0 or newest <= 0:
        return None
    return pinned / newest if better == "lower" else newest / pinned


def _read_suite_durations(connection: sqlite3.Connection) -> list[SuiteDurations]:
    return [
        SuiteDurations(
            project=project,
            newest_seconds=[
                seconds
                for (seconds,) in connection.execute(_SUITE_DURATIONS, (project, SUITE_DURATIONS))
            ],
            count=count,
            sum_seconds=sum_seconds,
        )
        for project, count, sum_seconds in connection.execute(_SUITES).fetchall()
    ]


def _failure_ratios(
    connection: sqlite3.Connection, pipelines: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], float]:
    ratios = {}
    for pipeline in pipelines:
        rows = connection.execute(_LAST_PIPELINE_RUNS, (*pipeline, FAILURE_RATIO_RUNS)).fetchall()
        if len(rows) >= FAILURE_RATIO_LEAST_RUNS:
            ratios[pipeline] = rows.count((0,)) / len(rows)
    return ratios
