"""What becomes a message of the stream: changes of the ledger's state, and lines of live files. All of it in the event loop's thread."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from benchmark_exporter.ledger import NewestVerdict, State
from benchmark_exporter.ledger.state import (
    GateRun,
    NewestGateOutcome,
    NewestRun,
    ReceivedNotification,
)
from benchmark_exporter.model import SEVERITIES, VerdictState
from benchmark_exporter.stream.hub import Hub, Selection
from benchmark_exporter.stream.live_folder import LineRejection, LiveEvent, LiveNews, ProcessUsage
from benchmark_exporter.stream.messages import (
    UNFINISHED,
    AlertNews,
    GateNews,
    IngestNews,
    Progress,
    RejectedFileNews,
    RejectedFiles,
    RunNews,
    Snapshot,
    VerdictNews,
)

# A snapshot has the newest of each.
MAX_BENCHMARKS, MAX_ALERTS, MAX_REJECTED = 200, 100, 50
MAX_VERDICTS = 20  # of a run
WORST_FIRST: tuple[VerdictState, ...] = (
    "critical",
    "warning",
    "ok",
    "improved",
    "insufficient_data",
)


class Feed:
    """Keeps what a joining client is to know, and publishes what changes by the hub that `hub` makes of this knowledge.

    The first state is where it begins, and no change.
    """

    def __init__(self, hub: Callable[[Callable[[Selection], Snapshot]], Hub]) -> None:
        self.hub = hub(self._snapshot)
        self._state: State | None = None
        self._running: dict[str, Progress] = {}
        self._ingest = IngestNews(failure=None)
        self.usages: Sequence[ProcessUsage] = ()
        self.rejected_lines: Mapping[LineRejection, int] = {}

    @property
    def running(self) -> int:
        """How many runs write progress now."""
        return sum(progress.status == "running" for progress in self._running.values())

    def take_live(self, news: LiveNews) -> None:
        """Publishes what a look at the live files found."""
        self.usages, self.rejected_lines = news.usages, news.rejected_lines
        for event in news.events:
            self._take_event(event)

    def _take_event(self, event: LiveEvent) -> None:
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

    def take_failure(self, failure: str | None) -> None:
        """Publishes why no result can be taken in, or by None that they are again; what is known already, not once more."""
        news = IngestNews(failure=failure)
        if news != self._ingest:
            self._ingest = news
            self.hub.publish("ingest", news)

    def take_state(self, state: State) -> None:
        """Publishes what is new in a state."""
        before, self._state = self._state, state
        if before is None:
            return
        known_runs = {_key(run): run for run in before.runs}
        known, verdicts = _verdicts(before), _verdicts(state)
        changed = [
            run
            for run in state.runs
            if known_runs.get(_key(run)) != run or known.get(_key(run)) != verdicts.get(_key(run))
        ]
        for news in _runs(state, changed):
            self.hub.publish("run", news, project=news.project, benchmark=news.benchmark)
        known_outcomes = {
            gate_outcome.benchmark: gate_outcome for gate_outcome in before.gate_outcomes
        }
        for gate_outcome in state.gate_outcomes:
            run = state.gate_runs[gate_outcome.benchmark]
            if (
                known_outcomes.get(gate_outcome.benchmark) != gate_outcome
                or before.gate_runs[gate_outcome.benchmark] != run
            ):
                self.hub.publish(
                    "gate",
                    _gate_outcome(gate_outcome, run),
                    project=run.project,
                    benchmark=gate_outcome.benchmark,
                )
        known_alerts = {
            received.notification.fingerprint: received.notification
            for received in before.notifications
        }
        for received in state.notifications:
            alert = received.notification
            if alert.severity in SEVERITIES and known_alerts.get(alert.fingerprint) != alert:
                self.hub.publish(
                    "alert",
                    _alert(received),
                    project=self._project(alert.benchmark),
                    benchmark=alert.benchmark,
                )
        if before.rejected_files != state.rejected_files:
            self.hub.publish("rejected", _rejected(state))

    def _project(self, benchmark: str) -> str:
        """The project of a benchmark; empty where that is not known."""
        runs = self._state.runs if self._state is not None else ()
        return next((run.project for run in runs if run.benchmark == benchmark), "")

    def _snapshot(self, selection: Selection) -> Snapshot:
        running = [
            progress
            for progress in self._running.values()
            if selection(progress.project, progress.benchmark)
        ]
        state = self._state
        if state is None:
            return Snapshot(running=running, ingest=self._ingest)
        runs = [run for run in state.runs if selection(run.project, run.benchmark)]
        runs.sort(key=lambda run: run.timestamp_seconds, reverse=True)
        gate_outcomes = [
            (gate_outcome, state.gate_runs[gate_outcome.benchmark])
            for gate_outcome in state.gate_outcomes
        ]
        gate_outcomes = [
            (gate_outcome, run)
            for gate_outcome, run in gate_outcomes
            if selection(run.project, gate_outcome.benchmark)
        ]
        gate_outcomes.sort(key=lambda pair: pair[1].timestamp_seconds, reverse=True)
        alerts = [
            received
            for received in state.notifications  # the newest first
            # Watchdog, which always fires, has another severity.
            if received.notification.status == "firing"
            and received.notification.severity in SEVERITIES
        ]
        wanted = [
            _alert(received)
            for received in alerts
            if selection(
                self._project(received.notification.benchmark), received.notification.benchmark
            )
        ]
        return Snapshot(
            running=running,
            runs=_runs(state, runs[:MAX_BENCHMARKS]),
            gates=[
                _gate_outcome(gate_outcome, run)
                for gate_outcome, run in gate_outcomes[:MAX_BENCHMARKS]
            ],
            alerts=wanted[:MAX_ALERTS],
            rejected=_rejected(state),
            ingest=self._ingest,
        )


def _key(of: NewestRun | NewestVerdict) -> tuple[str, str]:
    return of.benchmark, of.environment


def _verdicts(state: State) -> Mapping[tuple[str, str], Sequence[VerdictNews]]:
    """Of each benchmark and environment, the worst first."""
    found: dict[tuple[str, str], list[VerdictNews]] = {}
    for newest in sorted(
        state.verdicts,
        key=lambda newest: (WORST_FIRST.index(newest.verdict.state), newest.name),
    ):
        verdict = newest.verdict
        news = VerdictNews(
            name=newest.name, state=verdict.state, worsening_ratio=verdict.worsening_ratio
        )
        found.setdefault(_key(newest), []).append(news)
    return found


def _runs(state: State, runs: Sequence[NewestRun]) -> list[RunNews]:
    p50_ms: dict[tuple[str, str], dict[str, float]] = {_key(run): {} for run in runs}
    verdicts = _verdicts(state) if runs else {}
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
            verdicts=verdicts.get(_key(run), ())[:MAX_VERDICTS],
        )
        for run in runs
    ]


def _rejected(state: State) -> RejectedFiles:
    files = [
        RejectedFileNews(file=file.path, reason=file.reason, place=file.place, detail=file.detail)
        for file in state.rejected_files[:MAX_REJECTED]
    ]
    return RejectedFiles(count=len(state.rejected_files), files=files)


def _gate_outcome(gate_outcome: NewestGateOutcome, run: GateRun) -> GateNews:
    return GateNews(
        benchmark=gate_outcome.benchmark,
        project=run.project,
        run_id=run.run_id,
        timestamp=_moment(run.timestamp_seconds),
        passed=gate_outcome.passed,
        severity=gate_outcome.severity,
        speedup_p50=gate_outcome.speedup_p50_ratio,
        speedup_p95=gate_outcome.speedup_p95_ratio,
        min_speedup_p50=gate_outcome.min_speedup_p50_ratio,
        min_speedup_p95=gate_outcome.min_speedup_p95_ratio,
        criteria=gate_outcome.criteria,
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
    """A time of a document or of our own; what no calendar has is its end."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return datetime.max.replace(tzinfo=UTC)
