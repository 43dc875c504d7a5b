"""One exporter with so many benchmarks: what files, scrapes and memory cost it."""

import math
import re
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

from benchmarks import servers
from benchmarks.exposition import series_of
from benchmarks.grown_ledger import grow
from benchmarks.ingest import MEGABYTE
from benchmarks.scale_dropping import Dropping
from benchmarks.scale_load import (
    PROMETHEUS,
    Scrapes,
    cpu_seconds,
    pace,
    quantiles_ms,
    scrape_each_second,
    until_visible,
)
from benchmarks.scale_version import Version
from benchmarks.servers import PLAIN, Server, request

HISTOGRAM = "benchmark_execution_time_ms"
# The limit is lifted: what a benchmark costs is measured, not that it is left out. New series are
# held at 0 for a shorter time than by default, so that nothing changes by itself.
CONFIG = "max_series: 10000000\nhistogram_hold_seconds: 2.5\n"
HELD_SECONDS = 3.0
# It does nothing by itself but scan when it takes less than this share of a core for so long.
QUIET_SHARE, QUIET_SECONDS = 0.03, 2.0
# The slow job as Prometheus would scrape it without `sparse=1`.
WHOLE_SLOW = "/metrics?collect[]=distributions&collect[]=resources"


@dataclass(frozen=True, slots=True)
class Cost:
    """What was measured. `cpu_ms` is of a file, beyond what scrapes alone cost.

    `scraped_cpu_ms` is all CPU time at this rate, scrapes included, divided by the files.
    """

    cpu_ms: float
    scraped_cpu_ms: float
    idle_percent: float
    latencies_ms: tuple[float, float, float]
    scrape_ms: tuple[float, float, float]
    scrape_bytes: int
    resident_megabytes: float
    series: int = 0
    rate: float = 0.0  # files or pushes a second that were reached


@dataclass(frozen=True, slots=True)
class Exposition:
    """What an exporter with so many benchmarks shows, in series and bytes of text."""

    state_series: int
    state_bytes: int
    slow_series: int
    slow_bytes: int
    histogram_series: int
    histogram_bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """One exporter with so many benchmarks of one format."""

    cost: Cost
    exposition: Exposition
    slow_seconds: float  # between scrapes of the rest
    slow_scrape_ms: float
    start_seconds: float
    dropped_subjects: int  # with the limit of the checkout's config.yaml
    suite_cpu_ms: float = math.nan  # of one document with all benchmarks


def measure(
    exporter: Version,
    folder: Path,
    benchmarks: int,
    document_format: str,
    *,
    rate: float,
    seconds: float,
    idle_seconds: float,
) -> Measured:
    """Measure an exporter whose folder has one run of each benchmark.

    `seconds` are measured at `rate` files a second, `idle_seconds` with scrapes alone.
    """
    (folder / servers.CONFIG).write_text(CONFIG)
    dropping = Dropping(folder, benchmarks, document_format)
    dropping.first()
    with exporter.start(folder) as server:
        dropping.until_committed()
        connection = server.connect()
        exposition = _settled_exposition(exporter, connection)
        idle = _idle(exporter, server, idle_seconds)
        count = max(1, round(rate * seconds))
        scrapes, elapsed, used = _files(exporter, server, dropping, count, rate)
        slow_cpu, slow_seconds = _slow_scrape(exporter, server, connection)
        # What the slow job reads has changed with each scrape of it.
        used += elapsed / exporter.slow_seconds * slow_cpu
        numbers = range(dropping.files, dropping.files + count)
        with pace(numbers, rate, dropping.drop) as (latest, thread):
            latencies = until_visible(
                server, "/metrics?collect[]=state", latest, thread, dropping.documents
            )
        suite_cpu = math.nan
        if document_format == "google_benchmark":
            suite_cpu = _suite(server, dropping)
        resident = server.process.memory_info().rss
        connection.close()
    cost = Cost(
        cpu_ms=(used - idle * elapsed) / count * 1e3,
        scraped_cpu_ms=used / count * 1e3,
        idle_percent=100 * idle,
        latencies_ms=quantiles_ms(latencies),
        scrape_ms=quantiles_ms(scrapes.seconds),
        scrape_bytes=scrapes.size_bytes,
        resident_megabytes=resident / MEGABYTE,
        series=exposition.state_series + exposition.slow_series,
        rate=count / elapsed,
    )
    start_seconds, dropped = _with_the_limit(exporter, folder)
    return Measured(
        cost,
        exposition,
        exporter.slow_seconds,
        slow_seconds * 1e3,
        start_seconds,
        dropped,
        suite_cpu,
    )


