"""Watches the results folder, so that changes are noticed promptly. Scans find what it misses."""

import asyncio
import logging
import os
import select
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from benchmark_exporter.ingest.root_folder import FolderIdentity, identity_of
from benchmark_exporter.ingest.suffixes import SUFFIXES
from benchmark_exporter.server.inotify import LIMITS, FolderEvents
from benchmark_exporter.server.worker import Worker
from benchmark_exporter.stream.live_file import FOLDER

log = logging.getLogger(__name__)

# Events are gathered until none comes for a step, and no longer than the debounce.
WATCH_DEBOUNCE_SECONDS, WATCH_STEP_SECONDS = 0.1, 0.02
# How often it is checked that the folder is still the one that is watched.
ROOT_CHECK_SECONDS = 0.5
# A folder that takes longer to be watched is scanned meanwhile.
BEGIN_SECONDS = 5.0
# After a failure of the watcher; doubled after each further one.
WATCH_RETRY_SECONDS, WATCH_MAX_RETRY_SECONDS = 5.0, 60.0


class FolderWatch:
    """Sorts the changed paths of a results folder, and notices when another one is in its place.

    The paths of live files go to `live_changed`, those of result files to `changed`. `rescan` is
    called when anything may have changed: events were lost, or another folder is there than before.
    """

    def __init__(
        self,
        results_dir: Path,
        *,
        changed: Callable[[str], None],
        live_changed: Callable[[str], None],
        rescan: Callable[[], None],
    ) -> None:
        self._root = str(results_dir)
        self._live_folder = str(results_dir / FOLDER)
        self._changed = changed
        self._live_changed = live_changed
        self._rescan = rescan
        self._identity: FolderIdentity | None = None
        self._events: FolderEvents | None = None
        self._retry_at = 0.0
        self._retry_seconds = WATCH_RETRY_SECONDS
        self._has_warned = False
        self._has_begun = asyncio.Event()

    async def begun(self) -> None:
        """Waits until the folder is watched, or cannot be: what comes later is not missed.

        A scan that begins before may end before, and what comes between the two is found by the
        next one.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(BEGIN_SECONDS):
                await self._has_begun.wait()

    async def run(self) -> None:
        """Watches until cancelled. Whatever fails is retried; until then scans find changes."""
        stop = os.eventfd(0, os.EFD_CLOEXEC)
        try:
            with Worker("watch") as worker:
                try:
                    while True:
                        try:
                            await worker.run(self._watch, stop, asyncio.get_running_loop())
                        except Exception as error:  # no fault of it may end the exporter
                            self._note_failure(error)
                            self._has_begun.set()
                        await asyncio.sleep(WATCH_RETRY_SECONDS)
                finally:
                    os.eventfd_write(stop, 1)  # the worker's end is awaited
        finally:
            os.close(stop)

    def _watch(self, stop: int, loop: asyncio.AbstractEventLoop) -> None:
        """Watches in the worker thread until the descriptor `stop` can be read."""
        try:
            while True:
                self._check_root(loop)
                if self._identity is not None and self._events is None:
                    self._begin()
                if not self._has_begun.is_set():  # each call wakes the event loop
                    loop.call_soon_threadsafe(self._has_begun.set)
                waiting = select.poll()
                waiting.register(stop, select.POLLIN)
                if self._events is not None:
                    waiting.register(self._events.descriptor, select.POLLIN)
                ready = [descriptor for descriptor, _ in waiting.poll(ROOT_CHECK_SECONDS * 1000)]
                if stop in ready:
                    return
                if ready and self._events is not None:
                    loop.call_soon_threadsafe(self._sort, self._gather(self._events))
        finally:
            self._end()

    def _check_root(self, loop: asyncio.AbstractEventLoop) -> None:
        """Ends the watches of a folder that is no longer there."""
        try:
            identity = identity_of(self._root)
        except OSError as error:
            if error.errno in LIMITS:  # that says nothing of the folder
                return
            identity = None
        if identity != self._identity:
            is_first = self._identity is None and self._events is None and not self._retry_at
            self._identity, self._retry_at = identity, 0.0
            self._end()
            if not is_first:
                loop.call_soon_threadsafe(self._rescan)

    def _begin(self) -> None:
        if time.monotonic() < self._retry_at:
            return
        try:
            self._events = FolderEvents(self._root, self._live_folder)
        except OSError as error:
            self._note_failure(error)
            return
        if self._has_warned:
            log.info("the results folder is watched again")
        self._has_warned, self._retry_seconds = False, WATCH_RETRY_SECONDS

    def _gather(self, events: FolderEvents) -> set[str]:
        """What changes in a burst; reading fails if a new folder cannot be watched."""
        changed: set[str] = set()
        until, waiting = time.monotonic() + WATCH_DEBOUNCE_SECONDS, select.poll()
        waiting.register(events.descriptor, select.POLLIN)
        while True:
            try:
                changed |= events.read()
            except OSError as error:
                self._end()
                self._note_failure(error)
                return {*changed, self._root}
            if time.monotonic() >= until or not waiting.poll(WATCH_STEP_SECONDS * 1000):
                return changed

    def _end(self) -> None:
        if self._events is not None:
            self._events.close()
            self._events = None

    def _note_failure(self, error: Exception) -> None:
        """Has watching retried later; logs the first failure of a series."""
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, WATCH_MAX_RETRY_SECONDS)
        if not self._has_warned:
            self._has_warned = True
            log.warning(
                "the results folder cannot be watched, so only scans find new files; retrying",
                extra={"fields": {"reason": error}},
            )

    def _sort(self, paths: Iterable[str]) -> None:
        live = self._live_folder
        for path in paths:
            if path == live or (path.startswith(f"{live}/") and not path.endswith(SUFFIXES)):
                self._live_changed(path)
            elif path.endswith(SUFFIXES):
                self._changed(path)
            elif path == self._root:
                self._rescan()
