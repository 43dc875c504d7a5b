"""Listening sockets that accept no more connections than there is room for."""

import asyncio
import errno
import logging
import socket

from aiohttp import web

from benchmark_exporter.server.connections import Connection, Connections

log = logging.getLogger(__name__)

# Accepted before those that are open are served again. asyncio itself accepts all that wait, and
# logs each that finds no descriptor.
ACCEPTS_AT_ONCE = 16
RETRY_SECONDS = 0.5
# What the kernel keeps for a connection, which counts against a container's memory limit.
RECEIVE_BUFFER_BYTES, SEND_BUFFER_BYTES = 64 * 1024, 256 * 1024
_OUT_OF_RESOURCES = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nConnection: close\r\n"
    b"Content-Length: 0\r\n\r\n"
)


class Site(web.BaseSite):
    """Serves a runner's application on an address, as web.TCPSite does, with limits."""

    def __init__(
        self,
        runner: web.BaseRunner,
        host: str,
        port: int,
        connections: Connections,
        *,
        backlog: int = 128,
    ) -> None:
        super().__init__(runner, backlog=backlog)
        self._host, self._port = host, port
        self._connections = connections
        self._sockets: list[socket.socket] = []
        self._coming: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        """The address as a URL."""
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        """Listens.

        Raises:
            OSError: the address cannot be listened on.
        """
        await super().start()
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(
            self._host, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in dict.fromkeys(addresses):
            self._sockets.append(_listening(family, address, self._backlog))
        for listening in self._sockets:
            self._resume(listening)

    async def stop(self) -> None:
        """Accepts no further connections; the runner closes those that are open."""
        for listening in self._sockets:
            asyncio.get_running_loop().remove_reader(listening)
            listening.close()
        self._sockets.clear()
        await super().stop()

    def _resume(self, listening: socket.socket) -> None:
        if listening in self._sockets:
            asyncio.get_running_loop().add_reader(listening, self._accept, listening)

    def _accept(self, listening: socket.socket) -> None:
        # As long as connections wait here, this is called again.
        while len(self._coming) < ACCEPTS_AT_ONCE:
            try:
                accepted, _address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in _OUT_OF_RESOURCES:
                    raise
                self._wait_for_resources(listening, error)
                return
            accepted.setblocking(False)
            if self._connections.make_room(len(self._coming)):
                task = asyncio.get_running_loop().create_task(self._connect(accepted))
                self._coming.add(task)
                task.add_done_callback(self._coming.discard)
            else:
                self._connections.report("too many connections: new ones are refused")
                _refuse(accepted)
                return

    async def _connect(self, accepted: socket.socket) -> None:
        server = self._runner.server
        if server is None:  # it is stopping
            accepted.close()
            return
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: Connection(server(), self._connections), accepted
            )
        except OSError:  # the client has left meanwhile
            accepted.close()

    def _wait_for_resources(self, listening: socket.socket, error: OSError) -> None:
        """The machine has no descriptors or memory left; those of the process are kept free."""
        self._connections.report(f"no connection can be accepted: {error.strerror}")
        loop = asyncio.get_running_loop()
        loop.remove_reader(listening)
        loop.call_later(RETRY_SECONDS, self._resume, listening)


def _listening(family: int, address: tuple[object, ...], backlog: int) -> socket.socket:
    """Raises OSError if the address cannot be listened on."""
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Those that are accepted inherit them.
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_BYTES)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.setblocking(False)
        try:
            listening.bind(address)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OSError(error.errno, f"cannot listen on {address}: {reason}") from error
        listening.listen(backlog)
    except OSError:
        listening.close()
        raise
    return listening


def _refuse(accepted: socket.socket) -> None:
    try:
        accepted.send(_FULL)
    except OSError:
        pass  # it has left
    finally:
        accepted.close()
