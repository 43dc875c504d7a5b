"""What a scrape costs: `python -m benchmarks.scrape`. Beside it, Pushgateway and node_exporter's textfile collector with as many series."""

import argparse
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector as ClientCollector

from benchmark_exporter.collector import Collector, Live, load_definitions
from benchmark_exporter.config import Config, packaged
from benchmark_exporter.ledger import Ledger
from benchmarks import documents, servers
from benchmarks.documents import SERIES_PER_GROUP
from benchmarks.report import RESULTS, Figure, p50_and_p99, percentile, progress, write
from benchmarks.servers import GZIP, PLAIN, BenchmarkError, Server, request
from stack.settings import StackError

# As prometheus.yml asks: the state each second, the rest every thirty.
STATE, REST = "/metrics?collect[]=state", "/metrics?collect[]=distributions&collect[]=resources"
REST_EVERY = 30
LONGER_THAN_ANY_HOLD_SECONDS = 3600.0
MEGABYTE = 10**6


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes the table; returns the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    try:
        figures = _measure(options)
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.scrape: {error}", file=sys.stderr)
        return 1
    write(
        options.output,
        f"python -m benchmarks.scrape --series={options.series} --rendered={options.rendered}",
        figures,
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scrape", description=__doc__)
    parser.add_argument(
        "--series", type=int, default=20_000, metavar="N", help="scraped, unchanged (%(default)s)"
    )
    parser.add_argument(
        "--rendered",
        type=int,
        default=10_000,
        metavar="N",
        help="series rendered after a change (%(default)s)",
    )
    parser.add_argument(
        "--scrapes", type=int, default=500, metavar="N", help="of the exporter (%(default)s)"
    )
    parser.add_argument(
        "--peer-scrapes", type=int, default=30, metavar="N", help="of each peer (%(default)s)"
    )
    parser.add_argument(
        "--renderings", type=int, default=50, metavar="N", help="of each renderer (%(default)s)"
    )
    parser.add_argument(
        "--idle-seconds",
        type=int,
        default=60,
        metavar="S",
        help="how long to scrape once a second (%(default)s)",
    )
    parser.add_argument(
        "--idle-benchmarks",
        type=int,
        default=20,
        metavar="N",
        help="whose series that scrape shows (%(default)s)",
    )
    parser.add_argument(
        "--peers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="measure Pushgateway and node_exporter too",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "scrape.md",
        metavar="FILE",
        help="where the table goes (%(default)s)",
    )
    return parser


def _measure(options: argparse.Namespace) -> list[Figure]:
    with _work_folder() as folder:
        idle, state_series, all_series = _idle(folder, options)
    with _work_folder() as folder:
        unchanged = _unchanged(folder, options, -(-options.series // state_series))
    with _work_folder() as folder:
        rendering = _rendering(folder, options, -(-options.rendered // all_series))
    figures = [*unchanged, *rendering, *idle]
    if options.peers:
        with _work_folder() as folder:
            figures.extend(_pushgateway(folder, options, unchanged))
        with _work_folder() as folder:
            figures.extend(_textfile_collector(folder, options, unchanged))
    return figures


def _work_folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="scrape-", dir=servers.WORK)


def _idle(folder_name: str, options: argparse.Namespace) -> tuple[list[Figure], int, int]:
    """The figures, and how many series of the state and of all parts one benchmark has."""
    folder, count = Path(folder_name), options.idle_benchmarks
    _drop(folder, count)
    progress(f"scraping {count} benchmarks once a second for {options.idle_seconds} s")
    with servers.exporter(folder) as server:
        connection = server.connect()
        state, everything = (
            _page_of(connection, count, settled=False),
            request(connection, "/metrics"),
        )
        cpu_seconds, started = _cpu_seconds(server), time.perf_counter()
        for second in range(options.idle_seconds):
            request(connection, STATE, GZIP)
            if second % REST_EVERY == 0:
                request(connection, REST, GZIP)
            time.sleep(max(0.0, started + second + 1 - time.perf_counter()))
        percent = 100 * (_cpu_seconds(server) - cpu_seconds) / (time.perf_counter() - started)
        resident_bytes = server.process.memory_info().rss
        connection.close()
    what = f"{count} benchmarks, {_series(state):,} series at 1 s"
    figures = [
        Figure(f"idle, {what}: CPU", percent, "% of a core", at_most=0.5),
        Figure(f"idle, {what}: resident memory", resident_bytes / MEGABYTE, "MB", at_most=60),
    ]
    return figures, *(page.count(b'benchmark_name="') // count for page in (state, everything))


def _unchanged(folder_name: str, options: argparse.Namespace, benchmarks: int) -> list[Figure]:
    folder = Path(folder_name)
    _drop(folder, benchmarks)
    progress(f"scraping {benchmarks:,} benchmarks {options.scrapes} times")
    # Prometheus would refuse so many; what is measured is the exporter.
    (folder / servers.CONFIG).write_text("max_series: 1000000\n")
    with servers.exporter(folder) as server:
        connection = server.connect()
        page = _page_of(connection, benchmarks, settled=True)
        series = _series(page)
        if series < options.series:
            raise BenchmarkError(
                f"{benchmarks} benchmarks give {series} series, not {options.series}"
            )
        first = _timed_scrape(connection, STATE, GZIP)
        plain = [_timed_scrape(connection, STATE, PLAIN) for _ in range(options.scrapes)]
        compressed = [_timed_scrape(connection, STATE, GZIP) for _ in range(options.scrapes)]
        resident_bytes = server.process.memory_info().rss
        if request(connection, STATE) != page:
            raise BenchmarkError("what was to be scraped unchanged has changed")
        connection.close()
    what = f"scrape of {series:,} series, unchanged"
    return [
        *p50_and_p99(f"{what}, plain", plain, p99_at_most_ms=5),
        *p50_and_p99(f"{what}, gzip", compressed, p99_at_most_ms=5),
        Figure("the first of them with gzip, which compresses", first * 1e3, "ms"),
        Figure(
            "resident memory with them and their distributions", resident_bytes / MEGABYTE, "MB"
        ),
    ]


def _rendering(folder_name: str, options: argparse.Namespace, benchmarks: int) -> list[Figure]:
    folder = Path(folder_name)
    _drop(folder, benchmarks)
    progress(
        f"rendering {benchmarks} benchmarks {options.renderings} times, then by prometheus_client"
    )
    with servers.exporter(folder) as server:  # it makes the ledger
        connection = server.connect()
        _page_of(connection, benchmarks, settled=False)
        connection.close()
    collector = Collector(load_definitions(packaged("metrics.yaml")), Config())
    ledger = Ledger(folder / "ledger.sqlite3")
    now = time.time() + LONGER_THAN_ANY_HOLD_SECONDS
    reading, rendering = [], []
    for _ in range(options.renderings + 1):
        with ledger.transaction() as transaction:
            transaction.count("runs", (_project(0), "self-hosted"), now)
        started = time.perf_counter()
        state = ledger.state()
        read = time.perf_counter()
        exposition = collector.render(state, Live(0, 0.0), now)
        rendering.append(time.perf_counter() - read)
        reading.append(read - started)
    ledger.close()
    page = b"".join(exposition.parts.values())
    ours = Figure(
        f"rendering {_series(page):,} series after a change, p50",
        percentile(rendering[1:], 50) * 1e3,
        "ms",
        at_most=20,
    )
    registry = CollectorRegistry()
    registry.register(_Families(list(text_string_to_metric_families(page.decode()))))
    client = [_timed_rendering(registry) for _ in range(options.renderings)]
    return [
        ours,
        Figure("the first time, nothing known", rendering[0] * 1e3, "ms"),
        Figure(
            "reading their state from the ledger before it, p50",
            percentile(reading[1:], 50) * 1e3,
            "ms",
        ),
        Figure(
            "prometheus_client's generate_latest, the same series, p50",
            percentile(client, 50) * 1e3,
            "ms",
            ours=ours,
        ),
    ]


class _Families(ClientCollector):
    """Families made beforehand, so that prometheus_client is timed at rendering alone."""

    def __init__(self, families: Sequence[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def _pushgateway(
    folder_name: str, options: argparse.Namespace, ours: Sequence[Figure]
) -> list[Figure]:
    folder, groups = Path(folder_name), options.series // SERIES_PER_GROUP
    progress(f"Pushgateway with {groups:,} groups, {options.peer_scrapes} scrapes")
    servers.fill_pushgateway(folder, groups)
    with servers.pushgateway(folder, consistency_check=True) as server:
        return _peer("Pushgateway", server, options, groups, ours)


def _textfile_collector(
    folder_name: str, options: argparse.Namespace, ours: Sequence[Figure]
) -> list[Figure]:
    folder, files = Path(folder_name), options.series // SERIES_PER_GROUP
    progress(f"node_exporter with {files:,} text files, {options.peer_scrapes} scrapes")
    (folder / "textfiles").mkdir()
    for number in range(files):
        (folder / "textfiles" / f"{number}.prom").write_bytes(
            documents.group(number, 1.0, grouping_labels=True)
        )
    with servers.textfile_collector(folder) as server:
        return _peer("node_exporter's textfile collector", server, options, files, ours)


def _peer(
    name: str, server: Server, options: argparse.Namespace, groups: int, ours: Sequence[Figure]
) -> list[Figure]:
    connection = server.connect()
    shown = request(connection, "/metrics").count(b"\nbench_time_")
    if shown != groups * SERIES_PER_GROUP:
        raise BenchmarkError(f"{name} shows {shown} series in place of {groups * SERIES_PER_GROUP}")
    plain = [_timed_scrape(connection, "/metrics", PLAIN) for _ in range(options.peer_scrapes)]
    compressed = [_timed_scrape(connection, "/metrics", GZIP) for _ in range(options.peer_scrapes)]
    resident_bytes = server.process.memory_info().rss
    connection.close()
    what = f"{name}, {groups:,} × {SERIES_PER_GROUP} series"
    return [
        *p50_and_p99(f"{what}, plain", plain, ours=ours[0:2]),
        *p50_and_p99(f"{what}, gzip", compressed, ours=ours[2:4]),
        Figure(f"{what}: resident memory", resident_bytes / MEGABYTE, "MB"),
    ]


def _project(number: int) -> str:
    return f"project-{number}"


def _drop(folder: Path, benchmarks: int) -> None:
    """One run of each benchmark."""
    (folder / "results").mkdir()
    for number in range(benchmarks):
        (folder / "results" / f"{number}.json").write_bytes(
            documents.perf_suite(_project(number), number)
        )


def _series(page: bytes) -> int:
    return sum(not line.startswith(b"#") for line in page.splitlines())


def _cpu_seconds(server: Server) -> float:
    times = server.process.cpu_times()
    return float(times.user + times.system)


def _page_of(connection: HTTPConnection, benchmarks: int, *, settled: bool) -> bytes:
    """The state once so many benchmarks are shown. Settled: no counter is shown as 0 for being young, so nothing changes by itself."""
    deadline = time.perf_counter() + servers.DEADLINE_SECONDS
    while True:
        page = request(connection, STATE)
        shown = page.count(b"\nbenchmark_run_info{")
        young = re.search(
            rb"^(benchmark_exporter_files_ingested|performance_regression_detected)_total{.*} 0$",
            page,
            re.MULTILINE,
        )
        if shown == benchmarks and not (settled and young):
            return page
        if b"\nbenchmark_exporter_rejected_files{" in page or time.perf_counter() > deadline:
            raise BenchmarkError(
                f"{shown} of {benchmarks} benchmarks are shown, and files may have been rejected"
            )
        time.sleep(0.05)


def _timed_scrape(connection: HTTPConnection, path: str, headers: Mapping[str, str]) -> float:
    started = time.perf_counter()
    request(connection, path, headers)
    return time.perf_counter() - started


def _timed_rendering(registry: CollectorRegistry) -> float:
    started = time.perf_counter()
    generate_latest(registry)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
