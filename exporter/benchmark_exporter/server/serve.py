"""The running exporter: one asyncio process, with ledger and file work in one worker thread so that no scrape waits for a disk."""

import asyncio
import gc
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import msgspec
from aiohttp import web
from watchfiles import awatch

from benchmark_exporter import __version__
from benchmark_exporter.config import Config, packaged
from benchmark_exporter.ingest.inbox import SUFFIX, UPLOADS_PREFIX, Inbox
from benchmark_exporter.ingest.inboxes import Inboxes
from benchmark_exporter.ingest.ingest import Defaults, Ingest
from benchmark_exporter.ingest.upload_folder import UploadFolder
from benchmark_exporter.ledger import (
    Ledger,
    LedgerError,
    NewestVerdict,
    State,
    Subject,
    has_no_room,
)
from benchmark_exporter.links import Links
from benchmark_exporter.metrics.collector import (
    EXECUTION_TIME_METRIC,
    STREAM_LAG_METRIC,
    Collector,
    Definition,
    Exposition,
    Live,
    LiveProgress,
)
from benchmark_exporter.metrics.resources import Sampler
from benchmark_exporter.model import Notification, VerdictState
from benchmark_exporter.server.github import GitHub
from benchmark_exporter.server.routes import (
    Alert,
    AlertStatus,
    RejectionStatus,
    RunStatus,
    Service,
    Status,
    VerdictStatus,
    make_application,
)
from benchmark_exporter.server.upload import Limits as UploadLimits
from benchmark_exporter.server.upload import Uploads
from benchmark_exporter.stream.feed import Feed
from benchmark_exporter.stream.hub import Hub
from benchmark_exporter.stream.live_folder import FOLDER, LiveFolder
from benchmark_exporter.stream.server import Admission, StreamServer
from benchmark_exporter.tokens import TokenFile

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
# Clients that were cut off by a restart all come back at once.
STREAM_BACKLOG = 1024
# Commits that follow each other closer than this are one change to the stream's clients; their charts are read no more often than that.
STREAM_STATE_SECONDS, TRENDS_SECONDS = 0.05, 1.0
# Python's own is 700. The cycles of requests, which are few, may wait for so many new objects.
GC_ALLOCATIONS = 50_000
# What is old is forgotten this often, in steps of some milliseconds, so far apart that ingest hardly notices.
PRUNE_INTERVAL_SECONDS, PRUNE_PAUSE_SECONDS = 3600.0, 0.1
_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class Settings:
    """Where this exporter reads, writes and listens, and by what."""

    config: Config
    definitions: Mapping[str, Definition]
    results_dir: Path
    ledger_path: Path
    upload_tokens: Path | None
    github_webhook_secret: Path | None
    runbooks_dir: Path | None
    links: Links
    host: str
    port: int
    # Where the stream and the live page are; None for nowhere.
    stream_address: tuple[str, int] | None
    stream_tokens: Path | None

    @property
    def uploads_dir(self) -> Path:
        """Where uploaded documents are kept: beside the ledger, since the results folder is only read."""
        return self.ledger_path.with_name("uploads")


def is_damaged(error: LedgerError) -> bool:
    """Whether the ledger holds what was never written so, in contrast to a lock, a full disk or a missing right."""
    cause = error.__cause__
    # Text that is no UTF-8, or no JSON, is found by its reader and not by SQLite, and has no code.
    return (
        isinstance(cause, msgspec.DecodeError)
        or getattr(cause, "sqlite_errorname", "").startswith(_DAMAGE)
        or str(cause).startswith("Could not decode to UTF-8")
    )


