"""Bytes to model, or to a rejection that says why and where."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.formats import parse
from benchmark_exporter.model import Comparison, Document, Gate, PipelineRun, Rejected, Result, Run, Statistics
from tests.exporter.documents import bench_guard, changed, perf_suite, pipeline, without

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
            Result("router", "compiled", Statistics(p50_seconds=5e-5, p95_seconds=1e-4), sample_count=50, cv_ratio=0.125),
            Result("router", "fallback", Statistics(p50_seconds=1e-3, p95_seconds=2e-3), sample_count=50),
        ),
        comparisons=(Comparison("router", 20.0, 19.0, 1e-4, Gate(15.0, 12.0, 0.035, passed=None)),),
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
    assert (run.run_id, run.timestamp_seconds) == ("20260301T120000Z", 1772366400.0)  # 21:00 JST is 12:00 UTC
    assert run.results[0] == Result("parsing", "fast", Statistics(8e-6, 1.6e-5, 3.2e-5, 1e-5, 4e-6, 6.4e-5, 2e-6), cv_ratio=0.2)
    assert run.comparisons == (Comparison("parsing", 9.0, 9.0, 1.6e-5, Gate(15.0, 12.0, 1e-4, passed=False)),)


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
def test_bench_guards_one_verdict_is_dealt_out_to_its_benchmarks(ratios: dict[str, float], passed: bool, expected: dict[str, bool]) -> None:
    run = accepted(bench_guard(ratios, passed=passed))
    assert isinstance(run, Run)
    assert {comparison.benchmark: comparison.gate and comparison.gate.passed for comparison in run.comparisons} == expected


def test_pipeline() -> None:
    assert accepted(pipeline(status="fail") | {"duration_seconds": 61.5}) == PipelineRun(
        "pipeline", "nightly", "main", "schedule", "101", passed=False, timestamp_seconds=1772366400.0, duration_seconds=61.5
    )


def test_keys_that_no_format_knows_are_passed_over() -> None:
    assert accepted(perf_suite() | {"docs": {"vision": "x.md"}, "extra": [1, None]}) == accepted(perf_suite())


def test_of_a_key_that_stands_twice_the_last_one_counts() -> None:
    twice = data(pipeline()).replace(b'"status"', b'"status": "fail", "status"')
    assert parse(twice) == accepted(pipeline())


SUITE = perf_suite()
P50 = "metrics.compiled.p50_ms"


@pytest.mark.parametrize(
    ("document", "reason", "place"),
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
        (data(changed(SUITE, "metrics.speedup_p50", float("inf"))), "not_finite", "$.metrics.speedup_p50"),
        (data(SUITE | {"notes": [1, float("-inf")]}), "not_finite", "$.notes[1]"),
        (data(changed(SUITE, P50, "HERE")).replace(b'"HERE"', b"1e999"), "not_finite", f"$.{P50}"),
        (b"[" * 900 + b"NaN" + b"]" * 900, "not_finite", "$" + "[0]" * 99 + "[0…"),
        (data(changed(SUITE, P50, "HERE")).replace(b'"HERE"', b"1" * 400), "invalid_value", f"$.{P50}"),
        (data(changed(SUITE, P50, "HERE")).replace(b'"HERE"', b"1" * 5000), "invalid_value", "$[...][...][...]"),
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
        (data(changed(SUITE, "run.timestamp", "2026-03-01T12:00:00")), "invalid_value", "$.run.timestamp"),
        (data(changed(SUITE, "run.timestamp", "2026-02-30T12:00:00Z")), "invalid_value", "$.run.timestamp"),
        (data(changed(SUITE, "run.timestamp", "0001-01-01T00:00:00+23:59")), "invalid_value", "$.run.timestamp"),
        (data(changed(SUITE, "run.timestamp", "9999-12-31T23:59:59-23:59")), "invalid_value", "$.run.timestamp"),
        (data(without(SUITE, "metrics.fallback")), "invalid_value", "$.metrics"),
        (data(without(SUITE, "run.run_id")), "invalid_value", "$.run"),
        (data(bench_guard({}, passed=True)), "invalid_value", "$.benchmarks"),
        (data(bench_guard({"": 9.0}, passed=True)), "invalid_value", "key in $.benchmarks"),
        (data(bench_guard({"a": 9.0}, passed=True) | {"timestamp": "0001-01-01 00:00:00 JST"}), "invalid_value", "$.timestamp"),
        (data(bench_guard({"a": 9.0}, passed=True) | {"timestamp": "2026-03-01 21:00:00 CET"}), "invalid_value", "$.timestamp"),
        (
            data(changed(bench_guard({"a": 9.0}, passed=True), "benchmarks.a.fast.mean_us", 0)),
            "invalid_value",
            "$.benchmarks[...].fast.mean_us",
        ),
        (data(pipeline(status="skipped")), "invalid_value", "$.status"),
        (data([SUITE]), "unknown_format", "$"),
        (b"null", "unknown_format", "$"),
        (b"1", "unknown_format", "$"),
        (b"{}", "unknown_format", "$"),
        (data({"metrics": {"compiled": {}}}), "unknown_format", "$"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_what_is_wrong_is_named_with_its_place(document: bytes, reason: str, place: str) -> None:
    error = rejected(document)
    assert (error.reason, error.place) == (reason, place)
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


SHAPES = (perf_suite(), perf_suite(verdict="FAIL"), bench_guard({"a": 9.0, "b": 20.0}, passed=False), pipeline())
KEYS = st.text(st.characters(codec=None, exclude_characters="."), max_size=5)  # a dot parts the keys of a path
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


def _paths(document: Json, prefix: str = "") -> list[str]:
    paths = []
    for key, value in document.items():
        paths.append(prefix + key)
        if isinstance(value, dict):
            paths.extend(_paths(value, f"{prefix}{key}."))
    return paths


@given(damaged())
def test_a_damaged_document_is_read_or_named_and_never_a_crash(document: bytes) -> None:
    outcome: Document | Rejected
    try:
        outcome = parse(document)
    except Rejected as error:
        outcome = error
    assert not isinstance(outcome, Rejected) or (str(outcome).encode() and outcome.place.startswith(("$", "key in $")))


@given(st.sampled_from(SHAPES), st.data())
def test_every_beginning_of_a_document_is_truncated(document: Json, draw: st.DataObject) -> None:
    written = json.dumps(changed(document, next(iter(document)), {"é": "日本\N{SKULL}"}), ensure_ascii=False).encode()
    end = draw.draw(st.integers(0, len(written) - 1))
    assert rejected(written[:end]).reason == "truncated"
