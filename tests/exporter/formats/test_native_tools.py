"""Catch2, nanobench, cargo bench, BenchmarkTools of Julia and fio."""

import json
from pathlib import Path

import pytest

from benchmark_exporter.formats import Origin, is_written_as_measured, parse
from benchmark_exporter.model import Failure, Run
from tests.support.documents import golden
from tests.support.parsing import accepted_run, encoded, rejected, results_of, run_of, run_of_file
from tests.support.paths import REPOSITORY

GOLDEN = REPOSITORY / "tests/exporter/golden"


def text(name: str) -> str:
    return (GOLDEN / f"{name}.json").read_text("utf-8")


def run_of_text(document: str) -> Run:
    run = parse(document.encode(), Origin())
    assert isinstance(run, Run)
    return run


@pytest.mark.parametrize("document", ["catch2/1-version-2", "catch2/2-version-3"])
def test_catch2_names_a_benchmark_by_its_test_case_and_sections(document: str) -> None:
    run = run_of_file(document)
    assert [each.name for each in run.results] == [
        "Fibonacci/Fibonacci 5",
        "Fibonacci/more & more/Fib 10",
    ]
    assert run.results[0].statistics.mean == pytest.approx(20.1456e-9)
    assert run.results[0].statistics.stddev == pytest.approx(2.6402e-9)
    assert run.results[0].sample_count == 5


def test_catch2_benchmarks_that_threw_or_whose_test_case_failed_have_failed() -> None:
    assert run_of_file("catch2/1-version-2").failures == (
        Failure("Fibonacci/more & more/throws", "no data"),
        Failure("fails/x", "its test case has failed"),
    )


def test_catch2_without_its_end_is_incomplete() -> None:
    assert rejected(text("catch2/1-version-2")[:-20].encode()).reason == "truncated"


def test_entities_of_xml_are_not_expanded() -> None:
    bomb = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]>'
    document = text("catch2/1-version-2").partition("?>")[2].replace("Fib 10", "&a;")
    assert "no declarations" in rejected((bomb + document).encode()).detail


def test_json_of_catch2_says_which_reporter_writes_benchmarks() -> None:
    document = {"version": 1, "metadata": {"name": "x", "catch2-version": "3.5.2"}, "test-run": {}}
    assert "--reporter xml" in rejected(encoded(document)).detail


def test_catch2_prints_is_answered_with_the_reporter() -> None:
    printed = "benchmark name                samples       iterations    est run time\n"
    assert "--reporter xml" in rejected(printed.encode()).detail


def test_epochs_of_nanobench_are_samples_of_one_unit() -> None:
    results = results_of("nanobench/1-run")
    assert results["copy"].samples == (2.5e-8, 2.6e-8, 2.7e-8)
    assert results["random/mt19937(N=100)"].samples == pytest.approx((2.5e-8, 3e-8))  # of 4


def test_counters_of_nanobench_are_read_where_there_are_any() -> None:
    results = results_of("nanobench/1-run")
    counter = results["copy/instructions"]
    assert (counter.unit, counter.better, counter.statistics.p50) == ("instructions", "lower", 128)
    assert "copy/pagefaults" not in results
    assert "random/mt19937(N=100)/instructions" not in results


def test_nanobench_without_its_measurements_has_the_median() -> None:
    document = golden("nanobench/1-run")
    del document["results"][0]["measurements"]
    assert accepted_run(document).results[0].statistics.p50 == 2.6e-8


def test_libtest_prints_medians_and_failures() -> None:
    run = run_of_file("cargo_bench/1-libtest")
    assert {each.name: each.statistics.p50 for each in run.results} == pytest.approx(
        {"tests::bench_fib_10": 135e-9, "tests::bench_copy": 18149.5e-9}
    )
    assert run.failures == (Failure("tests::bench_broken", "it failed"),)


