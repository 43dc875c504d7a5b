"""What a rejection says leads on: the nearest format, the option that writes JSON, whole words."""

from typing import Any

import pytest

from benchmark_exporter.formats import FORMATS, cargo_bench, perf_guard, wrk
from benchmark_exporter.formats.unknown import REQUIRED
from benchmark_exporter.model import MAX_REJECTION_CHARACTERS, Rejected
from tests.support.documents import golden, without
from tests.support.format_cases import document_of
from tests.support.parsing import encoded, rejected


@pytest.mark.parametrize(
    ("document", "near"),
    [
        (
            without(golden("google_benchmark/1-run"), "context.num_cpus"),
            "the nearest is google_benchmark, which also has context.num_cpus",
        ),
        (
            without(golden("pytest_benchmark/1-run"), "machine_info"),
            "the nearest is pytest_benchmark, which also has machine_info",
        ),
        (
            {"results": [{"command": "make", "median": 1.0}]},
            "the nearest is hyperfine, which also has results[].mean",
        ),
        (
            [{"benchmark": "a.B.put", "mode": "avgt", "score": 1.0}],
            "the nearest is jmh, which also has [].primaryMetric",
        ),
        (
            [{"name": "Size", "value": 1.0}],
            "the nearest is github_action_benchmark, which also has [].unit",
        ),
        ({"schema": "x", "results": []}, "the nearest is result, of which it has the keys"),
    ],
)
def test_an_unknown_document_is_compared_with_the_nearest_format(document: Any, near: str) -> None:
    error = rejected(encoded(document))
    assert error.reason == "unknown_format"
    assert near in error.detail


def test_a_document_that_is_near_to_none_is_shown_all_formats() -> None:
    error = rejected(encoded({"a": 1}))
    assert "formats: result, pipeline," in error.detail
    assert "array" in rejected(b"[1]").detail


def test_what_every_format_is_recognised_by_is_known() -> None:
    of_text = (wrk, cargo_bench)
    names = {each.NAME for each in FORMATS if each not in (perf_guard, *of_text)}
    assert REQUIRED.keys() == names


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("Benchmark 1: sleep 0.1\n  Time (mean ± σ):     103.1 ms ±   0.5 ms\n", "--export-json"),
        ("command,mean,stddev,median,user,system,min,max\nmake,1.0,,1.0,0.5,0.1,1,1\n", "--export"),
        ("| Command | Mean [s] | Min [s] | Max [s] | Relative |\n", "--export-json"),
        (
            "Run on (4 X 2600 MHz CPU s)\n---\nBenchmark       Time    CPU Iterations\n",
            "--benchmark_out",
        ),
        ("name,iterations,real_time,cpu_time,time_unit\nBM_x,1,2,3,ns\n", "--benchmark_out_format"),
        (
            "Benchmark      Mode  Cnt   Score   Error  Units\na.B.put  avgt  5  1.0 ns/op\n",
            "-rf json",
        ),
        ('"Benchmark","Mode","Threads","Samples","Score"\n"a.B","avgt",1,5,1.0\n', "-rf json"),
        (
            "--------- benchmark: 1 tests ---------\nName (time in ns)   Min   Max\n",
            "--benchmark-json",
        ),
        ("goos: linux\ngoarch: amd64\nPASS\n", "-bench=."),
        ("fib(10) x 1,431,759 ops/sec ±0.74% (93 runs sampled)\n", "name, unit and value"),
        ("     execution: local\n        script: x.js\n", "--summary-export"),
        ("// Validating benchmarks:\n// ***** BenchmarkRunner: Start *****\n", "--exporters json"),
        (" RUN  v3.2.4 /home/user/project\n\n ✓ sort.bench.js\n", "--outputJson"),
        ("clk: ~3.05 GHz\ncpu: AMD EPYC\nruntime: node 20.20.2\n", "format"),
        ("┌─────┬──────┐\n│ (index) │ Task name │ Latency avg (ns) │\n", "bench.table()"),
        ("Running 10s test @ http://localhost:3000\n10 connections\n\n┌──┬──┐\n", "-j writes"),
        ("Summary:\n  Success rate:\t100.00%\n  Total:\t2.0 sec\n", "--output-format json"),
        ("Requests      [total, rate, throughput]         60, 1.02, 0.33\n", "-type=json"),
        ("seq: (g=0): rw=read, bs=(R) 4096B-4096B\nfio-3.33\n", "--output-format=json"),
        ("· Creating environments\n[ 50.00%] ·· Running\n", "results folder"),
        (".....................\ntimeit: Mean +- std dev: 4.19 us +- 0.05 us\n", "-o FILE"),
        ("| ns/op |          op/s | err% | total | benchmark\n", "json()"),
        ("BenchmarkTools.Trial: 10000 samples with 390 evaluations.\n", "BenchmarkTools.save"),
        ("group,function,value,throughput_num,throughput_type\nfib,,20,,\n", "estimates.json"),
        ("rust_bench::group::id\n  Instructions:    1734|N/A\n", "name, unit and value"),
        ("Timer precision: 41 ns\nexample     fastest   │ slowest\n", "name, unit and value"),
        ("This is ApacheBench, Version 2.3\n", "name, unit and value"),
        ("window.BENCHMARK_DATA = {}\n", "bring it in with benchmark-exporter import"),
        ('<?xml version="1.0"?><testsuite/>', "XML"),
    ],
)
def test_text_is_answered_with_the_option_that_writes_json(text: str, option: str) -> None:
    for data in (text.encode(), text.encode("utf-16")):
        error = rejected(data)
        assert error.reason == "malformed_json"
        assert option in error.detail
        assert not error.detail.endswith("…")


