"""golden_metrics, bench_results, perf_diff and perf_analyze.

Expected values are worked out by hand from the documents of tests/exporter/golden.
"""

import pytest

from benchmark_exporter.model import Result, Statistics
from tests.support.parsing import results_of, run_of


def test_golden_metrics_are_read_in_base_units() -> None:
    run = run_of("golden_metrics/1-metrics")
    assert run.timestamp_seconds == 1772366400.5
    assert run.results == (
        Result("golden", "", Statistics(mean=2.5e-4, p95=5e-4), sample_count=1000),
        Result("golden", "throughput", Statistics(mean=4000.0), unit="per_second", better="higher"),
        Result("golden", "memory", Statistics(mean=65536.0), unit="bytes", better="lower"),
        Result("golden", "hits", Statistics(mean=0.75), unit="ratio", better="higher"),
    )


def test_bench_results_are_read_in_seconds() -> None:
    run = run_of("perf_diff/1-bench_results")
    assert run.commit_hash == "a1b2c3d"
    assert run.results == (
        Result(
            "parsing",
            "",
            Statistics(p50=4e-3, p95=8e-3, mean=5e-3, stddev=1e-3),
            1000,
            cv_ratio=0.2,
        ),
    )


def test_perf_diff_gives_the_current_times_the_change_and_the_number_of_each_status() -> None:
    results = results_of("perf_diff/2-perf_diff")
    assert results["parsing"] == Result("parsing", "", Statistics(p50=5e-3, p95=9e-3))
    assert results["parsing/p50_change"] == Result(
        "parsing", "p50_change", Statistics(mean=0.25), unit="ratio", better="lower"
    )
    counts = {
        name: result.statistics.mean
        for name, result in results.items()
        if result.benchmark == "perf_diff"
    }
    assert counts == {
        "perf_diff/regression": 1,
        "perf_diff/improvement": 0,
        "perf_diff/no_change": 1,
    }


def test_perf_analyze_gives_findings_by_severity_and_shares() -> None:
    results = results_of("perf_analyze/1-analysis")
    assert results["parsing/profiled"].statistics == Statistics(mean=0.0025)  # 2.5 s / 1000
    assert {
        name: result.statistics.mean
        for name, result in results.items()
        if result.unit == "findings"
    } == {
        "parsing/findings/critical": 0,
        "parsing/findings/high": 2,
        "parsing/findings/medium": 0,
        "parsing/findings/low": 0,
    }
    shares = {
        name: result.statistics.mean for name, result in results.items() if result.unit == "ratio"
    }
    assert shares == {
        "parsing/share/split": pytest.approx(0.4),
        "parsing/share/join": pytest.approx(0.2),
    }
