"""Searches for change points while there is nothing better to do.

It shares the ledger's worker thread, in steps of some milliseconds, with pauses that are as long:
while files come in, one step a second, so that a burst is ingested as fast as without it and
nothing has to wait long.
"""

import asyncio
import logging
import math
import time
from collections.abc import Callable
from contextlib import suppress

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

# For how long nothing must come in before a search, and how long to wait while nothing can be done:
# each state ends that.
SETTLED_SECONDS, IDLE_SECONDS = 0.1, 1.0
# How long a step searches, and the pause before the next one at least.
STEP_SECONDS, LEAST_PAUSE_SECONDS = 0.01, 0.02
# The pause while files come in, and after a failure.
BUSY_PAUSE_SECONDS, RETRY_SECONDS = 1.0, 60.0
# If it never stops coming in, how long a first step waits.
MAX_WAIT_SECONDS = 5.0
# Changes that were found are published once in this time at most: each time costs a rendering.
PUBLISH_SECONDS = 5.0


class ChangeLoop:
    """Searches for change points. `note_error` gets what fails."""

    def __init__(
        self,
        opened: OpenLedger,
        publisher: Publisher,
        state: IngestState,
        worker: Worker,
        note_error: Callable[[Exception], None],
    ) -> None:
        self._opened = opened
        self._publisher = publisher
        self._state = state
        self._worker = worker
        self._note_error = note_error
        self._searched_commits = -1  # of the state that was shown after the last step
        self._stepped_seconds = -math.inf
        self._published_seconds = -math.inf
        self._unpublished = False

    async def run(self) -> None:
        """Searches until cancelled."""
        while True:
            pause: float | None = None
            if self._may_search():
                try:
                    pause = await self._run_once()
                except LedgerError as error:
                    self._note_error(error)
                    log.error(
                        "change points cannot be searched, retrying",
                        extra={"fields": {"reason": error, "retry_seconds": RETRY_SECONDS}},
                    )
                    pause = RETRY_SECONDS
                except Exception:  # an unforeseen error here must not end the exporter
                    log.exception("change points cannot be searched, retrying")
                    pause = RETRY_SECONDS
            await self._pause(pause)

    async def _pause(self, seconds: float | None) -> None:
        """Pauses; None: until there is a new state, or for IDLE_SECONDS."""
        if seconds is not None:
            await asyncio.sleep(seconds)
            return
        searchable = self._publisher.searchable
        with suppress(TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS):
                await searchable.wait()
        searchable.clear()

    def _may_search(self) -> bool:
        opened, state = self._opened, self._state
        is_usable = opened.is_open and not opened.must_be_replaced and not opened.ledger.is_alone
        return is_usable and state.is_caught_up and state.failure is None and not state.is_stopping

    async def _run_once(self) -> float | None:
        """Takes a step if there is something to do; returns for how long to `_pause`."""
        commits = self._publisher.state.commits
        is_new = commits != self._searched_commits
        if not (is_new or self._state.searches_due or self._must_publish()):
            return None
        if is_new and not self._state.searches_due and not await self._has_settled(commits):
            return 0.0
        started = time.monotonic()
        await self._worker.run(self._step_by_worker)
        if is_new and self._state.searches_due:
            return BUSY_PAUSE_SECONDS
        return max(time.monotonic() - started, LEAST_PAUSE_SECONDS)

    async def _has_settled(self, commits: int) -> bool:
        """Whether nothing came in for a moment, or something has for long."""
        await asyncio.sleep(SETTLED_SECONDS)
        waited = time.monotonic() - self._stepped_seconds >= MAX_WAIT_SECONDS
        return waited or self._publisher.state.commits == commits

    def _must_publish(self) -> bool:
        since = time.monotonic() - self._published_seconds
        return self._unpublished and since >= PUBLISH_SECONDS

    def _step_by_worker(self) -> None:
        """Searches, and publishes what was found, so that no run can come between."""
        end = time.monotonic() + STEP_SECONDS
        searched = self._opened.ledger.search_changes(time.time(), lambda: time.monotonic() >= end)
        self._state.searches_due = searched.due
        self._unpublished |= searched.changed
        if self._must_publish():
            self._opened.publish()
            self._unpublished, self._published_seconds = False, time.monotonic()
        self._searched_commits = self._publisher.state.commits
        self._stepped_seconds = time.monotonic()
