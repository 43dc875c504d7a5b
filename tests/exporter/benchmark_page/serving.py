"""The pages over a ledger, behind a real server."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from benchmark_exporter.benchmark_page.routes import BenchmarkPages
from benchmark_exporter.links import Links
from benchmark_exporter.server.read_api import ReadApi
from tests.support.page_reading import ReadPage

LINKS = Links({"grafana": "http://grafana.example:3000", "prometheus": "http://prom.example:9090"})
Client = TestClient[web.Request, web.Application]


@asynccontextmanager
async def serving(ledger: Path, now: float) -> AsyncIterator[Client]:
    """A client of the pages, at a time."""
    api = ReadApi(ledger)
    application = web.Application()
    application.add_routes(BenchmarkPages(ledger, LINKS, api.read, clock=lambda: now).routes())
    application.on_cleanup.append(api.close)
    async with TestClient(TestServer(application)) as client:
        yield client


async def get(client: Client, address: str, status: int = 200) -> ReadPage:
    """A page by its relative address, exactly as a link states it."""
    answer = await client.get(URL(f"/{address}", encoded=True))
    html = await answer.text()
    assert answer.status == status, html
    return ReadPage(html)
