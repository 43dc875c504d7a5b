"""Bytes to model, or to a rejection that says why and where."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.formats import Origin, Sidecar, parse
from benchmark_exporter.model import (
    Baseline,
    Comparison,
    Document,
    Failure,
    Gate,
    Machine,
    PipelineRun,
    Rejected,
    Result,
    Run,
    Statistics,
)
from tests.support.documents import bench_guard, changed, golden, perf_suite, pipeline, without

Json = dict[str, Any]


def data(document: object) -> bytes:
    return json.dumps(document).encode()


def accepted(document: object) -> Document:
    return parse(data(document))


def rejected(document: bytes) -> Rejected:
    with pytest.raises(Rejected) as caught:
        parse(document)
    return caught.value


def test_perf_suite_is_read_in_seconds() -> None:
    assert accepted(perf_suite()) == Run(
        format="perf_suite",
        run_id="20260301T120000Z",
        timestamp_seconds=1772366402.5,  # date -ud 2026-03-01T12:00:02.5 +%s.%N
        project="router",
        environment="self-hosted",
        commit_hash="a1b2c3d",
        results=(
            Result(
                "router",
                "compiled",
                Statistics(p50=5e-5, p95=1e-4),
                sample_count=50,
                cv_ratio=0.125,
            ),
            Result("router", "fallback", Statistics(p50=1e-3, p95=2e-3), sample_count=50),
        ),
        comparisons=(Comparison("router", 20.0, 19.0, 1e-4, Gate(15.0, 12.0, 0.035, passed=None)),),
        machine=Machine("Linux", "x86_64", cpu_count=4),
    )


@pytest.mark.parametrize(("verdict", "passed"), [("PASS", True), ("FAIL", False)])
def test_a_verdict_makes_it_perf_guards(verdict: str, passed: bool) -> None:
    run = accepted(perf_suite(verdict=verdict))
    assert isinstance(run, Run)
    assert run.format == "perf_guard"
    assert run.comparisons[0].gate == Gate(15.0, 12.0, 0.035, passed=passed)


def test_perf_suite_without_a_gate_leaves_it_to_the_policy() -> None:
    run = accepted(without(perf_suite(), "gate"))
    assert isinstance(run, Run)
    assert run.comparisons[0].gate is None


def test_bench_guard_is_read_in_seconds_and_as_japanese_time() -> None:
    run = accepted(bench_guard({"parsing": 9.0}, passed=False))
    assert isinstance(run, Run)
    assert (run.run_id, run.timestamp_seconds) == (
        "20260301T120000Z",
        1772366400.0,
    )  # 21:00 JST is 12:00 UTC
    assert run.results[0] == Result(
        "parsing", "fast", Statistics(8e-6, 1.6e-5, 3.2e-5, 1e-5, 4e-6, 6.4e-5, 2e-6), cv_ratio=0.2
    )
    assert run.comparisons == (
        Comparison("parsing", 9.0, 9.0, 1.6e-5, Gate(15.0, 12.0, 1e-4, passed=False)),
    )


def test_bench_guard_without_tiers_has_one_limit_for_the_speedup() -> None:
    run = accepted(bench_guard({"parsing": 9.0}, passed=False, two_tier=False))
    assert isinstance(run, Run)
    assert run.comparisons[0].gate == Gate(15.0, None, 1e-4, passed=False)


@pytest.mark.parametrize(
    ("ratios", "passed", "expected"),
    [
        ({"a": 20.0, "b": 30.0}, True, {"a": True, "b": True}),
        ({"a": 9.0, "b": 30.0}, False, {"a": False, "b": True}),
        # Failed by a rule that is not in the document: nobody can be said to have passed.
        ({"a": 20.0, "b": 30.0}, False, {"a": False, "b": False}),
    ],
)
def test_bench_guards_one_verdict_is_dealt_out_to_its_benchmarks(
    ratios: dict[str, float], passed: bool, expected: dict[str, bool]
) -> None:
    run = accepted(bench_guard(ratios, passed=passed))
    assert isinstance(run, Run)
    assert {
        comparison.benchmark: comparison.gate and comparison.gate.passed
        for comparison in run.comparisons
    } == expected


def test_pipeline() -> None:
    assert accepted(pipeline(status="fail") | {"duration_seconds": 61.5}) == PipelineRun(
        "pipeline",
        "nightly",
        "main",
        "schedule",
        "101",
        passed=False,
        timestamp_seconds=1772366400.0,
        duration_seconds=61.5,
    )


# The other tools: each document of tests/exporter/golden, by numbers worked out from it by hand.


def run_of(name: str, origin: Origin | None = None) -> Run:
    run = parse(data(golden(name)), origin or Origin())
    assert isinstance(run, Run)
    return run


def results_of(name: str, origin: Origin | None = None) -> dict[str, Result]:
    return {result.name: result for result in run_of(name, origin).results}


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


def test_a_baseline_is_no_run() -> None:
    assert accepted(golden("bench_suite/5-baseline")) == Baseline(
        "bench_suite_baseline", ("rendering",)
    )


def test_golden_metrics() -> None:
    run = run_of("golden_metrics/1-metrics")
    assert run.timestamp_seconds == 1772366400.5
    assert run.results == (
        Result("golden", "", Statistics(mean=2.5e-4, p95=5e-4), sample_count=1000),
        Result("golden", "throughput", Statistics(mean=4000.0), unit="per_second", better="higher"),
        Result("golden", "memory", Statistics(mean=65536.0), unit="bytes", better="lower"),
        Result("golden", "hits", Statistics(mean=0.75), unit="ratio", better="higher"),
    )


def test_bench_results() -> None:
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


def test_perf_diff_gives_the_current_times_the_change_and_how_many_are_worse() -> None:
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
    assert results["parsing/profiled"].statistics == Statistics(mean=0.0025)  # 2.5 s by 1000
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


def test_pytest_benchmark_with_and_without_its_rounds() -> None:
    run = run_of("pytest_benchmark/1-run")
    assert (run.project, run.branch, run.commit_hash[:7], run.timestamp_seconds) == (
        "router",
        "main",
        "a1b2c3d",
        1772366400.5,
    )
    split, join = run.results
    assert (split.name, split.sample_count, split.samples) == (
        "test_b.py::test_split",
        4,
        (0.004, 0.001, 0.003, 0.002),
    )
    assert split.statistics.p50 == 0.0025
    assert split.statistics.p95 == pytest.approx(0.00385)
    # The tool's own statistics are those of its rounds.
    assert split.statistics.stddev == pytest.approx(join.statistics.stddev)
    assert (join.samples, join.statistics.p50, join.statistics.p95) == ((), 0.0025, None)


def test_pytest_benchmark_outside_of_a_repository_has_no_commit_and_no_branch() -> None:
    document = golden("pytest_benchmark/1-run")
    document["commit_info"] = {
        "id": "unversioned",
        "time": None,
        "dirty": False,
        "project": "router",
        "branch": "(unknown)",
    }
    run = parse(data(document), Origin(sidecar=Sidecar(branch="main")))
    assert isinstance(run, Run)
    assert (run.project, run.commit_hash, run.branch) == ("router", "", "main")


def test_pytest_benchmark_may_have_noted_a_nan_but_not_measured_one() -> None:
    document = golden("pytest_benchmark/1-run")
    assert accepted(
        changed(document, "benchmarks.0.extra_info", {"loss": float("nan")})
    ) == accepted(document)
    error = rejected(data(changed(document, "benchmarks.0.stats.mean", float("nan"))))
    assert (error.reason, error.json_path) == ("invalid_value", "$.benchmarks[0].stats.mean")


def test_google_benchmarks_repetitions_are_samples_and_its_aggregates_statistics() -> None:
    results = results_of("google_benchmark/1-run")
    assert results["BM_Copy/64"].samples == pytest.approx((2e-6, 4e-6, 6e-6))
    assert results["BM_Copy/64"].statistics.stddev == pytest.approx(2e-6)
    assert results["BM_Copy/64/cpu"].statistics.mean == pytest.approx(3e-6)
    rate = results["BM_Copy/64/bytes_per_second"]
    assert (rate.unit, rate.better) == ("per_second", "higher")
    assert rate.statistics.p50 == pytest.approx(16e6)  # 64 bytes in 4 µs
    assert results["BM_Sort"] == Result(
        "BM_Sort", "", Statistics(p50=0.005, mean=0.004, stddev=0.001)
    )
    assert results["BM_Sort/cpu"].statistics.stddev is None  # a bare NaN
    assert run_of("google_benchmark/1-run").failures == (Failure("BM_Open", "no such file"),)
    assert "BM_Gpu" not in results  # skipped, so its 0 ns are no time


def test_google_benchmark_1_4_marks_aggregates_by_their_names_alone() -> None:
    def entry(name: str, real_time: float) -> Json:
        return {
            "name": name,
            "iterations": 10,
            "real_time": real_time,
            "cpu_time": real_time,
            "time_unit": "us",
        }

    document = golden("google_benchmark/1-run") | {
        "benchmarks": [
            *(
                entry("BM_Copy/8", 1.0),
                entry("BM_Copy/8", 3.0),
                entry("BM_Copy/8_mean", 2.0),
                entry("BM_Copy/8_stddev", 1.0),
            ),
            *(
                entry("BM_Sort_mean", 5.0),
                entry("BM_Sort_median", 4.0),
                entry("BM_Sort_stddev", 2.0),
            ),
            entry("BM_geometric_mean", 7.0),  # no aggregate, but what it measures
            {
                "name": "BM_Sort_BigO",
                "cpu_coefficient": 0.5,
                "real_coefficient": 0.5,
                "big_o": "N",
                "time_unit": "us",
            },
            {"name": "BM_Sort_RMS", "rms": 0.25},
        ]
    }
    run = accepted(document)
    assert isinstance(run, Run)
    times = {result.name: result for result in run.results if not result.variant}
    assert list(times) == ["BM_Copy/8", "BM_Sort", "BM_geometric_mean"]
    assert times["BM_Copy/8"].samples == pytest.approx((1e-6, 3e-6))
    sort = times["BM_Sort"].statistics
    assert (sort.p50, sort.mean, sort.stddev) == pytest.approx((4e-6, 5e-6, 2e-6))


def test_a_bare_nan_is_read_where_the_tool_writes_it_and_other_flaws_are_not() -> None:
    document = golden("google_benchmark/1-run")
    error = rejected(data(changed(document, "context.executable", "\ud800")))
    assert (error.reason, error.json_path) == ("malformed_json", "$.context.executable")


def test_every_beginning_of_a_document_with_bare_nans_is_truncated() -> None:
    document = golden("google_benchmark/1-run")
    written = data(
        {
            "context": document["context"],
            "benchmarks": document["benchmarks"][6:9],
            "limit": float("-inf"),
        }
    )
    assert b"NaN" in written
    for end in range(len(written)):
        assert rejected(written[:end]).reason == "truncated", written[:end]


def test_hyperfines_times_are_samples_and_its_time_is_its_side_files_or_its_files() -> None:
    results = results_of("hyperfine_with_side_file/1-run")
    check, memory = results["router --check"], results["router --check/memory"]
    assert (check.samples, check.statistics.p50) == ((0.02, 0.04, 0.03), 0.03)
    assert (memory.unit, memory.statistics.max) == ("bytes", 8192)
    assert results["router --check/user"] == Result("router --check", "user", Statistics(mean=0.01))
    assert results["router --check/system"] == Result(
        "router --check", "system", Statistics(mean=0.002)
    )
    assert results["router 'a b' | sort"].statistics.stddev is None
    assert (
        run_of("hyperfine_with_side_file/1-run", Origin(written_seconds=5.5)).timestamp_seconds
        == 5.5
    )
    side = Sidecar(
        timestamp=datetime(2026, 3, 1, 12, tzinfo=UTC), commit="a1b2c3d", project="router"
    )
    run = run_of("hyperfine_with_side_file/1-run", Origin(written_seconds=5.5, sidecar=side))
    assert (run.timestamp_seconds, run.commit_hash, run.project) == (
        1772366400,
        "a1b2c3d",
        "router",
    )


def test_hyperfine_2_gives_every_measurement_with_its_unit_and_when_the_run_began() -> None:
    run, results = run_of("hyperfine_2/1-run"), results_of("hyperfine_2/1-run")
    assert run.timestamp_seconds == 1772366400
    assert len(results) == 2 * 5  # the CPU's time is the sum of two others
    # The same command twice, so its parameters tell one from the other.
    assert results["router --check(threads=1)"].samples == (0.25, 0.75)
    assert results["router --check(threads=1)/user"].samples == (0.125, 0.375)
    assert results["router --check(threads=2)/system"].samples == (0.0,)
    memory, instructions = (
        results["router --check(threads=1)/memory"],
        results["router --check(threads=1)/instructions"],
    )
    assert (memory.samples, memory.unit, memory.better) == ((4096.0, 8192.0), "bytes", "lower")
    assert (instructions.samples, instructions.unit, instructions.better) == (
        (1000.0, 1000.0),
        "count",
        None,
    )


@pytest.mark.parametrize(
    ("first", "second", "names"),
    [
        ({"command": "make -j1"}, {"command": "make -j2"}, ["make -j1", "make -j2"]),
        (
            {"parameters": {"n": "1", "m": "x"}},
            {"parameters": {"n": "2", "m": "x"}},
            ["make(m=x,n=1)", "make(m=x,n=2)"],
        ),
        ({"parameter": "1"}, {"parameter": "2"}, ["make(1)", "make(2)"]),  # 1.6 to 1.10
    ],
)
def test_hyperfines_parameters_are_in_the_name_where_the_command_does_not_tell(
    first: Json, second: Json, names: list[str]
) -> None:
    part = {
        "command": "make",
        "mean": 1.5,
        "stddev": 0.75,
        "min": 1.0,
        "max": 2.0,
    }  # 1.5 and older: no median, no times
    run = accepted({"results": [part | first, part | second]})
    assert isinstance(run, Run)
    assert [result.name for result in run.results] == names
    assert run.results[0].statistics == Statistics(mean=1.5, min=1.0, max=2.0, stddev=0.75)
    assert run.results[0].cv_ratio == 0.5


def test_jmhs_unit_and_direction_are_its_score_units() -> None:
    results = results_of("jmh/1-results")
    throughput, average = (
        results["org.example.Parse.split/thrpt"],
        results["org.example.Parse.split(kind=ascii,size=64)/avgt"],
    )
    assert (throughput.unit, throughput.better, throughput.samples) == (
        "per_second",
        "higher",
        (2e3, 4e3, 3e3, 3e3),
    )
    assert (average.unit, average.better) == ("seconds", "lower")
    assert average.samples == pytest.approx((2e-6, 4e-6, 3e-6, 3e-6))


def test_jmhs_percentiles_are_latencies_in_mode_sample_only() -> None:
    results = results_of("jmh/1-results")
    assert results["org.example.Parse.split/sample"].statistics.p95 == pytest.approx(3.9e-3)
    assert results[
        "org.example.Parse.split(kind=ascii,size=64)/avgt"
    ].statistics.p95 == pytest.approx(3.85e-6)  # of iterations, not 3.9


def test_jmhs_secondary_metrics_are_results_where_lower_is_known_to_be_better_or_they_are_in_the_primary_ones_unit() -> (
    None
):
    name = "org.example.Parse.split(kind=ascii,size=64)/avgt"
    results = {
        key.removeprefix(f"{name}/"): value
        for key, value in results_of("jmh/1-results").items()
        if key.startswith(f"{name}/")
    }
    # Not among them: the rate of allocation, which is neither good nor bad, and the stack profiler's text.
    assert sorted(results) == ["gc.alloc.rate.norm", "gc.count", "gc.time", "reader"]
    size, count, time, reader = (results[key] for key in sorted(results))
    assert (size.statistics, size.unit, size.better) == (Statistics(mean=1024.0), "bytes", "lower")
    assert (count.statistics, count.unit, count.better) == (
        Statistics(mean=6.0),
        "counts",
        "lower",
    )  # the sum of the iterations
    assert (time.statistics, time.unit, time.better) == (Statistics(mean=0.016), "seconds", "lower")
    assert reader.samples == pytest.approx((1e-6, 3e-6, 2e-6, 2e-6))


def test_jmhs_percentiles_of_mode_sample_are_no_metrics_of_their_own() -> None:
    assert golden("jmh/1-results")[2]["secondaryMetrics"].keys() == {"p0.00", "split:split·p0.50"}
    assert [name for name in results_of("jmh/1-results") if "/sample" in name] == [
        "org.example.Parse.split/sample"
    ]


def test_a_jmh_benchmark_without_a_score_has_failed() -> None:
    document = golden("jmh/1-results")[:2]
    document[0]["primaryMetric"] |= {"score": "NaN", "rawData": [["NaN", "NaN"]]}
    run = accepted(document)
    assert isinstance(run, Run)
    assert run.failures == (Failure("org.example.Parse.split", "its score is NaN"),)


def test_github_action_benchmark_takes_values_that_are_texts_and_entries_without_a_unit() -> None:
    run = accepted(
        [
            {"name": "Load", "unit": "Percent", "value": "50"},
            {"name": "Size", "unit": "Megabytes", "value": 2},
            {"name": "x", "value": 1},
        ]
    )
    assert isinstance(run, Run)
    assert [(result.statistics.mean, result.unit) for result in run.results] == [
        (0.5, "ratio"),
        (2e6, "bytes"),
        (1.0, ""),
    ]
    error = rejected(
        data(
            [
                {"name": "Load", "unit": "s", "value": 1},
                {"name": "Load", "unit": "s", "value": "1 s"},
            ]
        )
    )
    assert (error.reason, error.json_path) == ("invalid_value", "$[1].value")


def test_github_action_benchmarks_direction_is_its_units_or_its_side_files() -> None:
    results = results_of("github_action_benchmark/1-smaller")
    assert results["Parse"] == Result("Parse", "", Statistics(mean=0.0025))
    assert results["Binary"] == Result("Binary", "", Statistics(mean=65536.0), unit="bytes")
    assert results["Warnings"] == Result(
        "Warnings", "", Statistics(mean=3.0), unit="warnings", better=None
    )
    bigger = results_of(
        "github_action_benchmark/2-bigger", Origin(sidecar=Sidecar(better="higher"))
    )
    assert bigger["Serve"] == Result(
        "Serve", "", Statistics(mean=4000.0), unit="per_second", better="higher"
    )
    assert (bigger["Battery"].statistics.mean, bigger["Battery"].is_execution_time) == (
        36000.0,
        False,
    )
    assert (bigger["Hits"].statistics.mean, bigger["Hits"].better) == (0.75, "higher")


def test_our_own_format() -> None:
    run = run_of("result/1-run")
    assert (run.project, run.environment, run.commit_hash, run.branch, run.run_id) == (
        "router",
        "self-hosted",
        "a1b2c3d",
        "main",
        "ci-17",
    )
    assert run.suite_duration_seconds == 61.5
    times, memory, hits = run.results
    assert times.samples == pytest.approx((0.001, 0.002, 0.003, 0.004, 0.005))
    assert times.statistics.p95 == pytest.approx(0.0048)
    assert (memory.unit, memory.better, memory.statistics.p50) == ("bytes", "lower", 65536)
    assert (hits.unit, hits.better) == ("ratio", "higher")
    assert run.failures == (Failure("rendering", "TypeError: no template"),)


def test_what_a_document_says_itself_goes_before_its_side_file() -> None:
    side = Sidecar(
        project="other", environment="other", commit="fffffff", branch="other", run_id="other"
    )
    assert run_of("result/1-run", Origin(sidecar=side)) == run_of("result/1-run")


def test_runs_that_name_no_id_get_one_of_their_second_and_their_measurements() -> None:
    first = run_of("hyperfine_with_side_file/1-run", Origin(written_seconds=1772366400.25))
    assert re.fullmatch("20260301T120000Z-[0-9a-f]{8}", first.run_id)
    assert (
        first.run_id
        == run_of("hyperfine_with_side_file/1-run", Origin(written_seconds=1772366400.75)).run_id
    )
    assert (
        first.run_id
        != run_of("hyperfine_with_side_file/1-run", Origin(written_seconds=1772366401.25)).run_id
    )
    other = parse(
        data(changed(golden("hyperfine_with_side_file/1-run"), "results.0.times.0", 0.021)),
        Origin(written_seconds=1772366400.25),
    )
    assert isinstance(other, Run)
    assert other.run_id[:17] == first.run_id[:17]
    assert other.run_id != first.run_id


def test_a_format_of_another_distribution_is_found_by_its_entry_point(tmp_path: Path) -> None:
    (tmp_path / "stopwatch.py").write_text(
        "from benchmark_exporter.model import Result, Run, Statistics\n"
        "NAME = 'stopwatch'\n"
        "def matches(document): return isinstance(document, dict) and 'stopwatch' in document\n"
        "def parse(document, origin):\n"
        "    results = (Result('lap', '', Statistics(p50=document['stopwatch'])),)\n"
        "    return Run(NAME, origin.run_id(0.0, results), 0.0, results, ())\n"
    )
    installed = tmp_path / "stopwatch-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: stopwatch\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(
        "[benchmark_exporter.formats]\nbroken = no_such_module\nstopwatch = stopwatch\n"
    )
    (tmp_path / "lap.json").write_text('{"stopwatch": 0.25}')
    command = [sys.executable, "-m", "benchmark_exporter", "check", str(tmp_path / "lap.json")]
    checked = subprocess.run(
        command,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "stopwatch document" in checked.stdout, checked.stderr
    assert "lap: p50 250 ms" in checked.stdout
    assert "a format cannot be loaded" in checked.stderr
    assert checked.returncode == 0


def test_keys_that_no_format_knows_are_passed_over() -> None:
    assert accepted(perf_suite() | {"docs": {"vision": "x.md"}, "extra": [1, None]}) == accepted(
        perf_suite()
    )


def test_of_a_key_that_stands_twice_the_last_one_counts() -> None:
    twice = data(pipeline()).replace(b'"status"', b'"status": "fail", "status"')
    assert parse(twice) == accepted(pipeline())


SUITE = perf_suite()
P50 = "metrics.compiled.p50_ms"


@pytest.mark.parametrize(
    ("document", "reason", "json_path"),
    [
        (b"", "truncated", "$"),
        (b"   \n", "truncated", "$"),
        (data(SUITE)[:-1], "truncated", "$"),
        (data({"text": "日本"}).decode("unicode_escape").encode("utf-8")[:-4], "truncated", "$"),
        (b'{"run": 1,}', "malformed_json", "$"),
        (b"not json", "malformed_json", "$"),
        (data(SUITE) + b"{}", "malformed_json", "$"),
        (b"\xef\xbb\xbf" + data(SUITE), "malformed_json", "$"),
        (b"[" * 100_000 + b"]" * 100_000, "malformed_json", "$"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "malformed_json", "$"),
        (data(changed(SUITE, "run.run_id", "\ud800")), "malformed_json", "$.run.run_id"),
        (data({"a\udc00": 1}), "malformed_json", "$"),
        (b'{"a": "\x01"}', "malformed_json", "$"),
        (b'{"a": "\xff"}', "not_utf8", "$"),
        (data(SUITE).decode().encode("utf-16"), "not_utf8", "$"),
        (data(changed(SUITE, P50, float("nan"))), "not_finite", f"$.{P50}"),
        (
            data(changed(SUITE, "metrics.speedup_p50", float("inf"))),
            "not_finite",
            "$.metrics.speedup_p50",
        ),
        (data(SUITE | {"notes": [1, float("-inf")]}), "not_finite", "$.notes[1]"),
        (data(changed(SUITE, P50, "HERE")).replace(b'"HERE"', b"1e999"), "not_finite", f"$.{P50}"),
        (b"[" * 900 + b"NaN" + b"]" * 900, "not_finite", "$" + "[0]" * 99 + "[0…"),
        (
            data(changed(SUITE, P50, "HERE")).replace(b'"HERE"', b"1" * 400),
            "invalid_value",
            f"$.{P50}",
        ),
        (
            data(changed(SUITE, P50, "HERE")).replace(b'"HERE"', b"1" * 5000),
            "invalid_value",
            "$[...][...][...]",
        ),
        (data(changed(SUITE, P50, 10**30)), "invalid_value", f"$.{P50}"),
        (data(changed(SUITE, P50, 1e308)), "invalid_value", f"$.{P50}"),
        (data(changed(SUITE, P50, -0.001)), "invalid_value", f"$.{P50}"),
        (data(changed(SUITE, P50, "0.05")), "invalid_value", f"$.{P50}"),
        (data(changed(SUITE, P50, None)), "invalid_value", f"$.{P50}"),
        (data(changed(SUITE, P50, True)), "invalid_value", f"$.{P50}"),
        (data(changed(SUITE, "metrics.compiled", [1])), "invalid_value", "$.metrics.compiled"),
        (data(changed(SUITE, "metrics.n_samples", 2**70)), "invalid_value", "$.metrics.n_samples"),
        (data(changed(SUITE, "metrics.n_samples", 1.5)), "invalid_value", "$.metrics.n_samples"),
        (data(changed(SUITE, "gate.p50x", 0)), "invalid_value", "$.gate.p50x"),
        (data(changed(SUITE, "gate.verdict", "MAYBE")), "invalid_value", "$.gate.verdict"),
        (data(changed(SUITE, "run.project", "")), "invalid_value", "$.run.project"),
        (data(changed(SUITE, "run.project", "x" * 10_000)), "invalid_value", "$.run.project"),
        (
            data(changed(SUITE, "run.timestamp", "2026-03-01T12:00:00")),
            "invalid_value",
            "$.run.timestamp",
        ),
        (
            data(changed(SUITE, "run.timestamp", "2026-02-30T12:00:00Z")),
            "invalid_value",
            "$.run.timestamp",
        ),
        (
            data(changed(SUITE, "run.timestamp", "0001-01-01T00:00:00+23:59")),
            "invalid_value",
            "$.run.timestamp",
        ),
        (
            data(changed(SUITE, "run.timestamp", "9999-12-31T23:59:59-23:59")),
            "invalid_value",
            "$.run.timestamp",
        ),
        (data(without(SUITE, "metrics.fallback")), "invalid_value", "$.metrics"),
        (data(without(SUITE, "run.run_id")), "invalid_value", "$.run"),
        (data(bench_guard({}, passed=True)), "invalid_value", "$.benchmarks"),
        (data(bench_guard({"": 9.0}, passed=True)), "invalid_value", "key in $.benchmarks"),
        (
            data(bench_guard({"a": 9.0}, passed=True) | {"timestamp": "0001-01-01 00:00:00 JST"}),
            "invalid_value",
            "$.timestamp",
        ),
        (
            data(bench_guard({"a": 9.0}, passed=True) | {"timestamp": "2026-03-01 21:00:00 CET"}),
            "invalid_value",
            "$.timestamp",
        ),
        (
            data(changed(bench_guard({"a": 9.0}, passed=True), "benchmarks.a.fast.mean_us", 0)),
            "invalid_value",
            "$.benchmarks[...].fast.mean_us",
        ),
        (data(pipeline(status="skipped")), "invalid_value", "$.status"),
        (
            data(without(golden("bench_suite/2-module"), "functions.split.mean_us")),
            "invalid_value",
            "$.functions.split",
        ),
        (
            data(changed(golden("bench_suite/2-module"), "timestamp", "soon")),
            "invalid_value",
            "$.timestamp",
        ),
        (
            data(changed(golden("google_benchmark/1-run"), "benchmarks.0.real_time", 1e300)),
            "invalid_value",
            "$.benchmarks[0].real_time",
        ),
        (
            data(changed(golden("google_benchmark/1-run"), "context.date", "1969-12-31")),
            "invalid_value",
            "$.context.date",
        ),
        (data(changed(golden("pytest_benchmark/1-run"), "benchmarks", [])), "invalid_value", "$"),
        (
            data(
                changed(
                    golden("hyperfine_with_side_file/1-run"), "results.1.command", "router --check"
                )
            ),
            "invalid_value",
            "$",
        ),
        (
            data(
                changed(golden("hyperfine_2/1-run"), "metadata.start_time", "2026-03-01T12:00:00")
            ),
            "invalid_value",
            "$.metadata.start_time",
        ),
        (
            data(
                changed(
                    golden("hyperfine_2/1-run"),
                    "results.0.measurements.1.time_user",
                    {"value": "fast", "unit": "second"},
                )
            ),
            "invalid_value",
            "$.results[0].measurements[1][...].value",
        ),
        (
            data(changed(golden("golden_metrics/1-metrics"), "hit_ratio", float("nan"))),
            "not_finite",
            "$.hit_ratio",
        ),
        (
            data(changed(golden("result/1-run"), "results.0.samples", [])),
            "invalid_value",
            "$.results[0].samples",
        ),
        (
            data(changed(golden("result/1-run"), "results.0.unit", "minutes")),
            "invalid_value",
            "$.results[0].unit",
        ),
        (data(golden("result/1-run") | {"comit": "a1b2c3d"}), "invalid_value", "$"),
        (
            data(golden("result/1-run") | {"results": [], "failures": []}),
            "invalid_value",
            "$.results",
        ),
        (
            data(changed(golden("jmh/1-results"), "0.primaryMetric.rawData.0.1", "fast")),
            "invalid_value",
            "$[0].primaryMetric.rawData[0][1]",
        ),
        (data([SUITE]), "unknown_format", "$"),
        (b"[]", "unknown_format", "$"),
        (b"null", "unknown_format", "$"),
        (b"1", "unknown_format", "$"),
        (b"{}", "unknown_format", "$"),
        (data({"metrics": {"compiled": {}}}), "unknown_format", "$"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_what_is_wrong_is_named_with_its_place(
    document: bytes, reason: str, json_path: str
) -> None:
    error = rejected(document)
    assert (error.reason, error.json_path) == (reason, json_path)
    assert error.detail


def test_a_rejection_is_short_and_can_be_stored_whatever_the_document_holds() -> None:
    for document in (
        {"k" * 1_000_000: 1},
        changed(SUITE, "gate.verdict", "\N{SKULL}" * 100_000),
        {"k\udc00" * 100_000: float("nan")},
        {"k" * 100_000: float("nan")},
        bench_guard({"a": 9.0}, passed=True) | {"timestamp": "\n" * 1000},
    ):
        error = rejected(data(document))
        str(error).encode()
        assert len(str(error)) < 1000
    assert str(Rejected("internal_error", "\ud800")).encode() == b"internal_error at $: \\ud800"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_rejection(document: bytes) -> None:
    with pytest.raises(Rejected):
        parse(document)


SHAPES = (
    *(
        perf_suite(),
        perf_suite(verdict="FAIL"),
        bench_guard({"a": 9.0, "b": 20.0}, passed=False),
        pipeline(),
    ),
    *map(
        golden,
        (
            "bench_suite/1-comprehensive",
            "bench_suite/4-regression-test",
            "bench_suite/5-baseline",
            "golden_metrics/1-metrics",
        ),
    ),
    *map(
        golden,
        (
            "perf_diff/1-bench_results",
            "perf_diff/2-perf_diff",
            "perf_analyze/1-analysis",
            "pytest_benchmark/1-run",
        ),
    ),
    *map(
        golden,
        (
            "google_benchmark/1-run",
            "hyperfine_with_side_file/1-run",
            "jmh/1-results",
            "result/1-run",
        ),
    ),
    *map(golden, ("github_action_benchmark/1-smaller", "hyperfine_2/1-run")),
)
KEYS = st.text(
    st.characters(codec=None, exclude_characters="."), max_size=5
)  # a dot parts the keys of a path
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A document of a known shape with some of its values replaced by anything, and perhaps a byte or the end lost."""
    document = draw(st.sampled_from(SHAPES))
    for _ in range(draw(st.integers(1, 3))):
        document = changed(document, draw(st.sampled_from(_paths(document))), draw(ANYTHING))
    written = bytearray(data(document))
    if draw(st.booleans()):
        written[draw(st.integers(0, len(written) - 1))] = draw(st.integers(0, 255))
    return bytes(written[: draw(st.just(len(written)) | st.integers(0, len(written)))])


def _paths(document: Any, prefix: str = "") -> list[str]:
    """The paths of all values, in arrays of the first two only."""
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document[:2])
        if isinstance(document, list)
        else ()
    )
    paths = []
    for key, value in items:
        if "." not in str(key):
            paths.append(f"{prefix}{key}")
            paths.extend(_paths(value, f"{prefix}{key}."))
    return paths


@given(damaged())
def test_a_damaged_document_is_read_or_named_and_never_a_crash(document: bytes) -> None:
    outcome: Document | Rejected
    try:
        outcome = parse(document)
    except Rejected as error:
        outcome = error
    assert not isinstance(outcome, Rejected) or (
        str(outcome).encode() and outcome.json_path.startswith(("$", "key in $"))
    )


@given(st.sampled_from(SHAPES), st.data())
def test_every_beginning_of_a_document_is_truncated(document: Any, draw: st.DataObject) -> None:
    first = "0" if isinstance(document, list) else next(iter(document))
    written = json.dumps(
        changed(document, first, {"é": "日本\N{SKULL}"}), ensure_ascii=False
    ).encode()
    end = draw.draw(st.integers(0, len(written) - 1))
    assert rejected(written[:end]).reason == "truncated"
