"""Any bytes are a document or a rejection; none crash the parser."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark_exporter.formats import parse
from benchmark_exporter.model import Document, Rejected
from tests.support.documents import bench_guard, changed, golden, perf_suite, pipeline
from tests.support.parsing import encoded, rejected


@given(st.binary(max_size=200))
def test_any_bytes_are_a_document_or_a_rejection(document: bytes) -> None:
    with pytest.raises(Rejected):
        parse(document)


GOLDEN_SHAPES = (
    "bench_suite/1-comprehensive",
    "bench_suite/4-regression-test",
    "bench_suite/5-baseline",
    "golden_metrics/1-metrics",
    "perf_diff/1-bench_results",
    "perf_diff/2-perf_diff",
    "perf_analyze/1-analysis",
    "pytest_benchmark/1-run",
    "google_benchmark/1-run",
    "hyperfine_with_sidecar/1-run",
    "hyperfine_2/1-run",
    "jmh/1-results",
    "result/1-run",
    "github_action_benchmark/1-smaller",
    "asv/2-version-1",
    "pyperf/1-suite",
    "criterion/1-estimates",
    "benchmarkdotnet/1-full",
    "k6/1-handle-summary",
    "k6/2-summary-export",
    "bencher/1-metrics",
    "bencher/2-parameters",
    "nanobench/1-run",
    "vitest/2-version-3",
    "tinybench/2-table-6",
    "tinybench/4-tasks-6",
    "mitata/2-version-1",
    "julia_benchmarktools/1-trials",
    "autocannon/1-run",
    "oha/2-errors",
    "vegeta/1-report",
    "fio/1-version-3",
)
SHAPES = (
    perf_suite(),
    perf_suite(verdict="FAIL"),
    bench_guard({"a": 9.0, "b": 20.0}, passed=False),
    pipeline(),
    *map(golden, GOLDEN_SHAPES),
)
# A dot separates the keys of a path.
KEYS = st.text(st.characters(codec=None, exclude_characters="."), max_size=5)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A known document with some values replaced, and perhaps a byte changed or the end cut off."""
    document = draw(st.sampled_from(SHAPES))
    for _ in range(draw(st.integers(1, 3))):
        document = changed(document, draw(st.sampled_from(_paths(document))), draw(ANYTHING))
    written = bytearray(encoded(document))
    if draw(st.booleans()):
        written[draw(st.integers(0, len(written) - 1))] = draw(st.integers(0, 255))
    return bytes(written[: draw(st.just(len(written)) | st.integers(0, len(written)))])


def _paths(document: Any, prefix: str = "") -> list[str]:
    """The paths of all values; in arrays, only of the first two."""
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
def test_a_damaged_document_is_accepted_or_rejected(document: bytes) -> None:
    outcome: Document | Rejected
    try:
        outcome = parse(document)
    except Rejected as error:
        outcome = error
    assert not isinstance(outcome, Rejected) or (
        str(outcome).encode() and outcome.json_path.startswith(("$", "key in $"))
    )


@given(st.sampled_from(SHAPES), st.data())
def test_every_prefix_of_a_document_is_truncated(document: Any, draw: st.DataObject) -> None:
    first = "0" if isinstance(document, list) else next(iter(document))
    written = json.dumps(
        changed(document, first, {"é": "日本\N{SKULL}"}), ensure_ascii=False
    ).encode()
    end = draw.draw(st.integers(0, len(written) - 1))
    assert rejected(written[:end]).reason == "truncated"