def set_aside(ledger: Path, error: LedgerError, at_seconds: float) -> None:
    """Renames a damaged and closed ledger with its write-ahead log, so that SQLite's `.recover` can be tried on it, and says so.

    Raises:
        OSError: its folder does not let it be renamed.
    """
    moment = datetime.fromtimestamp(at_seconds, UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    aside = ledger.with_name(f"{ledger.name}.damaged-{moment}")
    # The database last: without its log it is only older, whereas a log without its database could be taken for the next one's.
    for suffix in ("-shm", "-wal", ""):
        with suppress(FileNotFoundError):
            ledger.with_name(f"{ledger.name}{suffix}").rename(f"{aside}{suffix}")
    log.error(
        "the ledger is damaged: it is set aside and rebuilt from the results folder, and what is no longer there counts no more",
        extra={"fields": {"reason": error, "set_aside": aside}},
    )


def _verdicts_by_benchmark(state: State) -> Mapping[tuple[str, str], Sequence[VerdictStatus]]:
    """Of each benchmark and environment, the worst first."""
    found: dict[tuple[str, str], list[VerdictStatus]] = {}
    worst_first: tuple[VerdictState, ...] = (
        "critical",
        "warning",
        "ok",
        "improved",
        "insufficient_data",
    )

    def rank(newest: NewestVerdict) -> tuple[int, float, str]:
        return (
            worst_first.index(newest.verdict.state),
            -(newest.verdict.worsening_ratio or 0.0),
            newest.name,
        )

    for newest in sorted(state.verdicts, key=rank):
        verdict = newest.verdict
        status = VerdictStatus(
            name=newest.name,
            state=verdict.state,
            value=verdict.value,
            reference=verdict.reference,
            unit=newest.unit,
            worsening_ratio=verdict.worsening_ratio,
            noise_ratio=verdict.noise_ratio,
            commit_hash=newest.commit_hash,
            previous_commit_hash=newest.passed_commit,
        )
        found.setdefault((newest.benchmark, newest.environment), []).append(status)
    return found


async def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT.

    Raises:
        LedgerError: the ledger cannot be opened, and not for want of room on its disk, which there may be again.
        OSError: the address cannot be listened on.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with (
        ThreadPoolExecutor(1, thread_name_prefix="ledger") as worker,
        ThreadPoolExecutor(1, thread_name_prefix="uploads") as upload_worker,
        ThreadPoolExecutor(1, thread_name_prefix="live") as live_worker,
    ):
        server = _Server(settings, worker, upload_worker, live_worker)
        await server.open()
        _spare_collections()
        try:
            await server.run_until(stop)
        finally:
            await server.close()
    log.info("stopped")


def _spare_collections() -> None:
    """Looks for cycles less often: a batch of files makes none, and keeps so many objects that looking took a tenth of its time."""
    gc.freeze()
    gc.set_threshold(GC_ALLOCATIONS)


class _Server:
    """Wires the parts. Methods that end in `_by_worker` run in the worker thread, all others in the event loop."""

    def __init__(
        self,
        settings: Settings,
        worker: ThreadPoolExecutor,
        upload_worker: ThreadPoolExecutor,
        live_worker: ThreadPoolExecutor,
    ) -> None:
        self._settings = settings
        self._worker = worker
        self._live_worker = live_worker
        config = settings.config
        self._feed = Feed(
            lambda snapshot: Hub(
                __version__,
                str(settings.results_dir),
                snapshot=snapshot,
                lag_bounds_seconds=settings.definitions[STREAM_LAG_METRIC].buckets,
                now=lambda: datetime.now(UTC),
                monotonic=time.monotonic,
            )
        )
        self._live_folder = LiveFolder(
            settings.results_dir / FOLDER,
            config.project,
            config.environment,
            monotonic=time.monotonic,
            clock=time.time,
        )
        self._live_wake = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._state_changed = asyncio.Event()
        self._trends_lock = asyncio.Lock()
        self._trends: tuple[float, bytes] = (float("-inf"), b"")
        self._upload_folder = UploadFolder(settings.uploads_dir, config.zone)
        self._uploads = Uploads(
            self._upload_folder,
            None if settings.upload_tokens is None else TokenFile(settings.upload_tokens),
            UploadLimits(
                config.max_file_bytes,
                config.upload_timeout_seconds,
                config.upload_rate_per_second,
                config.upload_burst,
            ),
            upload_worker,
            closed=self._no_uploads,
            stored=self._note_upload,
        )
        secrets = settings.github_webhook_secret
        self._github = GitHub(
            self._uploads, None if secrets is None else TokenFile(secrets), upload_worker
        )
        self._failure: LedgerError | OSError | None = (
            None  # why no result can be taken in, until a scan is done
        )
        self._collector = Collector(settings.definitions, settings.config)
        self._sampler = Sampler()
        self._resources: tuple[float, bytes] = (float("-inf"), b"")
        self._changed_paths: set[str] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._scan_duration_seconds = 0.0
        self._live = Live(pending_files=0, scan_duration_seconds=0.0)  # as it was last rendered
        self._state: State
        self._exposition: Exposition
        self._is_open = False
        self._unopened: LedgerError | None = None  # why there is no state to show
        self._is_ready = False
        self._is_caught_up = False  # with what was there when the ledger was opened
        self._damage: LedgerError | None = None
        self._ledger: Ledger
        self._ingest: Ingest

    async def open(self) -> None:
        self._upload_folder.clean()
        try:
            await self._in_worker(self._open_by_worker)
        except LedgerError as error:
            if not has_no_room(error):
                raise
            self._unopened = error
            log.error(
                "the ledger cannot be opened, it is tried again",
                extra={"fields": {"reason": error}},
            )
        else:
            if self._ledger.is_alone:
                log.error(
                    "the ledger's disk is full: what is known is shown, new results are taken in when there is room"
                )

    async def close(self) -> None:
        await self._loop.run_in_executor(self._live_worker, self._live_folder.close)
        if self._is_open:
            await self._in_worker(self._ledger.close)

    async def run_until(self, stop: asyncio.Event) -> None:
        service = Service(
            ready=lambda: self._is_ready,
            exposition=self._shown,
            status=self._status,
            resources=self._render_resources,
            receive=self._receive,
            upload=self._uploads.handle,
            github=self._github.handle,
            runbooks_dir=self._settings.runbooks_dir,
            links=self._settings.links,
        )
        # Bodies stay as they come: what unpacks them has to bound what comes out.
        runner = web.AppRunner(
            make_application(service),
            access_log=None,
            shutdown_timeout=SHUTDOWN_SECONDS,
            auto_decompress=False,
        )
        admission = Admission(
            self._settings.config.stream_max_clients,
            [*self._settings.config.stream_origins, *self._settings.links.page_origins],
            None
            if self._settings.stream_tokens is None
            else TokenFile(self._settings.stream_tokens),
        )
        stream_server = StreamServer(
            self._feed.hub, admission, self._read_trends, packaged("stream/page")
        )
        streaming = web.AppRunner(
            stream_server.make_application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
            log.info(
                f"benchmark-exporter {__version__} listens on {self._settings.host}:{self._settings.port}",
                extra={
                    "fields": {
                        "results": self._settings.results_dir,
                        "ledger": self._settings.ledger_path,
                    }
                },
            )
            if self._settings.stream_address is not None:
                await streaming.setup()
                await web.TCPSite(
                    streaming, *self._settings.stream_address, backlog=STREAM_BACKLOG
                ).start()
                host, port = self._settings.stream_address
                log.info(f"the stream and the live page are on {host}:{port}")
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch())
                ingesting = tasks.create_task(self._ingest_forever())
                pruning = tasks.create_task(self._prune_forever())
                following = tasks.create_task(self._follow_live())
                telling = tasks.create_task(self._tell_state())
                stopped = tasks.create_task(stop.wait())
                await asyncio.wait((stopped, ingesting), return_when=asyncio.FIRST_COMPLETED)
                self._stopping = True
                self._wake.set()
                for task in (watching, pruning, following, telling):
                    task.cancel()
                self._live_wake.set()
        finally:
            await streaming.cleanup()
            await runner.cleanup()

    async def _watch(self) -> None:
        """Tells of changed files promptly. What it misses, the next scan finds."""
        root = self._settings.results_dir
        while True:
            try:
                async for changes in awatch(
                    root,
                    watch_filter=None,
                    debounce=WATCH_DEBOUNCE_MS,
                    step=WATCH_STEP_MS,
                    raise_interrupt=False,
                ):
                    self._note_changes(path for _, path in changes)
            except OSError as error:
                log.warning(
                    "the results folder cannot be watched, scans alone find new files",
                    extra={"fields": {"reason": error}},
                )
            await asyncio.sleep(RETRY_SECONDS)

    def _note_changes(self, paths: Iterable[str]) -> None:
        live_folder = str(self._settings.results_dir / FOLDER)
        for path in paths:
            if path == live_folder or (
                path.startswith(f"{live_folder}/") and not path.endswith(SUFFIX)
            ):
                if not self._live_folder.is_looked_at(path):
                    self._live_wake.set()
            else:
                self._changed_paths.add(path)
                self._wake.set()

    async def _follow_live(self) -> None:
        """Brings lines of live files to the stream. Events tell of new files; those of running benchmarks are looked at anyway."""
        while True:
            try:
                news = await self._loop.run_in_executor(
                    self._live_worker, self._live_folder.wait, self._live_wake
                )
                self._feed.take_live(news)
            except OSError as error:
                log.error(
                    "live files cannot be followed, it is tried again",
                    extra={"fields": {"reason": error}},
                )
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:  # whatever was not foreseen here is no reason to end the exporter
                log.exception("live files cannot be followed, it is tried again")
                await asyncio.sleep(RETRY_SECONDS)

    async def _tell_state(self) -> None:
        """Brings new states to the stream's clients."""
        while True:
            await self._state_changed.wait()
            self._state_changed.clear()
            try:
                self._feed.take_state(self._state)
            except Exception:  # see _follow_live
                log.exception("a change could not be told to the stream's clients")
            await asyncio.sleep(STREAM_STATE_SECONDS)

    async def _read_trends(self) -> bytes:
        self._refuse_without_state()
        async with self._trends_lock:  # one reads for all who ask meanwhile
            read_seconds, trends = self._trends
            if time.monotonic() - read_seconds >= TRENDS_SECONDS:
                try:
                    trends = msgspec.json.encode(await self._in_worker(self._ledger.trends))
                except LedgerError as error:
                    self._note_damage(error)
                    self._wake.set()
                    raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
                self._trends = (time.monotonic(), trends)
            return trends

    async def _prune_forever(self) -> None:
        while True:
            if not self._is_open:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                before = time.time() - self._settings.config.retention_days * 86400
                if rows := await self._sum_of_steps(self._ledger.prune(before)):
                    log.info(
                        "forgot what is older than retention_days", extra={"fields": {"rows": rows}}
                    )
                if files := await self._sum_of_steps(
                    map(
                        self._upload_folder.remove, self._ledger.old_uploads(UPLOADS_PREFIX, before)
                    )
                ):
                    log.info(
                        "removed uploads that are forgotten", extra={"fields": {"files": files}}
                    )
            except (LedgerError, OSError) as error:
                self._note_damage(error)
                self._wake.set()
                log.error(
                    "forgetting old runs failed, it is tried again",
                    extra={"fields": {"reason": error}},
                )
            await asyncio.sleep(PRUNE_INTERVAL_SECONDS)

    async def _sum_of_steps(self, steps: Iterator[int]) -> int:
        total = 0
        while (step := await self._in_worker(next, steps, None)) is not None:
            total += step
            await asyncio.sleep(PRUNE_PAUSE_SECONDS)
        return total

    async def _ingest_forever(self) -> None:
        next_scan = 0.0
        while not self._stopping:
            paths, self._changed_paths = self._changed_paths, set()
            failed = False
            try:
                is_alone = self._is_open and self._ledger.is_alone
                if (
                    self._damage is not None
                    or not self._is_open
                    or (is_alone and time.monotonic() >= next_scan)
                ):
                    await self._in_worker(self._replace_ledger_by_worker)
                    next_scan = 0.0
                if self._is_caught_up and (paths or time.monotonic() >= self._ingest.due_seconds):
                    await self._in_worker(self._look_by_worker, paths)
                if time.monotonic() >= next_scan:
                    await self._scan()
                    pause = max(
                        self._settings.config.rescan_interval_seconds,
                        self._scan_duration_seconds / SCAN_SHARE,
                    )
                    next_scan = time.monotonic() + pause
                await self._in_worker(self._refresh_by_worker)
            except (OSError, LedgerError) as error:
                self._note_failure(error)
                self._note_damage(error)
                await self._in_worker(self._show_failure_by_worker)
                failed, next_scan = True, time.monotonic() + RETRY_SECONDS
                log.error(
                    "ingesting failed, it is tried again",
                    extra={"fields": {"reason": error, "retry_seconds": RETRY_SECONDS}},
                )
            with suppress(TimeoutError):
                async with asyncio.timeout(
                    RETRY_SECONDS if failed else self._seconds_to_sleep(next_scan)
                ):
                    await self._wake.wait()
            self._wake.clear()

    async def _scan(self) -> None:
        """Scans in steps, and looks between them at what has changed: no file need wait until a large folder has been read.

        But for the first time: what was there before comes first, since runs are judged by those before them.
        """
        steps, reading_seconds = self._ingest.scan_in_steps(), 0.0
        while not self._stopping:
            is_done, step_seconds = await self._in_worker(self._step_by_worker, steps)
            reading_seconds += step_seconds
            if is_done:
                self._scan_duration_seconds = reading_seconds
                self._is_caught_up = self._is_ready = True
                self._note_failure(None)
                return
            if self._is_caught_up and self._changed_paths:
                paths, self._changed_paths = self._changed_paths, set()
                await self._in_worker(self._look_by_worker, paths)

    def _seconds_to_sleep(self, next_scan: float) -> float:
        next_look = min(next_scan, self._ingest.due_seconds) - time.monotonic()
        # No event tells of a baseline that another process pins.
        return max(
            min(
                next_look,
                self._exposition.stale_at_seconds - time.time(),
                self._settings.config.rescan_interval_seconds,
            ),
            0.0,
        )

    def _note_failure(self, failure: LedgerError | OSError | None) -> None:
        self._failure = failure
        self._feed.take_failure(None if failure is None else str(failure))

    def _note_damage(self, error: Exception) -> None:
        if isinstance(error, LedgerError) and is_damaged(error):
            self._damage = error

    def _replace_ledger_by_worker(self) -> None:
        """Opens the ledger anew, once a damaged one has been set aside. Where the second fails, it alone is tried again."""
        if self._is_open:
            self._ledger.close()
            self._is_open = False
        if self._damage is not None:
            set_aside(self._settings.ledger_path, self._damage, time.time())
            self._damage = None
        self._open_by_worker()

    def _open_by_worker(self) -> None:
        try:
            self._wire_by_worker()
        except LedgerError as error:
            if not is_damaged(error):
                raise
            set_aside(self._settings.ledger_path, error, time.time())
            self._wire_by_worker()
        self._is_open, self._unopened = True, None

    def _wire_by_worker(self) -> None:
        settings, config = self._settings, self._settings.config
        self._ledger = Ledger(settings.ledger_path)
        self._is_caught_up = False
        defaults = Defaults(
            project=config.project,
            environment=config.environment,
            execution_time_bounds_ms=settings.definitions[EXECUTION_TIME_METRIC].buckets,
            settle_seconds=config.settle_seconds,
            series_max_age_seconds=config.series_max_age_seconds,
            zone=config.zone,
        )
        try:
            self._ingest = Ingest(
                self._ledger,
                Inboxes(
                    Inbox(settings.results_dir, config.max_file_bytes),
                    Inbox(settings.uploads_dir, config.max_file_bytes, UPLOADS_PREFIX),
                ),
                config.policy,
                config.judgement,
                defaults,
                publish=self._publish_by_worker,
                clock=time.time,
                monotonic=time.monotonic,
                stopping=lambda: self._stopping,
            )
            self._publish_by_worker()  # a restart goes on showing what it showed
        except LedgerError:
            self._ledger.close()
            raise

    def _step_by_worker(self, steps: Iterator[int]) -> tuple[bool, float]:
        """Whether a scan is done with its next step, and how long reading took: taking in a burst must not put off the next scan."""
        state, started = self._state, time.monotonic()
        is_done = next(steps, None) is None
        return is_done, time.monotonic() - started if self._state is state else 0.0

    def _look_by_worker(self, paths: set[str]) -> None:
        # A new folder's files have no events of their own.
        if any(not path.endswith(SUFFIX) and Path(path).is_dir() for path in paths):
            self._ingest.scan()
        else:
            self._ingest.check(paths)

    def _receive_by_worker(self, notifications: Sequence[Notification]) -> None:
        self._ingest.receive(notifications)

    def _refresh_by_worker(self) -> None:
        """Publishes what no commit of ours changes: files that became young or old, counters whose time at 0 is over, a pinned baseline."""
        live = self._live_now()
        is_stale = self._exposition.stale_at_seconds <= time.time() or (
            live.pending_files,
            live.is_ingest_failing,
        ) != (
            self._live.pending_files,
            self._live.is_ingest_failing,
        )
        if self._ledger.changed_elsewhere() or is_stale:
            self._publish_by_worker()

    def _publish_by_worker(self) -> None:
        live = self._live_now()
        self._state, self._exposition = self._collector.expose(self._ledger, live, time.time())
        self._live = live
        self._loop.call_soon_threadsafe(self._state_changed.set)

    def _show_failure_by_worker(self) -> None:
        """Says beside what is known that nothing new is taken in. The ledger is not asked: perhaps it cannot be read either."""
        if self._unopened is not None:
            return
        if not self._live.is_ingest_failing or self._exposition.stale_at_seconds <= time.time():
            self._live = replace(self._live, is_ingest_failing=True)
            self._exposition = self._collector.render(self._state, self._live, time.time())

    def _live_now(self) -> Live:
        return Live(
            self._ingest.pending_files, self._scan_duration_seconds, self._failure is not None
        )

    def _render_resources(self) -> bytes:
        now = time.monotonic()
        if now - self._resources[0] >= RESOURCES_MAX_AGE_SECONDS:
            self._resources = (
                now,
                self._collector.render_resources(
                    self._sampler.sample(), self._live, self._uploads.counts, self._progress()
                ),
            )
        return self._resources[1]

    def _progress(self) -> LiveProgress:
        feed = self._feed
        return LiveProgress(feed.running, feed.usages, feed.rejected_lines, feed.hub.figures())

    def _shown(self) -> Exposition:
        self._refuse_without_state()
        return self._exposition

    def _refuse_without_state(self) -> None:
        if self._unopened is not None:
            raise web.HTTPServiceUnavailable(text=f"nothing to show yet: {self._unopened}\n")

    def _no_uploads(self) -> str | None:
        if self._stopping:
            return "the exporter is stopping"
        return str(self._failure) if isinstance(self._failure, LedgerError) else None

    def _note_upload(self, path: Path) -> None:
        self._changed_paths.add(str(path))
        self._wake.set()

    async def _receive(self, alerts: Sequence[Alert]) -> None:
        self._refuse_without_state()
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
        try:
            await self._in_worker(self._receive_by_worker, notifications)
        except LedgerError as error:
            self._note_damage(error)
            self._wake.set()
            log.error(
                "alerts could not be counted, Alertmanager sends them again",
                extra={"fields": {"reason": error}},
            )
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        self._wake.set()  # a new counter is shown as 0 for a while: how long the loop may sleep has changed

    def _status(self) -> Status:
        self._refuse_without_state()
        state, exposition = self._state, self._exposition
        shown = set(state.selection.subjects[: exposition.shown])
        gate_outcomes = {
            gate_outcome.benchmark: gate_outcome for gate_outcome in state.gate_outcomes
        }
        verdicts = _verdicts_by_benchmark(state)
        runs = []
        for run in sorted(state.runs, key=lambda run: run.timestamp_seconds, reverse=True):
            if Subject("benchmark", run.benchmark, run.environment) not in shown:
                continue
            gate_outcome = gate_outcomes.get(run.benchmark)
            runs.append(
                RunStatus(
                    benchmark=run.benchmark,
                    environment=run.environment,
                    run_id=run.run_id,
                    commit_hash=run.commit_hash,
                    timestamp_seconds=run.timestamp_seconds,
                    speedup_p50_ratio=None
                    if gate_outcome is None
                    else gate_outcome.speedup_p50_ratio,
                    passed=None if gate_outcome is None else gate_outcome.passed,
                    severity=None if gate_outcome is None else gate_outcome.severity,
                    verdicts=verdicts.get((run.benchmark, run.environment), []),
                )
            )
        return Status(
            version=__version__,
            results_dir=str(self._settings.results_dir),
            commits=state.commits,
            pending_files=self._live.pending_files,
            failure=None if self._failure is None else str(self._failure),
            max_series=self._settings.config.max_series,
            subjects_dropped=exposition.dropped,
            runs=runs,
            rejected_files=[
                RejectionStatus(file.path, file.reason, file.place, file.detail)
                for file in state.rejected_files
            ],
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
