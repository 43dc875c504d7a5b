"""Every running total that the ledger keeps, declared once: its name there and its metric.

To add a counter, declare it here and in metrics.yaml, and count it in `ingest` with
`transaction.count(NAME.name, ...)`. The ledger reads it and the collector exposes it from this
table.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec

from benchmark_exporter.model import SubjectKind

# What a total belongs to: a subject, with which its series come and go, or the exporter itself.
TotalOwner = SubjectKind | Literal["exporter"]


class Total(msgspec.Struct, frozen=True):
    """A counter or histogram of the ledger and the metric that exposes it.

    `labels` are the label names of the metric, in the order of the values that are counted by. A
    total that belongs to a subject begins with the subject's own labels, so that these select it:
    a benchmark's scope and name, or a pipeline's project and name.
    """

    name: str
    metric: str
    owner: TotalOwner
    labels: tuple[str, ...]


_BENCHMARK = ("project", "environment", "machine_class", "branch", "benchmark_name")
_GATE = (*_BENCHMARK, "severity")

COUNTERS = (
    RUNS := Total("runs", "benchmark_runs_total", "benchmark", _BENCHMARK),
    FAILURES := Total("failures", "benchmark_failures_total", "benchmark", _BENCHMARK),
    REGRESSIONS := Total("regressions", "performance_regressions_total", "benchmark", _GATE),
    REGRESSIONS_CONFIRMED := Total(
        "regressions_confirmed", "benchmark_regressions_confirmed_total", "benchmark", _BENCHMARK
    ),
    REGRESSIONS_SUPPRESSED := Total(
        "regressions_suppressed", "benchmark_regressions_suppressed_total", "benchmark", _BENCHMARK
    ),
    ALERTS := Total("alerts", "benchmark_alerts_total", "benchmark", _BENCHMARK),
    ALERTS_TRIAGED := Total(
        "alerts_triaged", "benchmark_alerts_triaged_total", "benchmark", _BENCHMARK
    ),
    ALERTS_NOISE := Total("alerts_noise", "benchmark_alerts_noise_total", "benchmark", _BENCHMARK),
    ALERTS_NOISE_WITHDRAWN := Total(
        "alerts_noise_withdrawn",
        "benchmark_alerts_noise_withdrawn_total",
        "benchmark",
        _BENCHMARK,
    ),
    ALERTS_CLOSED := Total(
        "alerts_closed", "benchmark_alerts_closed_total", "benchmark", _BENCHMARK
    ),
    ALERTS_TRIAGE_SECONDS := Total(
        "alerts_triage_seconds",
        "benchmark_alerts_triage_seconds_total",
        "benchmark",
        _BENCHMARK,
    ),
    ALERTS_CLOSE_SECONDS := Total(
        "alerts_close_seconds",
        "benchmark_alerts_close_seconds_total",
        "benchmark",
        _BENCHMARK,
    ),
    PIPELINE_RUNS := Total(
        "pipeline_runs", "ci_pipeline_runs_total", "pipeline", ("project", "pipeline", "status")
    ),
    FILES_INGESTED := Total(
        "files_ingested", "benchmark_exporter_files_ingested_total", "exporter", ("format",)
    ),
    FILES_DUPLICATE := Total(
        "files_duplicate", "benchmark_exporter_files_duplicate_total", "exporter", ()
    ),
    FILES_REJECTED := Total(
        "files_rejected", "benchmark_exporter_files_rejected_total", "exporter", ("reason",)
    ),
    FILES_REMOVED := Total(
        "files_removed", "benchmark_exporter_files_removed_total", "exporter", ()
    ),
    RUN_CONFLICTS := Total(
        "run_conflicts", "benchmark_exporter_run_conflicts_total", "exporter", ()
    ),
    UNTRACKED_BRANCH_RUNS := Total(
        "untracked_branch_runs",
        "benchmark_exporter_untracked_branch_runs_total",
        "exporter",
        ("project",),
    ),
    NOTIFICATIONS_RECEIVED := Total(
        "notifications_received",
        "benchmark_exporter_notifications_received_total",
        "exporter",
        ("alertname", "severity", "status"),
    ),
)
# The ledger keeps this one in a table of its own, since only the newest commits are exposed.
REGRESSIONS_BY_COMMIT = Total(
    "regressions_by_commit",
    "performance_regression_detected_total",
    "benchmark",
    (*_GATE, "commit_hash"),
)
HISTOGRAMS = (
    EXECUTION_TIME := Total(
        "execution_time_ms",
        "benchmark_execution_time_ms",
        "benchmark",
        (*_BENCHMARK, "iteration"),
    ),
)


def of_subjects(totals: Iterable[Total]) -> Mapping[str, SubjectKind]:
    """The kind of subject that each total belongs to, by its name; without the exporter's own."""
    return {total.name: total.owner for total in totals if total.owner != "exporter"}
