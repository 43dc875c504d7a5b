"""`go test -bench`: names, units, samples and failures, in its text and its events."""

import json

import pytest

from benchmark_exporter.formats import Origin, parse
from benchmark_exporter.model import Machine, Result, Run
from tests.support.parsing import accepted_run, rejected
from tests.support.paths import REPOSITORY

GOLDEN = REPOSITORY / "tests/exporter/golden/go_test"
FIB = "example.org/gob/fib.BenchmarkFib/n=5-2"


def run_of(text: str | bytes) -> Run:
    run = parse(text.encode() if isinstance(text, str) else text, Origin())
    assert isinstance(run, Run)
    return run


def golden(name: str) -> tuple[Run, dict[str, Result]]:
    run = run_of((GOLDEN / f"{name}.json").read_bytes())
    return run, {result.name: result for result in run.results}


def test_units_and_directions_are_those_that_benchstat_knows() -> None:
    _, results = golden("1-text")
    found = {
        name.removeprefix(f"{FIB}/"): (result.unit, result.better)
        for name, result in results.items()
        if name.startswith(FIB)
    }
    assert found == {
        FIB: ("seconds", "lower"),
        "MB/s": ("per_second", "higher"),
        "hits/op": ("hits/op", None),
        "p99-ns/op": ("seconds", "lower"),
        "B/op": ("bytes", "lower"),
        "allocs/op": ("allocs/op", "lower"),
    }
    assert results[FIB].samples == pytest.approx((21.30e-9, 20.96e-9))  # of -count 2
    assert results[f"{FIB}/MB/s"].samples == pytest.approx((3004.55e6, 3053.29e6))


def test_events_hold_the_same_as_text() -> None:
    text, events = golden("1-text")[0], golden("2-events")[0]
    assert {each.name for each in text.results} == {each.name for each in events.results}
    assert [each.benchmark for each in text.failures] == [
        each.benchmark for each in events.failures
    ]
    assert text.machine == events.machine == Machine("linux", "amd64", "AMD EPYC")
    assert events.timestamp_seconds == pytest.approx(1772366400.690479)


def test_a_benchmark_that_failed_is_a_failure_with_what_it_logged() -> None:
    run, _ = golden("1-text")
    (failure,) = run.failures
    assert failure.benchmark == "example.org/gob/fib.BenchmarkBad-2"
    assert "no data" in failure.error


def test_packages_keep_benchmarks_apart_and_one_that_is_not_built_has_failed() -> None:
    run, results = golden("3-data-format")
    assert results["example.org/text.BenchmarkSplit/size=64-8"].samples == pytest.approx(
        (1e-6, 1.2e-6)
    )
    assert results["example.org/words.BenchmarkSplit/size=64-8"].samples == (2e-3,)
    assert results["example.org/text.BenchmarkSplit/size=64-8/hits/op"].better == "higher"
    assert [failure.benchmark for failure in run.failures] == ["example.org/broken"]
    assert run.commit_hash == "a1b2c3d"


def test_a_benchmark_that_failed_in_one_of_several_runs_has_no_results() -> None:
    run = run_of(
        "BenchmarkX-4\t10\t5.0 ns/op\n--- FAIL: BenchmarkX-4\n    x_test.go:1: bad\nFAIL\n"
    )
    assert run.results == ()
    assert [failure.benchmark for failure in run.failures] == ["BenchmarkX-4"]


def test_lines_of_other_tools_between_them_do_not_matter() -> None:
    noise = "2026/03/01 connected\n\x1b[32mok\x1b[0m\nBenchmarks will follow\n"
    run = run_of(f"{noise}BenchmarkX\t10\t5.0 ns/op\n{noise}BenchmarkY \t 7\t NaN ns/op\n")
    assert [result.name for result in run.results] == ["BenchmarkX"]


def test_line_ends_and_encodings_of_windows_are_read() -> None:
    text = "goos: windows\r\nBenchmarkX-8\t10\t5.0 ns/op\r\nPASS\r\n"
    for data in (text.encode(), text.encode("utf-16"), b"\xef\xbb\xbf" + text.encode()):
        assert run_of(data).results[0].name == "BenchmarkX-8"


def test_output_without_a_benchmark_says_so() -> None:
    assert "without a benchmark" in rejected(b"goos: linux\ngoarch: amd64\nPASS\n").detail


def test_events_that_end_early_are_incomplete() -> None:
    lines = (GOLDEN / "2-events.json").read_text("utf-8")
    assert rejected(lines[:-40].encode()).reason == "truncated"
    assert json.loads(lines.splitlines()[0])["Action"] == "output"


def test_what_a_failed_benchmark_logged_is_before_it_or_after_it() -> None:
    before = (
        "--- BENCH: BenchmarkOther-8\n    x_test.go:3: of the other\n--- FAIL: BenchmarkSilent\n"
        "BenchmarkFailing\n    x_test.go:7: broken\n--- FAIL: BenchmarkFailing\nFAIL\n"
    )
    events = [
        {"Action": "output", "Package": "x", "Output": f"{line}\n"} for line in before.split("\n")
    ]
    expected = {"x.BenchmarkSilent": "it failed", "x.BenchmarkFailing": "x_test.go:7: broken"}
    failures = accepted_run(events).failures
    assert {each.benchmark: each.error for each in failures} == expected
