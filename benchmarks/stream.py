"""How soon a line of a live file is with all clients of the stream: `python -m benchmarks.stream`."""

import argparse
import asyncio
import json
import multiprocessing
import re
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from benchmarks import servers
from benchmarks.report import RESULTS, Figure, p50_and_p99, progress, write
from benchmarks.servers import BenchmarkError, Server, free_port
from stack.settings import StackError

MEGABYTE, MEGABIT = 10**6, 10**6
# A client that does not read has little room, so that the exporter is left with what it is sent.
STUCK_RECEIVE_BYTES = 4096
# What is left out of the figures: the first lines find the run new, and clients still connecting.
WARMUP_SECONDS = 2.0
# Enough to leave no client that does not read with all of it: the ring has 4,096, and the buffers on the way some hundreds.
OVERFLOW_LINES, OVERFLOW_LINES_A_SECOND = 8000, 1000.0
QUIET_SECONDS = 10.0
UPGRADE = (
    b"GET /stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
_MESSAGE = re.compile(
    rb'\{"seq":(\d+),"type":"(\w+)","timestamp":"([^"]+)"(?:,"metrics":\{"dropped":(\d+))?'
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes the table; returns the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="stream-", dir=servers.WORK) as folder:
            figures = asyncio.run(_measure(Path(folder), options))
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.stream: {error}", file=sys.stderr)
        return 1
    words = f"--clients={options.clients} --stuck={options.stuck} --rate={options.rate:g} --seconds={options.seconds:g}"
    write(options.output, f"python -m benchmarks.stream {words}", figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream", description=__doc__)
    parser.add_argument(
        "--clients", type=int, default=500, metavar="N", help="that follow the stream (%(default)s)"
    )
    parser.add_argument(
        "--stuck", type=int, default=10, metavar="N", help="of these that do not read (%(default)s)"
    )
    parser.add_argument(
        "--rate",
        type=float,
        default=100.0,
        metavar="N",
        help="lines a second in one live file (%(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=20.0,
        metavar="S",
        help="for which that is measured (%(default)s)",
    )
    parser.add_argument(
        "--overflow",
        type=int,
        default=OVERFLOW_LINES,
        metavar="N",
        help="further lines, for who does not read (%(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "stream.md",
        metavar="FILE",
        help="where the table goes (%(default)s)",
    )
    return parser


class _Account:
    """What a client has had, by the numbers of the messages."""

    def __init__(self) -> None:
        self.first_seq = self.seq = 0
        self.received = self.announced = 0
        self.partial = b""

    @property
    def unannounced(self) -> int:
        """Messages between the first and the last that neither came nor were in a gap."""
        return self.seq - self.first_seq - self.received - self.announced

    def take(self, data: bytes) -> list[float]:
        """Takes in bytes of the stream; the times (seconds since 1970) that the lines bear of which it tells."""
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
# Clients are sent the same bytes, so most of them have been read already.
_known: dict[bytes, tuple[list[_Frame], bytes]] = {}


def _frames(data: bytes) -> tuple[list[_Frame], bytes]:
    """The messages in bytes of a stream of frames (RFC 6455, 5.2), and what is left of them."""
    if (known := _known.get(data)) is not None:
        return known
    frames, place = [], 0
    while len(data) - place >= 2:
        size, head = data[place + 1], 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[place + 2 : place + head], "big")
        if len(data) - place < head + size:
            break
        if data[place] & 0x0F == 1 and (message := _MESSAGE.match(data, place + head)) is not None:
            seq, kind, timestamp, dropped = message.groups()
            written_seconds = datetime.fromisoformat(timestamp.decode()).timestamp()
            frames.append((kind, int(seq), int(dropped or 0), written_seconds))
        place += head + size
    if len(_known) > 100:
        _known.clear()
    _known[data] = frames, data[place:]
    return _known[data]


class _Client(asyncio.Protocol):
    """A client that keeps up. `lags_seconds` are from the time in a line to its message being here."""

    def __init__(self) -> None:
        self.account = _Account()
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


class _StuckClient:
    """A client that does not read until the end."""

    def __init__(self, port: int) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, STUCK_RECEIVE_BYTES)
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(UPGRADE)
        self.account = _Account()

    def read(self, until_seq: int) -> None:
        """Reads what there is for it, up to a message."""
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
                "a client that did not read was cut off before it could; shorten the run"
            )
        return data


