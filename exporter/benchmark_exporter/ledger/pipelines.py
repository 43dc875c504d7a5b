"""Runs of CI pipelines."""

import hashlib

from benchmark_exporter.ledger import totals
from benchmark_exporter.ledger.columns import to_json
from benchmark_exporter.ledger.newest_rows import NewestPipelineRunRow, Rank
from benchmark_exporter.ledger.rows import PipelineRunRow
from benchmark_exporter.ledger.state import NewestPipeline
from benchmark_exporter.ledger.tables import NEWEST_PIPELINE_RUNS, PIPELINE_RUNS
from benchmark_exporter.ledger.totals import tie_of
from benchmark_exporter.ledger.write_buffer import WriteBuffer
from benchmark_exporter.model import PipelineRun


def add_pipeline_run(
    buffer: WriteBuffer, run: PipelineRun, project: str, rank: Rank, at: float
) -> bool:
    """Whether the pipeline's run is new."""
    row = PipelineRunRow(
        project=project,
        pipeline=run.pipeline,
        run_id=run.run_id,
        timestamp_seconds=run.timestamp_seconds,
        branch=run.branch,
        trigger=run.trigger,
        passed=run.passed,
        duration_seconds=run.duration_seconds,
        rank_seconds=min(run.timestamp_seconds, at),
        ingested_seconds=at,
    )
    if buffer.insert(PIPELINE_RUNS, row).rowcount != 1:
        return False
    key = project, run.pipeline, run.branch, run.trigger
    shown = NewestPipeline(*key, run.passed, run.duration_seconds)
    rank = rank._replace(
        tie=tie_of(hashlib.sha256(to_json((run.run_id, run.passed)).encode()).digest())
    )
    newest = NewestPipelineRunRow(shown, rank.seconds, rank.tie)
    buffer.change(NEWEST_PIPELINE_RUNS, key, totals.newest, newest, rank)
    return True
