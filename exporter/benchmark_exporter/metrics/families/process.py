"""What processes use and report while they run: the `resources` part."""

from collections.abc import Iterable, Mapping

from benchmark_exporter.ledger import Histogram
from benchmark_exporter.metrics.lines import Lines
from benchmark_exporter.metrics.live import ConfigStatus, LiveProgress
from benchmark_exporter.metrics.resources import Resources
from benchmark_exporter.stream.hub import StreamFigures
from benchmark_exporter.stream.live_lines import LINE_REJECTIONS
from benchmark_exporter.stream.process_usage import ProcessUsage

STREAM_LAG_METRIC = "benchmark_stream_lag_seconds"
# Values of the label `process` that the process of a benchmark cannot have.
EXPORTER_PROCESS, HOST_PROCESS = "benchmark-exporter", "system"
_OWN_PROCESSES = (EXPORTER_PROCESS, HOST_PROCESS)


def add_resources(lines: Lines, resources: Resources) -> None:
    """CPU and memory of the exporter and its host."""
    megabytes = round(resources.resident_bytes / 1e6, 1)
    lines.add("memory_usage_mb", (EXPORTER_PROCESS, "serving", ""), megabytes)
    for core, percent in enumerate(resources.core_percents):
        lines.add("cpu_utilization_percent", (str(core), HOST_PROCESS, ""), percent)
    lines.add("cpu_utilization_percent", ("all", EXPORTER_PROCESS, ""), resources.process_percent)
    lines.add("process_cpu_seconds_total", (), round(resources.process_cpu_seconds, 2))
    lines.add("process_resident_memory_bytes", (), resources.resident_bytes)
    lines.add("process_start_time_seconds", (), resources.start_timestamp_seconds)


def add_scan(lines: Lines, scan_duration_seconds: float, uploads: Mapping[int, int]) -> None:
    """How results come in. `uploads` has the number of answers by status code."""
    lines.add("benchmark_exporter_scan_duration_seconds", (), round(scan_duration_seconds, 6))
    for code, count in uploads.items():
        lines.add("benchmark_exporter_uploads_total", (str(code),), count)


def add_config_status(lines: Lines, status: ConfigStatus) -> None:
    """Whether a changed config.yaml is in effect."""
    lines.add("benchmark_exporter_config_last_reload_successful", (), int(status.successful))
    lines.add(
        "benchmark_exporter_config_last_reload_success_timestamp_seconds",
        (),
        status.success_timestamp_seconds,
    )


def add_searches(lines: Lines, due: int) -> None:
    """How far the search for change points is."""
    lines.add("benchmark_exporter_change_searches_due", (), due)


def add_progress(lines: Lines, progress: LiveProgress) -> None:
    """Running benchmarks, and the stream that reports on them."""
    _add_usages(lines, progress.usages)
    for project, count in (progress.running or {"": 0}).items():
        lines.add("benchmark_live_runs", (project,), count)
    for reason in LINE_REJECTIONS:
        count = progress.rejected_lines.get(reason, 0)
        lines.add("benchmark_live_lines_rejected_total", (reason, ""), count)
    _add_stream(lines, progress.stream)


def _add_usages(lines: Lines, usages: Iterable[ProcessUsage]) -> None:
    for usage in usages:
        if usage.process not in _OWN_PROCESSES:
            for phase, megabytes in usage.memory_mb.items():
                lines.add("memory_usage_mb", (usage.process, phase, usage.project), megabytes)
            for core, percent in usage.cpu_percent.items():
                labels = (core, usage.process, usage.project)
                lines.add("cpu_utilization_percent", labels, percent)


def _add_stream(lines: Lines, stream: StreamFigures) -> None:
    lines.add("benchmark_stream_clients", (), stream.clients)
    for kind, count in stream.messages.items():
        lines.add("benchmark_stream_messages_total", (kind,), count)
    lines.add("benchmark_stream_dropped_total", (), stream.dropped)
    lag = Histogram(
        (), stream.lag.bounds, stream.lag.counts, stream.lag.total_seconds, born_seconds=0.0
    )
    lines.add_histogram(STREAM_LAG_METRIC, lag, held=False)
