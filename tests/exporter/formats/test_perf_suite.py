"""perf_suite 0.3, and perf_guard, which writes its document again."""

import pytest

from benchmark_exporter.model import Comparison, Gate, Machine, Result, Run, Statistics
from tests.support.documents import perf_suite, without
from tests.support.parsing import accepted, accepted_run


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
def test_a_gates_outcome_makes_it_perf_guards(verdict: str, passed: bool) -> None:
    run = accepted_run(perf_suite(verdict=verdict))
    assert run.format == "perf_guard"
    assert run.comparisons[0].gate == Gate(15.0, 12.0, 0.035, passed=passed)


def test_perf_suite_without_a_gate_leaves_it_to_the_configuration() -> None:
    run = accepted_run(without(perf_suite(), "gate"))
    assert run.comparisons[0].gate is None
