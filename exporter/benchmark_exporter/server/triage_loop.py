"""Ends, when their date has come, the levels that people expect until then."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from benchmark_exporter.ingest.triaging import end_expectations
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.limits import LimitsFor
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

CHECK_SECONDS = 60.0
# Until the ledger is open.
START_RETRY_SECONDS = 1.0


class TriageLoop:
    """Checks every CHECK_SECONDS. `limits` gives what results are judged by."""

    def __init__(
        self,
        opened: OpenLedger,
        publisher: Publisher,
        limits: Callable[[], LimitsFor],
        worker: Worker,
        note_error: Callable[[Exception], None],
    ) -> None:
        self._opened = opened
        self._publisher = publisher
        self._limits = limits
        self._worker = worker
        self._note_error = note_error

    async def run(self) -> None:
        """Checks until cancelled."""
        while True:
            if not self._opened.is_open:
                await asyncio.sleep(START_RETRY_SECONDS)
                continue
            try:
                await self.check()
            except LedgerError as error:
                self._note_error(error)
                log.error(
                    "ending what is expected no longer failed, retrying",
                    extra={"fields": {"reason": error, "retry_seconds": CHECK_SECONDS}},
                )
            await asyncio.sleep(CHECK_SECONDS)

    async def check(self) -> None:
        """Ends what is due now.

        Raises:
            LedgerError: the ledger cannot be read or written.
        """
        ended = await self._worker.run(self._end_by_worker)
        for name in ended:
            log.info("a level is expected no longer", extra={"fields": {"benchmark": name}})

    def _end_by_worker(self) -> Sequence[str]:
        opened = self._opened
        with opened.ledger.transaction() as transaction:
            ended = end_expectations(transaction, time.time(), self._limits())
        if ended:
            self._publisher.publish_by_worker(opened.ledger, opened.ingest.pending_files)
        return ended
