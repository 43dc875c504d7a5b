"""Prunes what is older than `retention_days`, in short steps that hardly delay ingest."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator

from benchmark_exporter.config import Config
from benchmark_exporter.ingest.inbox import UPLOADS_PREFIX
from benchmark_exporter.ingest.upload_folder import UploadFolder
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

PRUNE_INTERVAL_SECONDS = 3600.0
# Between two steps, each of which takes some milliseconds.
PRUNE_PAUSE_SECONDS = 0.1
# Until the ledger is open.
OPEN_RETRY_SECONDS = 5.0


class PruneLoop:
    """Prunes the ledger and the uploads. `note_error` gets what fails."""

    def __init__(
        self,
        opened: OpenLedger,
        uploads: UploadFolder,
        config: Callable[[], Config],
        worker: Worker,
        note_error: Callable[[Exception], None],
    ) -> None:
        self._opened = opened
        self._uploads = uploads
        self._config = config
        self._worker = worker
        self._note_error = note_error

    async def run(self) -> None:
        """Prunes every hour until cancelled."""
        while True:
            if not self._opened.is_open:
                await asyncio.sleep(OPEN_RETRY_SECONDS)
                continue
            try:
                config, now = self._config(), time.time()
                await self._prune(
                    now - config.retention_days * 86400, now - config.series_max_age_seconds
                )
            except (LedgerError, OSError) as error:
                self._note_error(error)
                log.error(
                    "pruning failed, retrying",
                    extra={"fields": {"reason": error, "retry_seconds": PRUNE_INTERVAL_SECONDS}},
                )
            await asyncio.sleep(PRUNE_INTERVAL_SECONDS)

    async def _prune(self, before_seconds: float, unshown_seconds: float) -> None:
        ledger = self._opened.ledger
        steps = ledger.prune(before_seconds, unshown_seconds)
        if rows := await self._sum_of_steps(steps):
            log.info(
                "pruned rows older than retention_days from the ledger",
                extra={"fields": {"rows": rows}},
            )
        # Uploads come after the ledger, which names those that are no longer needed.
        old = ledger.old_uploads(UPLOADS_PREFIX, before_seconds)
        if files := await self._sum_of_steps(map(self._uploads.remove, old)):
            log.info("pruned uploads older than retention_days", extra={"fields": {"files": files}})

    async def _sum_of_steps(self, steps: Iterator[int]) -> int:
        total = 0
        while (step := await self._worker.run(next, steps, None)) is not None:
            total += step
            await asyncio.sleep(PRUNE_PAUSE_SECONDS)
        return total