def test_criterion_prints_estimates_and_changes() -> None:
    run = run_of_file("cargo_bench/2-criterion")
    assert {each.name: each.statistics.p50 for each in run.results} == pytest.approx(
        {
            "fib: a/b/rec/5": 14.509e-9,
            "fib: a/b/rec/10": 797.56e-9,
            "execution/naive/select_1_column/10": 7.7152e-6,
            "file": 2.2311e-9,
        }
    )
    assert run.failures == (Failure("broken", "it panicked at benches/b.rs:42:5:"),)


def test_cargo_bench_in_colours_is_read() -> None:
    line = "test a ... bench:\x1b[0m         135 ns/iter (+/- 24)\n"
    assert run_of_text(f"\x1b[1mrunning 1 test\x1b[0m\n{line}").results[0].name == "a"


def test_runners_of_ones_own_print_other_units() -> None:
    run = run_of_text(
        "test mov ... bench:        1508 cycles/iter (+/- 17)\n"
        "test upload ... bench:     1911 MB/s (+/- 420)\n"
    )
    assert [(each.unit, each.better, each.statistics.p50) for each in run.results] == [
        ("cycles/iter", "lower", 1508),
        ("per_second", "higher", 1911e6),
    ]


def test_executables_with_a_benchmark_of_the_same_name_are_numbered() -> None:
    run = run_of_text("test a ... bench:         1 ns/iter (+/- 2)\n" * 2)
    assert [each.name for each in run.results] == ["a", "a #2"]
    assert "file of its own" in run.notes[0]


def test_trials_of_julia_have_samples_and_what_they_allocate() -> None:
    results = results_of("julia_benchmarktools/1-trials")
    assert results["fib/10"].samples == pytest.approx((240e-9, 250e-9, 260e-9))
    assert (results["fib/10/memory"].unit, results["fib/10/memory"].better) == ("bytes", "lower")
    assert (results["sum/allocs"].unit, results["sum/allocs"].better) == ("allocs", "lower")


def test_estimates_of_julia_are_read_and_judgements_named() -> None:
    run = run_of("julia_benchmarktools/2-estimates")
    assert run.results[0].statistics.mean == pytest.approx(31028e-9)
    assert run.notes == ("change is a TrialJudgement, which is not read",)


def test_results_of_pkgbenchmark_have_time_and_commit() -> None:
    run = run_of("julia_benchmarktools/3-pkgbenchmark")
    assert run.results == run_of("julia_benchmarktools/1-trials").results
    assert (run.commit_hash[:7], run.timestamp_seconds) == ("a1b2c3d", 1772366400.296)
    document = golden("julia_benchmarktools/3-pkgbenchmark")
    assert accepted_run(document | {"commit": "dirty"}).commit_hash == ""


@pytest.mark.parametrize("saved", ["", "[1, 2]", "[" * 5000, "\ud800"])
def test_a_group_of_pkgbenchmark_that_cannot_be_read_is_rejected(saved: str) -> None:
    document = golden("julia_benchmarktools/3-pkgbenchmark") | {"benchmarkgroup": saved}
    assert rejected(encoded(document)).reason in ("invalid_value", "malformed_json")


def test_a_job_of_fio_has_latency_iops_and_bandwidth_by_direction() -> None:
    results = results_of("fio/1-version-3")
    assert list(results) == [
        f"randread/{direction}{variant}"
        for direction in ("read", "write")
        for variant in ("", "/iops", "/bandwidth")
    ]
    assert results["randread/read"].statistics.p95 == pytest.approx(51456e-9)
    assert results["randread/read/bandwidth"].statistics.mean == 81264640
    assert results["randread/write/iops"].better == "higher"
    assert run_of("fio/1-version-3").timestamp_seconds == 1772366400.5


def test_fio_before_3_has_other_units_and_lines_before_its_json() -> None:
    run = run_of_file("fio/2-version-2")
    results = {each.name: each.statistics for each in run.results}
    assert (results["seq/read"].p50, results["seq/read"].p99) == pytest.approx((90e-6, 200e-6))
    assert results["seq/read/bandwidth"].mean == 1024000
    assert run.failures == (Failure("broken", "error 28"),)
    assert run.timestamp_seconds == 1772370000


