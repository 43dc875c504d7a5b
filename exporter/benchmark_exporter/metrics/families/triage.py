"""The states of open regressions."""

from collections.abc import Iterable

from benchmark_exporter.ledger import NewestVerdict
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.metrics.families.scopes import labels_without_environment


def add_triage(sink: Sink, verdicts: Iterable[NewestVerdict]) -> None:
    """Of each open regression its state, since when, and until when its level is expected."""
    for newest in verdicts:
        triage = newest.triage
        if triage is None:
            continue
        labels = (
            newest.name,
            newest.scope.environment,
            *labels_without_environment(newest.scope),
        )
        info = (*labels, triage.state, triage.who, triage.ticket)
        sink.add("benchmark_regression_triage_info", info, 1)
        since = triage.since_seconds
        sink.add("benchmark_regression_triage_timestamp_seconds", labels, since)
        if triage.until_seconds is not None:
            until = triage.until_seconds
            sink.add("benchmark_regression_expected_until_timestamp_seconds", labels, until)
