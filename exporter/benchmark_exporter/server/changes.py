"""`/api/v1/changes`: where the level of results changed."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict

import msgspec
from aiohttp import web

from benchmark_exporter.ledger import ChangeSelection, LedgerError
from benchmark_exporter.server.api_query import (
    FILTERS,
    TIMES,
    number_of,
    refuse_unknown,
    selection_of,
)
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.worker import Worker

DEFAULT_LIMIT, MOST_CHANGES = 100, 1000


class Changes:
    """Answers with change points as JSON, the newest first, one request at a time."""

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

    async def handle(self, request: web.Request) -> web.Response:
        """Answers a request whose query selects changes as `history --changes` does.

        Raises:
            HTTPBadRequest: a parameter is unknown or has a wrong value.
            HTTPServiceUnavailable: the ledger cannot be read.
        """
        selection, limit = read_query(request.query)
        self._publisher.refuse_without_state()
        async with self._lock:  # a ledger that is busy with requests would ingest nothing
            try:
                changes = await self._worker.run(self._read_by_worker, selection, limit)
            except LedgerError as error:
                self._note_error(error)
                raise web.HTTPServiceUnavailable(text=f"{error}\n") from error
        return web.Response(body=changes, content_type="application/json")

    def _read_by_worker(self, selection: ChangeSelection, limit: int) -> bytes:
        return msgspec.json.encode(self._opened.ledger.changes(selection, limit))


def read_query(query: Mapping[str, str]) -> tuple[ChangeSelection, int]:
    """The selection that a request's query states, and how many changes to list.

    Raises:
        HTTPBadRequest: a parameter is unknown or has a wrong value; the text says which.
    """
    refuse_unknown(query, (*FILTERS, *TIMES, "limit"))
    wanted = asdict(selection_of(query))
    del wanted["failed"]
    return ChangeSelection(**wanted), number_of(query, "limit", DEFAULT_LIMIT, MOST_CHANGES)
