"""Gates of the newest run of each benchmark: their limits and outcomes."""

from collections.abc import Iterable

from benchmark_exporter.ledger.state import NewestGate, NewestGateOutcome, NewestRun
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.metrics.families.scopes import labels_of
from benchmark_exporter.model import SEVERITIES


def add_gate_outcomes(sink: Sink, gates: Iterable[NewestGate], baseline_version: str) -> None:
    """Speedups, limits and outcomes. `baseline_version` is the label of speedups by a tool."""
    for gate in gates:
        outcome, scope = gate.outcome, labels_of(gate.scope)
        name = outcome.benchmark
        for percentile, value in (
            ("p50", outcome.speedup_p50_ratio),
            ("p95", outcome.speedup_p95_ratio),
        ):
            if value is not None:
                sink.add("speedup_ratio", (name, percentile, baseline_version, *scope), value)
        for percentile, value in (
            ("p50", outcome.min_speedup_p50_ratio),
            ("p95", outcome.min_speedup_p95_ratio),
        ):
            if value is not None:
                labels = (name, percentile, *scope)
                sink.add("benchmark_gate_speedup_threshold_ratio", labels, value)
        if outcome.max_p95_seconds is not None:
            sink.add(
                "benchmark_gate_time_threshold_seconds", (name, *scope), outcome.max_p95_seconds
            )
        headroom = outcome.speedup_p50_ratio / outcome.min_speedup_p50_ratio - 1
        sink.add("benchmark_gate_headroom_ratio", (name, *scope), headroom)
        _add_criteria(sink, gate)
        for severity in SEVERITIES:
            active = int(severity == outcome.severity)
            sink.add("performance_regression_active", (name, severity, *scope), active)


def add_failed_runs(sink: Sink, gates: Iterable[NewestGate], runs: Iterable[NewestRun]) -> None:
    """The runs of gates that an alert may be about. `runs` has their commits."""
    of_alerts = [gate for gate in gates if _may_alert(gate.outcome)]
    if not of_alerts:
        return
    commits = {(run.scope, run.benchmark, run.run_id): run.commit_hash for run in runs}
    for gate in of_alerts:
        scope, name = gate.scope, gate.outcome.benchmark
        commit = commits.get((scope, name, gate.run_id), "")
        identity = (scope.project, gate.run_id, commit, scope.machine_class, scope.branch)
        sink.add("benchmark_failed_run_info", (name, scope.environment, *identity), 1)


def _may_alert(outcome: NewestGateOutcome) -> bool:
    return (
        not outcome.passed
        or outcome.severity is not None
        or outcome.speedup_p50_ratio < outcome.min_speedup_p50_ratio
    )


def _add_criteria(sink: Sink, gate: NewestGate) -> None:
    outcome = gate.outcome
    for criterion, passed in (*outcome.criteria.items(), ("overall", outcome.passed)):
        labels = (outcome.benchmark, criterion, *labels_of(gate.scope))
        sink.add("benchmark_gate_passed", labels, int(passed))
        # An alert on the gate names these at once. All criteria would cost a series each in the
        # part that is scraped every second.
        if not outcome.passed and not passed and criterion != "overall":
            sink.add("benchmark_gate_failed_criterion", labels, 1)
