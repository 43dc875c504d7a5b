"""The pages over a ledger, behind a real server."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from benchmark_exporter.benchmark_page.routes import BenchmarkPages
from benchmark_exporter.links import NO_REPOSITORIES, Links, Repositories
from benchmark_exporter.server.read_api import ReadApi
from tests.support.page_reading import ReadPage
from tests.support.shown_texts import english_left, numbers

LINKS = Links({"grafana": "http://grafana.example:3000", "prometheus": "http://prom.example:9090"})
Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def serving(
    ledger: Path,
    now: float,
    repositories: Repositories = NO_REPOSITORIES,
    version: Callable[[], int] = lambda: 0,
) -> AsyncIterator[Client]:
    """A client of the pages, at a time; `version` is as of `BenchmarkPages`."""
    api = ReadApi(ledger)
    pages = BenchmarkPages(
        ledger,
        LINKS,
        api.read,
        clock=lambda: now,
        repositories=lambda: repositories,
        version=version,
    )
    application = web.Application()
    application.add_routes(pages.routes())
    application.on_cleanup.append(api.close)
    async with TestClient(TestServer(application)) as client:
        yield client


async def get(client: Client, address: str, status: int = 200) -> ReadPage:
    """A page by its relative address, exactly as a link states it; in Japanese it says the same."""
    html, japanese = [
        await _text(client, address, status, headers) for headers in ({}, {"Accept-Language": "ja"})
    ]
    assert '<html lang="ja">' in japanese
    left = english_left(japanese)
    assert not left, left
    assert numbers(japanese) == numbers(html)
    return ReadPage(html)


async def _text(client: Client, address: str, status: int, headers: Mapping[str, str]) -> str:
    answer = await client.get(URL(f"/{address}", encoded=True), headers=headers)
    html = await answer.text()
    assert answer.status == status, html
    return html
