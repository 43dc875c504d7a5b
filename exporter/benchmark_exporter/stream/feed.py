"""Turns changes of the ledger's state and lines of live files into messages of the stream.

Everything here runs in the event loop's thread.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from benchmark_exporter.ledger import NewestVerdict, State
from benchmark_exporter.ledger.state import (
    GateRun,
    NewestGateOutcome,
    NewestRun,
    ReceivedNotification,
)
from benchmark_exporter.model import SEVERITIES
from benchmark_exporter.stream.hub import Hub
from benchmark_exporter.stream.live_file import LiveEvent
from benchmark_exporter.stream.live_folder import LiveNews
from benchmark_exporter.stream.live_lines import LineRejection
from benchmark_exporter.stream.message_filter import MessageFilter
from benchmark_exporter.stream.messages import (
    UNFINISHED,
    AlertNews,
    GateNews,
    IngestNews,
    Progress,
    RejectedFile,
    RejectedFiles,
    RunNews,
    Snapshot,
    VerdictNews,
)
from benchmark_exporter.stream.process_usage import ProcessUsage
from benchmark_exporter.stream.worst_first import verdicts_worst_first

# A snapshot has the newest of each.
MAX_BENCHMARKS, MAX_ALERTS, MAX_REJECTED = 200, 100, 50
MAX_VERDICTS = 20  # of a run

_Verdicts = Mapping[tuple[str, str], Sequence[NewestVerdict]]


class Feed:
    """Holds what a joining client has to know, and publishes what changes.

    `hub` makes the hub from a function that gives the snapshot. The first state is the starting
    point and counts as no change.
    """

    def __init__(self, hub: Callable[[Callable[[MessageFilter], Snapshot]], Hub]) -> None:
        self.hub = hub(self._snapshot)
        self._state: State | None = None
        self._verdicts: _Verdicts = {}
        self._running: dict[str, Progress] = {}
        self._ingest = IngestNews(failure=None)
        self.usages: Sequence[ProcessUsage] = ()
        self.rejected_lines: Mapping[LineRejection, int] = {}

    @property
    def running(self) -> int:
        """The number of runs that are writing progress."""
        return sum(progress.status == "running" for progress in self._running.values())

    def publish_live(self, news: LiveNews) -> None:
        """Publishes what a check of the live files found."""
        self.usages, self.rejected_lines = news.usages, news.rejected_lines
        for event in news.events:
            self._publish_progress(event)

    def _publish_progress(self, event: LiveEvent) -> None:
        progress = event.progress
        if progress.status in UNFINISHED:
            self._running[event.file] = progress
        else:
            self._running.pop(event.file, None)
        self.hub.publish(
            "progress",
            progress,
            project=progress.project,
            benchmark=progress.benchmark,
            at=event.timestamp,
            is_measured=event.is_fresh,
        )

    def publish_failure(self, failure: str | None) -> None:
        """Publishes why no results can be ingested, or None once they are ingested again.

        Publishes nothing if that is already known.
        """
        news = IngestNews(failure=failure)
        if news != self._ingest:
            self._ingest = news
            self.hub.publish("ingest", news)

    def publish_state(self, state: State) -> None:
        """Publishes what differs from the state before."""
        before, known = self._state, self._verdicts
        self._state, self._verdicts = state, verdicts_worst_first(state.verdicts)
        if before is None:
            return
        self._publish_runs(state, before, known)
        self._publish_gates(state, before)
        self._publish_alerts(state, before)
        if before.rejected_files != state.rejected_files:
            self.hub.publish("rejected", _rejected(state))

    def _publish_runs(self, state: State, before: State, known: _Verdicts) -> None:
        known_runs = {_key(run): run for run in before.runs}
        changed = [
            run
            for run in state.runs
            if known_runs.get(_key(run)) != run
            or _verdict_news(known, run) != _verdict_news(self._verdicts, run)
        ]
        for news in _runs(state, changed, self._verdicts):
            self.hub.publish("run", news, project=news.project, benchmark=news.benchmark)

    def _publish_gates(self, state: State, before: State) -> None:
        known = {outcome.benchmark: outcome for outcome in before.gate_outcomes}
        for outcome in state.gate_outcomes:
            benchmark, run = outcome.benchmark, state.gate_runs[outcome.benchmark]
            if known.get(benchmark) != outcome or before.gate_runs[benchmark] != run:
                news = _gate_news(outcome, run)
                self.hub.publish("gate", news, project=run.project, benchmark=benchmark)

    def _publish_alerts(self, state: State, before: State) -> None:
        known = {
            received.notification.fingerprint: received.notification
            for received in before.notifications
        }
        for received in state.notifications:
            alert = received.notification
            if alert.severity in SEVERITIES and known.get(alert.fingerprint) != alert:
                self.hub.publish(
                    "alert",
                    _alert(received),
                    project=self._project(alert.benchmark),
                    benchmark=alert.benchmark,
                )

    def _project(self, benchmark: str) -> str:
        """The project of a benchmark; empty if it is unknown."""
        runs = self._state.runs if self._state is not None else ()
        return next((run.project for run in runs if run.benchmark == benchmark), "")

    def _snapshot(self, wanted: MessageFilter) -> Snapshot:
        running = [
            progress
            for progress in self._running.values()
            if wanted(progress.project, progress.benchmark)
        ]
        state = self._state
        if state is None:
            return Snapshot(running=running, ingest=self._ingest)
        runs = [run for run in state.runs if wanted(run.project, run.benchmark)]
        runs.sort(key=lambda run: run.timestamp_seconds, reverse=True)
        return Snapshot(
            running=running,
            runs=_runs(state, runs[:MAX_BENCHMARKS], self._verdicts),
            gates=_newest_gates(state, wanted),
            alerts=self._firing_alerts(state, wanted),
            rejected=_rejected(state),
            ingest=self._ingest,
        )

    def _firing_alerts(self, state: State, wanted: MessageFilter) -> list[AlertNews]:
        firing = [
            received
            for received in state.notifications  # the newest first
            # Watchdog, which always fires, has another severity.
            if received.notification.status == "firing"
            and received.notification.severity in SEVERITIES
        ]
        return [
            _alert(received)
            for received in firing
            if wanted(
                self._project(received.notification.benchmark), received.notification.benchmark
            )
        ][:MAX_ALERTS]


def _key(run: NewestRun) -> tuple[str, str]:
    return run.benchmark, run.environment


def _verdict_news(verdicts: _Verdicts, run: NewestRun) -> list[VerdictNews]:
    return [
        VerdictNews(
            name=newest.name,
            state=newest.verdict.state,
            worsening_ratio=newest.verdict.worsening_ratio,
        )
        for newest in verdicts.get(_key(run), ())
    ]


def _runs(state: State, runs: Sequence[NewestRun], verdicts: _Verdicts) -> list[RunNews]:
    p50_ms: dict[tuple[str, str], dict[str, float]] = {_key(run): {} for run in runs}
    for newest in state.results if runs else ():
        result = newest.result
        times = p50_ms.get((result.benchmark, newest.environment))
        if times is not None and result.is_execution_time and result.statistics.p50 is not None:
            times[result.variant] = round(result.statistics.p50 * 1e3, 6)
    return [
        RunNews(
            run_id=run.run_id,
            benchmark=run.benchmark,
            project=run.project,
            environment=run.environment,
            commit_hash=run.commit_hash,
            format=run.format,
            timestamp=_moment(run.timestamp_seconds),
            failed=run.failed,
            p50_ms=p50_ms[_key(run)],
            verdicts=_verdict_news(verdicts, run)[:MAX_VERDICTS],
        )
        for run in runs
    ]


def _rejected(state: State) -> RejectedFiles:
    files = [
        RejectedFile(
            file=file.path, reason=file.reason, json_path=file.json_path, detail=file.detail
        )
        for file in state.rejected_files[:MAX_REJECTED]
    ]
    return RejectedFiles(count=len(state.rejected_files), files=files)


def _newest_gates(state: State, wanted: MessageFilter) -> list[GateNews]:
    pairs = [(outcome, state.gate_runs[outcome.benchmark]) for outcome in state.gate_outcomes]
    found = [(outcome, run) for outcome, run in pairs if wanted(run.project, outcome.benchmark)]
    found.sort(key=lambda pair: pair[1].timestamp_seconds, reverse=True)
    return [_gate_news(outcome, run) for outcome, run in found[:MAX_BENCHMARKS]]


def _gate_news(outcome: NewestGateOutcome, run: GateRun) -> GateNews:
    return GateNews(
        benchmark=outcome.benchmark,
        project=run.project,
        run_id=run.run_id,
        timestamp=_moment(run.timestamp_seconds),
        passed=outcome.passed,
        severity=outcome.severity,
        speedup_p50=outcome.speedup_p50_ratio,
        speedup_p95=outcome.speedup_p95_ratio,
        min_speedup_p50=outcome.min_speedup_p50_ratio,
        min_speedup_p95=outcome.min_speedup_p95_ratio,
        criteria=outcome.criteria,
    )


def _alert(received: ReceivedNotification) -> AlertNews:
    notification = received.notification
    return AlertNews(
        fingerprint=notification.fingerprint,
        alertname=notification.alertname,
        benchmark=notification.benchmark,
        severity=notification.severity,
        status=notification.status,
        summary=notification.summary,
        received=_moment(received.received_seconds),
    )


def _moment(seconds: float) -> datetime:
    """A time in UTC; one beyond the calendar becomes the calendar's end."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)
