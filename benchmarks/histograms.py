"""Measure what histograms cost Prometheus: `python -m benchmarks.histograms`.

The same histograms, with the buckets of benchmark_execution_time_ms, are scraped as classic ones,
as native ones with these buckets, which Prometheus 3 makes of classic ones, and as native ones with
exponential buckets in the protobuf format. Scrapes say which time they are of, 30 s apart, so that
hours take a minute. Prometheus 2.42 stores classic ones only here.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import servers
from benchmarks.histogram_pages import KINDS, Page, serve
from benchmarks.report import RESULTS, Figure, progress, write
from benchmarks.servers import BenchmarkError, Server, free_port, request
from stack.programs import Programs
from stack.settings import ROOT, StackError

INTERVAL_SECONDS = 30
SCRAPES_A_MONTH = 30 * 86_400 / INTERVAL_SECONDS
MEGABYTE = 10**6
SCRAPE_CONFIG = """\
scrape_configs:
  - job_name: histograms
    scrape_interval: 200ms
    scrape_timeout: 200ms
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""
TO_NATIVE = "    convert_classic_histograms_to_nhcb: true\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write the table; return the exit status."""
    options = _parser().parse_args(arguments)
    servers.WORK.mkdir(parents=True, exist_ok=True)
    figures: list[Figure] = []
    try:
        prometheus = [str(options.prometheus)] if options.prometheus else _prometheus()
        release = _release(prometheus)
        for kind in KINDS if release >= (3, 0) else KINDS[:1]:
            progress(f"{options.histograms} {kind} histograms, {options.scrapes} scrapes")
            with TemporaryDirectory(prefix="histograms-", dir=servers.WORK) as folder:
                figures += _measure(Path(folder), prometheus, kind, options, figures)
    except (BenchmarkError, StackError) as error:
        print(f"benchmarks.histograms: {error}", file=sys.stderr)
        return 1
    words = (
        f"--histograms={options.histograms} --changing={options.changing} "
        f"--scrapes={options.scrapes}"
    )
    version = ".".join(str(number) for number in release)
    write(
        options.output, f"python -m benchmarks.histograms {words}`, `Prometheus {version}", figures
    )
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.histograms", description=__doc__)
    for name, default, text in (
        ("histograms", 200, "histograms on the page"),
        ("changing", 2, "of them that change between two scrapes"),
        ("scrapes", 300, "scrapes, 30 s apart by their own times"),
    ):
        help_text = f"{text} (%(default)s)"
        parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=help_text)
    parser.add_argument(
        "--prometheus", type=Path, metavar="PROGRAM", help="Prometheus to measure (the stack's)"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=RESULTS / "histograms.md",
        metavar="FILE",
        help="file for the table (%(default)s)",
    )
    return parser


def _prometheus() -> Sequence[str]:
    programs = Programs(ROOT / ".local" / "programs")
    argv = programs.argv("prometheus")
    if argv is None:
        programs.fetch()
        argv = programs.argv("prometheus")
    if argv is None:
        raise BenchmarkError("there is no Prometheus; --prometheus names one")
    return argv


def _release(prometheus: Sequence[str]) -> tuple[int, ...]:
    """Return the version that a Prometheus says it has."""
    words = [*prometheus, "--version"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        word = (done.stdout or done.stderr).split()[2]
        return tuple(int(number) for number in word.partition("+")[0].split("."))
    except (IndexError, ValueError) as error:
        raise BenchmarkError(f"{prometheus[-1]} does not say its version") from error


def _measure(
    folder: Path,
    prometheus: Sequence[str],
    kind: str,
    options: argparse.Namespace,
    before: list[Figure],
) -> list[Figure]:
    page = Page(kind, options.histograms, options.changing, INTERVAL_SECONDS, options.scrapes)
    port = free_port()
    with serve(page) as target:
        (folder / "prometheus.yml").write_text(
            SCRAPE_CONFIG.format(port=target) + (TO_NATIVE if kind == KINDS[1] else "")
        )
        words = [
            *prometheus,
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}",
            "--web.enable-admin-api",
            "--log.level=error",
            *(["--enable-feature=native-histograms"] if kind != KINDS[0] else []),
        ]
        with servers.running(words, port, "/-/ready", folder / "prometheus.log") as server:
            _until(lambda: page.scrape >= options.scrapes // 2)
            half, half_scrapes = _snapshot(folder, server), page.scrape
            _until(lambda: page.scrape >= options.scrapes)
            whole, samples = _snapshot(folder, server), _samples(server)
            wal = sum(each.stat().st_size for each in (folder / "data/wal").glob("0*"))
    # The second half shows the cost of time; what the first costs beyond it are labels.
    a_scrape = (whole - half) / (page.scrape - half_scrapes) / options.histograms
    what = f"one {kind} histogram"
    ours = before[3] if before else None
    return [
        Figure(f"{what}: series", samples / options.histograms, "series"),
        Figure(f"{what}: on the page", page.size_bytes / options.histograms, "bytes"),
        Figure(f"{what}: blocks", a_scrape, "bytes a scrape"),
        Figure(
            f"{what}: blocks of a month", a_scrape * SCRAPES_A_MONTH / MEGABYTE, "MB", ours=ours
        ),
        Figure(
            f"{what}: write-ahead log", wal / page.scrape / options.histograms, "bytes a scrape"
        ),
    ]


def _until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + servers.DEADLINE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise BenchmarkError("Prometheus does not scrape the histograms")
        time.sleep(servers.WAIT_SECONDS)


def _snapshot(folder: Path, server: Server) -> int:
    """Return the bytes of what Prometheus has stored, as blocks."""
    connection = server.connect()
    answer = request(connection, "/api/v1/admin/tsdb/snapshot", method="POST")
    connection.close()
    snapshot = folder / "data/snapshots" / json.loads(answer)["data"]["name"]
    return sum(each.stat().st_size for each in snapshot.rglob("*") if each.is_file())


def _samples(server: Server) -> int:
    """Return how many series Prometheus has of the histograms."""
    connection = server.connect()
    answer = request(connection, "/api/v1/status/tsdb")
    connection.close()
    series = json.loads(answer)["data"]["seriesCountByMetricName"]
    return sum(each["value"] for each in series if each["name"].startswith("benchmark_"))


if __name__ == "__main__":
    sys.exit(main())
