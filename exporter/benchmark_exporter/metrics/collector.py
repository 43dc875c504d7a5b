"""The ledger's state as Prometheus' text exposition. The only place that knows metric names.

Every family is declared in metrics.yaml, which `load_definitions` holds to what is exposed here.
"""

import hashlib
import math
import platform
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from benchmark_exporter import __version__
from benchmark_exporter.config import Config, ConfigError, read_yaml
from benchmark_exporter.ledger import (
    REGRESSIONS_BY_COMMIT,
    Histogram,
    Labels,
    Ledger,
    NewestVerdict,
    RunningTotal,
    State,
    Subject,
)
from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.ledger.state import (
    NewestGateOutcome,
    NewestPipeline,
    NewestResult,
    NewestRun,
)
from benchmark_exporter.metrics.resources import Resources
from benchmark_exporter.metrics.series_limit import Owner, fitting, owning_labels, places
from benchmark_exporter.model import (
    REGRESSED,
    SEVERITIES,
    PipelineRun,
    Result,
    Statistics,
    SubjectKind,
)
from benchmark_exporter.stream.hub import StreamFigures
from benchmark_exporter.stream.live_folder import LINE_REJECTIONS, LineRejection, ProcessUsage

_CLIP_DIGEST = 10
_ELLIPSIS = "…"
LEAST_SUBJECTS_READ = 500
# benchmark_exporter_series of two parts, its limit, and what is dropped of two kinds: known only when all others are counted.
_SERIES_ABOUT_SERIES = 5
# Metric, suffix, label values, and le or quantile.
_Series = tuple[str, str, Labels, tuple[str, str] | None]
Part = Literal["state", "distributions", "resources"]
# The series of a metric that are in one part.
_Place = tuple[Part, str]
# What is kept of a series: its line up to the value, whose it is, and where it stands.
_Known = tuple[str, Owner, _Place]
PARTS: tuple[Part, ...] = ("state", "distributions", "resources")
EXECUTION_TIME, EXECUTION_TIME_METRIC = "execution_time_ms", "benchmark_execution_time_ms"
STREAM_LAG_METRIC = "benchmark_stream_lag_seconds"
# Labels `process` that no benchmark's process may have.
EXPORTER_PROCESS, HOST_PROCESS = "benchmark-exporter", "system"
OWN_PROCESSES = (EXPORTER_PROCESS, HOST_PROCESS)
_COUNTERS = {
    "runs": "benchmark_runs_total",
    "failures": "benchmark_failures_total",
    "regressions": "performance_regressions_total",
    "regressions_confirmed": "benchmark_regressions_confirmed_total",
    "regressions_suppressed": "benchmark_regressions_suppressed_total",
    "pipeline_runs": "ci_pipeline_runs_total",
    "files_ingested": "benchmark_exporter_files_ingested_total",
    "files_duplicate": "benchmark_exporter_files_duplicate_total",
    "files_rejected": "benchmark_exporter_files_rejected_total",
    "run_conflicts": "benchmark_exporter_run_conflicts_total",
    "notifications_received": "benchmark_exporter_notifications_received_total",
}
# What is not an execution time, by its unit. Any other unit is a label of the last one.
_QUANTITIES = {
    "bytes": "benchmark_size_bytes",
    "per_second": "benchmark_throughput_per_second",
    "ratio": "benchmark_proportion_ratio",
}
_OTHER_QUANTITY = "benchmark_quantity"
_FAMILY = re.compile(rb"^(?=# HELP )", re.MULTILINE)

