"""The hub, over connections whose reading the test stops and resumes."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmark_exporter.stream.hub import HIGH_WATER_BYTES, STUCK_SECONDS, Hub, Position
from benchmark_exporter.stream.message_filter import MessageFilter
from benchmark_exporter.stream.messages import Progress, Snapshot
from benchmark_exporter.stream.text_frame import text_frame
from tests.support.following import Json, until

RING = 20


class Reader:
    """A connection whose other end reads nothing while it `is_held`."""

    def __init__(self) -> None:
        self.frames = b""
        self.is_held = False
        self.buffered = b""
        self.is_aborted = False
        self.sizes: list[int] = []

    def write(self, data: bytes) -> None:
        self.sizes.append(len(data))
        if self.is_held:
            self.buffered += data
        else:
            self.frames += data

    def buffered_bytes(self) -> int:
        return len(self.buffered)

    def abort(self) -> None:
        self.is_aborted = True

    def hold(self) -> None:
        """As if the other end had stopped reading, with full buffers."""
        self.is_held, self.buffered = True, bytes(HIGH_WATER_BYTES + 1)

    def release(self) -> None:
        self.is_held, self.buffered = False, b""

    @property
    def messages(self) -> list[Json]:
        return list(unframed(self.frames))

    @property
    def received(self) -> list[tuple[int, str]]:
        return [(message["seq"], message["type"]) for message in self.messages]


def unframed(data: bytes) -> Iterator[Json]:
    """The messages in frames (RFC 6455, section 5.2), decoded independently of our encoder."""
    while data:
        assert data[0] == 0x81
        length, start = data[1], 2
        if length == 126:
            length, start = int.from_bytes(data[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(data[2:10], "big"), 10
        yield json.loads(data[start : start + length])
        data = data[start + length :]


class Clocked:
    """A hub with a short ring, and a clock that the test moves."""

    def __init__(self) -> None:
        self.seconds = 1_780_000_000.0
        self.hub = Hub(
            "1.0",
            "/results",
            snapshot=lambda _: Snapshot(),
            lag_bounds_seconds=(0.01, 0.1),
            now=lambda: datetime.fromtimestamp(self.seconds, UTC),
            monotonic=lambda: self.seconds,
            ring_messages=RING,
        )

    async def publish(
        self,
        count: int = 1,
        *,
        benchmark: str = "router",
        project: str = "orbit",
        branch: str = "main",
        **more: Any,
    ) -> None:
        for _ in range(count):
            progress = Progress(
                run_id="r",
                benchmark=benchmark,
                project=project,
                environment="ci",
                branch=branch,
                process="p",
            )
            self.hub.publish(
                "progress", progress, benchmark=benchmark, project=project, branch=branch, **more
            )
        await asyncio.sleep(0)

    def join(self, since: Position | None = None, **globs: list[str]) -> Reader:
        reader = Reader()
        self.hub.join(reader, MessageFilter(**globs), since)
        return reader


@pytest.fixture
def clocked() -> Clocked:
    return Clocked()


async def test_a_client_is_greeted_and_then_sent_messages(clocked: Clocked) -> None:
    await clocked.publish()
    reader = clocked.join()
    await clocked.publish(2)
    assert reader.received == [(1, "hello"), (2, "progress"), (3, "progress")]
    hello = reader.messages[0]["metrics"]
    assert (hello["stream"], hello["resumed"]) == (clocked.hub.stream, False)
    assert hello["snapshot"]["running"] == []


async def test_a_returning_client_is_sent_what_it_missed(clocked: Clocked) -> None:
    await clocked.publish(5)
    for stream in ("", clocked.hub.stream):
        reader = clocked.join(Position(3, stream))
        assert reader.received == [(3, "hello"), (4, "progress"), (5, "progress")]
        assert reader.messages[0]["metrics"]["resumed"] is True
        assert reader.messages[0]["metrics"]["snapshot"] is None
    assert clocked.join(Position(5)).received == [(5, "hello")]


async def test_a_client_returning_too_late_is_sent_how_much_is_missing(clocked: Clocked) -> None:
    await clocked.publish(RING + 10)
    reader = clocked.join(Position(4))
    assert reader.received == [(30, "hello"), (30, "gap")]
    assert reader.messages[0]["metrics"]["snapshot"] is not None
    assert reader.messages[1]["metrics"] == {"dropped": 26, "reason": "expired"}


async def test_a_position_in_another_stream_is_void(clocked: Clocked) -> None:
    await clocked.publish(3)
    for position in (Position(1, "another"), Position(99)):
        reader = clocked.join(position)
        assert reader.received == [(3, "hello")]
        assert reader.messages[0]["metrics"]["resumed"] is False


async def test_filters(clocked: Clocked) -> None:
    wanted = {
        "all": clocked.join(),
        "router": clocked.join(benchmarks=["rou*", "unknown"]),
        "orbit": clocked.join(projects=["orbit"]),
        "both": clocked.join(projects=["orbit"], benchmarks=["parser"]),
        "branch": clocked.join(branches=["release/*"]),
    }
    await clocked.publish(benchmark="router", project="orbit")
    await clocked.publish(benchmark="parser", project="orbit")
    await clocked.publish(benchmark="router", project="saturn")
    # Of neither, such as an alert about a host.
    await clocked.publish(benchmark="", project="", branch="")
    await clocked.publish(benchmark="parser", project="saturn", branch="release/2")
    seqs = {
        name: [seq for seq, kind in reader.received if kind == "progress"]
        for name, reader in wanted.items()
    }
    assert seqs == {
        "all": [1, 2, 3, 4, 5],
        "router": [1, 3, 4],
        "orbit": [1, 2, 4],
        "both": [2, 4],
        "branch": [4, 5],
    }


async def test_a_slow_client_loses_the_oldest_is_sent_how_many_and_delays_nobody(
    clocked: Clocked,
) -> None:
    slow, slow_filtered, quick = clocked.join(), clocked.join(benchmarks=["parser"]), clocked.join()
    slow.hold()
    slow_filtered.hold()
    for number in range(RING + 30):
        await clocked.publish(benchmark="parser" if number % 10 == 0 else "router")
    assert [seq for seq, _ in quick.received] == list(range(RING + 31))
    for reader in (slow, slow_filtered):
        assert len(reader.buffered) == HIGH_WATER_BYTES + 1
        reader.release()
    await clocked.publish()
    assert slow.received == [
        (0, "hello"),
        (30, "gap"),
        *((seq, "progress") for seq in range(31, 52)),
    ]
    assert slow.messages[1]["metrics"] == {"dropped": 30, "reason": "too_slow"}
    assert slow_filtered.received == [(0, "hello"), (30, "gap"), (31, "progress"), (41, "progress")]
    assert slow_filtered.messages[1]["metrics"]["dropped"] == 3
    assert clocked.hub.figures().dropped == 33


async def test_delayed_messages_come_without_another_one(clocked: Clocked) -> None:
    reader = clocked.join()
    reader.hold()
    await clocked.publish(3)
    reader.release()
    await until(lambda: len(reader.received) == 4)
    assert reader.received == [(0, "hello"), (1, "progress"), (2, "progress"), (3, "progress")]


async def test_a_client_that_reads_nothing_is_disconnected(clocked: Clocked) -> None:
    reader = clocked.join()
    reader.hold()
    await clocked.publish()
    assert not reader.is_aborted
    clocked.seconds += STUCK_SECONDS + 1
    await clocked.publish()
    assert reader.is_aborted
    assert clocked.hub.clients == 0


async def test_a_burst_is_sent_in_pieces(clocked: Clocked) -> None:
    reader = clocked.join()
    await clocked.publish(2000)
    assert max(reader.sizes) < 2 * HIGH_WATER_BYTES
    assert len(reader.sizes) > 3
    assert [seq for seq, _ in reader.received] == list(range(2001))


async def test_figures(clocked: Clocked) -> None:
    reader = clocked.join()
    for lag_seconds in (0.005, 0.05, 3.0, -1.0):
        await clocked.publish(
            at=datetime.fromtimestamp(clocked.seconds - lag_seconds, UTC), is_measured=True
        )
    await clocked.publish(at=datetime.fromtimestamp(1, UTC))  # read again after a start
    figures = clocked.hub.figures()
    assert figures.clients == 1
    assert {kind: count for kind, count in figures.messages.items() if count} == {
        "hello": 1,
        "progress": 5,
    }
    assert figures.lag.counts == (2, 1, 1)
    assert figures.lag.total_seconds == pytest.approx(3.055, abs=1e-6)
    assert reader.messages[1]["timestamp"].endswith("Z")


@pytest.mark.parametrize("size", [0, 125, 126, 65535, 65536])
def test_frames_of_every_length(size: int) -> None:
    payload = json.dumps("x" * (size - 2)).encode() if size > 1 else b"7"
    assert [len(json.dumps(each)) for each in unframed(text_frame(payload))] == [len(payload)]
