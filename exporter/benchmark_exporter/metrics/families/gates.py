"""Gates of the newest run of each benchmark: their limits and outcomes."""

from collections.abc import Iterable

from benchmark_exporter.ledger.state import NewestGateOutcome
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.model import SEVERITIES


def add_gate_outcomes(
    sink: Sink, outcomes: Iterable[NewestGateOutcome], baseline_version: str
) -> None:
    """Speedups, limits and outcomes. `baseline_version` is the label of speedups by a tool."""
    for outcome in outcomes:
        name = outcome.benchmark
        for percentile, value in (
            ("p50", outcome.speedup_p50_ratio),
            ("p95", outcome.speedup_p95_ratio),
        ):
            if value is not None:
                sink.add("speedup_ratio", (name, percentile, baseline_version), value)
        for percentile, value in (
            ("p50", outcome.min_speedup_p50_ratio),
            ("p95", outcome.min_speedup_p95_ratio),
        ):
            if value is not None:
                sink.add("benchmark_gate_speedup_threshold_ratio", (name, percentile), value)
        if outcome.max_p95_seconds is not None:
            sink.add("benchmark_gate_time_threshold_seconds", (name,), outcome.max_p95_seconds)
        headroom = outcome.speedup_p50_ratio / outcome.min_speedup_p50_ratio - 1
        sink.add("benchmark_gate_headroom_ratio", (name,), headroom)
        _add_criteria(sink, outcome)
        for severity in SEVERITIES:
            active = int(severity == outcome.severity)
            sink.add("performance_regression_active", (name, severity), active)


def _add_criteria(sink: Sink, outcome: NewestGateOutcome) -> None:
    for criterion, passed in (*outcome.criteria.items(), ("overall", outcome.passed)):
        labels = (outcome.benchmark, criterion)
        sink.add("benchmark_gate_passed", labels, int(passed))
        # An alert on the gate names these at once. All criteria would cost a series each in the
        # part that is scraped every second.
        if not outcome.passed and not passed and criterion != "overall":
            sink.add("benchmark_gate_failed_criterion", labels, 1)
