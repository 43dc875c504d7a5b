"""The ledger's state as Prometheus' text exposition. The only place that knows metric names.

Every family is declared in metrics.yaml; `Definitions` loads it, and a value for a metric or label that is not declared there is a
programming error that the tests find.
"""

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from benchmark_exporter import __version__
from benchmark_exporter.config import ConfigError, read_yaml
from benchmark_exporter.ledger import Counter, Histogram, State
from benchmark_exporter.model import SEVERITIES, Statistics
from benchmark_exporter.resources import Resources

Part = Literal["state", "distributions", "resources"]
PARTS: tuple[Part, ...] = ("state", "distributions", "resources")
COMMITS_SHOWN = 5
EXECUTION_TIME_METRIC = "benchmark_execution_time_ms"
_COUNTERS = {
    "runs": "benchmark_runs_total",
    "regressions": "performance_regressions_total",
    "pipeline_runs": "ci_pipeline_runs_total",
    "files_ingested": "benchmark_exporter_files_ingested_total",
    "files_duplicate": "benchmark_exporter_files_duplicate_total",
    "files_rejected": "benchmark_exporter_files_rejected_total",
    "run_conflicts": "benchmark_exporter_run_conflicts_total",
    "notifications_received": "benchmark_exporter_notifications_received_total",
}

