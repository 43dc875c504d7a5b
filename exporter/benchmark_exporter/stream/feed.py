"""Turns changes of the ledger's state and lines of live files into messages of the stream.

Everything here runs in the event loop's thread.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeVar

from msgspec.structs import asdict

from benchmark_exporter.ledger.current_state import CurrentState
from benchmark_exporter.ledger.state import NewestGate, NewestRun
from benchmark_exporter.links import Repositories
from benchmark_exporter.stream.alert_news import changed_alerts, firing_alerts
from benchmark_exporter.stream.benchmarks import Benchmark, Benchmarks
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
    MessageType,
    Progress,
    RejectedFile,
    RejectedFiles,
    RunNews,
    Snapshot,
    VerdictNews,
)
from benchmark_exporter.stream.moment import moment
from benchmark_exporter.stream.process_usage import ProcessUsage

# A snapshot has the newest of each.
MAX_BENCHMARKS, MAX_REJECTED = 200, 50
MAX_VERDICTS = 20  # of a run

_Timed = TypeVar("_Timed", NewestRun, NewestGate)


class Feed:
    """Holds what a joining client has to know, and publishes what changes.

    `hub` makes the hub from a function that gives the snapshot; `repositories` are those of the
    settings in effect. The first state is the starting point and counts as no change.
    """

    def __init__(
        self,
        hub: Callable[[Callable[[MessageFilter], Snapshot]], Hub],
        repositories: Callable[[], Repositories] = Repositories,
    ) -> None:
        self.hub = hub(self._snapshot)
        self._repositories = repositories
        self._state: CurrentState | None = None
        self._benchmarks: Benchmarks | None = None
        self._running: dict[str, Progress] = {}
        self._ingest = IngestNews(failure=None)
        self.usages: Sequence[ProcessUsage] = ()
        self.rejected_lines: Mapping[LineRejection, int] = {}

    @property
    def running(self) -> Mapping[str, int]:
        """The number of runs that are writing progress, by project."""
        return Counter(
            progress.project for progress in self._running.values() if progress.status == "running"
        )

    @property
    def running_now(self) -> Sequence[Progress]:
        """How far the runs have come that have not ended, those that began first coming first."""
        return list(self._running.values())

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
            branch=progress.branch,
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

    def publish_state(self, state: CurrentState) -> None:
        """Publishes what differs from the state before."""
        before, benchmarks = self._state, self._benchmarks
        self._state = state
        if before is None or benchmarks is None:
            self._benchmarks = Benchmarks(state)
            return
        self._publish_benchmarks(benchmarks, state)
        if before.notifications is not state.notifications:
            self._publish_alerts(state, before)
        if before.rejected_files != state.rejected_files:
            self.hub.publish("rejected", _rejected(state))

    def _publish_benchmarks(self, benchmarks: Benchmarks, state: CurrentState) -> None:
        differing = benchmarks.differing(state)
        known = [benchmarks.get(of) for of in differing]
        benchmarks.update(state)
        changes = [
            (before, now)
            for before, now in zip(known, map(benchmarks.get, differing), strict=True)
            if before != now
        ]
        for before, now in changes:
            if now.run is not None and (
                before.run != now.run or _verdict_news(before) != _verdict_news(now)
            ):
                news = _run_news(now, now.run, self._repositories())
                self._publish("run", news, news.benchmark)
        for before, now in changes:
            if now.gate is not None and before.gate != now.gate:
                gate_news = _gate_news(now.gate)
                self._publish("gate", gate_news, gate_news.benchmark)

    def _publish(
        self, kind: MessageType, news: RunNews | GateNews | AlertNews, benchmark: str
    ) -> None:
        self.hub.publish(kind, news, project=news.project, benchmark=benchmark, branch=news.branch)

    def _publish_alerts(self, state: CurrentState, before: CurrentState) -> None:
        for news in changed_alerts(state.notifications, before.notifications):
            self._publish("alert", news, news.benchmark)

    def _snapshot(self, wanted: MessageFilter) -> Snapshot:
        running = [
            progress
            for progress in self._running.values()
            if wanted(progress.project, progress.benchmark, progress.branch)
        ]
        state, benchmarks = self._state, self._benchmarks
        if state is None or benchmarks is None:
            return Snapshot(running=running, ingest=self._ingest)
        runs = _newest(
            run
            for run in benchmarks.runs()
            if wanted(run.scope.project, run.benchmark, run.scope.branch)
        )
        gates = _newest(
            gate
            for gate in benchmarks.gates()
            if wanted(gate.scope.project, gate.outcome.benchmark, gate.scope.branch)
        )
        repositories = self._repositories()
        return Snapshot(
            running=running,
            runs=[
                _run_news(benchmarks.get((run.scope, run.benchmark)), run, repositories)
                for run in runs
            ],
            gates=[_gate_news(gate) for gate in gates],
            alerts=firing_alerts(state.notifications, wanted),
            rejected=_rejected(state),
            ingest=self._ingest,
        )


def _newest(found: Iterable[_Timed]) -> list[_Timed]:
    """The newest MAX_BENCHMARKS, newest first."""
    return heapq.nlargest(MAX_BENCHMARKS, found, key=lambda each: each.timestamp_seconds)


def _verdict_news(of: Benchmark) -> list[VerdictNews]:
    news = []
    for newest in of.verdicts:
        triage, triaged_by = ("", "") if newest.triage is None else newest.triage.said
        news.append(
            VerdictNews(
                name=newest.name,
                state=newest.verdict.state,
                worsening_ratio=newest.verdict.worsening_ratio,
                triage=triage,
                triaged_by=triaged_by,
            )
        )
    return news


def _run_news(of: Benchmark, run: NewestRun, repositories: Repositories) -> RunNews:
    times = {
        # Digits rather than decimals, of which a nanosecond has none.
        result.variant: float(f"{result.statistics.p50 * 1e3:.9g}")
        for result in (newest.result for newest in of.results)
        if result.is_execution_time and result.statistics.p50 is not None
    }
    return RunNews(
        **asdict(run.scope),
        base_branch=of.base_branch,
        run_id=run.run_id,
        benchmark=run.benchmark,
        commit_hash=run.commit_hash,
        commit_url=repositories.of(run.scope.project).commit(run.commit_hash),
        format=run.format,
        timestamp=moment(run.timestamp_seconds),
        failed=run.failed,
        p50_ms=times,
        verdicts=_verdict_news(of)[:MAX_VERDICTS],
    )


def _rejected(state: CurrentState) -> RejectedFiles:
    files = [
        RejectedFile(
            file=file.path, reason=file.reason, json_path=file.json_path, detail=file.detail
        )
        for file in state.rejected_files[:MAX_REJECTED]
    ]
    return RejectedFiles(count=len(state.rejected_files), files=files)


def _gate_news(gate: NewestGate) -> GateNews:
    outcome = gate.outcome
    return GateNews(
        **asdict(gate.scope),
        benchmark=outcome.benchmark,
        run_id=gate.run_id,
        timestamp=moment(gate.timestamp_seconds),
        passed=outcome.passed,
        severity=outcome.severity,
        speedup_p50=outcome.speedup_p50_ratio,
        speedup_p95=outcome.speedup_p95_ratio,
        min_speedup_p50=outcome.min_speedup_p50_ratio,
        min_speedup_p95=outcome.min_speedup_p95_ratio,
        criteria=outcome.criteria,
    )
