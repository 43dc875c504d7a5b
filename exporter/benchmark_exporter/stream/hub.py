"""The stream's hub: messages with numbers, the newest of them for who comes back, and clients of which none waits for another.

Contract
- `seq` grows by one with each message of a process's stream; a client sees it grow, with holes where its filter leaves messages out.
- A message is put in bytes once, whoever gets it. What is published in one go is written in one go, once a client.
- A client that is behind keeps its place in the ring of the newest messages. What leaves the ring before it was sent is counted, and a
  `gap` says how many, so that nothing is lost unsaid. Nobody's queue grows: the ring is all there is.
- Everything here belongs to one event loop and never waits.
"""

import asyncio
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import translate
from typing import Protocol
from uuid import uuid4

import msgspec

from benchmark_exporter.stream.messages import (
    MESSAGE_TYPES,
    Gap,
    Hello,
    MessageType,
    Metrics,
    Snapshot,
)

RING_MESSAGES = 4096
# A client with more than this that is not yet on its way gets no more before it has taken some.
HIGH_WATER_BYTES = 64 * 1024
RETRY_SECONDS = 0.05
# A client that has taken nothing for so long is cut off.
STUCK_SECONDS = 60.0
_FIN_TEXT = 0x81


class Connection(Protocol):
    """Where frames go. `write` never waits; `buffered_bytes` are those that it still holds; `abort` ends it at once."""

    def write(self, data: bytes) -> None: ...
    def buffered_bytes(self) -> int: ...
    def abort(self) -> None: ...


class Selection:
    """Which messages a client wants: those of projects and benchmarks that match one of the globs; all, where there are none.

    What belongs to no benchmark or project, say an alert on a machine, is for everyone.
    """

    def __init__(self, projects: Sequence[str] = (), benchmarks: Sequence[str] = ()) -> None:
        self._projects = _one_of(projects)
        self._benchmarks = _one_of(benchmarks)

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return self._projects is None and self._benchmarks is None

    def __call__(self, project: str, benchmark: str) -> bool:
        return _matches(self._projects, project) and _matches(self._benchmarks, benchmark)


def _one_of(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(translate, globs))) if globs else None


def _matches(pattern: re.Pattern[str] | None, name: str) -> bool:
    return pattern is None or not name or pattern.match(name) is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a client was: the stream that it followed (empty: whichever), and the number of the last message that it had."""

    seq: int
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Lag:
    """Times from that which a line bears to its message being sent: how many up to each bound and beyond all; their sum. In seconds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total_seconds: float


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """What the stream has done since the start."""

    clients: int
    messages: Mapping[MessageType, int]
    dropped: int
    lag: Lag


@dataclass(frozen=True, slots=True)
class _Message:
    seq: int
    frame: bytes
    project: str
    benchmark: str
    # Of the line that it tells of; 0: not to be measured.
    written_seconds: float


@dataclass(slots=True, eq=False)
class Client:
    """One that is sent messages. `seq` is the newest that it has been sent, or has passed over."""

    connection: Connection
    selection: Selection
    seq: int
    moved_seconds: float
    dropped: int = 0


