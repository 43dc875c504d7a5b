"""Checks every hour which results drift, in short steps that hardly delay ingest."""

import asyncio
import logging
from collections.abc import Callable

from benchmark_exporter.ingest.drift_check import check_drifts
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.regression import Limits
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

# A drift takes days, so that an hour more says little.
CHECK_INTERVAL_SECONDS = 3600.0
# Between two steps, each of which takes some milliseconds.
CHECK_PAUSE_SECONDS = 0.01
# Until the first scan is done.
START_RETRY_SECONDS = 1.0


class DriftLoop:
    """Checks the series of the ledger, by what `limits` gives. `note_error` gets what fails."""

    def __init__(
        self,
        opened: OpenLedger,
        publisher: Publisher,
        state: IngestState,
        limits: Callable[[], Limits],
        worker: Worker,
        note_error: Callable[[Exception], None],
    ) -> None:
        self._opened = opened
        self._publisher = publisher
        self._state = state
        self._limits = limits
        self._worker = worker
        self._note_error = note_error

    async def run(self) -> None:
        """Checks after the first scan and then every hour, until cancelled."""
        while True:
            if not self._opened.is_open or not self._state.is_caught_up:
                await asyncio.sleep(START_RETRY_SECONDS)
                continue
            try:
                await self._check()
            except LedgerError as error:
                self._note_error(error)
                log.error(
                    "checking for drifts failed, retrying",
                    extra={"fields": {"reason": error, "retry_seconds": CHECK_INTERVAL_SECONDS}},
                )
            await asyncio.sleep(CHECK_INTERVAL_SECONDS)

    async def _check(self) -> None:
        steps, has_changed = check_drifts(self._opened.ledger, self._limits()), False
        while (changed := await self._worker.run(next, steps, None)) is not None:
            has_changed = has_changed or changed
            await asyncio.sleep(CHECK_PAUSE_SECONDS)
        if has_changed:
            await self._worker.run(self._publish_by_worker)

    def _publish_by_worker(self) -> None:
        opened = self._opened
        self._publisher.publish_by_worker(opened.ledger, opened.ingest.pending_files)