def _files(
    exporter: Version, server: Server, dropping: Dropping, count: int, rate: float
) -> tuple[Scrapes, float, float]:
    """Drop files while Prometheus scrapes: its scrapes, the seconds, and those of CPU time."""
    begun, before = time.perf_counter(), cpu_seconds(server.process)
    numbers = range(dropping.files, dropping.files + count)
    with pace(numbers, rate, dropping.drop) as (_, thread):
        scrapes = scrape_each_second(server, exporter.fast, count / rate)
        thread.join(servers.DEADLINE_SECONDS)
        dropping.until_committed()
    return scrapes, time.perf_counter() - begun, cpu_seconds(server.process) - before


def ledger_start(
    exporter: Version, folder: Path, benchmarks: int, runs: int
) -> tuple[float, float]:
    """Return the seconds until ready with one run of each benchmark, and with so many runs."""
    dropping = Dropping(folder, benchmarks, "perf_suite")
    dropping.first()
    with exporter.start(folder):
        dropping.until_committed()
    few_seconds = exporter.ready_seconds(folder)
    grow(folder / "ledger.sqlite3", runs)
    with closing(sqlite3.connect(folder / "ledger.sqlite3")) as connection:
        # Only the runs are many: their files are no longer there.
        connection.execute("DELETE FROM files WHERE path LIKE '%/%'")
        connection.commit()
    return few_seconds, exporter.ready_seconds(folder)


def _settled_exposition(exporter: Version, connection: HTTPConnection) -> Exposition:
    for path in (exporter.fast, exporter.slow):  # now a Prometheus has seen what is held
        request(connection, path, PROMETHEUS)
    time.sleep(HELD_SECONDS)
    state = request(connection, "/metrics?collect[]=state", PLAIN)
    slow = request(connection, WHOLE_SLOW, PLAIN)
    histogram = [line for line in slow.splitlines() if line.startswith(HISTOGRAM.encode())]
    return Exposition(
        state_series=series_of(state),
        state_bytes=len(state),
        slow_series=series_of(slow),
        slow_bytes=len(slow),
        histogram_series=len(histogram),
        histogram_bytes=sum(len(line) + 1 for line in histogram),
    )


def _idle(exporter: Version, server: Server, seconds: float) -> float:
    """Return the share of a core of an exporter that only Prometheus' two jobs ask for something.

    Whatever it does by itself is included, but for what follows from the runs that it has just
    read. The jobs keep their connections: what the first scrape on one has is not measured.
    """
    fast, slow = server.connect(), server.connect()
    _until_quiet(server)
    for connection, path in ((fast, exporter.fast), (slow, exporter.slow)):
        Scrapes().make(connection, path)
    time.sleep(min(seconds, exporter.slow_seconds))
    before, begun = cpu_seconds(server.process), time.perf_counter()
    for second in range(max(1, round(seconds))):
        time.sleep(max(0.0, begun + second + 1 - time.perf_counter()))
        Scrapes().make(fast, exporter.fast)
        if (second + 1) % exporter.slow_seconds == 0:
            Scrapes().make(slow, exporter.slow)
    share = (cpu_seconds(server.process) - before) / (time.perf_counter() - begun)
    fast.close()
    slow.close()
    return share


def _until_quiet(server: Server) -> None:
    """Wait until what follows from new runs is done: searches for changes and drifts."""
    deadline = time.monotonic() + servers.DEADLINE_SECONDS
    while time.monotonic() < deadline:
        before = cpu_seconds(server.process)
        time.sleep(QUIET_SECONDS)
        if cpu_seconds(server.process) - before < QUIET_SHARE * QUIET_SECONDS:
            return


def _slow_scrape(
    exporter: Version, server: Server, connection: HTTPConnection
) -> tuple[float, float]:
    """Return the CPU time of the exporter and the time of one scrape of the slow job."""
    before, scrape = cpu_seconds(server.process), Scrapes()
    scrape.make(connection, exporter.slow)
    return cpu_seconds(server.process) - before, scrape.seconds[0]


def _suite(server: Server, dropping: Dropping) -> float:
    """Return the ms of CPU time that one document with all benchmarks takes."""
    before = cpu_seconds(server.process)
    dropping.suite(dropping.files)
    dropping.until_committed()
    time.sleep(1.0)  # what is done after the commit
    return (cpu_seconds(server.process) - before) * 1e3


def _with_the_limit(exporter: Version, folder: Path) -> tuple[float, int]:
    """Restart with the checkout's own limit: seconds until ready, and subjects left out."""
    (folder / servers.CONFIG).unlink()
    with exporter.start(folder) as server:
        connection = server.connect()
        page = request(connection, "/metrics?collect[]=state", PLAIN)
        connection.close()
    dropped = re.findall(rb"^benchmark_exporter_subjects_dropped\{.*\} (\d+)$", page, re.MULTILINE)
    return server.ready_seconds, sum(int(each) for each in dropped)
