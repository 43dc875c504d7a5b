"""The stream's hub: numbered messages, a ring of the newest for resuming, and independent clients.

Contract
- `seq` grows by one with each message of a process's stream. A client sees it grow, with holes
  where its filter drops messages.
- A message is encoded once for all clients; what is published in one go is written in one go.
- A client that lags keeps its position in the ring of the newest messages. What leaves the ring
  before it was sent is counted, and a `gap` reports the number, so no loss goes unreported. No
  client has a queue of its own: the ring is all there is.
- Everything here belongs to one event loop and never blocks.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol
from uuid import uuid4

import msgspec

from benchmark_exporter.stream.message_filter import MessageFilter
from benchmark_exporter.stream.messages import (
    MESSAGE_TYPES,
    Gap,
    Hello,
    MessageType,
    Metrics,
    Snapshot,
)
from benchmark_exporter.stream.text_frame import text_frame

RING_MESSAGES = 4096
# A client whose unsent bytes exceed this gets nothing more until it has read some.
HIGH_WATER_BYTES = 64 * 1024
FLUSH_RETRY_SECONDS = 0.05
# A client that has read nothing for this long is disconnected.
STUCK_SECONDS = 60.0


class Connection(Protocol):
    """Where frames go.

    `write` never blocks; `buffered_bytes` counts what is not sent yet; `abort` closes at once.
    """

    def write(self, data: bytes) -> None: ...
    def buffered_bytes(self) -> int: ...
    def abort(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Position:
    """Where a client left off: the last `seq` it received, and of which stream (empty: any)."""

    seq: int
    stream: str = ""


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds from a line's timestamp to its message: counts by bound (the last beyond all)."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total_seconds: float


@dataclass(frozen=True, slots=True)
class StreamFigures:
    """The stream's totals since the start."""

    clients: int
    messages: Mapping[MessageType, int]
    dropped: int
    lag: Lag


@dataclass(frozen=True, slots=True)
class _Message:
    seq: int
    frame: bytes
    about: tuple[str, str, str]  # the project, benchmark and branch
    # When its line was written, in seconds since 1970; 0: not measured.
    written_seconds: float


@dataclass(slots=True, eq=False)
class Client:
    """A client. `seq` is that of the newest message it was sent or its filter dropped."""

    connection: Connection
    wanted: MessageFilter
    seq: int
    moved_seconds: float
    dropped: int = 0


class Hub:
    """See the module's contract. `snapshot` gives a joining client's snapshot; `now` is in UTC."""

    def __init__(
        self,
        version: str,
        results_dir: str,
        *,
        snapshot: Callable[[MessageFilter], Snapshot],
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
        """The number of clients."""
        return len(self._clients)

    def figures(self) -> StreamFigures:
        """The totals since the start."""
        lag = Lag(self._lag_bounds_seconds, tuple(self._lag_counts), self._lag_total_seconds)
        return StreamFigures(len(self._clients), dict(self._messages), self._dropped, lag)

    def publish(
        self,
        kind: MessageType,
        metrics: Metrics,
        *,
        project: str = "",
        benchmark: str = "",
        branch: str = "",
        at: datetime | None = None,
        is_measured: bool = False,
    ) -> None:
        """Sends a message to every client that wants it.

        Messages published in the same turn of the event loop are sent together. `at` is the
        message's timestamp; `is_measured` adds its lag to the histogram.
        """
        self._seq += 1
        self._messages[kind] += 1
        at = at or self._now()
        frame = self._frame(self._seq, kind, at, metrics)
        written_seconds = at.timestamp() if is_measured else 0.0
        about = project, benchmark, branch
        self._ring.append(_Message(self._seq, frame, about, written_seconds))
        if self._flush_handle is None:
            self._flush_handle = asyncio.get_running_loop().call_soon(self._flush)

    def join(
        self, connection: Connection, wanted: MessageFilter, since: Position | None = None
    ) -> Client:
        """Adds a client and greets it: with a snapshot, or with what it missed since `since`."""
        if self._flush_handle is not None:
            self._flush_handle.cancel()
            self._flush()
        client = Client(connection, wanted, self._seq, self._monotonic())
        is_ours = since is not None and since.stream in ("", self.stream) and since.seq <= self._seq
        oldest = self._ring[0].seq if self._ring else self._seq + 1
        resumed = since is not None and is_ours and since.seq + 1 >= oldest
        seq = since.seq if since is not None and resumed else self._seq
        hello = Hello(
            stream=self.stream,
            version=self._version,
            results_dir=self._results_dir,
            resumed=resumed,
            snapshot=None if resumed else self._snapshot(wanted),
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
        """Removes a client, which is sent nothing more."""
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
                if has_room and client.seq == before and client.wanted.passes_all:
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
            asyncio.get_running_loop().call_later(FLUSH_RETRY_SECONDS, self._retry)

    def _retry(self) -> None:
        self._is_retrying = False
        if self._flush_handle is None:
            self._flush()

    def _catch_up(self, client: Client) -> None:
        """Sends a client what it has missed, as far as it keeps reading."""
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
        """The next messages for a client, about as many as may be unsent at once."""
        frames = []
        if client.dropped:
            frames.append(self._gap(client.seq, client.dropped, "too_slow"))
            client.dropped = 0
        size = 0
        for message in self._ring[self._index_after(client.seq) :]:
            if size > HIGH_WATER_BYTES:
                break
            client.seq = message.seq
            if client.wanted(*message.about):
                frames.append(message.frame)
                size += len(message.frame)
        return b"".join(frames)

    def _trim(self) -> None:
        """Drops the oldest messages, counting for each lagging client what it will never get."""
        excess = len(self._ring) - self._ring_messages
        if excess <= 0:
            return
        gone, self._ring = self._ring[:excess], self._ring[excess:]
        for client in self._clients:
            if client.seq < gone[-1].seq:
                lost = sum(
                    client.wanted(*message.about) for message in gone if message.seq > client.seq
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

    def _gap(self, seq: int, dropped: int, reason: Literal["too_slow", "expired"]) -> bytes:
        self._messages["gap"] += 1
        return self._frame(seq, "gap", self._now(), Gap(dropped=dropped, reason=reason))

    def _frame(self, seq: int, kind: MessageType, at: datetime, metrics: Metrics) -> bytes:
        return text_frame(
            self._encoder.encode({"seq": seq, "type": kind, "timestamp": at, "metrics": metrics})
        )
