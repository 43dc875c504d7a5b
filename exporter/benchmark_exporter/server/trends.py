"""`/api/v1/trends`: how the last runs of each benchmark went."""

import asyncio
import time
from collections.abc import Callable

import msgspec
from aiohttp import web

from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.worker import Worker

# The ledger is read for trends no more often than this.
TRENDS_MAX_AGE_SECONDS = 1.0


class Trends:
    """The trends as JSON, read after a commit, at most once per TRENDS_MAX_AGE_SECONDS."""

    def __init__(
        self,
        opened: OpenLedger,
        publisher: Publisher,
        worker: Worker,
        note_error: Callable[[Exception], None],
    ) -> None:
        self._opened = opened
        self._publisher = publisher
        self._worker = worker
        self._note_error = note_error
        self._lock = asyncio.Lock()
        self._read: tuple[float, int, bytes] = (float("-inf"), -1, b"")

    async def read(self) -> bytes:
        """The trends. Raises HTTPServiceUnavailable if the ledger cannot be read."""
        self._publisher.refuse_without_state()
        async with self._lock:  # one read serves all who ask meanwhile
            read_seconds, read_commits, trends = self._read
            commits = self._publisher.state.commits
            is_old = time.monotonic() - read_seconds >= TRENDS_MAX_AGE_SECONDS
            if is_old and commits != read_commits:
                try:
                    trends = msgspec.json.encode(await self._worker.run(self._opened.ledger.trends))
                except LedgerError as error:
                    self._note_error(error)
                    raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
                self._read = (time.monotonic(), commits, trends)
            return trends
