"""The routes of the pages of benchmarks."""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from aiohttp import hdrs, web

from benchmark_exporter.benchmark_page import benchmark_view, commit_view, list_view
from benchmark_exporter.benchmark_page.commit_query import CommitQuery, read_commit_query
from benchmark_exporter.benchmark_page.commit_reading import read_commit
from benchmark_exporter.benchmark_page.list_query import ListQuery, read_list_query
from benchmark_exporter.benchmark_page.list_reading import Lists
from benchmark_exporter.benchmark_page.markup import text
from benchmark_exporter.benchmark_page.query import (
    BenchmarkQuery,
    WrongQuery,
    read_benchmark_query,
)
from benchmark_exporter.benchmark_page.reading import Choice, Unknown, read_view
from benchmark_exporter.links import Links, Repositories
from benchmark_exporter.site import layout
from benchmark_exporter.site.language import say_for
from benchmark_exporter.site.reasons import reason
from benchmark_exporter.site.served import compressed
from benchmark_exporter.texts.say import Say

# Runs a function in a thread that reads the ledger. Raises HTTPServiceUnavailable if it cannot be
# read, or has too much to do.
Read = Callable[..., Awaitable[Any]]
_FILES = Path(__file__).parent / "files"
_TYPES = {"benchmark.css": "text/css", "search.js": "text/javascript"}


class BenchmarkPages:
    """Answers with pages of what is in the ledger at a path. They write nothing.

    `repositories` are those of the settings in effect, to which commits are links. `version` is the
    number of the state that the other pages show, 0 while there is none.
    """

    def __init__(
        self,
        ledger: Path,
        links: Links,
        read: Read,
        repositories: Callable[[], Repositories] = Repositories,
        version: Callable[[], int] = lambda: 0,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._ledger = ledger
        self._lists = Lists(ledger, version)
        self._links = links
        self._read = read
        self._clock = clock
        self._repositories = repositories

    def routes(self) -> Sequence[web.RouteDef]:
        """Their routes, and those of their files."""
        return [
            web.get("/benchmark", self.benchmark),
            web.get("/benchmarks", self.benchmarks),
            web.get("/commit", self.commit),
            *(web.get(f"/{name}", self.file) for name in _TYPES),
        ]

    async def benchmark(self, request: web.Request) -> web.Response:
        """The page of one benchmark, or a choice of its scopes."""
        try:
            query = read_benchmark_query(request.query)
        except WrongQuery as wrong:
            return _wrong(wrong, say_for(request))
        return await self._answer(self._benchmark_by_worker, query, say_for(request))

    async def benchmarks(self, request: web.Request) -> web.Response:
        """The list of all benchmarks, filtered, a page at a time."""
        try:
            query = read_list_query(request.query)
        except WrongQuery as wrong:
            return _wrong(wrong, say_for(request))
        return await self._answer(self._list_by_worker, query, say_for(request))

    async def commit(self, request: web.Request) -> web.Response:
        """Leads to a commit where the settings say that it is shown, or else has its page."""
        try:
            query = read_commit_query(request.query)
        except WrongQuery as wrong:
            return _wrong(wrong, say_for(request))
        there = query.address_at(self._repositories().of(query.project))
        if there is None:
            return await self._answer(self._commit_by_worker, query, say_for(request))
        # The settings may change at any time.
        headers = {**layout.HEADERS, hdrs.LOCATION: there, hdrs.CACHE_CONTROL: "no-store"}
        return web.Response(status=HTTPStatus.FOUND, headers=headers)

    async def file(self, request: web.Request) -> web.Response:
        """The style and the script of the pages."""
        name = request.path.rpartition("/")[2]
        return web.Response(
            body=(_FILES / name).read_bytes(),
            content_type=_TYPES[name],
            charset="utf-8",
            headers=layout.HEADERS,
        )

    async def _answer(
        self, by_worker: Callable[[Any, Say], tuple[HTTPStatus, str]], query: object, say: Say
    ) -> web.Response:
        try:
            status, page = await self._read(by_worker, query, say)
        except web.HTTPServiceUnavailable as error:
            return _unavailable(error, say)
        return _page(status, page)

    def _benchmark_by_worker(self, query: BenchmarkQuery, say: Say) -> tuple[HTTPStatus, str]:
        found = read_view(self._ledger, query, self._clock())
        if isinstance(found, Unknown):
            return HTTPStatus.NOT_FOUND, benchmark_view.unknown_page(found, query, say)
        if isinstance(found, Choice):
            status = HTTPStatus.NOT_FOUND if found.is_wrong else HTTPStatus.OK
            return status, benchmark_view.choice_page(found, query, say)
        repository = self._repositories().of(found.found.scope.project)
        view = replace(found, repository=repository)
        return HTTPStatus.OK, benchmark_view.page_of(view, query, self._links, say)

    def _commit_by_worker(self, query: CommitQuery, say: Say) -> tuple[HTTPStatus, str]:
        found = read_commit(self._ledger, query)
        page = commit_view.page_of(found, query, self._repositories(), say)
        is_unknown = not (found.rows or found.is_cut)
        return HTTPStatus.NOT_FOUND if is_unknown else HTTPStatus.OK, page

    def _list_by_worker(self, query: ListQuery, say: Say) -> tuple[HTTPStatus, str]:
        found = self._lists.read(query)
        listed = replace(found, repositories=self._repositories())
        return HTTPStatus.OK, list_view.page_of(listed, query, say)


def _page(status: HTTPStatus, page: str) -> web.Response:
    response = web.Response(
        text=page,
        status=status,
        content_type="text/html",
        charset="utf-8",
        headers={**layout.PAGE_HEADERS, "X-Frame-Options": "DENY"},
    )
    return compressed(response)


def _wrong(wrong: WrongQuery, say: Say) -> web.Response:
    title = say("Not understood")
    body = f"<h1>{title}</h1><p>{text(wrong.said(say))}</p>"
    return _page(HTTPStatus.BAD_REQUEST, benchmark_view.framed(title, body, say))


def _unavailable(error: web.HTTPServiceUnavailable, say: Say) -> web.Response:
    why = say(
        "{reason}. Load the page again in a few seconds.",
        reason=reason((error.text or "").strip(), say),
    )
    body = f"<h1>{say('Nothing can be shown now')}</h1><p>{why}</p>"
    answer = _page(
        HTTPStatus.SERVICE_UNAVAILABLE, benchmark_view.framed(say("Unavailable"), body, say)
    )
    if "Retry-After" in error.headers:
        answer.headers["Retry-After"] = error.headers["Retry-After"]
    return answer