Name = Annotated[str, msgspec.Meta(pattern="^[a-z][a-z0-9_]*$")]


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One metric of metrics.yaml."""

    name: Name
    type: Literal["counter", "gauge", "histogram", "summary"]
    unit: str
    collect: Part
    labels: list[Name]
    help: str
    buckets: list[float] = []
    quantiles: list[float] = []


class _MetricsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    metrics: list[Definition]


def load_definitions(path: Path) -> Mapping[str, Definition]:
    """The metrics that a metrics.yaml declares, by name.

    Raises:
        ConfigError: names the file, the key and the reason.
    """
    try:
        definitions = msgspec.convert(read_yaml(path), _MetricsFile).metrics
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}") from error
    by_name: dict[str, Definition] = {}
    for index, definition in enumerate(definitions):
        place = f"{path}: $.metrics[{index}] ({definition.name})"
        if definition.name in by_name:
            raise ConfigError(f"{place}: declared twice")
        if definition.type == "histogram" and (not definition.buckets or definition.buckets != sorted(set(definition.buckets))):
            raise ConfigError(f"{place}: a histogram needs buckets, each greater than the one before")
        if not all(0 <= quantile <= 1 for quantile in definition.quantiles):
            raise ConfigError(f"{place}: a quantile is between 0 and 1")
        by_name[definition.name] = definition
    missing = sorted(({*_COUNTERS.values(), EXECUTION_TIME_METRIC} | _STATE_METRICS) - by_name.keys())
    if missing:
        raise ConfigError(f"{path}: does not declare {', '.join(missing)}, which the exporter exposes")
    return by_name


_STATE_METRICS = {
    "speedup_ratio",
    "performance_regression_detected_total",
    "memory_usage_mb",
    "cpu_utilization_percent",
    "benchmark_suite_duration_seconds",
    "ci_pipeline_status",
    "ci_pipeline_failure_ratio",
    "benchmark_time_seconds",
    "benchmark_coefficient_of_variation_ratio",
    "benchmark_samples",
    "benchmark_last_run_timestamp_seconds",
    "benchmark_run_info",
    "benchmark_gate_passed",
    "benchmark_gate_speedup_threshold_ratio",
    "benchmark_gate_time_threshold_seconds",
    "benchmark_gate_headroom_ratio",
    "performance_regression_active",
    "benchmark_exporter_build_info",
    "benchmark_exporter_rejected_files",
    "benchmark_exporter_files_pending",
    "benchmark_exporter_last_ingest_timestamp_seconds",
    "benchmark_exporter_ledger_commits",
    "benchmark_exporter_series",
    "benchmark_exporter_scan_duration_seconds",
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
}


@dataclass(frozen=True, slots=True)
class Live:
    """What is true of the process now and not in the ledger."""

    pending_files: int
    scan_duration_seconds: float


@dataclass(frozen=True, slots=True)
class Exposition:
    """Rendered parts, and when the next counter stops being shown as 0 (seconds since 1970; infinity: never)."""

    parts: Mapping[Part, bytes]
    commits: int
    stale_at_seconds: float


class Collector:
    """Renders states. `counter_hold_seconds`: how long a series is shown as 0 after its birth."""

    def __init__(self, definitions: Mapping[str, Definition], *, baseline_version: str, counter_hold_seconds: float) -> None:
        self._definitions = definitions
        self._baseline_version = baseline_version
        self._hold_seconds = counter_hold_seconds

    def render(self, state: State, live: Live, now: float) -> Exposition:
        """The `state` and `distributions` parts of a state at a time (seconds since 1970)."""
        page = _Page(self._definitions)
        held: list[float] = [math.inf]
        self._results(page, state)
        self._verdicts(page, state)
        self._pipelines(page, state)
        self._suites(page, state)
        self._exporter(page, state, live)
        for name, metric in _COUNTERS.items():
            page.declare(metric)
            if not self._definitions[metric].labels and name not in state.counters:
                page.add(metric, (), 0)
            for counter in state.counters.get(name, ()):
                page.add(metric, counter.labels, self._held(counter, counter.value, now, held))
        page.declare("performance_regression_detected_total")
        for counter in _newest_commits(state.counters.get("regressions_by_commit", ())):
            page.add("performance_regression_detected_total", counter.labels, self._held(counter, counter.value, now, held))
        page.declare(EXECUTION_TIME_METRIC)
        for histogram in state.histograms.get("execution_time_ms", ()):
            self._histogram(page, EXECUTION_TIME_METRIC, histogram, now, held)
        page.add("benchmark_exporter_series", (), page.series + 1)
        return Exposition({part: page.text(part) for part in PARTS if part != "resources"}, state.commits, min(held))

    def render_resources(self, resources: Resources, live: Live) -> bytes:
        """The `resources` part."""
        page = _Page(self._definitions)
        page.add("memory_usage_mb", ("benchmark-exporter", "serving"), round(resources.resident_bytes / 1e6, 1))
        for core, percent in enumerate(resources.core_percents):
            page.add("cpu_utilization_percent", (str(core), "system"), percent)
        page.add("cpu_utilization_percent", ("all", "benchmark-exporter"), resources.process_percent)
        page.add("benchmark_exporter_scan_duration_seconds", (), round(live.scan_duration_seconds, 6))
        page.add("process_cpu_seconds_total", (), round(resources.process_cpu_seconds, 2))
        page.add("process_resident_memory_bytes", (), resources.resident_bytes)
        page.add("process_start_time_seconds", (), resources.start_timestamp_seconds)
        return page.text("resources")

    def _held(self, born: Counter | Histogram, value: int, now: float, held: list[float]) -> int:
        """0 while the series is young: Prometheus takes the first sample of a counter for where it began."""
        shown_at = born.born_seconds + self._hold_seconds
        # A birth in the future is a clock set back since: waiting for that time would hide the counter.
        if value and born.born_seconds <= now < shown_at:
            held.append(shown_at)
            return 0
        return value

    def _histogram(self, page: "_Page", metric: str, histogram: Histogram, now: float, held: list[float]) -> None:
        shown = self._held(histogram, 1, now, held)
        cumulated = 0
        bounds = [_number(bound) for bound in self._definitions[metric].buckets] + ["+Inf"]
        for bound, count in zip(bounds, histogram.counts, strict=True):
            cumulated += count * shown
            page.add(metric, histogram.labels, cumulated, suffix="_bucket", extra=("le", bound))
        page.add(metric, histogram.labels, histogram.total * shown, suffix="_sum")
        page.add(metric, histogram.labels, cumulated, suffix="_count")

    def _results(self, page: "_Page", state: State) -> None:
        for newest in state.results:
            result = newest.result
            labels = (f"{result.benchmark}/{result.variant}", newest.environment)
            for field in fields(Statistics):
                value = getattr(result.statistics, field.name)
                if value is not None:
                    page.add("benchmark_time_seconds", (*labels, field.name.removesuffix("_seconds")), value)
            if result.cv_ratio is not None:
                page.add("benchmark_coefficient_of_variation_ratio", labels, result.cv_ratio)
            if result.sample_count is not None:
                page.add("benchmark_samples", labels, result.sample_count)
        for run in state.runs:
            page.add("benchmark_last_run_timestamp_seconds", (run.benchmark, run.environment), run.timestamp_seconds)
            page.add("benchmark_run_info", (run.benchmark, run.environment, run.project, run.run_id, run.commit_hash), 1)

    def _verdicts(self, page: "_Page", state: State) -> None:
        for verdict in state.verdicts:
            name = verdict.benchmark
            speedups = (("p50", verdict.speedup_p50_ratio), ("p95", verdict.speedup_p95_ratio))
            limits = (("p50", verdict.min_speedup_p50_ratio), ("p95", verdict.min_speedup_p95_ratio))
            for percentile, value in speedups:
                if value is not None:
                    page.add("speedup_ratio", (name, percentile, self._baseline_version), value)
            for percentile, value in limits:
                if value is not None:
                    page.add("benchmark_gate_speedup_threshold_ratio", (name, percentile), value)
            if verdict.max_p95_seconds is not None:
                page.add("benchmark_gate_time_threshold_seconds", (name,), verdict.max_p95_seconds)
            headroom = verdict.speedup_p50_ratio / verdict.min_speedup_p50_ratio - 1
            page.add("benchmark_gate_headroom_ratio", (name,), headroom)
            for criterion, passed in (*verdict.criteria.items(), ("overall", verdict.passed)):
                page.add("benchmark_gate_passed", (name, criterion), int(passed))
            for severity in SEVERITIES:
                page.add("performance_regression_active", (name, severity), int(severity == verdict.severity))

    def _pipelines(self, page: "_Page", state: State) -> None:
        for pipeline in state.pipelines:
            page.add("ci_pipeline_status", (pipeline.pipeline, pipeline.branch, pipeline.trigger), int(pipeline.passed))
        for name, ratio in state.pipeline_failure_ratios.items():
            page.add("ci_pipeline_failure_ratio", (name,), ratio)

    def _suites(self, page: "_Page", state: State) -> None:
        metric = "benchmark_suite_duration_seconds"
        durations = sorted(state.suite_durations_seconds)
        if durations:
            for quantile in self._definitions[metric].quantiles:
                # Nearest rank: the least duration that at least this share of runs does not exceed.
                value = durations[max(0, math.ceil(quantile * len(durations)) - 1)]
                page.add(metric, (), value, extra=("quantile", _number(quantile)))
        page.add(metric, (), state.suite_duration_sum_seconds, suffix="_sum")
        page.add(metric, (), state.suite_duration_count, suffix="_count")

    def _exporter(self, page: "_Page", state: State, live: Live) -> None:
        page.add("benchmark_exporter_build_info", (__version__, platform.python_version()), 1)
        page.add("benchmark_exporter_files_pending", (), live.pending_files)
        page.add("benchmark_exporter_last_ingest_timestamp_seconds", (), state.last_ingest_seconds)
        page.add("benchmark_exporter_ledger_commits", (), state.commits)
        present: dict[str, int] = {counter.labels[0]: 0 for counter in state.counters.get("files_rejected", ())}
        for file in state.rejected_files:
            present[file.reason] = present.get(file.reason, 0) + 1
        for reason, count in present.items():
            page.add("benchmark_exporter_rejected_files", (reason,), count)


def _newest_commits(counters: Sequence[Counter]) -> list[Counter]:
    """Of each benchmark and severity the commits that changed last, so that the series do not grow without end."""
    by_benchmark: dict[tuple[str, ...], list[Counter]] = {}
    for counter in sorted(counters, key=lambda counter: counter.changed_seconds, reverse=True):
        by_benchmark.setdefault(counter.labels[:2], []).append(counter)
    return [counter for group in by_benchmark.values() for counter in group[:COMMITS_SHOWN]]


class _Page:
    """Lines of an exposition under construction, by family."""

    def __init__(self, definitions: Mapping[str, Definition]) -> None:
        self._definitions = definitions
        self._lines: dict[str, list[str]] = {}
        self.series = 0

    def declare(self, metric: str) -> None:
        """Shows a family's HELP and TYPE even while it has no series."""
        self._lines.setdefault(metric, [])

    def add(self, metric: str, labels: Sequence[str], value: float, *, suffix: str = "", extra: tuple[str, str] | None = None) -> None:
        names = self._definitions[metric].labels
        pairs = [f'{name}="{_escape(label)}"' for name, label in zip(names, labels, strict=True)]
        if extra is not None:
            pairs.append(f'{extra[0]}="{extra[1]}"')
        inside = f"{{{','.join(pairs)}}}" if pairs else ""
        self._lines.setdefault(metric, []).append(f"{metric}{suffix}{inside} {_number(value)}")
        self.series += 1

    def text(self, part: Part) -> bytes:
        """The families of one part, in the order of metrics.yaml, in the text format 0.0.4."""
        lines: list[str] = []
        for name, definition in self._definitions.items():
            if definition.collect == part and name in self._lines:
                lines.append(f"# HELP {name} {_escape_help(definition.help)}")
                lines.append(f"# TYPE {name} {definition.type}")
                # Buckets keep their order; other series are sorted, so that the same state is the same bytes.
                lines.extend(self._lines[name] if definition.type in ("histogram", "summary") else sorted(self._lines[name]))
        return "".join(f"{line}\n" for line in lines).encode()


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
