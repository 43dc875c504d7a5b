"""Stores who scrapes and what was reported to them, so that a restart loses neither."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping

from aiohttp import web

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.delivery import DELIVERY_MAX_AGE_SECONDS
from benchmark_exporter.ledger.reports import Alarm
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.exposition import Exposition
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.scrapers import Scrapers, is_scraper, scraper_of
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

RETRY_SECONDS = 5.0


class DeliveryLoop:
    """Notes scrapes and stores what follows. `note_error` gets what fails.

    Methods that end in `_by_worker` run in the ledger's worker thread, all others in the event
    loop.
    """

    def __init__(
        self,
        opened: OpenLedger,
        worker: Worker,
        scrapers: Scrapers,
        note_error: Callable[[Exception], None],
    ) -> None:
        self._opened = opened
        self._worker = worker
        self._note_error = note_error
        self._scrapers = scrapers
        self._wake = asyncio.Event()

    def note_scrape(
        self, request: web.Request, exposition: Exposition, parts: Collection[Part]
    ) -> None:
        """Notes a request that is answered with parts of an exposition."""
        if request.method != "GET" or not is_scraper(request.headers):
            return
        address, name = scraper_of(request)
        if name:
            self._scrapers.forget(address)
        address, now = name or address, time.time()
        self._scrapers.note_parts(address, parts, now)
        if "state" in parts and self._scrapers.note_scrape(
            address, exposition.alarms, now, time.monotonic()
        ):
            self._wake.set()

    async def run(self) -> None:
        """Stores what there is to store until cancelled."""
        while True:
            if not self._opened.is_open:
                await asyncio.sleep(RETRY_SECONDS)
                continue
            try:
                if self._scrapers.is_loaded:
                    await self._wake.wait()
                    self._wake.clear()
                    await self._store()
                else:
                    self._scrapers.load(await self._worker.run(self._read_by_worker), time.time())
            except (LedgerError, OSError) as error:
                self._note_error(error)
                log.error(
                    "what was scraped cannot be stored, retrying",
                    extra={"fields": {"reason": error, "retry_seconds": RETRY_SECONDS}},
                )
                await asyncio.sleep(RETRY_SECONDS)
                self._wake.set()

    async def _store(self) -> None:
        reported, seen = self._scrapers.take_reported(), self._scrapers.to_store()
        try:
            await self._worker.run(self._store_by_worker, reported, seen)
        except (LedgerError, OSError):
            self._scrapers.put_back(reported)
            raise
        self._scrapers.note_stored(seen)

    def _read_by_worker(self) -> Mapping[str, float]:
        return self._opened.ledger.delivery.scrapers()

    def _store_by_worker(self, reported: Collection[Alarm], seen: Mapping[str, float]) -> None:
        delivery = self._opened.ledger.delivery
        if seen:
            delivery.note_scrapers(seen, time.time() - DELIVERY_MAX_AGE_SECONDS)
        if reported:
            delivery.mark_reported(reported)
            self._opened.publish()
