"""What the exporter shows: filling its results folder, and reading the part with the state."""

import re
import time
from http.client import HTTPConnection
from pathlib import Path

from benchmarks import documents, servers
from benchmarks.servers import BenchmarkError, request

STATE = "/metrics?collect[]=state"  # which Prometheus scrapes every second


def project(number: int) -> str:
    return f"project-{number}"


def drop(folder: Path, benchmarks: int) -> None:
    """Write one run of each benchmark into the results folder."""
    (folder / "results").mkdir()
    for number in range(benchmarks):
        (folder / "results" / f"{number}.json").write_bytes(
            documents.perf_suite(project(number), number)
        )


def series_of(page: bytes) -> int:
    return sum(not line.startswith(b"#") for line in page.splitlines())


def page_of(connection: HTTPConnection, benchmarks: int, *, settled: bool) -> bytes:
    """Return the state once it shows that many benchmarks.

    With `settled`, it waits until no new counter is still held at 0, so that nothing changes by
    itself.
    """
    deadline = time.perf_counter() + servers.DEADLINE_SECONDS
    while True:
        page = request(connection, STATE)
        shown = page.count(b"\nbenchmark_last_run_timestamp_seconds{")
        held = re.search(
            rb"^(benchmark_exporter_files_ingested|performance_regression_detected)_total{.*} 0$",
            page,
            re.MULTILINE,
        )
        if shown == benchmarks and not (settled and held):
            return page
        if b"\nbenchmark_exporter_rejected_files{" in page or time.perf_counter() > deadline:
            raise BenchmarkError(
                f"{shown} of {benchmarks} benchmarks are shown; files may have been rejected"
            )
        time.sleep(0.05)
