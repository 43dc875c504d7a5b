"""What the newest run of each benchmark measured."""

from collections.abc import Iterable

from benchmark_exporter.ledger import Labels
from benchmark_exporter.ledger.state import NewestResult, NewestRun
from benchmark_exporter.metrics.exposition import Sink
from benchmark_exporter.model import Result, Statistics

# The metrics of what is not an execution time, by unit. Any other unit is a label of the last one.
_QUANTITIES = {
    "bytes": "benchmark_size_bytes",
    "per_second": "benchmark_throughput_per_second",
    "ratio": "benchmark_proportion_ratio",
}
_OTHER_QUANTITY = "benchmark_quantity"


def add_results(sink: Sink, results: Iterable[NewestResult]) -> None:
    """The statistics of each result."""
    for newest in results:
        result = newest.result
        labels = (result.name, newest.environment)
        metric, more = _metric_of(result)
        for statistic in Statistics.__struct_fields__:
            value = getattr(result.statistics, statistic)
            if value is not None:
                sink.add(metric, (*labels, statistic, *more), value)
        if result.cv_ratio is not None:
            sink.add("benchmark_coefficient_of_variation_ratio", labels, result.cv_ratio)
        if result.sample_count is not None:
            sink.add("benchmark_samples", labels, result.sample_count)


def add_runs(sink: Sink, runs: Iterable[NewestRun]) -> None:
    """When each benchmark ran last, whether it failed, and which run that was."""
    for run in runs:
        labels = (run.benchmark, run.environment)
        sink.add("benchmark_last_run_timestamp_seconds", labels, run.timestamp_seconds)
        sink.add("benchmark_last_run_failed", labels, int(run.failed))
        sink.add("benchmark_run_info", (*labels, run.project, run.run_id, run.commit_hash), 1)


def _metric_of(result: Result) -> tuple[str, Labels]:
    """The metric that shows a result, and the labels after its statistic."""
    if result.is_execution_time:
        return "benchmark_time_seconds", ()
    better = result.better or "unknown"
    if result.unit in _QUANTITIES:
        return _QUANTITIES[result.unit], (better,)
    return _OTHER_QUANTITY, (better, result.unit)
