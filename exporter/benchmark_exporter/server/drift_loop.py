"""Checks every hour which results drift, in short steps that hardly delay ingest."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence

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
# How long a step takes, apart from the last series in it, and the pause between two. A series takes
# half a millisecond, less than it costs to hand over a step of its own.
STEP_SECONDS, CHECK_PAUSE_SECONDS = 0.005, 0.01
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
        checks, has_changed = check_drifts(self._opened.ledger, self._limits()), False
        while step := await self._worker.run(_step_by_worker, checks):
            has_changed = has_changed or any(step)
            await asyncio.sleep(CHECK_PAUSE_SECONDS)
        if has_changed:
            await self._worker.run(self._publish_by_worker)

    def _publish_by_worker(self) -> None:
        opened = self._opened
        self._publisher.publish_by_worker(opened.ledger, opened.ingest.pending_files)


def _step_by_worker(checks: Iterator[bool]) -> Sequence[bool]:
    """The next checks of series: of each, whether the state has changed; empty at the end."""
    begun, step = time.monotonic(), list[bool]()
    for changed in checks:
        step.append(changed)
        if time.monotonic() >= begun + STEP_SECONDS:
            break
    return step
