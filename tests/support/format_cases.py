"""A document in each format, what becomes of its repeated parts, and ways to change one."""

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from benchmark_exporter.formats import Origin, Sidecar, parse
from benchmark_exporter.model import Document, Rejected
from tests.support.paths import REPOSITORY

Steps = tuple[str | int, ...]
Outcomes = Mapping[Steps, str]

# An array in the document, by its path, and what an entry that is there twice becomes: its
# samples are pooled, or it is numbered, or it changes nothing, or only a count, or it is rejected.
POOLED, NUMBERED, SAME, COUNTED = "pooled", "numbered", "same", "counted"
JOINED, MALFORMED = "joined", "malformed_json"


class Case(NamedTuple):
    """A document in a format, and what becomes of it where formats differ."""

    golden: str
    repeated: Outcomes = MappingProxyType({})
    twice: str = MALFORMED


CASES: Mapping[str, Case] = {
    "result": Case("result/1-run", {("results",): "invalid_value", ("failures",): COUNTED}),
    "pipeline": Case("pipelines/1-nightly-pass"),
    "perf_guard": Case("perf_guard_fail_amends_the_run/3-perf_guard-fail"),
    "perf_suite": Case("perf_suite_pass/1-run"),
    "bench_guard": Case("bench_guard_fail/1-bench_guard"),
    "bench_suite": Case("bench_suite/1-comprehensive"),
    "bench_suite_baseline": Case("bench_suite/5-baseline"),
    "golden_metrics": Case("golden_metrics/1-metrics"),
    "perf_diff": Case("perf_diff/2-perf_diff", {("comparisons",): NUMBERED}),
    "bench_results": Case("perf_diff/1-bench_results"),
    "perf_analyze": Case(
        "perf_analyze/1-analysis", {("top_functions",): COUNTED, ("performance_issues",): COUNTED}
    ),
    "pytest_benchmark": Case("pytest_benchmark/1-run", {("benchmarks",): POOLED}, JOINED),
    "google_benchmark": Case("google_benchmark/1-run", {("benchmarks",): POOLED}, JOINED),
    "hyperfine": Case("hyperfine_with_sidecar/1-run", {("results",): NUMBERED}, JOINED),
    "jmh": Case("jmh/1-results", {(): POOLED}, JOINED),
    "github_action_benchmark": Case("github_action_benchmark/1-smaller", {(): NUMBERED}, JOINED),
    "asv": Case("asv/2-version-1"),
    "pyperf": Case("pyperf/1-suite", {("benchmarks",): NUMBERED}),
    "criterion": Case("criterion/2-cargo-criterion", {(): NUMBERED}, JOINED),
    "go_test": Case("go_test/2-events", {(): SAME}, JOINED),
    "benchmarkdotnet": Case("benchmarkdotnet/1-full", {("Benchmarks",): NUMBERED}),
    "k6": Case("k6/1-handle-summary", {("root_group", "groups"): SAME}),
    "catch2": Case("catch2/1-version-2", twice=JOINED),
    "nanobench": Case("nanobench/1-run", {("results",): NUMBERED}),
    "vitest": Case("vitest/2-version-3", {("files",): NUMBERED}),
    "tinybench": Case("tinybench/4-tasks-6", {(): NUMBERED}, JOINED),
    "mitata": Case("mitata/2-version-1", {("benchmarks",): NUMBERED}),
    "julia_benchmarktools": Case("julia_benchmarktools/1-trials"),
    "autocannon": Case("autocannon/1-run"),
    "oha": Case("oha/1-run"),
    "vegeta": Case("vegeta/1-report", twice=JOINED),
    "wrk": Case("wrk/1-run", twice=JOINED),
    "fio": Case("fio/1-version-3", {("jobs",): NUMBERED}),
    "cargo_bench": Case("cargo_bench/1-libtest", twice=JOINED),
    "bencher": Case("bencher/2-parameters", {("copy",): POOLED}),
}
# In these, a wrong value is an error, and so is a key that is not known.
STRICT = {"result", "pipeline", "perf_guard", "perf_suite", "bench_guard", "golden_metrics"}
# What is read as text.
TEXTS = {"catch2", "wrk", "cargo_bench"}
NAMES = list(CASES)
ORIGIN = Origin(sidecar=Sidecar(benchmark="named"))


def data_of(name: str) -> bytes:
    return (REPOSITORY / f"tests/exporter/golden/{CASES[name].golden}.json").read_bytes()


def outcome(data: bytes) -> Document | Rejected:
    try:
        return parse(data, ORIGIN)
    except Rejected as rejected:
        return rejected


def document_of(name: str) -> Any:
    data = data_of(name)
    try:
        return json.loads(data)
    except ValueError:
        return [json.loads(line) for line in data.splitlines()]


RAW = "@raw@"


def with_raw(document: object, value: str) -> bytes:
    return json.dumps(document).replace(f'"{RAW}"', value).encode()


def values_of(tree: object, path: Steps = ()) -> Iterator[tuple[Steps, object]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from values_of(value, (*path, key))
    elif isinstance(tree, list):
        for index, value in enumerate(tree):
            yield from values_of(value, (*path, index))
    else:
        yield path, tree


def put(tree: Any, path: Steps, value: object) -> Any:
    """The document with another value; what is not on the way to it is shared."""
    if not path:
        return value
    copy: Any = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = put(tree[path[0]], path[1:], value)
    return copy


def entries_of(document: Any, path: Steps) -> Any:
    for step in path:
        document = document[step]
    return document
