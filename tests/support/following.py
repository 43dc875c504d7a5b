"""A WebSocket client that follows a running exporter's stream."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

import aiohttp

from tests.support.process import DEADLINE_SECONDS, Exporter

Json = dict[str, Any]


@asynccontextmanager
async def follow(
    exporter: Exporter, query: str = "", path: str = "/stream", **how: Any
) -> AsyncIterator[Callable[..., Awaitable[Json]]]:
    """Gives a function that waits for the next message, of one type if it is named."""
    url = f"ws://127.0.0.1:{exporter.stream_port}{path}{query}"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, **how) as socket:

        async def following(kind: str = "") -> Json:
            async with asyncio.timeout(DEADLINE_SECONDS):
                while True:
                    message: Json = json.loads(await socket.receive_str())
                    if kind in ("", message["type"]):
                        return message

        yield following


async def handshake_status(exporter: Exporter, query: str = "", **how: Any) -> int:
    """The HTTP status with which a client is admitted or refused."""
    try:
        async with follow(exporter, query, **how) as following:
            await following("hello")
            return HTTPStatus.SWITCHING_PROTOCOLS
    except aiohttp.WSServerHandshakeError as error:
        return error.status


async def until(condition: Callable[[], Any]) -> None:
    """Waits for a condition, without holding up the event loop."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
