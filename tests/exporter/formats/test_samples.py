"""Files that real tools wrote."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.formats import parse
from benchmark_exporter.model import Baseline, Rejected, Run
from tests.support.paths import SAMPLES
from tests.support.wired import Wired

pytestmark = pytest.mark.skipif(
    not SAMPLES.is_dir(), reason=f"there are no results of real tools at {SAMPLES}"
)
SPEEDUP = {"percentile": "p50", "baseline_version": "v0.3.0"}


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "format_name", "run_id"),
    [
        ("perf_suite-pass.json", "perf_suite", "20250901T045919Z"),
        ("perf_suite-slow.json", "perf_suite", "20261123T221933Z"),
        ("perf_guard-fail.json", "perf_guard", "20261123T221933Z"),
        ("bench_guard-fail.json", "bench_guard", "20261123T132339Z"),
        ("bench_suite-comprehensive.json", "bench_suite", "20261123T222337Z"),
        ("bench_suite-module.json", "bench_suite", "20261123T222338Z"),
        ("bench_suite-comparison.json", "bench_suite", "20261123T222337Z"),
        ("bench_suite-regression-test.json", "bench_suite", "20261123T222338Z"),
        ("golden-metrics.json", "golden_metrics", "20250901T234156Z"),  # date -ud @1756770116
        ("pytest_benchmark.json", "pytest_benchmark", "20261123T223621Z"),
        ("google_benchmark.json", "google_benchmark", "20261123T223622Z"),
        # It states no time, and here there is no file to take it from.
        ("hyperfine.json", "hyperfine", "19700101T000000Z"),
    ],
)
def test_each_format_is_recognised(name: str, format_name: str, run_id: str) -> None:
    run = parse(sample(name))
    assert isinstance(run, Run)
    assert run.format == format_name
    assert run.run_id.split("-")[0] == run_id


def test_the_baseline_is_not_a_run() -> None:
    assert parse(sample("bench_suite-baseline.json")) == Baseline(
        "bench_suite_baseline", ("pattern_compilation", "pattern_expansion")
    )


# The numbers are copied from the files; for samples, they are the tools' own statistics of them.
@pytest.mark.parametrize(
    ("name", "result", "expected"),
    [
        (
            "bench_suite-comprehensive.json",
            "pattern_compilation",
            {"p50": 1.07631e-4, "p95": 1.20476e-4, "max": 1.31736e-4},
        ),
        (
            "bench_suite-comprehensive.json",
            "pattern_compilation/memory_delta",
            {"mean": 162283.52 * 50},
        ),  # its memory_per_op_bytes
        (
            "bench_suite-module.json",
            "core.pattern_expander.field",
            {"p50": 7.52e-7, "mean": 7.70700026e-7},
        ),
        (
            "bench_suite-regression-test.json",
            "pattern_expansion",
            {"p99": 1.46715e-4, "stddev": 1.58260029e-4},
        ),
        ("golden-metrics.json", "golden", {"mean": 2e-4, "p95": 3.4e-4}),
        ("golden-metrics.json", "golden/memory", {"mean": 159744}),
        ("golden-metrics.json", "golden/throughput", {"mean": 4969.2}),
        ("golden-metrics.json", "golden/hits", {"mean": 0.85}),
        (
            "pytest_benchmark.json",
            "test_b.py::test_sort",
            {"p50": 6.041999768e-6, "mean": 6.298179987e-6, "stddev": 2.37146446e-6},
        ),
        (
            "google_benchmark.json",
            "BM_StringCopy/64/repeats:3",
            {"p50": 21.434467e-9, "mean": 20.700682e-9, "stddev": 1.5634644e-9},
        ),
        (
            "google_benchmark.json",
            "BM_StringCopy/4096/repeats:3/cpu",
            {"p50": 82.400310e-9, "mean": 93.523762e-9, "stddev": 20.865791e-9},
        ),
        (
            "hyperfine.json",
            "true",
            {
                "p50": 6.38633e-4,
                "mean": 6.47936575e-4,
                "stddev": 1.1614295714e-4,
                "min": 5.32729e-4,
                "max": 1.17335e-3,
            },
        ),
    ],
)
def test_numbers_are_the_files_own_in_base_units(
    name: str, result: str, expected: dict[str, float]
) -> None:
    run = parse(sample(name))
    assert isinstance(run, Run)
    statistics = next(each for each in run.results if each.name == result).statistics
    assert {field: getattr(statistics, field) for field in expected} == pytest.approx(
        expected, rel=1e-6
    )


def test_benchmarks_with_an_error_have_failed(wired: Wired) -> None:
    wired.take("suite.json", sample("bench_suite-comprehensive.json"))
    failed = {
        dict(labels)["benchmark_name"]: value
        for labels, value in wired.samples()["benchmark_last_run_failed"].items()
    }
    assert failed == {
        **dict.fromkeys(("pattern_compilation", "pattern_expansion"), 0),
        **dict.fromkeys(("json_processing", "index_search"), 1),
        **dict.fromkeys(
            ("naive_implementation", "optimized_implementation", "regex_implementation"), 1
        ),
    }


def test_a_pass_then_a_slow_run_then_its_gates_outcome(wired: Wired) -> None:
    router = {"benchmark_name": "strataregula", "environment": "github-hosted"}
    windows = {**router, "machine_class": "windows x86_64 16 cpus"}
    linux = {**router, "machine_class": "linux x86_64 2 cpus"}
    wired.take("pass.json", sample("perf_suite-pass.json"))
    wired.take("slow.json", sample("perf_suite-slow.json"))
    wired.take("guard.json", sample("perf_guard-fail.json"))
    for machine, speedup, passed, critical in ((windows, 16.5856, 1, 0), (linux, 6.8817, 0, 1)):
        shown = wired.value("speedup_ratio", **machine, **SPEEDUP)
        assert shown == pytest.approx(speedup, abs=1e-4)
        assert wired.value("benchmark_gate_passed", **machine, criterion="overall") == passed
        regressions = wired.value("performance_regressions_total", **machine, severity="critical")
        assert regressions == critical
        assert wired.value("benchmark_runs_total", **machine) == 1


def test_bench_guards_benchmarks_fail_by_its_own_rule(wired: Wired) -> None:
    wired.take("guard.json", sample("bench_guard-fail.json"))
    config = json.loads(sample("bench_guard-fail.json"))["config"]
    for name, part in json.loads(sample("bench_guard-fail.json"))["benchmarks"].items():
        passed = (
            part["ratio"] >= config["min_ratio"] and part["fast"]["p95_us"] <= config["max_p95_us"]
        )
        assert (
            wired.value("benchmark_gate_passed", benchmark_name=name, criterion="overall") == passed
        )
        assert wired.value("speedup_ratio", benchmark_name=name, **SPEEDUP) == part["ratio"]
    assert (
        wired.value(
            "performance_regression_active", benchmark_name="pattern_expansion", severity="critical"
        )
        == 1
    )


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*.json")), ids=lambda path: path.name)
def test_every_prefix_of_each_is_truncated(path: Path) -> None:
    whole = path.read_bytes()
    for end in range(0, len(whole.rstrip()), max(1, len(whole) // 500)):
        with pytest.raises(Rejected) as caught:
            parse(whole[:end])
        assert caught.value.reason == "truncated"
