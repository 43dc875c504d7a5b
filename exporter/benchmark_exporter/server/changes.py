"""`/api/v1/changes`: where the level of results changed."""

import asyncio
import math
from collections.abc import Callable, Mapping
from datetime import datetime

import msgspec
from aiohttp import web

from benchmark_exporter.ledger import ChangeSelection, LedgerError
from benchmark_exporter.server.open_ledger import OpenLedger
from benchmark_exporter.server.publishing import Publisher
from benchmark_exporter.server.worker import Worker

DEFAULT_LIMIT, MOST_CHANGES = 100, 1000
_PARAMETERS = ("benchmark", "project", "environment", "branch", "machine_class", "commit")
_TIMES = ("since", "until")


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
    known = (*_PARAMETERS, *_TIMES, "limit")
    if unknown := sorted(set(query) - set(known)):
        raise web.HTTPBadRequest(text=f"{unknown[0]} is unknown; use {', '.join(known)}\n")
    wanted = {name: query[name] for name in _PARAMETERS if name in query}
    selection = ChangeSelection(
        benchmark=wanted.get("benchmark"),
        environment=wanted.get("environment"),
        project=wanted.get("project"),
        commit_hash=wanted.get("commit"),
        branch=wanted.get("branch"),
        machine_class=wanted.get("machine_class"),
        since_seconds=_time(query, "since", -math.inf),
        until_seconds=_time(query, "until", math.inf),
    )
    return selection, _limit(query.get("limit", str(DEFAULT_LIMIT)))


def _limit(text: str) -> int:
    limit = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not 1 <= limit <= MOST_CHANGES:
        raise web.HTTPBadRequest(text=f"limit must be a number from 1 to {MOST_CHANGES}\n")
    return limit


def _time(query: Mapping[str, str], name: str, otherwise: float) -> float:
    """A time in seconds since 1970."""
    if name not in query:
        return otherwise
    try:
        time: datetime | None = datetime.fromisoformat(query[name])
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise web.HTTPBadRequest(text=f"{name} must be a time like 2026-03-01T12:00:00Z\n")
    return time.timestamp()
