"""What `GET /api/v1/status` answers.

What the stream reports too has its types in `stream.messages`.
"""

import heapq
from collections.abc import Mapping, Sequence

import msgspec
from msgspec.structs import asdict

from benchmark_exporter import __version__
from benchmark_exporter.ledger import NewestVerdict, Subject
from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.ledger.received import ReceivedNotification
from benchmark_exporter.ledger.urgency import urgent_first
from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.model import SubjectKind
from benchmark_exporter.server.configuration import Configuration
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.settings import ServeSettings
from benchmark_exporter.stream.messages import AlertSummary, RejectedFile, RunSummary, VerdictNews
from benchmark_exporter.stream.shown_runs import shown_runs
from benchmark_exporter.wording import printable

# Of the newest changes of results; `history --changes` lists all.
CHANGES_SHOWN = 20


class VerdictStatus(VerdictNews, frozen=True, kw_only=True):
    """A result compared with its history; values in its unit, None with too few runs.

    `previous_commit_hash` is that of the last run that was not a regression.
    """

    value: float
    reference: float | None
    unit: str
    noise_ratio: float | None
    commit_hash: str
    previous_commit_hash: str


class RunStatus(RunSummary, frozen=True, kw_only=True):
    """The newest run of a benchmark. Speedup, `passed` and `severity` are None without a gate.

    `failed` says that it ended with an error. `verdicts` is sorted worst first.
    """

    timestamp_seconds: float
    failed: bool
    speedup_p50_ratio: float | None
    passed: bool | None
    severity: str | None
    verdicts: Sequence[VerdictStatus]


class AlertStatus(AlertSummary, frozen=True, kw_only=True):
    """The newest notification of an alert. `benchmark_name` is empty if it concerns none."""

    benchmark_name: str
    received_timestamp_seconds: float


class IncompleteFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that may still be written, and what it lacks."""

    file: str
    detail: str


class FallbackBranchStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A branch that is tracked because its project has no run of a tracked branch."""

    project: str
    branch: str


class ChangeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The newest change point of a result; see `ledger.change_points.ChangePoint`."""

    project: str
    environment: str
    machine_class: str
    branch: str
    name: str
    timestamp_seconds: float
    previous_commit_hash: str
    commit_hash: str
    ratio: float | None
    worse: bool


class Status(msgspec.Struct, frozen=True):
    """The exporter and what it knows.

    `failure` is why no results can be ingested, None while ingest works; `config_failure` why a
    changed config.yaml was refused, None while the file is in effect as it was at the last check;
    `subjects_dropped` counts what `max_series` leaves out, by kind. `changes` are the newest
    CHANGES_SHOWN, newest first.
    """

    version: str
    results_dir: str
    commits: int
    pending_files: int
    incomplete_files: Sequence[IncompleteFile]
    failure: str | None
    config_failure: str | None
    config_checked_timestamp_seconds: float
    max_series: int
    subjects_dropped: Mapping[SubjectKind, int]
    fallback_branches: Sequence[FallbackBranchStatus]
    runs: Sequence[RunStatus]
    changes: Sequence[ChangeStatus]
    rejected_files: Sequence[RejectedFile]
    alerts: Sequence[AlertStatus]


def current_status(
    settings: ServeSettings,
    configuration: Configuration,
    publisher: Publisher,
    ingest: IngestState,
) -> Status:
    """The status as last published. Raises HTTPServiceUnavailable if there is none yet."""
    exposition, state = publisher.shown(), publisher.state
    return Status(
        version=__version__,
        results_dir=printable(str(settings.results_dir)),
        commits=state.commits,
        pending_files=publisher.live.pending_files,
        incomplete_files=[
            IncompleteFile(file=name, detail=detail)
            for name, detail in sorted(ingest.unfinished.items())
        ],
        failure=None if ingest.failure is None else str(ingest.failure),
        config_failure=configuration.failure,
        config_checked_timestamp_seconds=configuration.checked_seconds,
        max_series=configuration.now.max_series,
        subjects_dropped=exposition.dropped,
        fallback_branches=[
            FallbackBranchStatus(project=each.project, branch=each.branch)
            for each in state.fallback_branches
        ],
        runs=_runs(state, exposition),
        changes=_changes(state, exposition),
        rejected_files=[
            RejectedFile(
                file=file.path, reason=file.reason, json_path=file.json_path, detail=file.detail
            )
            for file in state.rejected_files
        ],
        alerts=[_alert(received) for received in urgent_first(state.notifications)],
    )


def _runs(state: CurrentState, exposition: Exposition) -> list[RunStatus]:
    """The runs of the subjects on /metrics and of branches that are not tracked, newest first."""
    subjects = set(state.subjects[: exposition.shown])
    shown = shown_runs(state)
    runs = []
    for run in sorted(shown.runs, key=lambda run: run.timestamp_seconds, reverse=True):
        subject = Subject.benchmark(run.scope, run.benchmark)
        if subject not in subjects and run.scope not in shown.base_branches:
            continue
        gate = shown.gates.get((run.scope, run.benchmark))
        outcome = None if gate is None else gate.outcome
        runs.append(
            RunStatus(
                **asdict(run.scope),
                base_branch=shown.base_branch(run.scope),
                benchmark=run.benchmark,
                run_id=run.run_id,
                commit_hash=run.commit_hash,
                timestamp_seconds=run.timestamp_seconds,
                failed=run.failed,
                speedup_p50_ratio=None if outcome is None else outcome.speedup_p50_ratio,
                passed=None if outcome is None else outcome.passed,
                severity=None if outcome is None else outcome.severity,
                verdicts=[
                    _verdict(newest)
                    for newest in shown.verdicts.get((run.scope, run.benchmark), ())
                ],
            )
        )
    return runs


def _changes(state: CurrentState, exposition: Exposition) -> list[ChangeStatus]:
    """The newest changes of the subjects on /metrics."""
    subjects = set(state.subjects[: exposition.shown])
    shown = (
        change
        for change in state.changes
        if change.newest and Subject.benchmark(change.scope, change.name) in subjects
    )
    newest = heapq.nlargest(CHANGES_SHOWN, shown, key=lambda change: change.at_seconds)
    return [
        ChangeStatus(
            **asdict(change.scope),
            name=change.name,
            timestamp_seconds=change.at_seconds,
            previous_commit_hash=change.previous_commit_hash,
            commit_hash=change.commit_hash,
            ratio=change.ratio,
            worse=change.worse,
        )
        for change in newest
    ]


def _verdict(newest: NewestVerdict) -> VerdictStatus:
    verdict = newest.verdict
    triage, triaged_by = ("", "") if newest.triage is None else newest.triage.said
    return VerdictStatus(
        name=newest.name,
        state=verdict.state,
        value=verdict.value,
        reference=verdict.reference,
        unit=newest.unit,
        worsening_ratio=verdict.worsening_ratio,
        noise_ratio=verdict.noise_ratio,
        commit_hash=newest.commit_hash,
        previous_commit_hash=newest.passed_commit,
        triage=triage,
        triaged_by=triaged_by,
    )


def _alert(received: ReceivedNotification) -> AlertStatus:
    notification = received.notification
    return AlertStatus(
        alertname=notification.alertname,
        benchmark_name=notification.benchmark,
        project=notification.project,
        environment=notification.environment,
        machine_class=notification.machine_class,
        branch=notification.branch,
        severity=notification.severity,
        status=received.status,
        summary=notification.summary,
        received_timestamp_seconds=received.received_seconds,
    )
