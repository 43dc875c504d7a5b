"""What recorded results become in the exposition."""

import pytest

from tests.support.documents import Json, perf_suite, pipeline
from tests.support.series import DUPLICATE, INGESTED, REJECTED_NOW, RUNS
from tests.support.wired import Wired


def test_a_failure_ratio_covers_the_newest_twenty_runs_and_needs_five(wired: Wired) -> None:
    wired.drop("0.json", pipeline("0", status="fail", timestamp="2026-01-01T00:00:00Z"))
    for number in range(1, 4):
        wired.drop(
            f"{number}.json", pipeline(f"{number}", timestamp=f"2026-02-{number:02}T00:00:00Z")
        )
    wired.settle()
    assert wired.value("ci_pipeline_failure_ratio", pipeline="nightly") is None
    wired.take("4.json", pipeline("4", timestamp="2026-02-04T00:00:00Z"))
    assert wired.value("ci_pipeline_failure_ratio", pipeline="nightly") == 0.2
    for number in range(5, 21):
        wired.drop(
            f"{number}.json", pipeline(f"{number}", timestamp=f"2026-02-{number:02}T00:00:00Z")
        )
    wired.settle()
    assert (
        wired.value("ci_pipeline_failure_ratio", pipeline="nightly") == 0
    )  # the failed one is the 21st


def test_a_pipelines_duration_is_its_newest_runs_if_that_states_one(
    wired: Wired,
) -> None:
    labels = {"pipeline": "nightly", "branch": "main", "trigger": "schedule"}
    wired.take(
        "2.json", pipeline("2", timestamp="2026-02-02T00:00:00Z") | {"duration_seconds": 61.5}
    )
    wired.take(
        "1.json", pipeline("1", timestamp="2026-02-01T00:00:00Z") | {"duration_seconds": 30.0}
    )
    assert wired.value("ci_pipeline_duration_seconds", **labels) == 61.5
    wired.take("3.json", pipeline("3", timestamp="2026-02-03T00:00:00Z"))
    assert wired.value("ci_pipeline_duration_seconds", **labels) is None


def test_a_suites_median_is_one_observation_in_the_histogram(wired: Wired) -> None:
    wired.take("a.json", perf_suite(p50_ms=0.05, speedup=20.0))
    labels = {
        "benchmark_name": "router/compiled",
        "iteration": "median",
        "environment": "self-hosted",
    }
    assert wired.value("benchmark_execution_time_ms_count", **labels) == 1
    assert (
        wired.value("benchmark_execution_time_ms_bucket", **labels, le="0.05") == 1
    )  # a bound is within its bucket
    assert wired.value("benchmark_execution_time_ms_bucket", **labels, le="0.025") == 0


def result(
    samples: list[float],
    *,
    unit: str = "milliseconds",
    failures: tuple[str, ...] = (),
    second: int = 0,
) -> Json:
    """A document of our own format."""
    measured = [{"benchmark": "parsing", "unit": unit, "samples": samples}] if samples else []
    failed = [{"benchmark": name, "error": "TypeError"} for name in failures]
    moment = f"2026-03-01T12:00:{second:02}Z"
    return {
        "schema": "strataregula.result/1",
        "timestamp": moment,
        "environment": "ci",
        "results": measured,
        "failures": failed,
    }


PARSING = {"benchmark_name": "parsing", "environment": "ci"}


def test_every_raw_sample_is_an_observation_and_its_statistics_are_exact(wired: Wired) -> None:
    samples = [number / 1000 for number in range(1, 10_001)]  # 0.001 … 10 ms
    wired.take("a.json", result(samples))
    labels = PARSING | {"iteration": "sample"}
    assert wired.value("benchmark_execution_time_ms_count", **labels) == 10_000
    assert wired.value("benchmark_execution_time_ms_bucket", **labels, le="2.5") == 2500
    assert wired.value("benchmark_execution_time_ms_sum", **labels) == pytest.approx(50_005)
    assert wired.value("benchmark_time_seconds", **PARSING, statistic="p99") == pytest.approx(
        0.00990001
    )  # rank 9899.01 of 0 … 9999
    assert wired.value("benchmark_samples", **PARSING) == 10_000


