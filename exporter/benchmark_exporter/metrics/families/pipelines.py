"""CI pipelines, and the durations of whole suites."""

import math
from collections.abc import Iterable, Mapping

from benchmark_exporter.ledger import State
from benchmark_exporter.ledger.state import NewestPipeline
from benchmark_exporter.metrics.definitions import Definition
from benchmark_exporter.metrics.exposition import Page, Sink, number

_SUITE_DURATION = "benchmark_suite_duration_seconds"


def add_pipelines(sink: Sink, pipelines: Iterable[NewestPipeline]) -> None:
    """The newest run of each pipeline."""
    for pipeline in pipelines:
        labels = (pipeline.pipeline, pipeline.branch, pipeline.trigger)
        sink.add("ci_pipeline_status", labels, int(pipeline.passed))
        if pipeline.duration_seconds is not None:
            sink.add("ci_pipeline_duration_seconds", labels, pipeline.duration_seconds)


def add_failure_ratios(sink: Sink, ratios: Mapping[str, float]) -> None:
    """The share of failed runs, by pipeline."""
    for pipeline, ratio in ratios.items():
        sink.add("ci_pipeline_failure_ratio", (pipeline,), ratio)


def add_suite_durations(page: Page, state: State, definitions: Mapping[str, Definition]) -> None:
    """The summary of suite durations."""
    durations = sorted(state.suite_durations_seconds)
    if durations:
        for quantile in definitions[_SUITE_DURATION].quantiles:
            # Nearest rank: the least duration that at least this share of the runs does not exceed.
            value = durations[max(0, math.ceil(quantile * len(durations)) - 1)]
            page.add(_SUITE_DURATION, (), value, extra=("quantile", number(quantile)))
    page.add(_SUITE_DURATION, (), state.suite_duration_sum_seconds, suffix="_sum")
    page.add(_SUITE_DURATION, (), state.suite_duration_count, suffix="_count")