def test_jobs_that_fio_reports_as_one_may_have_no_name() -> None:
    document = golden("fio/1-version-3")
    del document["jobs"][0]["jobname"]
    document["jobs"].append(json.loads(json.dumps(document["jobs"][0])) | {"groupid": 1})
    document["jobs"].insert(0, document["jobs"][0] | {"jobname": "first"})
    names = {each.benchmark for each in accepted_run(document).results}
    assert names == {"first", "group 0", "group 1"}


SAMPLES = REPOSITORY.parent / "shared/samples/other_tools"


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="results of public projects are not kept here")
def test_results_of_public_projects_are_read() -> None:
    unread = {"README.md", "github-action-benchmark-data.js", "criterion-estimates.json"}
    unread |= {"k6-output-ndjson.json", "catch2_output_v3.txt", "benchmarkjs_output.txt"}
    paths: list[Path] = sorted(SAMPLES.iterdir())
    for path in paths:
        if path.name not in unread:
            run = parse(path.read_bytes(), Origin())
            assert isinstance(run, Run), path.name
            assert run.results or run.failures, path.name


def test_catch2_of_several_executables_in_one_file_is_one_run() -> None:
    first, second = text("catch2/1-version-2"), text("catch2/2-version-3")
    names = [each.name for each in run_of_text(f"{first}\n{second}").results]
    assert len(names) == 4
    assert sum(name.endswith(" #2") for name in names) == 2
    half = second[: len(second) // 2]
    assert rejected(f"{first}\n{half}".encode()).reason == "truncated"


@pytest.mark.parametrize(
    "begun",
    [
        "\nrunning 3 tests\n",
        "Gnuplot not found, using plotters backend\nBenchmarking fib 20: Warming up\n",
        '<?xml version="1.0" encoding="UTF-8"?>\n<Catch2TestRun name="b" rng-seed="1">\n',
        "goos: linux\ngoarch: amd64\npkg: example.org/x\n",
        '{"Time":"2026-03-01T12:00:00Z","Action":"start","Package":"x"}\n' * 2,
    ],
)
def test_a_tool_that_has_not_measured_yet_is_waited_for(begun: str) -> None:
    for data in (begun.encode(), begun.replace("\n", "\r\n").encode("utf-16")):
        assert rejected(data).reason == "truncated"
        assert is_written_as_measured(data)


def test_a_job_of_fio_without_a_name_is_called_by_its_group() -> None:
    document = golden("fio/1-version-3")
    document["jobs"][0]["jobname"] = ""
    assert accepted_run(document).results[0].name == "group 0/read"


GUNGRAUN = """running 0 tests

test result: ok. 0 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

warning: unused variable
sorting::bench_sort
  Instructions:                1243 (+1.139138%)
"""


def test_gungraun_that_cargo_bench_ran_is_named() -> None:
    assert "gungraun" in rejected(GUNGRAUN.encode()).detail


def test_warnings_before_the_first_benchmark_are_waited_through() -> None:
    begun = b"warning: unused variable\nBenchmarking sort: Warming up for 3.0000 s\n"
    assert rejected(begun).reason == "truncated"


def test_values_of_julia_that_were_saved_together_are_numbered() -> None:
    def estimate(time: float) -> list[object]:
        return ["TrialEstimate", {"time": time, "memory": 16, "allocs": 1, "gctime": 0.0}]

    versions = {"Julia": "1.11.3", "BenchmarkTools": {"major": 1, "minor": 6, "patch": 0}}
    run = accepted_run([versions, [estimate(100.0), estimate(200.0)]])
    found = {each.name: each.statistics.mean for each in run.results}
    assert found["benchmark"] == pytest.approx(1e-7)
    assert found["benchmark #2"] == pytest.approx(2e-7)
    assert found["benchmark #2/memory"] == 16
    assert any("numbered" in note for note in run.notes)
