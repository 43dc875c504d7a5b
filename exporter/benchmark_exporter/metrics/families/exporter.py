"""The exporter about itself, as far as results change it."""

import platform
from collections.abc import Mapping

from benchmark_exporter import __version__
from benchmark_exporter.counters import FILES_REJECTED
from benchmark_exporter.ledger import State
from benchmark_exporter.ledger.state import FallbackBranch
from benchmark_exporter.metrics.definitions import Part
from benchmark_exporter.metrics.lines import Lines
from benchmark_exporter.metrics.live import Live
from benchmark_exporter.model import SubjectKind


def add_exporter(lines: Lines, state: State, live: Live) -> None:
    """Its version and address, what it ingests, and what it rejects."""
    lines.add("benchmark_exporter_build_info", (__version__, platform.python_version()), 1)
    if live.exporter_url is not None:
        lines.add("benchmark_exporter_url_info", (live.exporter_url,), 1)
    lines.add("benchmark_exporter_files_pending", (), live.pending_files)
    lines.add("benchmark_exporter_files_measuring", (), live.measuring_files)
    lines.add("benchmark_exporter_ingest_failing", (), int(live.is_ingest_failing))
    lines.add("benchmark_exporter_last_ingest_timestamp_seconds", (), state.last_ingest_seconds)
    lines.add("benchmark_exporter_ledger_commits", (), state.commits)
    # A reason stays, as 0, when its last file has been fixed.
    present = {counter.labels[0]: 0 for counter in state.counters.get(FILES_REJECTED.name, ())}
    for file in state.rejected_files:
        present[file.reason] = present.get(file.reason, 0) + 1
    for reason, count in present.items():
        lines.add("benchmark_exporter_rejected_files", (reason,), count)


def add_fallback(lines: Lines, fallback: FallbackBranch) -> None:
    """A branch that is tracked because its project has no run of a tracked branch."""
    labels = (fallback.project, fallback.branch)
    lines.add("benchmark_exporter_fallback_branch_info", labels, 1)


def add_series_counts(
    lines: Lines, limit: int, dropped: Mapping[SubjectKind, int], series: Mapping[Part, int]
) -> None:
    """How many series the parts have, these included."""
    for kind, count in dropped.items():
        lines.add("benchmark_exporter_subjects_dropped", (kind,), count)
    lines.add("benchmark_exporter_series_limit", (), limit)
    for part, count in series.items():
        lines.add("benchmark_exporter_series", (part,), count)
