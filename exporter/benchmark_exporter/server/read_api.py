"""`/api/v1/runs`, `/api/v1/results`, `/api/v1/diff` and the description of the whole API.

What is asked for is read by a connection of its own, which cannot write, and by a thread of its
own, one request at a time, each for a bounded time.
"""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import msgspec
from aiohttp import web

from benchmark_exporter.diff.diff import compare_sides
from benchmark_exporter.diff.sides import DiffError
from benchmark_exporter.ledger import LedgerError
from benchmark_exporter.ledger.pages import ResultPlace, RunPlace, read_results, read_runs
from benchmark_exporter.ledger.reading import TookTooLong
from benchmark_exporter.ledger.side_reading import SideSelection, read_sides
from benchmark_exporter.server.api_query import (
    FILTERS,
    TIMES,
    bad,
    cursor_of,
    cursor_to,
    number_of,
    ratio_of,
    refuse_unknown,
    selection_of,
)
from benchmark_exporter.server.changes import DEFAULT_LIMIT as DEFAULT_CHANGES
from benchmark_exporter.server.changes import MOST_CHANGES
from benchmark_exporter.server.refusal import RETRY_AFTER_SECONDS
from benchmark_exporter.server.worker import Worker

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

DEFAULT_LIMIT, MOST_ITEMS = 100, 500
# A diff costs some hundredths of a second of computing a result.
DEFAULT_DIFF_LIMIT, MOST_DIFF_ITEMS = 50, 200
DEFAULT_RUNS, MOST_RUNS = 5, 20
MOST_SECONDS = 5.0
MOST_WAITING = 16
# The default and the maximum of what is a number in a query.
_LIMITS = {
    "changes.limit": (DEFAULT_CHANGES, MOST_CHANGES),
    "runs.limit": (DEFAULT_LIMIT, MOST_ITEMS),
    "results.limit": (DEFAULT_LIMIT, MOST_ITEMS),
    "diff.limit": (DEFAULT_DIFF_LIMIT, MOST_DIFF_ITEMS),
    "diff.runs": (DEFAULT_RUNS, MOST_RUNS),
}
_PAGE = ("limit", "cursor")
_DIFF = ("base", "head", "benchmark", "project", "environment", "machine_class", "runs", "detect")


class ReadApi:
    """Answers from the ledger at a path."""

    def __init__(self, ledger: Path, *, most_seconds: float = MOST_SECONDS) -> None:
        self._ledger = ledger
        self._most_seconds = most_seconds
        self._worker = Worker("api")
        self.waiting = 0  # requests, the one that is answered included
        self._description: bytes | None = None

    @property
    def routes(self) -> Sequence[web.RouteDef]:
        """What is answered."""
        return [
            web.get("/api/v1/runs", self.runs),
            web.get("/api/v1/results", self.results),
            web.get("/api/v1/diff", self.diff),
            web.get("/api/v1/openapi.json", self.openapi),
        ]

    async def close(self, _: web.Application) -> None:
        """Ends the thread."""
        await asyncio.to_thread(self._worker.__exit__, None, None, None)

    async def runs(self, request: web.Request) -> web.Response:
        """A page of runs. Raises HTTPBadRequest for a wrong query."""
        query = request.query
        refuse_unknown(query, (*FILTERS, *TIMES, *_PAGE))
        limit = number_of(query, "limit", DEFAULT_LIMIT, MOST_ITEMS)
        after = cursor_of(query, RunPlace)
        found, last = await self.read(
            read_runs, self._ledger, selection_of(query), limit, after, self._most_seconds
        )
        return _json({"runs": found, "next_cursor": cursor_to(last)})

    async def results(self, request: web.Request) -> web.Response:
        """A page of results, likewise."""
        query = request.query
        refuse_unknown(query, (*FILTERS, *TIMES, *_PAGE))
        limit = number_of(query, "limit", DEFAULT_LIMIT, MOST_ITEMS)
        after = cursor_of(query, ResultPlace)
        found, last = await self.read(
            read_results, self._ledger, selection_of(query), limit, after, self._most_seconds
        )
        return _json({"results": found, "next_cursor": cursor_to(last)})

    async def diff(self, request: web.Request) -> web.Response:
        """Two sides compared, with a page of their results."""
        query = request.query
        refuse_unknown(query, (*_DIFF, *_PAGE))
        for name in ("base", "head"):
            if not query.get(name):
                raise bad(f"{name} is missing: give a side, like {name}=branch:main")
        first = cursor_of(query, int) or 0
        if first < 0:
            raise bad("cursor must be the next_cursor of an answer to the same query")
        limit = number_of(query, "limit", DEFAULT_DIFF_LIMIT, MOST_DIFF_ITEMS)
        runs = number_of(query, "runs", DEFAULT_RUNS, MOST_RUNS)
        detect_ratio = ratio_of(query, "detect", 0.02)
        selection = SideSelection(
            *(query.get(name) for name in ("project", "environment", "machine_class", "benchmark"))
        )

        def read() -> dict[str, Any]:
            with read_sides(self._ledger, selection, self._most_seconds) as reader:
                diff = compare_sides(
                    reader,
                    query["base"],
                    query["head"],
                    runs=runs,
                    detect_ratio=detect_ratio,
                    first=first,
                    most=limit,
                )
            is_last = first + limit >= diff.result_count
            cursor = None if is_last else cursor_to(first + limit)
            return {**msgspec.to_builtins(diff), "next_cursor": cursor}

        try:
            return _json(await self.read(read))
        except DiffError as error:
            raise bad(str(error)) from error

    async def openapi(self, _: web.Request) -> web.Response:
        """The description, in OpenAPI 3.1."""
        if self._description is None:
            # Its schemas take memory that an exporter of which nobody asks them should not have.
            from benchmark_exporter.server.openapi import describe

            self._description = msgspec.json.encode(describe(_LIMITS))
        return web.Response(body=self._description, content_type="application/json")

    async def read(self, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """What a function reads, in the thread. Raises HTTPServiceUnavailable if it cannot."""
        if self.waiting >= MOST_WAITING:
            raise _unavailable("too many requests at once")
        self.waiting += 1
        try:
            return await self._worker.run(function, *arguments)
        except TookTooLong as error:
            raise _unavailable(
                f"this takes more than {self._most_seconds:g} s; select less, by project, "
                "benchmark, since or limit"
            ) from error
        except LedgerError as error:
            raise _unavailable(str(error)) from error
        finally:
            self.waiting -= 1


def _json(document: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(document), content_type="application/json")


def _unavailable(text: str) -> web.HTTPServiceUnavailable:
    headers = {"Retry-After": str(RETRY_AFTER_SECONDS)}
    return web.HTTPServiceUnavailable(text=f"{text}\n", headers=headers)