async def _measure(folder: Path, options: argparse.Namespace) -> list[Figure]:
    port = free_port()
    with servers.exporter(folder, port) as server:
        before_bytes = server.process.memory_info().rss
        progress(f"connecting {options.clients:,} clients")
        clients = [await _connect(port) for _ in range(options.clients - options.stuck)]
        stuck = [_StuckClient(port) for _ in range(options.stuck)]
        live = folder / "results" / "live"
        live.mkdir()

        progress(f"{options.rate:g} lines a second for {options.seconds:g} s")
        writer = _writer(
            live / "measured.jsonl",
            options.rate,
            int(options.rate * (WARMUP_SECONDS + options.seconds)),
        )
        await asyncio.sleep(WARMUP_SECONDS)
        counted = [len(client.lags_seconds) for client in clients]
        cpu_seconds, started = _cpu_seconds(server), time.perf_counter()
        await _ended(writer)
        percent = 100 * (_cpu_seconds(server) - cpu_seconds) / (time.perf_counter() - started)
        await _until_quiet(clients)
        lags = [
            lag
            for client, start in zip(clients, counted, strict=True)
            for lag in client.lags_seconds[start:]
        ]

        progress(f"{options.overflow:,} lines more, for who does not read")
        await _ended(_writer(live / "overflow.jsonl", OVERFLOW_LINES_A_SECOND, options.overflow))
        await _until_quiet(clients)
        after_bytes = server.process.memory_info().rss
        newest_seq = max(client.account.seq for client in clients)
        await asyncio.gather(*(asyncio.to_thread(client.read, newest_seq) for client in stuck))
        if not all(client.is_open for client in clients):
            raise BenchmarkError("a client that kept up was cut off")
        for client in clients:
            client.transport.abort()
        reading, waiting = (
            [client.account for client in clients],
            [client.account for client in stuck],
        )
        figures = [
            *p50_and_p99(
                f"live line → {len(clients)} clients at {options.rate:g} lines/s",
                lags,
                p99_at_most_ms=50.0,
            ),
            Figure("exporter meanwhile: CPU", percent, "% of a core"),
            Figure(
                "messages missed unannounced, all clients",
                sum(each.unannounced for each in reading + waiting),
                "",
                at_most=0,
            ),
            Figure(
                f"missed by the {len(reading)} that read",
                sum(each.announced for each in reading),
                "",
                at_most=0,
            ),
            Figure(
                f"missed and announced, {len(waiting)} that did not read",
                sum(each.announced for each in waiting),
                "",
            ),
            Figure("resident memory before", before_bytes / MEGABYTE, "MB"),
            Figure(f"resident memory after {newest_seq:,} messages", after_bytes / MEGABYTE, "MB"),
        ]
        return [*figures, *await _quiet(server, port, live)]


async def _quiet(server: Server, port: int, live: Path) -> list[Figure]:
    """What a suite costs that says something once a second, with the live page open and Prometheus scraping."""
    progress(f"a line a second for {QUIET_SECONDS:g} s")
    client = await _connect(port)
    connection = server.connect()
    writer = _writer(live / "quiet.jsonl", 1.0, int(QUIET_SECONDS))
    cpu_seconds, started, scraped_bytes = _cpu_seconds(server), time.perf_counter(), 0
    while writer.is_alive():
        scraped_bytes += len(await asyncio.to_thread(_scrape, connection))
        await asyncio.sleep(1)
    seconds = time.perf_counter() - started
    client.transport.abort()
    what = "a line a second, one client, scraped at 1 s"
    megabits = 8 * (client.received_bytes + scraped_bytes) / MEGABIT
    return [
        Figure(
            f"{what}: CPU",
            100 * (_cpu_seconds(server) - cpu_seconds) / seconds,
            "% of a core",
            at_most=3.0,
        ),
        Figure(f"{what}: network", megabits / seconds, "Mbit/s", at_most=1.0),
    ]


def _scrape(connection: HTTPConnection) -> bytes:
    return servers.request(connection, "/metrics?collect[]=state", servers.GZIP)


async def _connect(port: int) -> _Client:
    _, client = await asyncio.get_running_loop().create_connection(_Client, "127.0.0.1", port)
    async with asyncio.timeout(servers.DEADLINE_SECONDS):
        await client.greeted.wait()
    return client


async def _until_quiet(clients: Sequence[_Client]) -> None:
    """Waits until nothing comes any more."""
    before = -1
    while (received := sum(client.received_bytes for client in clients)) != before:
        before = received
        await asyncio.sleep(0.5)


def _writer(path: Path, rate: float, lines: int) -> multiprocessing.process.BaseProcess:
    """A process that writes a live file at an even pace: what it measures is not to wait for what measures it."""
    writer = multiprocessing.get_context("spawn").Process(target=_write, args=(path, rate, lines))
    writer.start()
    return writer


async def _ended(writer: multiprocessing.process.BaseProcess) -> None:
    await asyncio.to_thread(writer.join)
    if writer.exitcode:
        raise BenchmarkError(f"the live file could not be written: exit status {writer.exitcode}")


def _write(path: Path, rate: float, lines: int) -> None:
    with path.open("ab", buffering=0) as file:
        started = time.perf_counter()
        for number, line in enumerate(_lines(path.stem, lines)):
            time.sleep(max(0.0, started + number / rate - time.perf_counter()))
            file.write(
                json.dumps({"timestamp": datetime.now(UTC).isoformat()} | line).encode() + b"\n"
            )


def _lines(run_id: str, iterations: int) -> Iterator[dict[str, object]]:
    yield {
        "type": "start",
        "run_id": run_id,
        "benchmark": run_id,
        "iterations": iterations,
        "process": "benchmark",
    }
    usual = {
        "benchmark": run_id,
        "execution_time_ms": 0.42,
        "memory_mb": 51.2,
        "peak_memory_mb": 53.0,
        "cpu_percent": 97.5,
    }
    for number in range(iterations):
        yield {"type": "iteration", "iteration": number, "status": "running", "skipped": 0} | usual
    yield {"type": "end", "status": "completed", "error": None}


def _cpu_seconds(server: Server) -> float:
    times = server.process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    sys.exit(main())
