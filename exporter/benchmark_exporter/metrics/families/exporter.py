"""The exporter about itself, as far as results change it."""

import platform
from collections.abc import Mapping

from benchmark_exporter import __version__
from benchmark_exporter.counters import FILES_REJECTED
from benchmark_exporter.ledger import State
from benchmark_exporter.metrics.exposition import Page
from benchmark_exporter.metrics.live import Live
from benchmark_exporter.model import SubjectKind


def add_exporter(page: Page, state: State, live: Live) -> None:
    """Its version, what it ingests, and what it rejects."""
    page.add("benchmark_exporter_build_info", (__version__, platform.python_version()), 1)
    page.add("benchmark_exporter_files_pending", (), live.pending_files)
    page.add("benchmark_exporter_ingest_failing", (), int(live.is_ingest_failing))
    page.add("benchmark_exporter_last_ingest_timestamp_seconds", (), state.last_ingest_seconds)
    page.add("benchmark_exporter_ledger_commits", (), state.commits)
    # A reason stays, as 0, when its last file has been fixed.
    present = {counter.labels[0]: 0 for counter in state.counters.get(FILES_REJECTED.name, ())}
    for file in state.rejected_files:
        present[file.reason] = present.get(file.reason, 0) + 1
    for reason, count in present.items():
        page.add("benchmark_exporter_rejected_files", (reason,), count)


def add_series_counts(page: Page, limit: int, dropped: Mapping[SubjectKind, int]) -> None:
    """How many series the parts have; to be added last, since these series count, too."""
    for kind, count in dropped.items():
        page.add("benchmark_exporter_subjects_dropped", (kind,), count)
    page.add("benchmark_exporter_series_limit", (), limit)
    page.add("benchmark_exporter_series", ("distributions",), page.series("distributions"))
    page.add("benchmark_exporter_series", ("state",), page.series("state") + 1)
