"""A real Prometheus that scrapes sparsely: what it finds, when alerts end, and what it stores."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from itertools import count

import pytest

from tests.rules.prometheus_server import Server, prometheus, wait_until
from tests.support.documents import perf_suite
from tests.support.process import Exporter

BENCHMARKS = 20
# As many series as benchmarks, of a sparse metric.
RUNS = "benchmark_last_run_timestamp_seconds"
FAILED = 'ALERTS{alertname="PerformanceGateFailed", alertstate="firing"}'
# Well below the five minutes for which a series without a staleness marker stays.
SOON_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Scraped:
    """An exporter, and how to start a Prometheus that scrapes it."""

    exporter: Exporter
    start: Callable[[str], AbstractContextManager[Server]]
    minutes: Iterator[int]

    def drop(self, number: int, run: str, speedup: float = 20.0) -> None:
        """Write a run of one benchmark, later than those before, whole at once."""
        timestamp = f"2026-03-01T12:{next(self.minutes):02}:00Z"
        document = perf_suite(
            run, project=f"p{number}", speedup=speedup, commit=run, timestamp=timestamp
        )
        part = self.exporter.results / f"{number}-{run}.part"
        part.write_text(json.dumps(document), encoding="utf-8")
        part.rename(part.with_suffix(".json"))


@pytest.fixture(scope="module")
def scraped(
    programs: Mapping[str, Sequence[str]],
    free_port: Callable[[], int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Scraped]:
    exporter = Exporter(tmp_path_factory.mktemp("exporter"), free_port())

    @contextmanager
    def start(name: str) -> Iterator[Server]:
        folder = tmp_path_factory.mktemp(name)
        address = f"127.0.0.1:{exporter.port}"
        with prometheus(programs["prometheus"], folder, free_port(), exporter=address) as server:
            yield server

    running = Scraped(exporter, start, count())
    for number in range(BENCHMARKS):
        running.drop(number, "first")
    exporter.until(lambda: exporter.get("/metrics").count(f"\n{RUNS}{{".encode()) == BENCHMARKS)
    yield running
    exporter.stop()


@pytest.fixture(scope="module")
def server(scraped: Scraped) -> Iterator[Server]:
    """A Prometheus that has scraped the exporter at least once."""
    with scraped.start("first") as server:
        yield server


def test_the_first_scrape_of_a_prometheus_finds_every_series(
    scraped: Scraped, server: Server
) -> None:
    wait_until(lambda: server.value('up{job="benchmark-exporter"}') == 1, "a scrape")
    assert server.value(f"count({RUNS})") == BENCHMARKS
    with scraped.start("second") as second:
        wait_until(lambda: second.value('up{job="benchmark-exporter"}') == 1, "a scrape")
        assert second.value(f"count({RUNS})") == BENCHMARKS


def test_a_gate_alert_names_its_run_at_once_and_ends_with_the_next_good_one(
    scraped: Scraped, server: Server
) -> None:
    scraped.drop(3, "bad", speedup=12.0)
    wait_until(lambda: server.value(FAILED) == 1, "the alert", SOON_SECONDS)
    (alert,) = [
        each
        for each in server.get("alerts")["alerts"]
        if each["labels"]["alertname"] == "PerformanceGateFailed"
    ]
    assert "That run is bad of commit bad." in alert["annotations"]["description"]
    scraped.drop(3, "good")
    wait_until(lambda: server.value(FAILED) is None, "the end of the alert", SOON_SECONDS)
    assert server.value("benchmark_failed_run_info") is None


def test_a_restart_of_the_exporter_leaves_no_gap_and_loses_no_change(
    scraped: Scraped, server: Server
) -> None:
    scraped.exporter.process.kill()
    scraped.exporter.process.wait()
    scraped.drop(5, "while-down", speedup=17.0)
    scraped.exporter.start()
    changed = 'speedup_ratio{project="p5", percentile="p50"}'
    wait_until(lambda: server.value(changed) == 17, "the run of the meantime", SOON_SECONDS)
    assert server.value(f"min_over_time(count({RUNS})[10s:1s])") == BENCHMARKS


def test_a_counter_is_seen_at_0_before_its_first_event(scraped: Scraped, server: Server) -> None:
    scraped.drop(7, "regressed", speedup=5.0)
    counter = 'performance_regression_detected_total{project="p7"}'
    wait_until(lambda: (server.value(counter) or 0) >= 1, "the counter", SOON_SECONDS)
    values = server.get("query", query=f"{counter}[5m]")["result"][0]["values"]
    assert values[0][1] == "0"
    assert (server.value(f"increase({counter}[5m])") or 0) > 0
    assert server.value(f"resets({counter}[5m])") == 0


def test_what_does_not_change_is_hardly_stored_and_nothing_out_of_order(server: Server) -> None:
    stored = server.get("query", query=f'{RUNS}{{project="p1"}}[1h]')["result"][0]["values"]
    scrapes = server.value('count_over_time(up{job="benchmark-exporter"}[1h])') or 0
    # The first scrape, the restart, and once a minute.
    assert len(stored) <= 3 + scrapes / 60
    assert {value for _, value in stored} == {stored[0][1]}
    kept = [
        float(line.rpartition(" ")[2])
        for line in server.metrics()
        if re.match(
            r"prometheus_(tsdb_head_out_of_order_samples_appended|target_scrapes_sample_"
            r"(out_of_order|out_of_bounds|duplicate_timestamp))_total\b",
            line,
        )
    ]
    assert len(kept) >= 4
    assert not any(kept)
