"""CI pipelines, and the durations of whole suites."""

import math
from collections.abc import Iterable, Mapping

from benchmark_exporter.ledger.state import NewestPipeline, SuiteDurations
from benchmark_exporter.metrics.definitions import Definition
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.metrics.lines import Lines
from benchmark_exporter.metrics.series_text import number

_SUITE_DURATION = "benchmark_suite_duration_seconds"


def add_pipelines(sink: Sink, pipelines: Iterable[NewestPipeline]) -> None:
    """The newest run of each pipeline."""
    for pipeline in pipelines:
        labels = (pipeline.pipeline, pipeline.branch, pipeline.trigger, pipeline.project)
        sink.add("ci_pipeline_status", labels, int(pipeline.passed))
        if pipeline.duration_seconds is not None:
            sink.add("ci_pipeline_duration_seconds", labels, pipeline.duration_seconds)


def add_failure_ratios(sink: Sink, ratios: Mapping[tuple[str, str], float]) -> None:
    """The share of failed runs, by project and pipeline."""
    for (project, pipeline), ratio in ratios.items():
        sink.add("ci_pipeline_failure_ratio", (pipeline, project), ratio)


def add_suite_durations(
    lines: Lines, suites: SuiteDurations, definitions: Mapping[str, Definition]
) -> None:
    """The summary of a project's suite durations."""
    quantiles = definitions[_SUITE_DURATION].quantiles
    labels, durations = (suites.project,), sorted(suites.newest_seconds)
    for quantile in quantiles if durations else ():
        # Nearest rank: the least duration that at least this share of the runs does not exceed.
        value = durations[max(0, math.ceil(quantile * len(durations)) - 1)]
        lines.add(_SUITE_DURATION, labels, value, extra=("quantile", number(quantile)))
    lines.add(_SUITE_DURATION, labels, suites.sum_seconds, suffix="_sum")
    lines.add(_SUITE_DURATION, labels, suites.count, suffix="_count")