def test_single_results_of_vegeta_are_answered_with_its_report() -> None:
    line = b'{"attack":"","seq":0,"code":200,"timestamp":"2026-03-01T12:00:00Z","latency":2}\n'
    for data in (line * 2, b"[" + line.strip() + b"]"):
        error = rejected(data)
        assert error.reason == "unknown_format"
        assert "vegeta report -type=json" in error.detail


def test_a_text_that_is_cut_ends_with_a_whole_word() -> None:
    error = Rejected("unknown_format", "word " * 100)
    assert error.detail.removesuffix("…").endswith("word")
    assert len(error.detail) <= MAX_REJECTION_CHARACTERS + 1
    keys = rejected(encoded({f"{number}-{'x' * 60}": 1 for number in range(20)}))
    assert "and 14 more" in keys.detail
    assert all(word.endswith(("…", ",", "x", ";")) for word in keys.detail.split() if "xx" in word)


def without_path(document: Any, path: str) -> Any:
    """The document without what a path of REQUIRED names; of entries, of all of them."""
    step, _, rest = path.partition(".")
    key, brackets, _ = step.partition("[]")
    if not key:
        return [without_path(each, rest) for each in document]
    if key not in document:
        return document
    if not rest and not brackets:
        return {each: value for each, value in document.items() if each != key}
    inner = document[key]
    if not brackets:
        return document | {key: without_path(inner, rest)}
    return document | {key: [without_path(each, rest) for each in inner]}


# What each format cannot do without, and the nearest format is still recognised by the others.
MISSING = {
    "asv": "params",
    "autocannon": "non2xx",
    "benchmarkdotnet": "HostEnvironmentInfo",
    "fio": "fio version",
    "github_action_benchmark": "[].unit",
    "hyperfine": "results[].mean",
    "jmh": "[].primaryMetric",
    "mitata": "layout",
    "nanobench": "results[].median(elapsed)",
    "oha": "statusCodeDistribution",
    "pyperf": "benchmarks[].runs",
    "pytest_benchmark": "machine_info",
    "vegeta": "success",
    "vitest": "files[].groups",
}


@pytest.mark.parametrize(("name", "path"), MISSING.items())
def test_the_nearest_format_is_the_tool_s_own(name: str, path: str) -> None:
    document = without_path(document_of(name), path)
    error = rejected(encoded(document))
    assert error.reason == "unknown_format"
    assert f"the nearest is {name}, which also has" in error.detail
    assert path in error.detail


@pytest.mark.parametrize(
    "document",
    [
        {"version": 2, "configurations": []},
        {"name": "x", "version": "1.0", "scripts": {}},
        [{"name": "x", "path": "y", "limit": "1 kB"}],
        {"results": [], "start_time": "x"},
        {"benchmarks": [{"name": "x"}]},
    ],
)
def test_a_key_that_many_documents_have_leads_to_no_format(document: Any) -> None:
    assert "the nearest" not in rejected(encoded(document)).detail
