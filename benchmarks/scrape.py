"""Measure what a scrape costs: `python -m benchmarks.scrape`.

It is compared with Pushgateway and node_exporter's textfile collector, with as many series.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import documents, servers
from benchmarks.documents import SERIES_PER_GROUP
from benchmarks.exposition import STATE, drop, page_of, series_of
from benchmarks.rendering import rendering
from benchmarks.report import RESULTS, Figure, p50_and_p99, progress, write
from benchmarks.servers import GZIP, PLAIN, BenchmarkError, Server, request
from stack.settings import StackError

# As in prometheus.yml: the state every second, the rest every 30.
REST = "/metrics?collect[]=distributions&collect[]=resources"
REST_EVERY = 30
MEGABYTE = 10**6


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
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
    for name, default, metavar, text in (
        ("series", 20_000, "N", "series to scrape unchanged"),
        ("rendered", 10_000, "N", "series to render after a change"),
        ("scrapes", 500, "N", "scrapes of the exporter"),
        ("peer-scrapes", 30, "N", "scrapes of each peer"),
        ("renderings", 50, "N", "renderings by each renderer"),
        ("idle-seconds", 60, "S", "how long to scrape once a second"),
        ("idle-benchmarks", 20, "N", "benchmarks that this scrape exposes"),
    ):
        help_text = f"{text} (%(default)s)"
        parser.add_argument(f"--{name}", type=int, default=default, metavar=metavar, help=help_text)
    parser.add_argument(
        "--peers",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also measure Pushgateway and node_exporter",
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "scrape.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def _measure(options: argparse.Namespace) -> list[Figure]:
    with _work_folder() as folder:
        idle, state_series, all_series = _idle(folder, options)
    with _work_folder() as folder:
        unchanged = _unchanged(folder, options, -(-options.series // state_series))
    with _work_folder() as folder:
        rendered = rendering(folder, options, -(-options.rendered // all_series))
    figures = [*unchanged, *rendered, *idle]
    if options.peers:
        with _work_folder() as folder:
            figures.extend(_pushgateway(folder, options, unchanged))
        with _work_folder() as folder:
            figures.extend(_textfile_collector(folder, options, unchanged))
    return figures


def _work_folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="scrape-", dir=servers.WORK)


def _idle(folder_name: str, options: argparse.Namespace) -> tuple[list[Figure], int, int]:
    """Return the figures, and how many series one benchmark has in the state and in all parts."""
    folder, count = Path(folder_name), options.idle_benchmarks
    drop(folder, count)
    progress(f"scraping {count} benchmarks once a second for {options.idle_seconds} s")
    with servers.exporter(folder) as server:
        connection = server.connect()
        state, everything = (
            page_of(connection, count, settled=False),
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
    what = f"{count} benchmarks, {series_of(state):,} series at 1 s"
    figures = [
        Figure(f"idle, {what}: CPU", percent, "% of a core", at_most=0.5),
        Figure(f"idle, {what}: resident memory", resident_bytes / MEGABYTE, "MB", at_most=60),
    ]
    return figures, *(page.count(b'benchmark_name="') // count for page in (state, everything))


def _unchanged(folder_name: str, options: argparse.Namespace, benchmarks: int) -> list[Figure]:
    folder = Path(folder_name)
    drop(folder, benchmarks)
    progress(f"scraping {benchmarks:,} benchmarks {options.scrapes} times")
    # Prometheus would reject so many, but only the exporter is measured.
    (folder / servers.CONFIG).write_text("max_series: 1000000\n")
    with servers.exporter(folder) as server:
        connection = server.connect()
        page = page_of(connection, benchmarks, settled=True)
        series = series_of(page)
        if series < options.series:
            raise BenchmarkError(
                f"{benchmarks} benchmarks give {series} series, not {options.series}"
            )
        first = _timed_scrape(connection, STATE, GZIP)
        plain = [_timed_scrape(connection, STATE, PLAIN) for _ in range(options.scrapes)]
        compressed = [_timed_scrape(connection, STATE, GZIP) for _ in range(options.scrapes)]
        resident_bytes = server.process.memory_info().rss
        if request(connection, STATE) != page:
            raise BenchmarkError("the state changed while it was scraped")
        connection.close()
    what = f"scrape of {series:,} series, unchanged"
    return [
        *p50_and_p99(f"{what}, plain", plain, p99_at_most_ms=5),
        *p50_and_p99(f"{what}, gzip", compressed, p99_at_most_ms=5),
        Figure("the first of them, which joins the lines", first * 1e3, "ms"),
        Figure(
            "resident memory with them and their distributions", resident_bytes / MEGABYTE, "MB"
        ),
    ]


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
        raise BenchmarkError(f"{name} shows {shown} series instead of {groups * SERIES_PER_GROUP}")
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


def _cpu_seconds(server: Server) -> float:
    times = server.process.cpu_times()
    return float(times.user + times.system)


def _timed_scrape(connection: HTTPConnection, path: str, headers: Mapping[str, str]) -> float:
    started = time.perf_counter()
    request(connection, path, headers)
    return time.perf_counter() - started


if __name__ == "__main__":
    sys.exit(main())
