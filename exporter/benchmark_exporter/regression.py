"""Whether a run is a regression. Pure: what to judge by is handed in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmark_exporter.model import Comparison, Gate, Severity, Verdict


@dataclass(frozen=True, slots=True)
class Policy:
    """What judging a comparison goes by.

    The gates of documents that carry none, by environment and for all others; the speedup p50 under which a regression is critical.
    """

    default_gate: Gate
    critical_speedup_p50_ratio: float
    gates: Mapping[str, Gate] = field(default_factory=dict)


def judge(comparison: Comparison, policy: Policy, environment: str) -> Verdict:
    """The verdict on a comparison: its gate's criteria, the tool's own verdict before ours, and the severity.

    A gate passes when every limit that it has is kept; a value at the limit keeps it, as perf_guard has it.
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
    return Verdict(comparison.benchmark, gate, criteria, passed, severity)
