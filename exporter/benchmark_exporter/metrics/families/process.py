"""What processes use and report while they run: the `resources` part."""

from collections.abc import Iterable, Mapping

from benchmark_exporter.ledger import Histogram
from benchmark_exporter.metrics.exposition import Page, histogram_lines
from benchmark_exporter.metrics.live import LiveProgress
from benchmark_exporter.metrics.resources import Resources
from benchmark_exporter.stream.hub import StreamFigures
from benchmark_exporter.stream.live_lines import LINE_REJECTIONS
from benchmark_exporter.stream.process_usage import ProcessUsage

STREAM_LAG_METRIC = "benchmark_stream_lag_seconds"
# Values of the label `process` that the process of a benchmark cannot have.
EXPORTER_PROCESS, HOST_PROCESS = "benchmark-exporter", "system"
_OWN_PROCESSES = (EXPORTER_PROCESS, HOST_PROCESS)


def add_resources(page: Page, resources: Resources) -> None:
    """CPU and memory of the exporter and its host."""
    megabytes = round(resources.resident_bytes / 1e6, 1)
    page.add("memory_usage_mb", (EXPORTER_PROCESS, "serving", ""), megabytes)
    for core, percent in enumerate(resources.core_percents):
        page.add("cpu_utilization_percent", (str(core), HOST_PROCESS, ""), percent)
    page.add("cpu_utilization_percent", ("all", EXPORTER_PROCESS, ""), resources.process_percent)
    page.add("process_cpu_seconds_total", (), round(resources.process_cpu_seconds, 2))
    page.add("process_resident_memory_bytes", (), resources.resident_bytes)
    page.add("process_start_time_seconds", (), resources.start_timestamp_seconds)


def add_scan(page: Page, scan_duration_seconds: float, uploads: Mapping[int, int]) -> None:
    """How results come in. `uploads` has the number of answers by status code."""
    page.add("benchmark_exporter_scan_duration_seconds", (), round(scan_duration_seconds, 6))
    for code, count in uploads.items():
        page.add("benchmark_exporter_uploads_total", (str(code),), count)


def add_searches(page: Page, due: int) -> None:
    """How far the search for change points is."""
    page.add("benchmark_exporter_change_searches_due", (), due)


def add_progress(page: Page, progress: LiveProgress) -> None:
    """Running benchmarks, and the stream that reports on them."""
    _add_usages(page, progress.usages)
    for project, count in (progress.running or {"": 0}).items():
        page.add("benchmark_live_runs", (project,), count)
    for reason in LINE_REJECTIONS:
        count = progress.rejected_lines.get(reason, 0)
        page.add("benchmark_live_lines_rejected_total", (reason, ""), count)
    _add_stream(page, progress.stream)


def _add_usages(page: Page, usages: Iterable[ProcessUsage]) -> None:
    for usage in usages:
        if usage.process not in _OWN_PROCESSES:
            for phase, megabytes in usage.memory_mb.items():
                page.add("memory_usage_mb", (usage.process, phase, usage.project), megabytes)
            for core, percent in usage.cpu_percent.items():
                labels = (core, usage.process, usage.project)
                page.add("cpu_utilization_percent", labels, percent)


def _add_stream(page: Page, stream: StreamFigures) -> None:
    page.add("benchmark_stream_clients", (), stream.clients)
    for kind, count in stream.messages.items():
        page.add("benchmark_stream_messages_total", (kind,), count)
    page.add("benchmark_stream_dropped_total", (), stream.dropped)
    lag = Histogram(
        (), stream.lag.bounds, stream.lag.counts, stream.lag.total_seconds, born_seconds=0.0
    )
    prefixes = page.histogram_prefixes(STREAM_LAG_METRIC, lag)
    page.extend(STREAM_LAG_METRIC, (), histogram_lines(prefixes, lag, held=False))
