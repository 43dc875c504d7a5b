"""The running exporter: one asyncio process, with ledger and file work in one worker thread so that no scrape waits for a disk."""

import asyncio
import logging
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, TypeVarTuple

from aiohttp import web
from watchfiles import awatch

from benchmark_exporter import __version__
from benchmark_exporter.collector import EXECUTION_TIME_METRIC, Collector, Definition, Exposition, Live
from benchmark_exporter.config import Config
from benchmark_exporter.inbox import Inbox
from benchmark_exporter.ingest import Defaults, Ingest
from benchmark_exporter.ledger import Ledger, LedgerError, State
from benchmark_exporter.model import Gate, Notification
from benchmark_exporter.regression import Policy
from benchmark_exporter.resources import Sampler
from benchmark_exporter.web import Alert, AlertStatus, RejectionStatus, RunStatus, Service, Status, make_application

log = logging.getLogger(__name__)

# A scan takes at most this share of the time between two: it must not cost more than 1 % of a core.
SCAN_SHARE = 0.01
# Scrapers that come closer than this to each other share one look at CPU and memory.
RESOURCES_MAX_AGE_SECONDS = 1.0
# After the ledger or the results folder failed, and between tries to watch a folder that cannot be watched.
RETRY_SECONDS = 5.0
# Events are gathered until none comes for a step, and no longer than the debounce. The watcher wakes at every step, which costs CPU.
WATCH_DEBOUNCE_MS, WATCH_STEP_MS = 100, 40
SHUTDOWN_SECONDS = 2.0

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this exporter reads, writes and listens, and by what."""

    config: Config
    definitions: Mapping[str, Definition]
    results_dir: Path
    ledger_path: Path
    runbooks_dir: Path | None
    host: str
    port: int


def make_policy(config: Config) -> Policy:
    """What runs are judged by."""
    gate = config.gate
    return Policy(Gate(gate.speedup_p50, gate.speedup_p95, gate.absolute_p95_ms / 1e3), config.critical_speedup_p50)


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        LedgerError: the ledger cannot be opened.
        OSError: the address cannot be listened on.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with ThreadPoolExecutor(1, thread_name_prefix="ledger") as worker:
        server = _Server(settings, worker)
        await server.open()
        try:
            await server.run_until(stop)
        finally:
            await server.close()
    log.info("stopped")


class _Server:
    """Wires the parts. Methods that end in `_by_worker` run in the worker thread, all others in the event loop."""

    def __init__(self, settings: Settings, worker: ThreadPoolExecutor) -> None:
        self._settings = settings
        self._worker = worker
        self._collector = Collector(settings.definitions, settings.config)
        self._sampler = Sampler()
        self._resources: tuple[float, bytes] = (float("-inf"), b"")
        self._changed_paths: set[Path] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._scan_duration_seconds = 0.0
        self._live = Live(pending_files=0, scan_duration_seconds=0.0)  # as it was last rendered
        self._state: State | None = None
        self._exposition: Exposition | None = None
        self._ledger: Ledger
        self._ingest: Ingest

    async def open(self) -> None:
        await self._in_worker(self._open_by_worker)

    async def close(self) -> None:
        await self._in_worker(self._ledger.close)

    async def run_until(self, stop: asyncio.Event) -> None:
        service = Service(lambda: self._exposition, self._status, self._render_resources, self._receive, self._settings.runbooks_dir)
        runner = web.AppRunner(make_application(service), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
            log.info(
                f"benchmark-exporter {__version__} listens on {self._settings.host}:{self._settings.port}",
                extra={"fields": {"results": self._settings.results_dir, "ledger": self._settings.ledger_path}},
            )
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch())
                ingesting = tasks.create_task(self._ingest_forever())
                stopped = tasks.create_task(stop.wait())
                await asyncio.wait((stopped, ingesting), return_when=asyncio.FIRST_COMPLETED)
                self._stopping = True
                self._wake.set()
                watching.cancel()
        finally:
            await runner.cleanup()

    async def _watch(self) -> None:
        """Tells of changed files promptly. What it misses, the next scan finds."""
        root = self._settings.results_dir
        while True:
            try:
                async for changes in awatch(root, debounce=WATCH_DEBOUNCE_MS, step=WATCH_STEP_MS, raise_interrupt=False):
                    self._changed_paths.update(Path(path) for _, path in changes)
                    self._wake.set()
            except OSError as error:
                log.warning("the results folder cannot be watched, scans alone find new files", extra={"fields": {"reason": error}})
            await asyncio.sleep(RETRY_SECONDS)

    async def _ingest_forever(self) -> None:
        next_scan = 0.0
        while not self._stopping:
            paths, self._changed_paths = self._changed_paths, set()
            try:
                if time.monotonic() >= next_scan:
                    await self._in_worker(self._scan_by_worker)
                    pause = max(self._settings.config.rescan_interval_seconds, self._scan_duration_seconds / SCAN_SHARE)
                    next_scan = time.monotonic() + pause
                elif paths:
                    await self._in_worker(self._look_by_worker, paths)
                await self._in_worker(self._refresh_by_worker)
            except (OSError, LedgerError) as error:
                next_scan = time.monotonic() + RETRY_SECONDS
                log.error("ingesting failed, it is tried again", extra={"fields": {"reason": error, "retry_seconds": RETRY_SECONDS}})
            with suppress(TimeoutError):
                async with asyncio.timeout(self._seconds_to_sleep(next_scan)):
                    await self._wake.wait()
            self._wake.clear()

    def _seconds_to_sleep(self, next_scan: float) -> float:
        pause = next_scan - time.monotonic()
        if self._exposition is not None:
            pause = min(pause, self._exposition.stale_at_seconds - time.time())
        return max(pause, 0.0)

    def _open_by_worker(self) -> None:
        settings, config = self._settings, self._settings.config
        self._ledger = Ledger(settings.ledger_path)
        defaults = Defaults(
            project=config.project,
            environment=config.environment,
            execution_time_bounds_ms=settings.definitions[EXECUTION_TIME_METRIC].buckets,
            settle_seconds=config.settle_seconds,
        )
        self._ingest = Ingest(
            self._ledger,
            Inbox(settings.results_dir, config.max_file_bytes),
            make_policy(config),
            defaults,
            publish=self._publish_by_worker,
            clock=time.time,
            monotonic=time.monotonic,
            stopping=lambda: self._stopping,
        )

    def _scan_by_worker(self) -> None:
        started = time.monotonic()
        self._ingest.scan()
        self._scan_duration_seconds = time.monotonic() - started

    def _look_by_worker(self, paths: set[Path]) -> None:
        # A new folder's files have no events of their own.
        if any(path.is_dir() for path in paths):
            self._scan_by_worker()
        else:
            self._ingest.look(paths)

    def _refresh_by_worker(self) -> None:
        """Publishes what changes without a commit: files that became young or old, counters whose time at 0 is over, the first scan."""
        exposition = self._exposition
        if exposition is None or self._ingest.pending_files != self._live.pending_files or exposition.stale_at_seconds <= time.time():
            self._publish_by_worker()

    def _publish_by_worker(self) -> None:
        state = self._ledger.state()
        self._live = Live(self._ingest.pending_files, self._scan_duration_seconds)
        self._exposition = self._collector.render(state, self._live, time.time())
        self._state = state

    def _render_resources(self) -> bytes:
        now = time.monotonic()
        if now - self._resources[0] >= RESOURCES_MAX_AGE_SECONDS:
            self._resources = (now, self._collector.render_resources(self._sampler.sample(), self._live))
        return self._resources[1]

    async def _receive(self, alerts: Sequence[Alert]) -> None:
        notifications = [
            Notification(
                fingerprint=alert.fingerprint,
                alertname=alert.labels.get("alertname", ""),
                benchmark=alert.labels.get("benchmark_name", ""),
                severity=alert.labels.get("severity", "none"),
                status=alert.status,
                summary=alert.annotations.get("summary", ""),
            )
            for alert in alerts
        ]
        await self._in_worker(self._ingest.receive, notifications)
        self._wake.set()  # a new counter is shown as 0 for a while: how long the loop may sleep has changed

    def _status(self) -> Status | None:
        state = self._state
        if state is None:
            return None
        verdicts = {verdict.benchmark: verdict for verdict in state.verdicts}
        runs = []
        for run in sorted(state.runs, key=lambda run: run.timestamp_seconds, reverse=True):
            verdict = verdicts.get(run.benchmark)
            runs.append(
                RunStatus(
                    benchmark=run.benchmark,
                    environment=run.environment,
                    run_id=run.run_id,
                    commit_hash=run.commit_hash,
                    timestamp_seconds=run.timestamp_seconds,
                    speedup_p50_ratio=None if verdict is None else verdict.speedup_p50_ratio,
                    passed=None if verdict is None else verdict.passed,
                    severity=None if verdict is None else verdict.severity,
                )
            )
        return Status(
            version=__version__,
            results_dir=str(self._settings.results_dir),
            commits=state.commits,
            pending_files=self._live.pending_files,
            runs=runs,
            rejected_files=[RejectionStatus(file.path, file.reason, file.place, file.detail) for file in state.rejected_files],
            alerts=[
                AlertStatus(
                    alertname=received.notification.alertname,
                    benchmark_name=received.notification.benchmark,
                    severity=received.notification.severity,
                    status=received.notification.status,
                    summary=received.notification.summary,
                    received_timestamp_seconds=received.received_seconds,
                )
                for received in state.notifications
            ],
        )

    async def _in_worker(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function, *args)
