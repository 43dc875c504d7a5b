"""Gates on comparisons, what stands for a result."""

import math

import pytest

from benchmark_exporter.model import (
    Comparison,
    Gate,
    Result,
    Statistics,
)
from benchmark_exporter.regression import (
    Policy,
    check_gate,
    typical,
)

GATE = Gate(min_speedup_p50_ratio=15.0, min_speedup_p95_ratio=12.0, max_p95_seconds=0.035)
POLICY = Policy(GATE, critical_speedup_p50_ratio=10.0)


def comparison(
    p50: float, p95: float | None = 14.0, fast_p95_seconds: float = 0.001, gate: Gate | None = GATE
) -> Comparison:
    return Comparison("a", p50, p95, fast_p95_seconds, gate)


@pytest.mark.parametrize(
    ("compared", "failed", "severity"),
    [
        (comparison(20.0), set(), None),
        (comparison(15.0, 12.0, 0.035), set(), None),  # at its limit a value keeps it
        (comparison(14.9), {"p50"}, "warning"),
        (comparison(20.0, 11.9), {"p95"}, "warning"),
        (comparison(20.0, fast_p95_seconds=0.036), {"absolute"}, "warning"),
        (comparison(10.0), {"p50"}, "warning"),
        (comparison(9.9), {"p50"}, "critical"),
        (comparison(14.9, gate=None), {"p50"}, "warning"),  # the policy's own gate
    ],
)
def test_a_limit_that_is_not_kept_is_a_regression(
    compared: Comparison, failed: set[str], severity: str | None
) -> None:
    verdict = check_gate(compared, POLICY, "local")
    assert {name for name, passed in verdict.criteria.items() if not passed} == failed
    assert verdict.passed == (not failed)
    assert verdict.severity == severity


@pytest.mark.parametrize(("environment", "passed"), [("production", False), ("local", True)])
def test_an_environment_may_have_a_gate_of_its_own(environment: str, passed: bool) -> None:
    policy = Policy(GATE, 10.0, {"production": Gate(20.0, 15.0, 0.080)})
    assert check_gate(comparison(19.9, 16.0, gate=None), policy, environment).passed == passed
    assert check_gate(
        comparison(19.9, 16.0, gate=GATE), policy, environment
    ).passed  # a document's own gate stands before either


@pytest.mark.parametrize(
    ("p50", "decided", "severity"),
    [
        (20.0, True, None),
        (20.0, False, "warning"),
        (14.0, True, None),
        (9.0, True, "critical"),
        (9.0, False, "critical"),
    ],
)
def test_a_tools_own_verdict_stands_except_that_very_slow_is_critical(
    p50: float, decided: bool, severity: str | None
) -> None:
    verdict = check_gate(
        comparison(p50, gate=Gate(15.0, 12.0, 0.035, passed=decided)), POLICY, "local"
    )
    assert verdict.passed == decided
    assert verdict.severity == severity


def test_a_limit_without_a_value_or_a_value_without_a_limit_is_no_criterion() -> None:
    assert set(check_gate(comparison(20.0, None), POLICY, "local").criteria) == {"p50", "absolute"}
    assert set(
        check_gate(comparison(20.0, gate=Gate(15.0, None, None)), POLICY, "local").criteria
    ) == {"p50"}


@pytest.mark.parametrize(
    ("statistics", "value"),
    [
        (Statistics(p50=1.0, mean=2.0), 1.0),
        (Statistics(mean=2.0, min=1.0), 2.0),
        (Statistics(p95=3.0), 3.0),
        (Statistics(min=1.0, max=3.0), None),
        (Statistics(p50=math.nan), None),
        (Statistics(p50=math.inf), None),
        (Statistics(), None),
    ],
)
def test_what_stands_for_a_result(statistics: Statistics, value: float | None) -> None:
    assert typical(Result("parsing", "", statistics)) == value
