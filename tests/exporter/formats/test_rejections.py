"""What is wrong in a document is reported with the reason and the JSON path."""

from typing import Any

import pytest

from benchmark_exporter.model import Rejected
from tests.support.documents import bench_guard, changed, golden, perf_suite, pipeline, without
from tests.support.parsing import encoded, rejected

SUITE = perf_suite()
GUARD = bench_guard({"a": 9.0}, passed=True)
P50 = "metrics.compiled.p50_ms"
HYPERFINE = "hyperfine_with_sidecar/1-run"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (P50, 10**30),
        (P50, 1e308),
        (P50, -0.001),
        (P50, "0.05"),
        (P50, None),
        (P50, True),
        ("metrics.compiled", [1]),
        ("metrics.n_samples", 2**70),
        ("metrics.n_samples", 1.5),
        ("gate.p50x", 0),
        ("gate.verdict", "MAYBE"),
        ("run.project", ""),
        ("run.project", "x" * 10_000),
        ("run.timestamp", "2026-03-01T12:00:00"),  # without a zone
        ("run.timestamp", "2026-02-30T12:00:00Z"),
        ("run.timestamp", "0001-01-01T00:00:00+23:59"),
        ("run.timestamp", "9999-12-31T23:59:59-23:59"),
    ],
)
def test_an_invalid_value_is_reported_with_its_json_path(path: str, value: object) -> None:
    error = rejected(encoded(changed(SUITE, path, value)))
    assert (error.reason, error.json_path) == ("invalid_value", f"$.{path}")
    assert error.detail


@pytest.mark.parametrize(
    ("document", "json_path"),
    [
        (without(SUITE, "metrics.fallback"), "$.metrics"),
        (without(SUITE, "run.run_id"), "$.run"),
        (bench_guard({}, passed=True), "$.benchmarks"),
        (bench_guard({"": 9.0}, passed=True), "key in $.benchmarks"),
        (GUARD | {"timestamp": "0001-01-01 00:00:00 JST"}, "$.timestamp"),
        (GUARD | {"timestamp": "2026-03-01 21:00:00 CET"}, "$.timestamp"),
        (changed(GUARD, "benchmarks.a.fast.mean_us", 0), "$.benchmarks[...].fast.mean_us"),
        (pipeline(status="skipped"), "$.status"),
        (golden("result/1-run") | {"comit": "a1b2c3d"}, "$"),
        (golden("result/1-run") | {"results": [], "failures": []}, "$.results"),
    ],
)
def test_a_document_that_breaks_its_format_is_rejected(document: Any, json_path: str) -> None:
    error = rejected(encoded(document))
    assert (error.reason, error.json_path) == ("invalid_value", json_path)
    assert error.detail


@pytest.mark.parametrize(
    ("name", "path", "value", "json_path"),
    [
        ("bench_suite/2-module", "timestamp", 5, "$.timestamp"),
        ("google_benchmark/1-run", "benchmarks", {}, "$.benchmarks"),
        (
            "hyperfine_2/1-run",
            "results",
            [{"command": "x", "measurements": 1}],
            "$.results[0].measurements",
        ),
        ("pytest_benchmark/1-run", "benchmarks", [], "$"),
        ("result/1-run", "results.0.samples", [], "$.results[0].samples"),
        ("result/1-run", "results.0.unit", "minutes", "$.results[0].unit"),
    ],
)
def test_an_invalid_value_is_reported_in_every_format(
    name: str, path: str, value: object, json_path: str
) -> None:
    error = rejected(encoded(changed(golden(name), path, value)))
    assert (error.reason, error.json_path) == ("invalid_value", json_path)
    assert error.detail


def test_a_nan_is_rejected_in_formats_whose_tools_do_not_write_it() -> None:
    error = rejected(
        encoded(changed(golden("golden_metrics/1-metrics"), "hit_ratio", float("nan")))
    )
    assert (error.reason, error.json_path) == ("not_finite", "$.hit_ratio")


@pytest.mark.parametrize("document", [[SUITE], [], None, 1, {}, {"metrics": {"compiled": {}}}])
def test_a_document_in_no_known_format_is_rejected(document: object) -> None:
    error = rejected(encoded(document))
    assert (error.reason, error.json_path) == ("unknown_format", "$")
    assert error.detail


def test_a_rejection_is_short_and_can_be_stored_whatever_the_document_holds() -> None:
    for document in (
        {"k" * 1_000_000: 1},
        changed(SUITE, "gate.verdict", "\N{SKULL}" * 100_000),
        {"k\udc00" * 100_000: float("nan")},
        {"k" * 100_000: float("nan")},
        GUARD | {"timestamp": "\n" * 1000},
    ):
        error = rejected(encoded(document))
        str(error).encode()
        assert len(str(error)) < 1000
    assert str(Rejected("internal_error", "\ud800")).encode() == b"internal_error at $: \\ud800"
