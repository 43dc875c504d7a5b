"""The `resources` part."""

from benchmark_exporter.config import Config
from benchmark_exporter.metrics.collector import Collector
from benchmark_exporter.metrics.live import Live, LiveProgress
from benchmark_exporter.metrics.resources import Resources
from tests.support.wired import DEFINITIONS, START_SECONDS, samples

OF_THE_STREAM = ("benchmark_live_", "benchmark_stream_")


def test_the_stream(progress: LiveProgress) -> None:
    part = Collector(DEFINITIONS, Config()).render_resources(
        Resources((), 0, 0, 0, 0), Live(0, 0), {}, progress
    )
    shown = samples(part.decode())
    assert {name: shown[name] for name in shown if name.startswith(OF_THE_STREAM)} == {
        "benchmark_live_runs": {frozenset({("project", "router")}): 2},
        "benchmark_live_lines_rejected_total": {
            frozenset({("reason", "too_long"), ("project", "")}): 0,
            frozenset({("reason", "not_json"), ("project", "")}): 3,
            frozenset({("reason", "invalid"), ("project", "")}): 0,
        },
        "benchmark_stream_clients": {frozenset(): 4},
        "benchmark_stream_messages_total": {
            frozenset({("type", "progress")}): 9,
            frozenset({("type", "gap")}): 1,
        },
        "benchmark_stream_dropped_total": {frozenset(): 5},
        "benchmark_stream_lag_seconds_bucket": {
            frozenset({("le", "0.005")}): 1,
            frozenset({("le", "0.05")}): 3,
            frozenset({("le", "+Inf")}): 4,
        },
        "benchmark_stream_lag_seconds_sum": {frozenset(): 0.75},
        "benchmark_stream_lag_seconds_count": {frozenset(): 4},
    }


def test_processes_scans_and_uploads(progress: LiveProgress) -> None:
    collector = Collector(DEFINITIONS, Config())
    resources = Resources((12.5, 0.0), 3.0, 1.234, 52_400_000, START_SECONDS)
    live = Live(0, 0.25, searches_due=7)
    part = collector.render_resources(resources, live, {201: 3, 400: 0}, progress)
    shown = samples(part.decode())
    assert {name: shown[name] for name in shown if not name.startswith(OF_THE_STREAM)} == {
        "memory_usage_mb": {
            frozenset(
                {("process", "benchmark-exporter"), ("project", ""), ("phase", "serving")}
            ): 52.4,
            frozenset({("process", "bench"), ("project", "router"), ("phase", "current")}): 40.5,
            frozenset({("process", "bench"), ("project", "router"), ("phase", "warmup")}): 64.0,
        },
        "cpu_utilization_percent": {
            frozenset({("core", "all"), ("process", "bench"), ("project", "router")}): 97.5,
            frozenset({("core", "3"), ("process", "bench"), ("project", "router")}): 97.5,
            frozenset({("core", "0"), ("process", "system"), ("project", "")}): 12.5,
            frozenset({("core", "1"), ("process", "system"), ("project", "")}): 0.0,
            frozenset({("core", "all"), ("process", "benchmark-exporter"), ("project", "")}): 3.0,
        },
        "benchmark_exporter_scan_duration_seconds": {frozenset(): 0.25},
        "benchmark_exporter_change_searches_due": {frozenset(): 7},
        "benchmark_exporter_uploads_total": {
            frozenset({("code", "201")}): 3.0,
            frozenset({("code", "400")}): 0.0,
        },
        "process_cpu_seconds_total": {frozenset(): 1.23},
        "process_resident_memory_bytes": {frozenset(): 52_400_000.0},
        "process_start_time_seconds": {frozenset(): START_SECONDS},
    }
