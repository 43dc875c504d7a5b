"""How wide a table's columns have to be, so that neither a heading nor a value is cut."""

from collections.abc import Mapping

# Of Grafana's 14 px type, and of a cell: its padding, and the arrow of the sorted column.
CHARACTER_PIXELS, PADDING_PIXELS, ARROW_PIXELS = 8, 16, 20
# Of the columns of a matrix, whose headings wrap between words.
PLACE_PIXELS = 130
# The longest usual value of a label.
LONGEST: Mapping[str, str] = {
    "alertname": "PrometheusNotificationQueueRunningFull",
    "baseline_version": "release-1.10.0",
    "benchmark": "demo-config-compilation",
    "benchmark_name": "demo-config-compilation/compiled",
    "branch": "release/1.10",
    "commit_hash": "7eb41b44e9ab",
    "direction": "better",
    "environment": "production",
    "instance": "benchmark-exporter",
    "iteration": "sample",
    "machine_class": "linux x86_64 128 cpus",
    "part": "Alertmanager",
    "pipeline": "demo-nightly",
    "previous_commit_hash": "7eb41b44e9ab",
    "project": "demo-config-compilation",
    "result": "demo-config-compilation/compiled demo-config-compilation main",
    "reason": "unsupported_version",
    "run_id": "20261128T144429Z-e2c04d3f",
    "severity": "critical",
    "state": "acknowledged",
    "status": "resolved",
    "ticket": "PERF-1234",
    "unit": "per_second",
    "url": "https://perf.example.org:8000",
    "version": "0.10.0-rc.1",
    "who": "benchmark-exporter",
}
# The longest usual text of a number, by its unit. One without a unit is a count.
LONGEST_OF_UNIT: Mapping[object, str] = {
    "dateTimeAsIso": "2026-11-28 14:43:29",
    "dtdurations": "59 minutes",
    "ms": "-999.99 ms",
    "percentunit": "-2003.0%",
    "s": "-999.99 ms",
    "si: ": "-999.99 M",
    "suffix:×": "9999.9 ×",
    None: "99999",
}


def fitting(heading: str, *texts: str) -> int:
    """How many pixels a column needs for its heading and the longest of its texts."""
    longest = max((len(text) for text in texts), default=0) * CHARACTER_PIXELS
    return max(longest, len(heading) * CHARACTER_PIXELS + ARROW_PIXELS) + PADDING_PIXELS
