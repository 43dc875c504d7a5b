"""Clients of the stream, for benchmarks.stream: some keep up, some do not read."""

import asyncio
import re
import socket
import time
from datetime import datetime
from typing import cast

from benchmarks import servers
from benchmarks.servers import BenchmarkError

# A client that does not read has a small buffer, so that its data stays at the exporter.
STUCK_RECEIVE_BYTES = 4096
UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_MESSAGE = re.compile(
    rb'\{"seq":(\d+),"type":"(\w+)","timestamp":"([^"]+)"(?:,"metrics":\{"dropped":(\d+))?'
)


class Account:
    """What a client has received, by the sequence numbers of the messages."""

    def __init__(self) -> None:
        self.first_seq = self.seq = 0
        self.received = self.announced = 0
        self.partial = b""

    @property
    def unannounced(self) -> int:
        """Return how many messages neither arrived nor were announced as a gap."""
        return self.seq - self.first_seq - self.received - self.announced

    def take(self, data: bytes) -> list[float]:
        """Process bytes of the stream; return the times (seconds since 1970) in its messages."""
        frames, self.partial = _frames(self.partial + data)
        written = []
        for kind, seq, dropped, written_seconds in frames:
            self.seq = max(self.seq, seq)
            if kind == b"hello":
                self.first_seq = seq
            elif kind == b"gap":
                self.announced += dropped
            else:
                self.received += 1
                written.append(written_seconds)
        return written


_Frame = tuple[bytes, int, int, float]
# All clients are sent the same bytes, so most of them have been parsed before.
_known: dict[bytes, tuple[list[_Frame], bytes]] = {}


def _frames(data: bytes) -> tuple[list[_Frame], bytes]:
    """Return the messages in a stream of frames (RFC 6455, 5.2), and the remaining bytes."""
    if (known := _known.get(data)) is not None:
        return known
    frames, position = [], 0
    while len(data) - position >= 2:
        size, head = data[position + 1], 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[position + 2 : position + head], "big")
        if len(data) - position < head + size:
            break
        if (
            data[position] & 0x0F == 1
            and (message := _MESSAGE.match(data, position + head)) is not None
        ):
            seq, kind, timestamp, dropped = message.groups()
            written_seconds = datetime.fromisoformat(timestamp.decode()).timestamp()
            frames.append((kind, int(seq), int(dropped or 0), written_seconds))
        position += head + size
    if len(_known) > 100:
        _known.clear()
    _known[data] = frames, data[position:]
    return _known[data]


class Client(asyncio.Protocol):
    """A client that keeps up.

    `lags_seconds` are from the time in a line until its message arrives.
    """

    def __init__(self) -> None:
        self.account = Account()
        self.lags_seconds: list[float] = []
        self.received_bytes = 0
        self.is_open = True
        self.greeted = asyncio.Event()
        self._is_upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(UPGRADE)

    def data_received(self, data: bytes) -> None:
        now = time.time()
        self.received_bytes += len(data)
        if not self._is_upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end or b" 101 " not in head:
                self.transport.abort()
                return
            self._is_upgraded = True
            self.greeted.set()
        self.lags_seconds += [now - written for written in self.account.take(data)]

    def connection_lost(self, _: Exception | None) -> None:
        self.is_open = False


class StuckClient:
    """A client that does not read until the end."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STUCK_RECEIVE_BYTES)
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(UPGRADE)
        self.account = Account()

    def read(self, until_seq: int) -> None:
        """Read what there is, up to the message with this number."""
        self._socket.settimeout(servers.DEADLINE_SECONDS)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        self.account.take(data.partition(b"\r\n\r\n")[2])
        while self.account.seq < until_seq:
            self.account.take(self._receive())
        self._socket.close()

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise BenchmarkError(
                "a client that did not read was disconnected before it could; shorten the run"
            )
        return data
