"""bench_guard: several benchmarks and one outcome for all of them."""

import pytest

from benchmark_exporter.model import Comparison, Gate, Result, Statistics
from tests.support.documents import bench_guard
from tests.support.parsing import accepted_run


def test_bench_guard_is_read_in_seconds_and_in_japanese_time() -> None:
    run = accepted_run(bench_guard({"parsing": 9.0}, passed=False))
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
    run = accepted_run(bench_guard({"parsing": 9.0}, passed=False, two_tier=False))
    assert run.comparisons[0].gate == Gate(15.0, None, 1e-4, passed=False)


@pytest.mark.parametrize(
    ("ratios", "passed", "expected"),
    [
        ({"a": 20.0, "b": 30.0}, True, {"a": True, "b": True}),
        ({"a": 9.0, "b": 30.0}, False, {"a": False, "b": True}),
        # Failed by a rule that is not in the document, so none is known to have passed.
        ({"a": 20.0, "b": 30.0}, False, {"a": False, "b": False}),
    ],
)
def test_bench_guards_one_outcome_is_divided_among_its_benchmarks(
    ratios: dict[str, float], passed: bool, expected: dict[str, bool]
) -> None:
    run = accepted_run(bench_guard(ratios, passed=passed))
    assert {
        comparison.benchmark: comparison.gate and comparison.gate.passed
        for comparison in run.comparisons
    } == expected
