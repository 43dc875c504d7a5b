"""Reads the state from the ledger, which costs by the number of series, never by that of runs."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

from benchmark_exporter.ledger.change_points import ChangePoint
from benchmark_exporter.ledger.columns import Columns
from benchmark_exporter.ledger.reports import read_pending
from benchmark_exporter.ledger.shift_state import AcceptedShift, NewestShift
from benchmark_exporter.ledger.state import (
    FAILURE_RATIO_LEAST_RUNS,
    FAILURE_RATIO_RUNS,
    SUITE_DURATIONS,
    NewestGate,
    NewestPipeline,
    NewestResult,
    NewestRun,
    RejectedFile,
    RunningTotal,
    State,
    SubjectSelection,
    SuiteDurations,
)
from benchmark_exporter.ledger.tables import FALLBACK_BRANCHES, NOTIFICATIONS, TOTALS
from benchmark_exporter.ledger.totals_reading import (
    newest_commits,
    read_changed_counters,
    read_counters,
    read_few_returned,
    read_histograms,
    read_returned,
    read_subject_histograms,
)
from benchmark_exporter.ledger.touched import Touched
from benchmark_exporter.ledger.verdict_reading import IN_SCOPE, SCOPE, read_verdicts

# SQLite joins in the order that CROSS JOIN states: from what is shown, never from all runs.
_TOTALS = TOTALS.columns.query("FROM totals")
_GATES = Columns(NewestGate).query(
    f"FROM temp.shown s CROSS JOIN newest_gate_outcomes n ON {IN_SCOPE} AND n.benchmark = s.name "
    "JOIN gate_outcomes g ON g.run = n.run AND g.benchmark = n.benchmark "
    "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'",
    **SCOPE,
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
    f"FROM temp.shown s CROSS JOIN newest_results n ON {IN_SCOPE} AND n.name = s.name "
    "JOIN results r ON r.run = n.run AND r.name = n.name WHERE s.kind = 'benchmark'",
    **SCOPE,
)
_RUNS = Columns(NewestRun).query(
    f"FROM temp.shown s CROSS JOIN newest_runs n ON {IN_SCOPE} AND n.benchmark = s.name "
    "JOIN runs ON runs.id = n.run WHERE s.kind = 'benchmark'",
    **SCOPE,
)
# Anybody who may send results may name projects. Those without anything shown are not read.
_OF_SHOWN = "WHERE project IN (SELECT project FROM temp.shown_projects)"
_SUITES = f"SELECT project, duration_count, duration_sum_seconds FROM suite_durations {_OF_SHOWN}"  # noqa: S608  # a constant
_SUITE_DURATIONS = (
    "SELECT suite_duration_seconds FROM runs WHERE project = ? "
    "AND suite_duration_seconds IS NOT NULL AND tracked ORDER BY id DESC LIMIT ?"
)
_SHIFTS = Columns(NewestShift).query("FROM shifts LEFT JOIN run_shifts USING (run)")
_SHIFT_OF = Columns(NewestShift).query(
    "FROM shifts LEFT JOIN run_shifts USING (run) "
    "WHERE project = ? AND environment = ? AND machine_class = ? AND branch = ?"
)
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
_CHANGES = Columns(ChangePoint).query(
    f"FROM temp.shown s CROSS JOIN change_points n ON {IN_SCOPE} AND n.name = s.name "
    "WHERE s.kind = 'benchmark' AND (n.newest OR n.alarm_commit IS NOT NULL)",
    **SCOPE,
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
    counters = read_counters(connection)
    gates = list(_GATES.rows(connection))
    pipelines = list(_PIPELINES.rows(connection))
    return State(
        commits=totals.commits,
        selection=selection,
        counters=counters,
        regressions_by_commit=_by_commit(connection, counters, gates),
        histograms=read_histograms(connection),
        returned_counters=returned_counters,
        returned_histograms=returned_histograms,
        results=list(_RESULTS.rows(connection)),
        runs=list(_RUNS.rows(connection)),
        gates=gates,
        verdicts=read_verdicts(connection),
        changes=list(_CHANGES.rows(connection)),
        shifts=list(_SHIFTS.rows(connection)),
        accepted_shifts=list(_ACCEPTED_SHIFTS.rows(connection)),
        pipelines=pipelines,
        pipeline_failure_ratios=_failure_ratios(connection, pipelines),
        suite_durations=_read_suite_durations(connection),
        fallback_branches=list(_FALLBACK_BRANCHES.rows(connection)),
        rejected_files=list(_REJECTED_FILES.rows(connection)),
        notifications=list(_RECEIVED.rows(connection)),
        last_ingest_seconds=totals.last_ingest_seconds,
        reports=read_pending(connection, passed_after_seconds),
    )


def read_changed(
    connection: sqlite3.Connection,
    selection: SubjectSelection,
    touched: Touched,
    before: State,
    returned_after_seconds: float,
    passed_after_seconds: float,
) -> State:
    """What the newest commit left of the selected subjects and of what else was touched.

    `before` is the last state that was read, which has what was not touched. Of suite durations,
    fallback branches and environment shifts only those that were touched are read.
    `visibility.select_only` has just selected the subjects.
    """
    (totals,) = _TOTALS.rows(connection)
    returned_counters, returned_histograms = read_few_returned(connection, returned_after_seconds)
    counters = read_changed_counters(connection)
    gates = list(_GATES.rows(connection))
    pipelines = list(_PIPELINES.rows(connection))
    scopes = [shift for scope in touched.scopes for shift in _SHIFT_OF.rows(connection, scope)]
    return State(
        commits=totals.commits,
        selection=selection,
        counters=counters,
        regressions_by_commit=_by_commit(connection, counters, gates),
        histograms=read_subject_histograms(connection),
        returned_counters=returned_counters,
        returned_histograms=returned_histograms,
        results=list(_RESULTS.rows(connection)),
        runs=list(_RUNS.rows(connection)),
        gates=gates,
        verdicts=read_verdicts(connection, few=True),
        changes=list(_CHANGES.rows(connection)),
        shifts=scopes,
        accepted_shifts=(
            list(_ACCEPTED_SHIFTS.rows(connection))
            if touched.shift_runs
            else before.accepted_shifts
        ),
        pipelines=pipelines,
        pipeline_failure_ratios=_failure_ratios(connection, pipelines),
        suite_durations=_read_suite_durations(connection),
        fallback_branches=list(_FALLBACK_BRANCHES.rows(connection)),
        rejected_files=(
            list(_REJECTED_FILES.rows(connection))
            if touched.rejected_files
            else before.rejected_files
        ),
        notifications=(
            list(_RECEIVED.rows(connection)) if touched.notifications else before.notifications
        ),
        last_ingest_seconds=totals.last_ingest_seconds,
        reports=read_pending(connection, passed_after_seconds),
    )


def _by_commit(
    connection: sqlite3.Connection,
    counters: Mapping[str, Sequence[RunningTotal]],
    gates: Sequence[NewestGate],
) -> list[RunningTotal]:
    # Most results never had a confirmed regression, and need not be searched for.
    confirmed = (
        counter.labels for counter in counters.get("regressions_confirmed", ()) if counter.value
    )
    compared = ((*gate.scope.key, gate.outcome.benchmark) for gate in gates)
    subjects = dict.fromkeys((*compared, *confirmed))
    return [counter for subject in subjects for counter in newest_commits(connection, subject)]


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
    connection: sqlite3.Connection, newest: Iterable[NewestPipeline]
) -> dict[tuple[str, str], float]:
    ratios = {}
    for pipeline in dict.fromkeys((each.project, each.pipeline) for each in newest):
        rows = connection.execute(_LAST_PIPELINE_RUNS, (*pipeline, FAILURE_RATIO_RUNS)).fetchall()
        if len(rows) >= FAILURE_RATIO_LEAST_RUNS:
            ratios[pipeline] = rows.count((0,)) / len(rows)
    return ratios