def test_a_quantity_that_is_not_a_time_is_not_an_execution_time(wired: Wired) -> None:
    wired.take("a.json", result([4096], unit="bytes"))
    assert wired.value("benchmark_size_bytes", **PARSING, statistic="p50", better="lower") == 4096
    assert "benchmark_execution_time_ms_count" not in wired.samples()
    assert "benchmark_time_seconds" not in wired.samples()


def test_a_negative_time_is_shown_and_is_not_an_execution_time(wired: Wired) -> None:
    wired.take("a.json", [{"name": "parsing", "unit": "ms", "value": -0.5}])
    assert (
        wired.value(
            "benchmark_time_seconds",
            benchmark_name="parsing",
            environment="local",
            statistic="mean",
        )
        == -0.0005
    )
    assert "benchmark_execution_time_ms_count" not in wired.samples()


def test_a_quantity_that_changes_its_unit_is_shown_only_in_the_newest(wired: Wired) -> None:
    wired.take("a.json", result([1.0]))
    wired.take("b.json", result([4096], unit="bytes", second=1))
    assert "benchmark_time_seconds" not in wired.samples()
    assert wired.value("benchmark_size_bytes", **PARSING, statistic="p50", better="lower") == 4096


def test_a_failed_benchmark_is_visible_and_keeps_its_last_statistics(wired: Wired) -> None:
    wired.take("a.json", result([1.0]))
    assert (
        wired.value("benchmark_last_run_failed", **PARSING),
        wired.value("benchmark_failures_total", **PARSING),
    ) == (0, 0)
    wired.take("b.json", result([], failures=("parsing",), second=1))
    assert (
        wired.value("benchmark_last_run_failed", **PARSING),
        wired.value("benchmark_failures_total", **PARSING),
    ) == (1, 1)
    assert wired.value("benchmark_time_seconds", **PARSING, statistic="p50") == pytest.approx(0.001)
    assert wired.value(RUNS, **PARSING) == 2
    wired.take("c.json", result([2.0], second=2))
    assert (
        wired.value("benchmark_last_run_failed", **PARSING),
        wired.value("benchmark_failures_total", **PARSING),
    ) == (0, 1)


def test_the_same_failure_in_another_document_is_a_duplicate(wired: Wired) -> None:
    document = result([1.0], failures=("rendering", "rendering"))
    wired.take("a.json", document)
    wired.take("b.json", document | {"branch": "main"})
    assert (
        wired.value("benchmark_failures_total", benchmark_name="rendering", environment="ci") == 1
    )
    assert wired.value(DUPLICATE) == 1


def test_a_baseline_file_is_ingested_and_is_not_a_run(wired: Wired) -> None:
    wired.take(
        "baseline.json",
        {"parsing": {"mean_us": 1.0, "p95_us": 2.0, "ops_per_second": 1e6, "memory_delta_mb": 0.0}},
    )
    assert wired.value(INGESTED, format="bench_suite_baseline") == 1
    assert RUNS not in wired.samples()
    assert REJECTED_NOW not in wired.samples()


def test_only_the_newest_five_commits_of_a_benchmark_are_shown(wired: Wired) -> None:
    for number in (7, 3, 5, 1, 6, 2, 4):
        wired.drop(
            f"{number}.json",
            perf_suite(
                f"{number}",
                commit=f"c{number}",
                speedup=5.0,
                timestamp=f"2026-03-0{number}T00:00:00Z",
            ),
        )
    wired.settle()
    shown = wired.samples()["performance_regression_detected_total"]
    assert {dict(labels)["commit_hash"] for labels in shown} == {"c3", "c4", "c5", "c6", "c7"}
