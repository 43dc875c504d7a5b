"""Ingests what is new, for as long as the exporter runs, and survives what fails meanwhile."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from benchmark_exporter.ingest.ingest import Ingest
from benchmark_exporter.ledger import LedgerError, has_no_room
from benchmark_exporter.server.configuration import Configuration
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

# A scan may take at most this share of the time, as long as the next is then begun within
# PROMPT_SCAN_SECONDS. A larger folder is scanned more often than that, for at most 1 % of the time.
SCAN_SHARE, MOST_SCAN_SHARE = 0.003, 0.01
PROMPT_SCAN_SECONDS = 5.0
# After the ledger or the results folder failed.
INGEST_RETRY_SECONDS = 5.0
# More than these are left to a scan, which keeps no paths: 100,000 take 14 MB.
MOST_CHANGED_PATHS = 10_000
# More than these wait for the files that a scan in progress has found: they are part of the same
# burst, and a run that comes before older ones has these judged late.
PROMPT_PATHS = 100
_DONE = object()


class IngestLoop:
    """Ingests new files and uploads, and replaces a damaged ledger.

    Methods that end in `_by_worker` run in the ledger's worker thread, all others in the event
    loop. `report_failure` gets why ingest fails, or None once it works.
    """

    def __init__(
        self,
        configuration: Configuration,
        opened: OpenLedger,
        publisher: Publisher,
        state: IngestState,
        worker: Worker,
        report_failure: Callable[[str | None], None],
    ) -> None:
        self._configuration = configuration
        self._opened = opened
        self._publisher = publisher
        self._state = state
        self._worker = worker
        self._report_failure = report_failure
        self._changed_paths: set[str] = set()
        self._wake = asyncio.Event()
        self._must_scan = False
        # Whose scan was begun last: another has to scan at once.
        self._scanned: Ingest | None = None

    def add_changed(self, path: str) -> None:
        """Checks a path soon that an event or an upload named.

        A scan that is to begin finds it anyway, together with all others and oldest first.
        """
        if not self._must_scan:
            self._changed_paths.add(path)
            if len(self._changed_paths) > MOST_CHANGED_PATHS:
                self.rescan()
        self._wake.set()

    def rescan(self) -> None:
        """Scans soon, since anything may have changed, or the results folder may be back."""
        self._changed_paths.clear()
        self._must_scan = True
        self._wake.set()

    def wake(self) -> None:
        """Runs the loop now: what it waits for may have changed."""
        self._wake.set()

    def note_error(self, error: Exception) -> None:
        """Has the ledger replaced soon if an error that another part met says it is damaged."""
        self._opened.note(error)
        self._wake.set()

    def stop(self) -> None:
        """Ends the loop after its current step. What is not begun is left for the next start."""
        self._state.is_stopping = True
        self._wake.set()

    async def open(self) -> None:
        """Opens the ledger, or leaves it to the loop to retry if its disk is full.

        Raises:
            LedgerError: the ledger cannot be opened for another reason.
        """
        try:
            await self._worker.run(self._opened.open)
        except LedgerError as error:
            if not has_no_room(error):
                raise
            self._state.unopened = error
            log.error("the ledger cannot be opened, retrying", extra={"fields": {"reason": error}})
        else:
            if self._opened.ledger.is_alone:
                log.error(
                    "the ledger's disk is full: known results are shown, "
                    "new ones are ingested when there is room"
                )

    async def run(self) -> None:
        """Ingests until `stop`."""
        next_scan = 0.0
        while not self._state.is_stopping:
            failed = False
            try:
                next_scan = await self._run_once(next_scan)
            except (OSError, LedgerError) as error:
                is_news = str(error) != str(self._state.failure or "")
                self._set_failure(error)
                self._opened.note(error)
                await self._worker.run(self._publisher.show_failure_by_worker)
                failed, next_scan = True, time.monotonic() + INGEST_RETRY_SECONDS
                if is_news:
                    fields = {"reason": error, "retry_seconds": INGEST_RETRY_SECONDS}
                    log.error("ingest failed, retrying", extra={"fields": fields})
            seconds = INGEST_RETRY_SECONDS if failed else self._seconds_to_sleep(next_scan)
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._wake.wait()
            self._wake.clear()

    async def _run_once(self, next_scan: float) -> float:
        """One round; returns when the next scan is due, by the monotonic clock."""
        paths, self._changed_paths = self._changed_paths, set()
        opened = self._opened
        is_alone = opened.is_open and opened.ledger.is_alone
        if opened.must_be_replaced or (is_alone and time.monotonic() >= next_scan):
            await self._worker.run(opened.replace)
            next_scan = 0.0
        is_due = paths or time.monotonic() >= opened.ingest.due_seconds
        is_checked = bool(self._state.is_caught_up and is_due)
        if is_checked:
            await self._check(paths)
        is_other = opened.ingest is not self._scanned
        must_scan = self._must_scan or is_other or time.monotonic() >= next_scan
        if must_scan:
            self._must_scan = False
            await self._scan()
            interval = self._configuration.now.rescan_interval_seconds
            pause = pause_seconds(self._state.scan_duration_seconds, interval)
            next_scan = time.monotonic() + pause
        if must_scan or not is_checked:
            await self._worker.run(self._refresh_by_worker)
        return next_scan

    async def _scan(self) -> None:
        """Scans in steps, between which changed files are checked.

        So no file has to wait until a large folder has been read, except during the first scan and
        as part of a burst: what is already there comes first, since runs are judged against those
        before them.
        """
        ingest, reading_seconds = self._opened.ingest, 0.0
        steps, self._scanned = ingest.scan_in_steps(), ingest
        while not self._state.is_stopping:
            is_done, step_seconds = await self._worker.run(self._step_by_worker, ingest, steps)
            if self._opened.ingest is not ingest:  # other settings: the scan begins again
                return
            reading_seconds += step_seconds
            if is_done:
                self._state.scan_duration_seconds = reading_seconds
                self._state.is_caught_up = self._state.is_ready = True
                if self._state.failure is not None:
                    log.info("results are ingested again")
                self._set_failure(None)
                return
            if self._opened.must_be_replaced:
                return
            is_prompt = len(self._changed_paths) <= PROMPT_PATHS or not ingest.has_backlog
            if self._state.is_caught_up and self._changed_paths and is_prompt:
                paths, self._changed_paths = self._changed_paths, set()
                await self._check(paths)

    async def _check(self, paths: set[str]) -> None:
        """Checks paths in steps, between which the worker does what else there is."""
        ingest = self._opened.ingest
        steps = ingest.check_in_steps(paths)
        while not await self._worker.run(self._check_by_worker, ingest, steps):
            pass

    def _seconds_to_sleep(self, next_scan: float) -> float:
        next_check = min(next_scan, self._opened.ingest.due_seconds) - time.monotonic()
        stale_seconds = self._publisher.seconds_until_stale
        # No event reports a baseline that another process pins.
        return max(
            min(next_check, stale_seconds, self._configuration.now.rescan_interval_seconds), 0.0
        )

    def _set_failure(self, failure: LedgerError | OSError | None) -> None:
        self._state.failure = failure
        self._report_failure(None if failure is None else str(failure))

    def _step_by_worker(self, ingest: Ingest, steps: Iterator[int]) -> tuple[bool, float]:
        """Whether the scan is done after its next step, and how long reading took.

        A step that ingested something counts as 0 s: a burst must not delay the next scan. There is
        no further step once `ingest` has made way for another.
        """
        if self._opened.ingest is not ingest:
            return True, 0.0
        commits, started = ingest.publishing.commits, time.monotonic()
        is_done = next(steps, None) is None
        is_only_read = ingest.publishing.commits == commits
        return is_done, time.monotonic() - started if is_only_read else 0.0

    def _check_by_worker(self, ingest: Ingest, steps: Iterator[None]) -> bool:
        """Whether a check is done after its next step; another ingest scans everything anyway.

        What follows from it is published by the last step: each turn of the worker costs a switch
        to its thread and back.
        """
        if self._opened.ingest is not ingest:
            return True
        is_done = next(steps, _DONE) is _DONE
        if is_done:
            self._refresh_by_worker()
        return is_done

    def _refresh_by_worker(self) -> None:
        opened = self._opened
        self._state.unfinished = opened.ingest.unfinished
        self._state.measuring_files = opened.ingest.reader.measuring
        self._publisher.refresh_by_worker(opened.ledger, opened.ingest.pending_files)


def pause_seconds(scan_seconds: float, least_seconds: float) -> float:
    """How long to wait after a scan that took so long."""
    shared = min(scan_seconds / SCAN_SHARE, PROMPT_SCAN_SECONDS)
    return max(least_seconds, shared, scan_seconds / MOST_SCAN_SHARE)
