"""Measure how soon a live file's line reaches all clients: `python -m benchmarks.stream`."""

import argparse
import asyncio
import json
import multiprocessing
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import servers
from benchmarks.report import RESULTS, Figure, p50_and_p99, progress, write
from benchmarks.servers import BenchmarkError, Server, free_port
from benchmarks.stream_clients import Account, Client, StuckClient
from stack.settings import StackError

MEGABYTE, MEGABIT = 10**6, 10**6
# Excluded from the figures: at the first lines the run is new, and clients are still connecting.
WARMUP_SECONDS = 2.0
# Enough that every client that does not read misses some: the ring holds 4,096, the buffers on the
# way some hundreds.
OVERFLOW_LINES, OVERFLOW_LINES_A_SECOND = 8000, 1000.0
QUIET_SECONDS = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        with TemporaryDirectory(prefix="stream-", dir=servers.WORK) as folder:
            figures = asyncio.run(_measure(Path(folder), options))
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.stream: {error}", file=sys.stderr)
        return 1
    words = (
        f"--clients={options.clients} --stuck={options.stuck} --rate={options.rate:g} "
        f"--seconds={options.seconds:g}"
    )
    write(options.output, f"python -m benchmarks.stream {words}", figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stream", description=__doc__)
    parser.add_argument(
        "--clients",
        type=int,
        default=500,
        metavar="N",
        help="clients that follow the stream (%(default)s)",
    )
    parser.add_argument(
        "--stuck",
        type=int,
        default=10,
        metavar="N",
        help="clients among them that do not read (%(default)s)",
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
        help="duration of the measurement (%(default)s)",
    )
    parser.add_argument(
        "--overflow",
        type=int,
        default=OVERFLOW_LINES,
        metavar="N",
        help="further lines, for clients that do not read (%(default)s)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "stream.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


async def _measure(folder: Path, options: argparse.Namespace) -> list[Figure]:
    port = free_port()
    with servers.exporter(folder, port) as server:
        before_bytes = server.process.memory_info().rss
        progress(f"connecting {options.clients:,} clients")
        clients = [await _connect(port) for _ in range(options.clients - options.stuck)]
        stuck = [StuckClient(port) for _ in range(options.stuck)]
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

        progress(f"{options.overflow:,} more lines, for clients that do not read")
        await _ended(_writer(live / "overflow.jsonl", OVERFLOW_LINES_A_SECOND, options.overflow))
        await _until_quiet(clients)
        after_bytes = server.process.memory_info().rss
        newest_seq = max(client.account.seq for client in clients)
        await asyncio.gather(*(asyncio.to_thread(client.read, newest_seq) for client in stuck))
        if not all(client.is_open for client in clients):
            raise BenchmarkError("a client that kept up was disconnected")
        for client in clients:
            client.transport.abort()
        figures = [
            *p50_and_p99(
                f"live line → {len(clients)} clients at {options.rate:g} lines/s",
                lags,
                p99_at_most_ms=50.0,
            ),
            Figure("exporter meanwhile: CPU", percent, "% of a core"),
            *_missed([each.account for each in clients], [each.account for each in stuck]),
            Figure("resident memory before", before_bytes / MEGABYTE, "MB"),
            Figure(f"resident memory after {newest_seq:,} messages", after_bytes / MEGABYTE, "MB"),
        ]
        return [*figures, *await _quiet(server, port, live)]


def _missed(reading: Sequence[Account], waiting: Sequence[Account]) -> list[Figure]:
    """Return how many messages were missed by clients that read and by those that did not."""
    unannounced = sum(each.unannounced for each in (*reading, *waiting))
    by_reading, by_waiting = (
        sum(each.announced for each in accounts) for accounts in (reading, waiting)
    )
    return [
        Figure("messages missed unannounced, all clients", unannounced, "", at_most=0),
        Figure(f"missed by the {len(reading)} that read", by_reading, "", at_most=0),
        Figure(f"missed and announced, {len(waiting)} that did not read", by_waiting, ""),
    ]


async def _quiet(server: Server, port: int, live: Path) -> list[Figure]:
    """Measure a suite that reports once a second, with a live page open and Prometheus scraping."""
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


async def _connect(port: int) -> Client:
    _, client = await asyncio.get_running_loop().create_connection(Client, "127.0.0.1", port)
    async with asyncio.timeout(servers.DEADLINE_SECONDS):
        await client.greeted.wait()
    return client


async def _until_quiet(clients: Sequence[Client]) -> None:
    """Wait until no more data arrives."""
    before = -1
    while (received := sum(client.received_bytes for client in clients)) != before:
        before = received
        await asyncio.sleep(0.5)


def _writer(path: Path, rate: float, lines: int) -> multiprocessing.process.BaseProcess:
    """Start a process that writes a live file at an even pace, apart from the measuring one."""
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
