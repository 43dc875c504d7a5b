"""The connections of a listener: how many there are, and how long each may keep it waiting.

aiohttp limits neither. Where there is no room, the connection that has kept the listener waiting
longest is closed for the newest: a scrape is answered at once, whoever holds the others.
"""

import asyncio
import gc
import ipaddress
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from aiohttp import web

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

log = logging.getLogger(__name__)

# A request's line and headers have to be complete after this long.
HEAD_SECONDS = 10.0
# An answer has to be taken within this, which is longer than Prometheus waits.
ANSWER_SECONDS = 60.0
# Longer than Prometheus and Alertmanager (5 min) and Caddy (2 min) keep idle connections: they must
# close them first, or a request that they are just sending would be lost.
KEEP_ALIVE_SECONDS = 330.0
CHECK_SECONDS = 1.0
COLLECT_AFTER = 16
# A host may use any address of its network.
IPV6_NETWORK_BITS = 64
MAX_HEAD_BYTES = 64 * 1024
# Read at a time, before anybody has looked at it. asyncio's default is 256 KiB.
READ_BYTES = 16 * 1024
_TOO_LONG = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Connection(asyncio.Protocol):
    """Between a transport and aiohttp's protocol, `inner`.

    `client` is the address it comes from. `since_seconds` is when it began to keep the listener
    waiting, by the monotonic clock.
    """

    __slots__ = (
        "_awaits_head",
        "_head_bytes",
        "_is_new",
        "client",
        "inner",
        "owner",
        "since_seconds",
        "way",
    )

    way: asyncio.Transport
    client: str

    def __init__(self, inner: asyncio.Protocol, owner: "Connections") -> None:
        self.inner = inner
        self.owner = owner
        self.since_seconds = 0.0
        self._awaits_head = self._is_new = True
        self._head_bytes = 0

    @property
    def has_half_a_head(self) -> bool:
        """Whether it owes a request, or the rest of its headers."""
        return self._awaits_head and (self._is_new or self._head_bytes > 0)

    def note_head(self) -> None:
        """A request's headers are complete."""
        self._awaits_head = self._is_new = False

    def note_answered(self, *, is_read: bool) -> None:
        """A request was handled; unless its body `is_read`, aiohttp skips what follows of it."""
        self._awaits_head, self._head_bytes = is_read, 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.way = cast("asyncio.Transport", transport)
        if hasattr(transport, "max_size"):  # asyncio's transports have it, others may not
            transport.max_size = READ_BYTES
        self.client = _client(self.way.get_extra_info("peername"))
        self.owner.add(self)
        self.inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if self._awaits_head:
            if not self._head_bytes:
                self.owner.note_waiting(self)
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self.owner.report("a request's headers are too long")
                self.way.write(_TOO_LONG)
                self.owner.drop(self)
                return
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.owner.forget(self)
        self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


CONNECTION = web.RequestKey("connection", Connection)


class Connections:
    """At most `most` connections of a listener."""

    def __init__(self, most: int, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._monotonic = monotonic
        self._open: dict[asyncio.BaseProtocol, Connection] = {}
        self._closed = 0  # since the last collection
        # By client, in the order in which they began to keep the listener waiting.
        self._waiting: dict[str, dict[Connection, None]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def make_room(self, coming: int) -> bool:
        """Closes connections that keep the listener waiting, as many as necessary.

        First come those of the client that has most of them, and of these those that have waited
        longest. Returns whether there is room for one more; `coming` are accepted and not yet
        added.
        """
        while len(self._open) + coming >= self.most:
            if not self._waiting:
                return False
            most = max(self._waiting, key=lambda client: len(self._waiting[client]))
            longest = next(iter(self._waiting[most]))
            self.report("too many connections: those that keep the exporter waiting are closed")
            self.drop(longest)
        return True

    def add(self, connection: Connection) -> None:
        """Counts a new connection."""
        self._open[connection.inner] = connection
        self.note_waiting(connection)

    def note_waiting(self, connection: Connection) -> None:
        """From now on the listener waits for this client: to send, to receive, or to ask again."""
        self.note_serving(connection)
        if connection.inner in self._open:
            connection.since_seconds = self._monotonic()
            self._waiting.setdefault(connection.client, {})[connection] = None

    def note_serving(self, connection: Connection) -> None:
        """From now on the client waits for the listener."""
        of_client = self._waiting.get(connection.client)
        if of_client is not None:
            of_client.pop(connection, None)
            if not of_client:
                del self._waiting[connection.client]

    def drop(self, connection: Connection) -> None:
        """Closes a connection at once."""
        self.forget(connection)
        connection.way.abort()

    def forget(self, connection: Connection) -> None:
        """No longer counts a connection."""
        if self._open.pop(connection.inner, None) is not None:
            self._closed += 1
        self.note_serving(connection)

    def report(self, what: str) -> None:
        """Logs what is wrong with a connection, at most once a minute."""
        log.warning(what, extra={"repeats": what, "fields": {"connections": len(self._open)}})

    async def check(self) -> None:
        """Closes those that keep the listener waiting for too long, until it is cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self.check_once()

    def check_once(self) -> None:
        """Closes those that have kept the listener waiting for too long.

        What many closed ones leave is collected, which could take long otherwise: their requests
        and what was read of them refer to each other.
        """
        if self._closed >= COLLECT_AFTER:
            self._closed = 0
            gc.collect(0)
        now = self._monotonic()
        for connection in [each for of_client in self._waiting.values() for each in of_client]:
            waited = now - connection.since_seconds
            if connection.has_half_a_head and waited >= HEAD_SECONDS:
                self.report("a request was not complete in time")
                self.drop(connection)
            elif waited >= ANSWER_SECONDS and connection.way.get_write_buffer_size():
                self.report("an answer was not taken in time")
                self.drop(connection)

    @property
    def middleware(self) -> "Middleware":
        """Follows each request. It has to be the first."""

        @web.middleware
        async def follow(request: web.Request, handler: "Handler") -> web.StreamResponse:
            connection = self._open.get(request.protocol)
            if connection is None:  # closed meanwhile
                return await handler(request)
            request[CONNECTION] = connection
            connection.note_head()
            self.note_serving(connection)
            try:
                return await handler(request)
            finally:
                connection.note_answered(is_read=request.content.is_eof())
                self.note_waiting(connection)

        return follow


def _client(peer: tuple[str, int] | None) -> str:
    """What counts as one client: an IPv4 address, or the network of an IPv6 address."""
    address = "" if peer is None else peer[0]
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((int(parsed), IPV6_NETWORK_BITS), strict=False))


@contextmanager
def waiting_for_client(request: web.Request) -> Iterator[None]:
    """While a request's body is received."""
    connection = request.get(CONNECTION)
    if connection is None:
        yield
        return
    connection.owner.note_waiting(connection)
    try:
        yield
    finally:
        connection.owner.note_serving(connection)
