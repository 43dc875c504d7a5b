"""Pushgateway and the textfile collector with so many benchmarks: the same as of the exporter."""

import time
from collections.abc import Callable
from http.client import HTTPConnection
from pathlib import Path

from benchmarks import scale_documents, servers
from benchmarks.exposition import series_of
from benchmarks.ingest import MEGABYTE
from benchmarks.scale_exporter import Cost
from benchmarks.scale_load import (
    cpu_seconds,
    pace,
    quantiles_ms,
    scrape_each_second,
    until_visible,
)
from benchmarks.servers import Server, request

PAGE = "/metrics"


def pushgateway(
    folder: Path, benchmarks: int, *, consistency_check: bool, rate: float, seconds: float
) -> Cost:
    """Measure a Pushgateway that has a group of each benchmark, by POST."""
    # Filled without the check, which takes longer with each group.
    with servers.pushgateway(folder, consistency_check=False) as server:
        connection = server.connect()
        for number in range(benchmarks):
            _post(connection, number, number)
        connection.close()
    with servers.pushgateway(folder, consistency_check=consistency_check) as server:
        connection = server.connect()

        def work(number: int) -> bytes:
            _post(connection, number % benchmarks, number)
            return _wanted(number)

        return _measure(server, work, benchmarks, rate=rate, seconds=seconds)


def textfile_collector(folder: Path, benchmarks: int, *, rate: float, seconds: float) -> Cost:
    """Measure node_exporter that reads a file of each benchmark, replaced for each run."""
    texts = folder / "textfiles"
    texts.mkdir()

    def work(number: int) -> bytes:
        benchmark = number % benchmarks
        part = texts / f"{benchmark}.part"
        part.write_bytes(scale_documents.pushed(benchmark, number, grouping_labels=True))
        part.rename(texts / f"{benchmark}.prom")
        return _wanted(number)

    for number in range(benchmarks):
        work(number)
    with servers.textfile_collector(folder) as server:
        return _measure(server, work, benchmarks, rate=rate, seconds=seconds)


def _measure(
    server: Server, work: Callable[[int], bytes], benchmarks: int, *, rate: float, seconds: float
) -> Cost:
    scrape_each_second(server, PAGE, min(2, seconds))
    before, begun = cpu_seconds(server.process), time.perf_counter()
    scrape_each_second(server, PAGE, seconds)
    idle = (cpu_seconds(server.process) - before) / (time.perf_counter() - begun)
    before, begun = cpu_seconds(server.process), time.perf_counter()
    count = max(1, round(rate * seconds))
    with pace(range(benchmarks, benchmarks + count), rate, work) as (sent, _):
        scrapes = scrape_each_second(server, PAGE, seconds)
    elapsed = time.perf_counter() - begun
    used = cpu_seconds(server.process) - before
    done = len(sent.seconds)
    # From a multiple of `benchmarks` on: what is replaced follows from the number.
    numbers = range(benchmarks + count, benchmarks + 2 * count)
    with pace(numbers, rate, work) as (latest, thread):
        latencies = until_visible(
            server, PAGE, latest, thread, benchmarks, most_seconds=2 * seconds
        )
    connection = server.connect()
    series = series_of(request(connection, PAGE))
    connection.close()
    return Cost(
        cpu_ms=(used - idle * elapsed) / max(1, done) * 1e3,
        scraped_cpu_ms=used / max(1, done) * 1e3,
        idle_percent=100 * idle,
        latencies_ms=quantiles_ms(latencies),
        scrape_ms=quantiles_ms(scrapes.seconds),
        scrape_bytes=scrapes.size_bytes,
        resident_megabytes=server.process.memory_info().rss / MEGABYTE,
        series=series,
        rate=done / elapsed,
    )


def _post(connection: HTTPConnection, benchmark: int, number: int) -> None:
    body = scale_documents.pushed(benchmark, number, grouping_labels=False)
    path = f"/metrics/job/bench/instance/project-{benchmark:05}"
    request(connection, path, method="POST", body=body)


def _wanted(number: int) -> bytes:
    """Return how the line of a number ends that no other line has."""
    return f"}} {number}\n".encode()