EXPOSED = frozenset((*_COUNTERS.values(), *_QUANTITIES.values(), _OTHER_QUANTITY)) | {
    EXECUTION_TIME_METRIC,
    "speedup_ratio",
    "performance_regression_detected_total",
    "memory_usage_mb",
    "cpu_utilization_percent",
    "benchmark_suite_duration_seconds",
    "ci_pipeline_status",
    "ci_pipeline_duration_seconds",
    "ci_pipeline_failure_ratio",
    "benchmark_time_seconds",
    "benchmark_coefficient_of_variation_ratio",
    "benchmark_samples",
    "benchmark_last_run_timestamp_seconds",
    "benchmark_last_run_failed",
    "benchmark_run_info",
    "benchmark_gate_passed",
    "benchmark_gate_failed_criterion",
    "benchmark_gate_speedup_threshold_ratio",
    "benchmark_gate_time_threshold_seconds",
    "benchmark_gate_headroom_ratio",
    "performance_regression_active",
    "benchmark_verdict",
    "benchmark_verdict_info",
    "benchmark_judged_value",
    "benchmark_reference_value",
    "benchmark_limit_value",
    "benchmark_worsening_ratio",
    "benchmark_noise_ratio",
    "benchmark_regression_info",
    "benchmark_regression_confirmed",
    "benchmark_regression_value",
    "benchmark_regression_reference_value",
    "benchmark_regression_worsening_ratio",
    "benchmark_regression_noise_ratio",
    "benchmark_environment_shift_active",
    "benchmark_baseline_info",
    "benchmark_baseline_pinned_timestamp_seconds",
    "benchmark_exporter_build_info",
    "benchmark_exporter_rejected_files",
    "benchmark_exporter_files_pending",
    "benchmark_exporter_ingest_failing",
    "benchmark_exporter_last_ingest_timestamp_seconds",
    "benchmark_exporter_ledger_commits",
    "benchmark_exporter_series",
    "benchmark_exporter_series_limit",
    "benchmark_exporter_subjects_dropped",
    "benchmark_exporter_scan_duration_seconds",
    "benchmark_exporter_uploads_total",
    "benchmark_live_runs",
    "benchmark_live_lines_rejected_total",
    "benchmark_stream_clients",
    "benchmark_stream_messages_total",
    "benchmark_stream_dropped_total",
    STREAM_LAG_METRIC,
    "process_cpu_seconds_total",
    "process_resident_memory_bytes",
    "process_start_time_seconds",
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
    collect_state: Mapping[Name, frozenset[str]] = {}
    buckets: list[float] = []
    quantiles: list[float] = []

    @property
    def parts(self) -> Sequence[Part]:
        """Those that have series of it."""
        return ("state", self.collect) if self.collect_state else (self.collect,)

    def part_of(self, labels: Labels) -> Part:
        """Where the series with these label values is."""
        for name, values in self.collect_state.items():
            if labels[self.labels.index(name)] in values:
                return "state"
        return self.collect


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
        if len(set(definition.labels)) < len(definition.labels):
            raise ConfigError(f"{place}: a label stands twice")
        if definition.type == "histogram" and not _are_buckets(definition.buckets):
            raise ConfigError(
                f"{place}: a histogram needs buckets, finite and each greater than the one before"
            )
        if unknown := sorted(definition.collect_state.keys() - set(definition.labels)):
            raise ConfigError(f"{place}: collect_state has {unknown[0]}, which is no label of it")
        if definition.collect_state and definition.type not in ("counter", "gauge"):
            raise ConfigError(
                f"{place}: a {definition.type} is in one part, so it has no collect_state"
            )
        if definition.collect_state and definition.collect == "state":
            raise ConfigError(
                f"{place}: collect_state chooses what is in state; collect names the part of the others"
            )
        if not all(0 <= quantile <= 1 for quantile in definition.quantiles):
            raise ConfigError(f"{place}: a quantile is between 0 and 1")
        by_name[definition.name] = definition
    for name in sorted(by_name.keys() ^ EXPOSED):
        what = (
            "is not declared, but exposed"
            if name in EXPOSED
            else "is declared, but nothing exposes it"
        )
        raise ConfigError(f"{path}: $.metrics: {name} {what}")
    return by_name


def _are_buckets(bounds: Sequence[float]) -> bool:
    return bool(bounds) and all(map(math.isfinite, bounds)) and list(bounds) == sorted(set(bounds))


@dataclass(frozen=True, slots=True)
class Live:
    """What is true of the process now and not in the ledger."""

    pending_files: int
    scan_duration_seconds: float
    is_ingest_failing: bool = False


@dataclass(frozen=True, slots=True)
class LiveProgress:
    """What benchmarks write while they run, and what was sent of it. Rejected lines count since the start."""

    running: int
    usages: Sequence[ProcessUsage]
    rejected_lines: Mapping[LineRejection, int]
    stream: StreamFigures


@dataclass(frozen=True, slots=True)
class Exposition:
    """Rendered parts, and when they change without a commit (seconds since 1970; infinity: never).

    `shown` is how many of the state's first subjects fit into `max_series`, `dropped` how many of each kind do not, though they had a run
    lately.
    """

    parts: Mapping[Part, bytes]
    commits: int
    stale_at_seconds: float
    shown: int
    dropped: Mapping[SubjectKind, int]


@dataclass(frozen=True, slots=True)
class Sample:
    """A value of one series, by its name and labels as a scrape would store them: without empty ones."""

    metric: str
    labels: tuple[tuple[str, str], ...]
    value: float
    part: Part


class Collector:
    """Renders states."""

    def __init__(self, definitions: Mapping[str, Definition], config: Config) -> None:
        self._definitions = definitions
        self._config = config
        self._prefixes: dict[_Series, _Known] = {}
        # How many subjects are read: few more than are shown, however many there are. It doubles until one does not fit.
        self._subjects_read = LEAST_SUBJECTS_READ
        # Histograms by their labels, as they were last rendered: they are most of the series, and a commit changes few of them.
        self._histograms: dict[Labels, _Rendered] = {}

    def expose(self, ledger: Ledger, live: Live, now: float) -> tuple[State, Exposition]:
        """The newest state, of as many subjects as are to be shown, and its exposition.

        Raises:
            LedgerError: the ledger cannot be read.
        """
        config = self._config
        while True:
            state = ledger.state(
                after_seconds=now - config.series_max_age_seconds,
                at_most=self._subjects_read,
                returned_after_seconds=now
                - max(config.counter_hold_seconds, config.histogram_hold_seconds),
            )
            exposition = self.render(state, live, now)
            if exposition.shown < len(state.selection.subjects):
                self._subjects_read = max(LEAST_SUBJECTS_READ, exposition.shown + 1)
            elif any(exposition.dropped.values()):
                self._subjects_read *= 2
                continue
            return state, exposition

    def render(self, state: State, live: Live, now: float) -> Exposition:
        """The `state` and `distributions` parts of a state at a time (seconds since 1970)."""
        page = _Page(self._definitions, self._config.max_label_bytes, self._prefixes)
        hold = _Hold(self._config.counter_hold_seconds, now)
        histogram_hold = _Hold(self._config.histogram_hold_seconds, now)
        self._results(page, state.results, state.runs)
        self._gate_outcomes(page, state.gate_outcomes)
        self._verdicts(page, state)
        self._pipelines(page, state.pipelines)
        for name, ratio in state.pipeline_failure_ratios.items():
            page.add("ci_pipeline_failure_ratio", (name,), ratio)
        self._suites(page, state)
        self._exporter(page, state, live)
        self._counters(page, state, {"state": hold, "distributions": histogram_hold})
        self._distributions(page, state, histogram_hold)
        subjects = state.selection.subjects
        shown = page.keep_fitting(subjects, self._config.max_series)
        of_kind = Counter(subject.kind for subject in subjects[:shown])
        dropped = {kind: count - of_kind[kind] for kind, count in state.selection.counts.items()}
        for kind, count in dropped.items():
            page.add("benchmark_exporter_subjects_dropped", (kind,), count)
        page.add("benchmark_exporter_series_limit", (), self._config.max_series)
        page.add("benchmark_exporter_series", ("distributions",), page.series("distributions"))
        page.add("benchmark_exporter_series", ("state",), page.series("state") + 1)
        self._prefixes = page.prefixes
        parts: dict[Part, bytes] = {part: page.text(part) for part in PARTS if part != "resources"}
        aged = state.selection.first_seen_seconds + self._config.series_max_age_seconds
        return Exposition(
            parts,
            state.commits,
            min(hold.ends_seconds, histogram_hold.ends_seconds, aged),
            shown,
            dropped,
        )

    def samples(self, run: RecordedRun | PipelineRun) -> list[Sample]:
        """The gauges that a scrape shows while the run is the newest.

        Counters and histograms are totals of many runs and not a run's.
        """
        sink = _Samples(self._definitions, self._config.max_label_bytes)
        if isinstance(run, PipelineRun):
            self._pipelines(
                sink,
                [
                    NewestPipeline(
                        run.pipeline, run.branch, run.trigger, run.passed, run.duration_seconds
                    )
                ],
            )
            return sink.samples
        outcomes = dict.fromkeys((result.benchmark for result in run.results), False)
        outcomes |= dict.fromkeys((failure.benchmark for failure in run.failures), True)
        newest = [
            NewestRun(
                benchmark=benchmark,
                environment=run.environment,
                project=run.project,
                run_id=run.run_id,
                commit_hash=run.commit_hash,
                format=run.format,
                timestamp_seconds=run.timestamp_seconds,
                failed=failed,
            )
            for benchmark, failed in outcomes.items()
        ]
        self._results(
            sink, [NewestResult(run.environment, result) for result in run.results], newest
        )
        self._gate_outcomes(sink, run.gate_outcomes)
        return sink.samples

    def render_resources(
        self, resources: Resources, live: Live, uploads: Mapping[int, int], progress: LiveProgress
    ) -> bytes:
        """The `resources` part. `uploads` has the number of answers by status code."""
        page = _Page(self._definitions, self._config.max_label_bytes, {})
        page.add(
            "memory_usage_mb",
            (EXPORTER_PROCESS, "serving"),
            round(resources.resident_bytes / 1e6, 1),
        )
        for core, percent in enumerate(resources.core_percents):
            page.add("cpu_utilization_percent", (str(core), HOST_PROCESS), percent)
        page.add("cpu_utilization_percent", ("all", EXPORTER_PROCESS), resources.process_percent)
        page.add(
            "benchmark_exporter_scan_duration_seconds", (), round(live.scan_duration_seconds, 6)
        )
        for code, count in uploads.items():
            page.add("benchmark_exporter_uploads_total", (str(code),), count)
        self._progress(page, progress)
        page.add("process_cpu_seconds_total", (), round(resources.process_cpu_seconds, 2))
        page.add("process_resident_memory_bytes", (), resources.resident_bytes)
        page.add("process_start_time_seconds", (), resources.start_timestamp_seconds)
        return page.text("resources")

    def _progress(self, page: "_Page", progress: LiveProgress) -> None:
        for usage in progress.usages:
            if usage.process not in OWN_PROCESSES:
                for phase, megabytes in usage.memory_mb.items():
                    page.add("memory_usage_mb", (usage.process, phase), megabytes)
                for core, percent in usage.cpu_percent.items():
                    page.add("cpu_utilization_percent", (core, usage.process), percent)
        page.add("benchmark_live_runs", (), progress.running)
        for reason in LINE_REJECTIONS:
            page.add(
                "benchmark_live_lines_rejected_total",
                (reason,),
                progress.rejected_lines.get(reason, 0),
            )
        stream = progress.stream
        page.add("benchmark_stream_clients", (), stream.clients)
        for kind, count in stream.messages.items():
            page.add("benchmark_stream_messages_total", (kind,), count)
        page.add("benchmark_stream_dropped_total", (), stream.dropped)
        lag = Histogram(
            (), stream.lag.bounds, stream.lag.counts, stream.lag.total_seconds, born_seconds=0.0
        )
        page.extend(
            STREAM_LAG_METRIC,
            (),
            _histogram_lines(page.histogram_prefixes(STREAM_LAG_METRIC, lag), lag, held=False),
        )

    def _counters(self, page: "_Page", state: State, holds: "Mapping[Part, _Hold]") -> None:
        for name, metric in _COUNTERS.items():
            definition = self._definitions[metric]
            if not definition.labels and name not in state.counters:
                page.add(metric, (), 0)
            for counter in state.counters.get(name, ()):
                hold = holds[definition.part_of(counter.labels)]
                page.add(
                    metric,
                    counter.labels,
                    hold.value(counter, state.returned_counters.get((name, counter.labels))),
                )
        for counter in state.regressions_by_commit:
            before = state.returned_counters.get((REGRESSIONS_BY_COMMIT, counter.labels))
            page.add(
                "performance_regression_detected_total",
                counter.labels,
                holds["state"].value(counter, before),
            )

    def _distributions(self, page: "_Page", state: State, hold: "_Hold") -> None:
        known, self._histograms = self._histograms, {}
        for histogram in state.histograms.get(EXECUTION_TIME, ()):
            before = state.returned_histograms.get((EXECUTION_TIME, histogram.labels))
            returns = before is not None and hold.holds(before.born_seconds)
            shown = before if before is not None and returns else histogram
            held = not returns and hold.holds(histogram.born_seconds)
            rendered = known.get(histogram.labels)
            if rendered is None or rendered.histogram.bounds != shown.bounds:
                prefixes = page.histogram_prefixes(EXECUTION_TIME_METRIC, shown)
                rendered = _Rendered(shown, held, prefixes, _histogram_lines(prefixes, shown, held))
            elif (rendered.histogram, rendered.held) != (shown, held):
                rendered = _Rendered(
                    shown, held, rendered.prefixes, _histogram_lines(rendered.prefixes, shown, held)
                )
            page.extend(EXECUTION_TIME_METRIC, histogram.labels, rendered.lines)
            self._histograms[histogram.labels] = rendered

    def _results(
        self, page: "_Page | _Samples", results: Sequence[NewestResult], runs: Sequence[NewestRun]
    ) -> None:
        for newest in results:
            result = newest.result
            labels = (result.name, newest.environment)
            metric, more = _family(result)
            for statistic in Statistics.__struct_fields__:
                value = getattr(result.statistics, statistic)
                if value is not None:
                    page.add(metric, (*labels, statistic, *more), value)
            if result.cv_ratio is not None:
                page.add("benchmark_coefficient_of_variation_ratio", labels, result.cv_ratio)
            if result.sample_count is not None:
                page.add("benchmark_samples", labels, result.sample_count)
        for run in runs:
            page.add(
                "benchmark_last_run_timestamp_seconds",
                (run.benchmark, run.environment),
                run.timestamp_seconds,
            )
            page.add("benchmark_last_run_failed", (run.benchmark, run.environment), int(run.failed))
            page.add(
                "benchmark_run_info",
                (run.benchmark, run.environment, run.project, run.run_id, run.commit_hash),
                1,
            )

    def _gate_outcomes(
        self, page: "_Page | _Samples", gate_outcomes: Sequence[NewestGateOutcome]
    ) -> None:
        for gate_outcome in gate_outcomes:
            name = gate_outcome.benchmark
            speedups = (
                ("p50", gate_outcome.speedup_p50_ratio),
                ("p95", gate_outcome.speedup_p95_ratio),
            )
            limits = (
                ("p50", gate_outcome.min_speedup_p50_ratio),
                ("p95", gate_outcome.min_speedup_p95_ratio),
            )
            for percentile, value in speedups:
                if value is not None:
                    page.add(
                        "speedup_ratio", (name, percentile, self._config.baseline_version), value
                    )
            for percentile, value in limits:
                if value is not None:
                    page.add("benchmark_gate_speedup_threshold_ratio", (name, percentile), value)
            if gate_outcome.max_p95_seconds is not None:
                page.add(
                    "benchmark_gate_time_threshold_seconds", (name,), gate_outcome.max_p95_seconds
                )
            headroom = gate_outcome.speedup_p50_ratio / gate_outcome.min_speedup_p50_ratio - 1
            page.add("benchmark_gate_headroom_ratio", (name,), headroom)
            for criterion, passed in (
                *gate_outcome.criteria.items(),
                ("overall", gate_outcome.passed),
            ):
                page.add("benchmark_gate_passed", (name, criterion), int(passed))
                # An alert on the gate has to say them at once; in the part that is scraped each second, all criteria cost a series each.
                if not gate_outcome.passed and not passed and criterion != "overall":
                    page.add("benchmark_gate_failed_criterion", (name, criterion), 1)
            for severity in SEVERITIES:
                page.add(
                    "performance_regression_active",
                    (name, severity),
                    int(severity == gate_outcome.severity),
                )

    def _verdicts(self, page: "_Page", state: State) -> None:
        for newest in state.verdicts:
            verdict, labels = newest.verdict, (newest.name, newest.environment)
            # The two that tell of a regression are always there; the others cost a series each, so only the one that holds is shown.
            for gate_outcome in dict.fromkeys((*REGRESSED, verdict.state)):
                page.add(
                    "benchmark_verdict", (*labels, gate_outcome), int(gate_outcome == verdict.state)
                )
            commits = (newest.commit_hash, newest.passed_commit)
            page.add("benchmark_verdict_info", (*labels, newest.project, *commits, newest.unit), 1)
            page.add("benchmark_judged_value", (*labels, newest.unit), verdict.value)
            for metric, more, value in (
                ("benchmark_reference_value", ("rolling",), verdict.rolling),
                ("benchmark_reference_value", ("pinned",), verdict.pinned),
                ("benchmark_limit_value", (), verdict.limit),
                ("benchmark_worsening_ratio", (), verdict.worsening_ratio),
                ("benchmark_noise_ratio", (), verdict.noise_ratio),
            ):
                if value is not None:
                    page.add(metric, (*labels, *more), value)
            if verdict.state in REGRESSED:
                self._regression(page, newest)
            baseline = newest.baseline
            if baseline is not None:
                page.add(
                    "benchmark_baseline_info",
                    (*labels, baseline.version, baseline.run_id, baseline.commit_hash),
                    1,
                )
                page.add(
                    "benchmark_baseline_pinned_timestamp_seconds", labels, baseline.pinned_seconds
                )
        self._speedups(page, state)
        for shift in state.shifts:
            page.add(
                "benchmark_environment_shift_active",
                (shift.project, shift.environment),
                int(shift.shifted),
            )

    def _speedups(self, page: "_Page", state: State) -> None:
        """Against pinned baselines. A benchmark that brings its own reference has that one; of several environments the last one stands."""
        own = {gate_outcome.benchmark for gate_outcome in state.gate_outcomes}
        speedups = {
            (newest.name, percentile, newest.baseline.version): value
            for newest in state.verdicts
            if newest.baseline is not None and newest.name not in own
            for percentile, value in (
                ("p50", newest.baseline.speedup_p50_ratio),
                ("p95", newest.baseline.speedup_p95_ratio),
            )
        }
        for labels, value in speedups.items():
            if value is not None:
                page.add("speedup_ratio", labels, value)

    def _regression(self, page: "_Page", newest: NewestVerdict) -> None:
        """What an alert has to say: at once, and so in the part that is scraped each second, but only while there is something to say."""
        verdict, labels = newest.verdict, (newest.name, newest.environment)
        commits = (newest.commit_hash, newest.passed_commit)
        page.add("benchmark_regression_info", (*labels, newest.project, *commits, newest.unit), 1)
        page.add("benchmark_regression_confirmed", labels, int(verdict.state == "critical"))
        for metric, value in (
            ("benchmark_regression_value", verdict.value),
            ("benchmark_regression_reference_value", verdict.reference),
            ("benchmark_regression_worsening_ratio", verdict.worsening_ratio),
            ("benchmark_regression_noise_ratio", verdict.noise_ratio),
        ):
            if value is not None:
                page.add(metric, labels, value)

    def _pipelines(self, page: "_Page | _Samples", pipelines: Sequence[NewestPipeline]) -> None:
        for pipeline in pipelines:
            labels = (pipeline.pipeline, pipeline.branch, pipeline.trigger)
            page.add("ci_pipeline_status", labels, int(pipeline.passed))
            if pipeline.duration_seconds is not None:
                page.add("ci_pipeline_duration_seconds", labels, pipeline.duration_seconds)

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
        page.add("benchmark_exporter_ingest_failing", (), int(live.is_ingest_failing))
        page.add("benchmark_exporter_last_ingest_timestamp_seconds", (), state.last_ingest_seconds)
        page.add("benchmark_exporter_ledger_commits", (), state.commits)
        present: dict[str, int] = {
            counter.labels[0]: 0 for counter in state.counters.get("files_rejected", ())
        }
        for file in state.rejected_files:
            present[file.reason] = present.get(file.reason, 0) + 1
        for reason, count in present.items():
            page.add("benchmark_exporter_rejected_files", (reason,), count)


def join(parts: Sequence[bytes]) -> bytes:
    """Parts of an exposition as one: each family once, as the text format demands, with the series that it has in any of them."""
    if len(parts) == 1:  # as it is asked for every second
        return parts[0]
    families: dict[bytes, list[bytes]] = {}
    for part in parts:
        for family in _FAMILY.split(part)[1:]:
            explanation, kind, series = family.split(b"\n", 2)
            families.setdefault(explanation + b"\n" + kind + b"\n", []).append(series)
    return b"".join(head + b"".join(series) for head, series in families.items())


def _family(result: Result) -> tuple[str, Labels]:
    """The metric that shows a result, and the labels it has after the statistic."""
    if result.is_execution_time:
        return "benchmark_time_seconds", ()
    better = result.better or "unknown"
    if result.unit in _QUANTITIES:
        return _QUANTITIES[result.unit], (better,)
    return _OTHER_QUANTITY, (better, result.unit)


class _Hold:
    """Shows young counters as 0: Prometheus takes the first sample of a counter for where it began, and would miss what it began with.

    One that was away and returned is shown as it was, for the same reason: 0 would be a reset.
    """

    def __init__(self, seconds: float, now: float) -> None:
        self._seconds = seconds
        self._now = now
        self.ends_seconds = math.inf

    def holds(self, born_seconds: float) -> bool:
        """Whether what was born then is to be shown as 0 now. A birth in the future is a clock set back since: it is not waited for."""
        ends = born_seconds + self._seconds
        held = born_seconds <= self._now < ends
        if held:
            self.ends_seconds = min(self.ends_seconds, ends)
        return held

    def value(self, counter: RunningTotal, before_return: RunningTotal | None) -> int:
        """What a counter is shown as; `before_return` is what it was when its subject came back."""
        if self.holds(counter.born_seconds):
            return 0
        if before_return is not None and self.holds(before_return.born_seconds):
            return before_return.value
        return counter.value


class _Rendered(msgspec.Struct, frozen=True):
    """A histogram's lines, with what they begin with; where it is held it is shown as 0."""

    histogram: Histogram
    held: bool
    prefixes: Sequence[str]
    lines: Sequence[str]


def _histogram_lines(prefixes: Sequence[str], histogram: Histogram, held: bool) -> list[str]:
    cumulated = [0] * len(histogram.counts) if held else list(accumulate(histogram.counts))
    values = (*cumulated, 0 if held else histogram.total, cumulated[-1])
    return [prefix + _number(value) for prefix, value in zip(prefixes, values, strict=True)]


class _Samples:
    """Samples of series, each by itself, in place of a page."""

    def __init__(self, definitions: Mapping[str, Definition], max_label_bytes: int) -> None:
        self._definitions = definitions
        self._max_label_bytes = max_label_bytes
        self.samples: list[Sample] = []

    def add(self, metric: str, labels: Labels, value: float) -> None:
        pairs = zip(self._definitions[metric].labels, labels, strict=True)
        kept = tuple((name, _clip(label, self._max_label_bytes)) for name, label in pairs if label)
        self.samples.append(
            Sample(metric, kept, float(value), self._definitions[metric].part_of(labels))
        )


class _Page:
    """Lines of an exposition under construction, by family.

    A series' name and labels are put in words once and kept from one page to the next: most of the time goes there.
    """

    def __init__(
        self,
        definitions: Mapping[str, Definition],
        max_label_bytes: int,
        known: Mapping[_Series, _Known],
    ) -> None:
        self._definitions = definitions
        self._max_label_bytes = max_label_bytes
        self._known = known
        self._owning = {
            name: owning_labels(definition.labels) for name, definition in definitions.items()
        }
        places: list[_Place] = [
            (part, name) for name, definition in definitions.items() for part in definition.parts
        ]
        self._lines: dict[_Place, list[str]] = {place: [] for place in places}
        self._owners: dict[_Place, list[Owner]] = {place: [] for place in places}
        self.prefixes: dict[_Series, _Known] = {}

    def add(
        self,
        metric: str,
        labels: Labels,
        value: float,
        *,
        suffix: str = "",
        extra: tuple[str, str] | None = None,
    ) -> None:
        series = (metric, suffix, labels, extra)
        known = self._known.get(series)
        if known is None:
            place = self._definitions[metric].part_of(labels), metric
            known = self._prefix(metric, suffix, labels, extra), self._owner(metric, labels), place
        self.prefixes[series] = known
        prefix, owner, place = known
        self._lines[place].append(prefix + _number(value))
        self._owners[place].append(owner)

    def histogram_prefixes(self, metric: str, histogram: Histogram) -> list[str]:
        """How the lines of a histogram begin: of its buckets, of the sum, and of the count."""
        return [
            *(
                self._prefix(metric, "_bucket", histogram.labels, ("le", bound))
                for bound in (*map(_number, histogram.bounds), "+Inf")
            ),
            *(
                self._prefix(metric, suffix, histogram.labels, None)
                for suffix in ("_sum", "_count")
            ),
        ]

    def extend(self, metric: str, labels: Labels, lines: Sequence[str]) -> None:
        """Adds lines of one histogram."""
        place = self._definitions[metric].collect, metric
        self._lines[place].extend(lines)
        self._owners[place].extend([self._owner(metric, labels)] * len(lines))

    def series(self, part: Part) -> int:
        """How many a part has."""
        return sum(len(lines) for (of_part, _), lines in self._lines.items() if of_part == part)

    def keep_fitting(self, subjects: Sequence[Subject], limit: int) -> int:
        """Keeps only series of the exporter and of the first subjects, as many as fit into each part; returns how many these are."""
        place_of = places(subjects)
        counts: dict[Part, Counter[Owner]] = {part: Counter() for part in PARTS}
        for (part, _), owners in self._owners.items():
            counts[part].update(owners)
        counts["state"][None] += _SERIES_ABOUT_SERIES
        fit = fitting(place_of, counts.values(), limit)
        left_out = {
            owner
            for of_part in counts.values()
            for owner in of_part
            if owner is not None and place_of.get(owner, fit) >= fit
        }
        if left_out:
            for place, owners in self._owners.items():
                self._lines[place] = [
                    line
                    for line, owner in zip(self._lines[place], owners, strict=True)
                    if owner not in left_out
                ]
        return fit

    def text(self, part: Part) -> bytes:
        """The families of one part, in the order of metrics.yaml, in the text format 0.0.4."""
        lines: list[str] = []
        for name, definition in self._definitions.items():
            if part in definition.parts:
                lines.append(f"# HELP {name} {_escape_help(definition.help)}")
                lines.append(f"# TYPE {name} {definition.type}")
                # Buckets keep their order; other series are sorted, so that the same state is the same bytes.
                series = self._lines[part, name]
                lines.extend(
                    series if definition.type in ("histogram", "summary") else sorted(series)
                )
        return "".join(f"{line}\n" for line in lines).encode()

    def _prefix(
        self, metric: str, suffix: str, labels: Labels, extra: tuple[str, str] | None
    ) -> str:
        names = self._definitions[metric].labels
        pairs = [
            f'{name}="{_escape(_clip(label, self._max_label_bytes))}"'
            for name, label in zip(names, labels, strict=True)
        ]
        if extra is not None:
            pairs.append(f'{extra[0]}="{extra[1]}"')
        return f"{metric}{suffix}{{{','.join(pairs)}}} " if pairs else f"{metric}{suffix} "

    def _owner(self, metric: str, labels: Labels) -> Owner:
        owning = self._owning[metric]
        return None if owning is None else (owning[0], *(labels[index] for index in owning[1]))


def _clip(label: str, max_bytes: int) -> str:
    """Cut, with a digest of the whole, since two series must not become one. By bytes, as Prometheus counts."""
    whole = label.encode()
    if len(whole) <= max_bytes:
        return label
    end = _ELLIPSIS + hashlib.sha256(whole).hexdigest()[:_CLIP_DIGEST]
    return whole[: max_bytes - len(end.encode())].decode(errors="ignore") + end


def _escape(label: str) -> str:
    return label.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _escape_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")


def _number(value: float) -> str:
    if (
        type(value) is int and -(10**15) < value < 10**15
    ):  # not isinstance: True is an int, and would be written so
        return str(value)
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)
