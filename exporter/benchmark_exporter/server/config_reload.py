"""Puts changed settings into effect while the exporter runs."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from benchmark_exporter.config import Config
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.server.configuration import Configuration
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.worker import Worker

log = logging.getLogger(__name__)

# Two checks have to see the same file before it is read.
CHECK_SECONDS = 1.0


class ConfigReload:
    """Checks config.yaml every CHECK_SECONDS, and at once when asked to.

    What is judged and shown changes in the ledger's worker, between two batches; what belongs to
    the event loop changes by `follow`. `note_error` gets what fails when the state is shown again.
    """

    def __init__(
        self,
        configuration: Configuration,
        opened: OpenLedger,
        collector: Collector,
        worker: Worker,
        note_error: Callable[[Exception], None],
    ) -> None:
        self._configuration = configuration
        self._opened = opened
        self._collector = collector
        self._worker = worker
        self._note_error = note_error
        self._followers: list[Callable[[Config], None]] = []
        self._asked = asyncio.Event()

    def follow(self, configure: Callable[[Config], None]) -> None:
        """Has a part called with settings that come into effect."""
        self._followers.append(configure)

    def ask(self) -> None:
        """Has the file read now, whether or not it has changed."""
        self._asked.set()

    async def run(self) -> None:
        """Checks until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(CHECK_SECONDS):
                    await self._asked.wait()
            at_once = self._asked.is_set()
            self._asked.clear()
            # In a thread, since the file may be on a disk that does not answer.
            config = await asyncio.to_thread(self._configuration.read_again, at_once=at_once)
            if config is not None:
                await self._apply(config)

    async def _apply(self, config: Config) -> None:
        try:
            await self._worker.run(self._apply_by_worker, config)
        except LedgerError as error:
            self._note_error(error)
        for configure in self._followers:
            configure(config)
        self._configuration.set_in_effect(config)

    def _apply_by_worker(self, config: Config) -> None:
        self._collector.configure(config)
        self._opened.configure(config)
        if self._opened.is_open:
            self._opened.publish()
