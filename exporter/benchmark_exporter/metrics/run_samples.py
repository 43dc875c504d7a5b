"""The samples that a scrape shows of one run, for those of the past."""

from collections.abc import Mapping

from benchmark_exporter.config import Config
from benchmark_exporter.ledger.history import RecordedRun
from benchmark_exporter.ledger.state import NewestGate, NewestPipeline, NewestResult, NewestRun
from benchmark_exporter.metrics.definitions import Definition
from benchmark_exporter.metrics.families import gates, pipelines, results
from benchmark_exporter.metrics.samples import Sample, Samples
from benchmark_exporter.model import PipelineRun


def samples_of(
    run: RecordedRun | PipelineRun, definitions: Mapping[str, Definition], config: Config
) -> list[Sample]:
    """See `Collector.samples`."""
    sink = Samples(definitions, config.max_label_bytes)
    if isinstance(run, PipelineRun):
        newest_pipeline = NewestPipeline(
            run.project or config.project,
            run.pipeline,
            run.branch,
            run.trigger,
            run.passed,
            run.duration_seconds,
        )
        pipelines.add_pipelines(sink, [newest_pipeline])
        return sink.samples
    if not run.tracked:  # a scrape shows nothing of it
        return []
    outcomes = dict.fromkeys((result.benchmark for result in run.results), False)
    outcomes |= dict.fromkeys((failure.benchmark for failure in run.failures), True)
    newest_runs = [
        NewestRun(
            scope=run.scope,
            benchmark=benchmark,
            run_id=run.run_id,
            commit_hash=run.commit_hash,
            format=run.format,
            timestamp_seconds=run.timestamp_seconds,
            failed=failed,
        )
        for benchmark, failed in outcomes.items()
    ]
    newest_results = [NewestResult(run.scope, result) for result in run.results]
    results.add_results(sink, newest_results)
    results.add_runs(sink, newest_runs)
    newest_gates = [
        NewestGate(run.scope, run.run_id, run.timestamp_seconds, outcome)
        for outcome in run.gate_outcomes
    ]
    gates.add_gate_outcomes(sink, newest_gates, config.baseline_version)
    gates.add_failed_runs(sink, newest_gates, newest_runs)
    return sink.samples