class Hub:
    """See the module's contract. `snapshot` gives what a joining client is to know; `now` the time of day, UTC."""

    def __init__(
        self,
        version: str,
        results_dir: str,
        *,
        snapshot: Callable[[Selection], Snapshot],
        lag_bounds_seconds: Sequence[float],
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        ring_messages: int = RING_MESSAGES,
    ) -> None:
        self.stream = uuid4().hex[:12]
        self._version = version
        self._results_dir = results_dir
        self._snapshot = snapshot
        self._now = now
        self._monotonic = monotonic
        self._ring_messages = ring_messages
        self._encoder = msgspec.json.Encoder()
        self._ring: list[_Message] = []
        self._seq = 0
        self._flushed_seq = 0
        self._clients: set[Client] = set()
        self._messages: dict[MessageType, int] = dict.fromkeys(MESSAGE_TYPES, 0)
        self._dropped = 0
        self._lag_bounds_seconds = tuple(lag_bounds_seconds)
        self._lag_counts = [0] * (len(lag_bounds_seconds) + 1)
        self._lag_total_seconds = 0.0
        self._flush_handle: asyncio.Handle | None = None
        self._is_retrying = False

    @property
    def clients(self) -> int:
        """How many there are."""
        return len(self._clients)

    def figures(self) -> StreamFigures:
        """What has been done."""
        lag = Lag(self._lag_bounds_seconds, tuple(self._lag_counts), self._lag_total_seconds)
        return StreamFigures(len(self._clients), dict(self._messages), self._dropped, lag)

    def publish(
        self,
        kind: MessageType,
        metrics: Metrics,
        *,
        project: str = "",
        benchmark: str = "",
        at: datetime | None = None,
        is_measured: bool = False,
    ) -> None:
        """Sends a message to everyone who wants it, with all others that are published before the loop goes on.

        `at` is the time that it bears; `is_measured` says that its lag counts.
        """
        self._seq += 1
        self._messages[kind] += 1
        at = at or self._now()
        frame = self._frame(self._seq, kind, at, metrics)
        self._ring.append(
            _Message(self._seq, frame, project, benchmark, at.timestamp() if is_measured else 0.0)
        )
        if self._flush_handle is None:
            self._flush_handle = asyncio.get_running_loop().call_soon(self._flush)

    def join(
        self, connection: Connection, selection: Selection, since: Place | None = None
    ) -> Client:
        """A new client, which is sent a hello: with a snapshot, or with what has happened since it was here."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush()
        client = Client(connection, selection, self._seq, self._monotonic())
        is_ours = since is not None and since.stream in ("", self.stream) and since.seq <= self._seq
        oldest = self._ring[0].seq if self._ring else self._seq + 1
        resumed = since is not None and is_ours and since.seq + 1 >= oldest
        seq = since.seq if since is not None and resumed else self._seq
        snapshot = None if resumed else self._snapshot(selection)
        hello = Hello(
            stream=self.stream,
            version=self._version,
            results_dir=self._results_dir,
            resumed=resumed,
            snapshot=snapshot,
        )
        frames = [self._frame(seq, "hello", self._now(), hello)]
        self._messages["hello"] += 1
        if since is not None and is_ours and not resumed:
            frames.append(self._gap(seq, self._seq - since.seq, "expired"))
        connection.write(b"".join(frames))
        client.seq = seq
        self._clients.add(client)
        if seq < self._seq:
            self._catch_up(client)
        return client

    def leave(self, client: Client) -> None:
        """Sends it nothing more."""
        self._clients.discard(client)

    def _flush(self) -> None:
        self._flush_handle = None
        fresh = self._ring[self._index_after(self._flushed_seq) :]
        if fresh:
            whole = b"".join(message.frame for message in fresh)
            before, newest = self._flushed_seq, fresh[-1].seq
            behind = []
            now = self._monotonic()
            for client in self._clients:
                has_room = client.connection.buffered_bytes() + len(whole) <= HIGH_WATER_BYTES
                if has_room and client.seq == before and client.selection.is_all:
                    client.connection.write(whole)
                    client.seq, client.moved_seconds = newest, now
                else:
                    behind.append(client)
            self._flushed_seq = newest
            self._measure(fresh)
        else:
            behind = [client for client in self._clients if client.seq < self._flushed_seq]
        for client in behind:
            self._catch_up(client)
        self._trim()
        if any(client.seq < self._flushed_seq for client in behind) and not self._is_retrying:
            self._is_retrying = True
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        self._is_retrying = False
        if self._flush_handle is None:
            self._flush()

    def _catch_up(self, client: Client) -> None:
        """Sends a client what it has not had, if it takes any."""
        now = self._monotonic()
        if client.connection.buffered_bytes() > HIGH_WATER_BYTES:
            if now - client.moved_seconds > STUCK_SECONDS:
                client.connection.abort()
                self.leave(client)
            return
        client.moved_seconds = now
        while client.seq < self._seq and client.connection.buffered_bytes() <= HIGH_WATER_BYTES:
            client.connection.write(self._next_frames(client))

    def _next_frames(self, client: Client) -> bytes:
        """About as much of what a client has not had as may be on its way at once."""
        frames = []
        if client.dropped:
            frames.append(self._gap(client.seq, client.dropped, "too_slow"))
            client.dropped = 0
        size = 0
        for message in self._ring[self._index_after(client.seq) :]:
            if size > HIGH_WATER_BYTES:
                break
            client.seq = message.seq
            if client.selection(message.project, message.benchmark):
                frames.append(message.frame)
                size += len(message.frame)
        return b"".join(frames)

    def _trim(self) -> None:
        """Lets go of the oldest messages, and counts for each client behind what it will never be sent."""
        excess = len(self._ring) - self._ring_messages
        if excess <= 0:
            return
        gone, self._ring = self._ring[:excess], self._ring[excess:]
        for client in self._clients:
            if client.seq < gone[-1].seq:
                lost = sum(
                    client.selection(message.project, message.benchmark)
                    for message in gone
                    if message.seq > client.seq
                )
                client.dropped += lost
                client.seq = gone[-1].seq
                self._dropped += lost

    def _index_after(self, seq: int) -> int:
        return bisect_left(self._ring, seq + 1, key=lambda message: message.seq)

    def _measure(self, messages: Iterable[_Message]) -> None:
        now = self._now().timestamp()
        for message in messages:
            if message.written_seconds:
                lag = max(0.0, now - message.written_seconds)
                self._lag_counts[bisect_left(self._lag_bounds_seconds, lag)] += 1
                self._lag_total_seconds += lag

    def _gap(self, seq: int, dropped: int, reason: str) -> bytes:
        self._messages["gap"] += 1
        return self._frame(
            seq, "gap", self._now(), msgspec.convert({"dropped": dropped, "reason": reason}, Gap)
        )

    def _frame(self, seq: int, kind: MessageType, at: datetime, metrics: Metrics) -> bytes:
        return text_frame(
            self._encoder.encode({"seq": seq, "type": kind, "timestamp": at, "metrics": metrics})
        )


def text_frame(payload: bytes) -> bytes:
    """A whole WebSocket text frame from a server, which masks nothing (RFC 6455, 5.2)."""
    if len(payload) < 126:
        return bytes((_FIN_TEXT, len(payload))) + payload
    if len(payload) < 1 << 16:
        return bytes((_FIN_TEXT, 126)) + len(payload).to_bytes(2, "big") + payload
    return bytes((_FIN_TEXT, 127)) + len(payload).to_bytes(8, "big") + payload
