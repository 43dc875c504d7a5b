"""Connections of a listener: which of them is closed for another, and when."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from aiohttp import web

from benchmark_exporter.server.connections import ANSWER_SECONDS, HEAD_SECONDS, Connections
from benchmark_exporter.server.descriptors import ConnectionLimits
from benchmark_exporter.server.listening import SEND_BUFFER_BYTES, Site
from benchmark_exporter.server.requests_at_once import at_most
from tests.support.following import until

DEADLINE_SECONDS = 30.0
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = bytes(4 * SEND_BUFFER_BYTES)


class Listener:
    """A listener whose clock the test moves."""

    def __init__(self, most: int, port: int) -> None:
        self.now = 0.0
        self.port = port
        self.writers: list[asyncio.StreamWriter] = []
        self.connections = Connections(most, lambda: self.now)

    def has(self, count: int) -> bool:
        return len(self.connections) == count

    async def connect(
        self, data: bytes, client: str = "127.0.0.1"
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.bind((client, 0))
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self.port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=1024)
        self.writers.append(writer)
        writer.write(data)
        return reader, writer


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def listening(most: int, port: int, handler: Handler) -> AsyncIterator[Listener]:
    listener = Listener(most, port)
    application = web.Application(middlewares=[listener.connections.middleware, at_most(1)])
    application.add_routes([web.get("/", handler), web.get("/metrics", handler)])
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await Site(runner, "127.0.0.1", port, listener.connections).start()
    try:
        yield listener
    finally:
        for writer in listener.writers:
            writer.transport.abort()
        await runner.cleanup()


async def large(_: web.Request) -> web.StreamResponse:
    return web.Response(body=LARGE)


async def short(_: web.Request) -> web.StreamResponse:
    return web.Response(text="here")


async def ends(reader: asyncio.StreamReader) -> bool:
    """Whether the connection is closed, or reset, by the listener."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        try:
            while await reader.read(65_536):
                pass
        except ConnectionError:
            pass
    return True


async def test_the_client_with_most_waiting_connections_makes_room(
    free_port: Callable[[], int],
) -> None:
    async with listening(4, free_port(), short) as listener:
        _, idle = await listener.connect(REQUEST, "127.0.0.1")
        await until(lambda: len(listener.connections) == 1)
        attacks = []
        for count in range(2, 5):
            attacks.append(await listener.connect(b"GET", "127.0.0.2"))
            await until(partial(listener.has, count))
        reader, _ = await listener.connect(REQUEST, "127.0.0.3")
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await reader.read(12) == b"HTTP/1.1 200"
        assert await ends(attacks[0][0])
        # The idle one was there first, but it is its client's only one.
        idle.write(REQUEST)
        await until(lambda: len(listener.connections) == 4)
        assert not idle.is_closing()


async def test_a_head_that_is_not_complete_in_time_ends(free_port: Callable[[], int]) -> None:
    async with listening(4, free_port(), short) as listener:
        reader, _ = await listener.connect(b"GET / HT")
        await until(lambda: len(listener.connections) == 1)
        listener.now = HEAD_SECONDS - 1
        listener.connections.check_once()
        assert len(listener.connections) == 1
        listener.now = 2 * HEAD_SECONDS
        listener.connections.check_once()
        assert await ends(reader)


async def test_an_answer_that_is_not_taken_in_time_ends(free_port: Callable[[], int]) -> None:
    async with listening(4, free_port(), large) as listener:
        reader, _ = await listener.connect(REQUEST)
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert await reader.read(12) == b"HTTP/1.1 200"
        listener.now = ANSWER_SECONDS - 1
        listener.connections.check_once()
        assert len(listener.connections) == 1
        listener.now = 2 * ANSWER_SECONDS
        listener.connections.check_once()
        assert len(listener.connections) == 0
        assert await ends(reader)


async def test_scrapes_are_answered_while_other_requests_are_in_progress(
    free_port: Callable[[], int],
) -> None:
    release = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        if request.path == "/":
            await release.wait()
        return web.Response(text="here")

    async with listening(8, free_port(), slow) as listener:
        first, _ = await listener.connect(REQUEST)
        await until(lambda: len(listener.connections) == 1)
        second, _ = await listener.connect(REQUEST)
        scrape, _ = await listener.connect(REQUEST.replace(b"/ ", b"/metrics ", 1))
        async with asyncio.timeout(DEADLINE_SECONDS):
            refused = await second.readuntil(b"\r\n\r\n")
            assert refused.startswith(b"HTTP/1.1 503")
            assert b"Retry-After: 5" in refused
            assert await scrape.read(12) == b"HTTP/1.1 200"
            release.set()
            assert await first.read(12) == b"HTTP/1.1 200"


async def test_where_none_waits_a_new_connection_is_refused(free_port: Callable[[], int]) -> None:
    release = asyncio.Event()

    async def slow(_: web.Request) -> web.StreamResponse:
        await release.wait()
        return web.Response(text="here")

    async with listening(2, free_port(), slow) as listener:
        for _ in range(2):
            await listener.connect(REQUEST.replace(b"/ ", b"/metrics "))
        await until(lambda: len(listener.connections) == 2)
        await asyncio.sleep(0.1)  # until both are with the handler
        reader, _ = await listener.connect(b"")
        async with asyncio.timeout(DEADLINE_SECONDS):
            assert (await reader.read(12)) == b"HTTP/1.1 503"
        release.set()


@pytest.mark.parametrize(
    ("descriptors", "clients", "requests", "followers"),
    [
        (65_536, 2000, 256, 2000),
        (4096, 2000, 256, 2000),
        (1024, 1000, 240, 656),
        (256, 1000, 48, 108),
    ],
)
def test_connections_leave_descriptors_for_the_exporter(
    descriptors: int, clients: int, requests: int, followers: int
) -> None:
    limits = ConnectionLimits(descriptors)
    assert limits.requests == requests
    assert limits.followers(clients) == followers
    assert limits.requests + limits.stream(clients) + 64 <= descriptors
