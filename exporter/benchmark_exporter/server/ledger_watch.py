"""Notices promptly when the ledger's files are deleted or replaced."""

import asyncio
import logging
import time
from collections.abc import Callable

from benchmark_exporter.ledger.ledger_file import Loss
from benchmark_exporter.server.ingest_state import IngestState
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

CHECK_SECONDS = 0.5
# A failure that is over at once is shown for some scrapes all the same.
SHOWN_SECONDS = 10.0
_TEXTS: dict[Loss, str] = {
    "deleted": "the ledger was deleted; writing it back from the open connection",
    "folder_deleted": "the ledger's folder is missing; writing it back unless it was moved",
    "replaced": "another ledger took the place of the open one; taking it over",
    "overwriting": "another file is being written over the ledger; waiting until it is complete",
    "overwritten": "another file was written over the open ledger; taking it over",
    "mixed": "another file was written over the open ledger during a checkpoint; setting it aside",
    "rewritten": "another program wrote another ledger into the open one; opening it again",
    "log_lost": "the ledger's write-ahead log was deleted; writing it to the database",
}


class LedgerWatch:
    """Has a ledger whose files were lost written back or taken over by `rescan`."""

    def __init__(
        self,
        opened: OpenLedger,
        state: IngestState,
        worker: Worker,
        rescan: Callable[[], None],
    ) -> None:
        self._opened = opened
        self._state = state
        self._worker = worker
        self._rescan = rescan

    async def run(self) -> None:
        """Checks every CHECK_SECONDS until cancelled."""
        known, fields = "", {"ledger": self._opened.path}
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            before, known = known, await self._check()
            if known:
                self._state.shown_until_seconds = time.monotonic() + SHOWN_SECONDS
            if known == before:
                continue
            if known:
                log.error(known, extra={"fields": fields})
            else:
                log.warning("the ledger is in its place again", extra={"fields": fields})
            self._rescan()

    async def _check(self) -> str:
        """What is wrong with the files; empty if nothing is."""
        try:
            loss = await self._worker.run(self._opened.check_files)
        except OSError as error:
            return f"the ledger's folder cannot be reached: {error.strerror}"
        return "" if loss is None else _TEXTS[loss]
