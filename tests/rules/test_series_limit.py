"""Ten thousand benchmark names, for a real exporter that a real Prometheus scrapes."""

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from benchmark_exporter.config import Config
from tests.rules.prometheus_server import ROOM_FOR_RESOURCES, prometheus, wait_until
from tests.support.documents import bench_guard, perf_suite
from tests.support.process import Exporter

NAMES = 10_000
SCRAPE_TIMEOUT_SECONDS = 1.0
MAX_RESIDENT_BYTES = 400e6
DEADLINE_SECONDS = 120.0
FEW_SAMPLES = 1000  # of one old benchmark
JOBS = ("benchmark-exporter", "benchmark-exporter-slow")
UP = 'up{job=~"benchmark-exporter(-slow)?"}'
FIRING = 'ALERTS{alertname="SeriesLimitReached", alertstate="firing", kind="benchmark"}'
OLD = 'benchmark_run_info{benchmark_name="router", environment="self-hosted"}'


@pytest.fixture
def ahead_of_others() -> Iterator[None]:
    """Gives what the test starts a higher priority, where that is allowed.

    Prometheus waits for a scrape for one second, which a busy machine may not give to the exporter.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, before - 10)
    yield
    os.setpriority(os.PRIO_PROCESS, 0, before)


def one_file(results: Path) -> None:
    """Put all names in one document, each with a quote, a backslash, a newline and an emoji."""
    names = {f'"{number}" \\ \n \N{SKULL}\N{FIRE}': 20.0 for number in range(NAMES)}
    (results / "names.json").write_text(
        json.dumps(bench_guard(names, passed=True)), encoding="utf-8"
    )


def many_files(results: Path) -> None:
    """Put each name in a document of its own."""
    for number in range(NAMES):
        name = f'"{number}" \\ \n \N{SKULL}\N{FIRE}'
        entry = {"name": name, "unit": "ns/iter", "value": 100 + number}
        (results / f"{number}.json").write_text(json.dumps([entry]), encoding="utf-8")


@pytest.mark.usefixtures("ahead_of_others")
@pytest.mark.parametrize(("drop", "files"), [(one_file, 1), (many_files, NAMES)])
def test_old_series_stay_new_ones_are_left_out_and_no_scrape_fails(
    drop: Callable[[Path], None],
    files: int,
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    exporter = Exporter(tmp_path, free_port())
    try:
        (exporter.results / "old.json").write_text(json.dumps(perf_suite()))
        with prometheus(
            programs["prometheus"], tmp_path, free_port(), exporter=f"127.0.0.1:{exporter.port}"
        ) as server:
            wait_until(
                lambda: server.value(OLD) == 1 and server.value(f"count({UP} == 1)") == 2,
                "the old benchmark in Prometheus",
            )
            drop(exporter.results)
            assert scraped_until(exporter, files + 1) < SCRAPE_TIMEOUT_SECONDS
            wait_until(lambda: server.value(FIRING) == 1, "the alert", DEADLINE_SECONDS)
            wait_until(
                lambda: (
                    (server.value(f'scrape_samples_scraped{{job="{JOBS[1]}"}}') or 0) > FEW_SAMPLES
                ),
                "the distributions",
                DEADLINE_SECONDS,
            )
            assert server.value(f"min(min_over_time({UP}[5m]))") == 1
            assert server.value(OLD) == 1
            samples = [server.value(f'scrape_samples_scraped{{job="{job}"}}') or 0 for job in JOBS]
            assert (
                0.99 * Config().max_series < max(samples) < Config().max_series + ROOM_FOR_RESOURCES
            )
        dropped = exporter.value('benchmark_exporter_subjects_dropped{kind="benchmark"}') or 0
        assert f"{dropped:,.0f} × benchmark" in exporter.get("/").decode()
        assert psutil.Process(exporter.process.pid).memory_info().rss < MAX_RESIDENT_BYTES
        before = shown(exporter)
        exporter.stop()
        exporter.start()
        assert shown(exporter) == before
    finally:
        exporter.stop()


def scraped_until(exporter: Exporter, files: int) -> float:
    """Return the longest scrape, in seconds, until that many files have been ingested."""
    longest_seconds, deadline = 0.0, time.monotonic() + DEADLINE_SECONDS
    ingested = 0.0
    while ingested < files:
        started = time.monotonic()
        state = exporter.get("/metrics?collect[]=state").decode()
        longest_seconds = max(longest_seconds, time.monotonic() - started)
        ingested = sum(
            float(count)
            for count in re.findall(
                r"^benchmark_exporter_files_ingested_total\{.*\} (\S+)$", state, re.MULTILINE
            )
        )
        assert time.monotonic() < deadline, exporter.log.read_text()[-1000:]
        time.sleep(0.05)
    return longest_seconds


def shown(exporter: Exporter) -> Sequence[bytes]:
    """Return every series without its value, which a run held back before may have changed."""
    page = exporter.get("/metrics?collect[]=state&collect[]=distributions")
    return [line.rpartition(b" ")[0] for line in page.splitlines()]
