"""The members of a cluster of Alertmanagers, asked as if they were one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from benchmark_exporter.commands.values import URLS
from benchmark_exporter.server.alertmanager_api import (
    ActiveAlert,
    AlertmanagerApi,
    AlertmanagerError,
)

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:02:00Z"


def listed(name: str, ends: str = EARLY) -> dict[str, Any]:
    return {"labels": {"alertname": name}, "annotations": {}, "endsAt": ends}


@asynccontextmanager
async def member(
    port: int, alerts: Sequence[dict[str, Any]], posted: list[Any], status: int = 200
) -> AsyncIterator[str]:
    """An Alertmanager that lists alerts, and notes those that are posted."""

    async def get(_: web.Request) -> web.Response:
        return web.json_response(list(alerts), status=status)

    async def post(request: web.Request) -> web.Response:
        posted.extend(await request.json())
        return web.Response(status=status)

    application = web.Application()
    application.router.add_get("/api/v2/alerts", get)
    application.router.add_post("/api/v2/alerts", post)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        await runner.cleanup()


def test_each_member_gets_alerts_and_one_that_is_dead_is_left_out(
    free_port: Callable[[], int],
) -> None:
    first: list[Any] = []
    second: list[Any] = []

    async def ask() -> Sequence[ActiveAlert]:
        async with (
            member(free_port(), [listed("A", EARLY)], first) as one,
            member(free_port(), [listed("A", LATE), listed("B")], second) as two,
            aiohttp.ClientSession() as session,
        ):
            urls = [f"http://127.0.0.1:{free_port()}", one, two]
            api = AlertmanagerApi(urls, session, dict)
            await api.post([ActiveAlert({"alertname": "C"}, {})])
            return await api.active()

    found = asyncio.run(ask())
    assert [alert.labels["alertname"] for alert in found] == ["A", "B"]
    assert found[0].ends_at == datetime.fromisoformat(LATE)
    assert [alert["labels"] for alert in first] == [{"alertname": "C"}]
    assert first == second


def test_it_is_an_error_if_no_member_answers(free_port: Callable[[], int]) -> None:
    async def ask(what: str) -> None:
        async with (
            member(free_port(), [], [], status=500) as broken,
            aiohttp.ClientSession() as session,
        ):
            api = AlertmanagerApi([f"http://127.0.0.1:{free_port()}", broken], session, dict)
            if what == "active":
                await api.active()
            else:
                await api.post([])

    for what in ("active", "post"):
        with pytest.raises(AlertmanagerError):
            asyncio.run(ask(what))


def test_addresses_are_separated_by_commas() -> None:
    given = URLS.convert("http://a.example:9093/, http://b.example:9093", None, None)
    assert given == ("http://a.example:9093", "http://b.example:9093")
