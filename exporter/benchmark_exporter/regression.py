"""Gates on comparisons, and the limits that results are judged by.

Pure: what to judge by is handed in. `judge/` judges a result by the history of its series;
docs/detection.md explains how, how well that works and how to set the limits.
"""

import math
from collections.abc import Mapping
from typing import Annotated

import msgspec

from benchmark_exporter.judge import JudgeLimits
from benchmark_exporter.model import (
    Comparison,
    Gate,
    GateOutcome,
    Result,
    Severity,
)

# Bounded above, since YAML has a word for infinity.
Positive = Annotated[float, msgspec.Meta(gt=0, le=1e9)]


class Policy(msgspec.Struct, frozen=True):
    """What comparisons are checked by.

    The gates of documents that carry none, by environment and for all others, and the speedup p50
    below which a regression is critical.
    """

    default_gate: Gate
    critical_speedup_p50_ratio: float
    gates: Mapping[str, Gate] = msgspec.field(default_factory=dict)


def check_gate(comparison: Comparison, policy: Policy, environment: str) -> GateOutcome:
    """The outcome of a comparison's gate. The outcome that a tool gave itself comes before ours.

    A gate passes when every limit that it has is kept; a value at the limit keeps it, as in
    perf_guard.
    """
    gate = comparison.gate or policy.gates.get(environment, policy.default_gate)
    criteria = {"p50": comparison.speedup_p50_ratio >= gate.min_speedup_p50_ratio}
    if gate.min_speedup_p95_ratio is not None and comparison.speedup_p95_ratio is not None:
        criteria["p95"] = comparison.speedup_p95_ratio >= gate.min_speedup_p95_ratio
    if gate.max_p95_seconds is not None:
        criteria["absolute"] = comparison.fast_p95_seconds <= gate.max_p95_seconds
    passed = all(criteria.values()) if gate.passed is None else gate.passed
    severity: Severity | None = None
    if comparison.speedup_p50_ratio < policy.critical_speedup_p50_ratio:
        severity = "critical"
    elif not passed:
        severity = "warning"
    return GateOutcome(comparison.benchmark, gate, criteria, passed, severity)


class Limits(JudgeLimits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How results are judged by their history; config.yaml says what each limit means.

    Raises ValueError where a limit contradicts another or itself.
    """

    # The state of a series, which is read and written with each run, holds a few more runs.
    window_runs: Annotated[int, msgspec.Meta(le=1000)] = 60
    drift_ratio: Positive = 0.05
    shift_share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 0.85
    shift_least_results: Annotated[int, msgspec.Meta(ge=2, le=10**6)] = 4


def typical(result: Result) -> float | None:
    """The value that stands for a result, in its unit: p50, else the mean, else the only one.

    None if there is none, or none that is finite.
    """
    statistics = result.statistics
    value = statistics.p50 if statistics.p50 is not None else statistics.mean
    if value is None:
        only = [
            each
            for each in (statistics.min, statistics.max, statistics.p95, statistics.p99)
            if each is not None
        ]
        value = only[0] if len(only) == 1 else None
    return value if value is not None and math.isfinite(value) else None
