"""The second perf_suite: its four documents and its baseline file.

Expected values are worked out by hand from the documents of tests/exporter/golden.
"""

from zoneinfo import ZoneInfo

from benchmark_exporter.formats import Origin
from benchmark_exporter.model import Baseline, Failure, Result, Statistics
from tests.support.documents import golden
from tests.support.parsing import accepted, results_of, run_of


def test_bench_suite_is_read_in_seconds_and_its_errors_are_failures() -> None:
    run = run_of("bench_suite/1-comprehensive")
    assert [result.name for result in run.results] == [
        "parsing",
        "parsing/memory_delta",
        "naive",
        "naive/memory_delta",
    ]
    assert run.results[0] == Result(
        "parsing",
        "",
        Statistics(8e-6, 1.6e-5, 3.2e-5, 1e-5, 4e-6, 6.4e-5, 2e-6),
        sample_count=50,
        cv_ratio=0.2,
    )
    assert run.results[1] == Result(
        "parsing", "memory_delta", Statistics(mean=2 * 1024 * 1024), unit="bytes"
    )
    assert run.failures == (Failure("rendering", "Warmup failed: no module named 'parser'"),)


def test_bench_suites_local_time_is_read_in_the_configured_zone() -> None:
    name = "bench_suite/2-module"
    assert run_of(name).timestamp_seconds == 1772398802  # date -ud 2026-03-01T21:00:02 +%s
    assert (
        run_of(name, Origin(zone=ZoneInfo("Asia/Tokyo"))).timestamp_seconds == 1772398802 - 9 * 3600
    )


def test_a_document_of_failures_only_is_a_run() -> None:
    run = run_of("bench_suite/3-comparison-all-failed")
    assert (run.results, [failure.benchmark for failure in run.failures]) == ((), ["naive"])


def test_bench_suites_regressions_are_counted() -> None:
    found = results_of("bench_suite/4-regression-test")["regression_test/regressions"]
    assert (found.statistics.mean, found.unit, found.better) == (1.0, "benchmarks", "lower")


def test_a_baseline_is_not_a_run() -> None:
    assert accepted(golden("bench_suite/5-baseline")) == Baseline(
        "bench_suite_baseline", ("rendering",)
    )
