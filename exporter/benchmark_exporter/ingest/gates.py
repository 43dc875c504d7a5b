"""Records the outcomes of a run's gates, in the transaction that records the run."""

from benchmark_exporter.counters import REGRESSIONS
from benchmark_exporter.ledger import Transaction
from benchmark_exporter.model import SEVERITIES, Run, Scope, Severity
from benchmark_exporter.regression import Policy, check_gate


def record_gates(
    transaction: Transaction,
    row: int,
    run: Run,
    scope: Scope,
    policy: Policy,
    now: float,
    *,
    counts: bool,
) -> bool:
    """Whether a gate's outcome is new or another one than before.

    Regressions are counted if `counts`. `now` is in seconds since 1970.
    """
    amended = False
    for comparison in run.comparisons:
        outcome = check_gate(comparison, policy, scope.environment)
        changed, severity = transaction.record_gate_outcome(
            row, outcome, comparison.speedup_p50_ratio, comparison.speedup_p95_ratio
        )
        amended |= changed
        if counts:
            _count_gate(transaction, run, comparison.benchmark, severity, scope, now)
    return amended


def _count_gate(
    transaction: Transaction,
    run: Run,
    benchmark: str,
    severity: Severity | None,
    scope: Scope,
    now: float,
) -> None:
    """Counts a gate's outcome; `severity` is that of a regression not counted before."""
    for each in SEVERITIES:
        labels = (*scope.key, benchmark, each)
        transaction.count(REGRESSIONS.name, labels, now, by=int(each == severity))
    if severity is not None:
        transaction.count_commit(
            scope, benchmark, severity, run.commit_hash, run.timestamp_seconds, now
        )
