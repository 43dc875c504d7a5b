"""Our own document for the outcome of a CI pipeline."""

from benchmark_exporter.model import PipelineRun
from tests.support.documents import pipeline
from tests.support.parsing import accepted


def test_a_pipelines_outcome_is_read() -> None:
    assert accepted(pipeline(status="fail") | {"duration_seconds": 61.5}) == PipelineRun(
        "pipeline",
        "nightly",
        "main",
        "schedule",
        "101",
        passed=False,
        timestamp_seconds=1772366400.0,
        duration_seconds=61.5,
    )
