"""The labels that say where results come from, in the order of metrics.yaml."""

from benchmark_exporter.ledger import Labels
from benchmark_exporter.model import Scope


def labels_of(scope: Scope) -> Labels:
    """All four, for metrics that had no environment."""
    return scope.environment, scope.project, scope.machine_class, scope.branch


def labels_without_environment(scope: Scope) -> Labels:
    """Those that follow in metrics that name the environment earlier."""
    return scope.project, scope.machine_class, scope.branch
