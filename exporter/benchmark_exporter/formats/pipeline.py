"""Our own document for the outcome of a CI pipeline: `{"schema": "strataregula.pipeline/1", …}`."""

from typing import Literal

import msgspec

from benchmark_exporter.formats.fields import Name, NonNegative, Timestamp, to_seconds
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.model import PipelineRun

NAME = "pipeline"
SCHEMA = "strataregula.pipeline/1"


class PipelineDocument(msgspec.Struct, frozen=True):
    schema: Literal["strataregula.pipeline/1"]
    pipeline: Name
    branch: Name
    trigger: Name
    run_id: Name
    status: Literal["pass", "fail"]
    timestamp: Timestamp
    duration_seconds: NonNegative | None = None


def matches(document: object) -> bool:
    return isinstance(document, dict) and document.get("schema") == SCHEMA


def parse(raw: object, _: Origin) -> PipelineRun:
    document = msgspec.convert(raw, PipelineDocument)
    return PipelineRun(
        format=NAME,
        pipeline=document.pipeline,
        branch=document.branch,
        trigger=document.trigger,
        run_id=document.run_id,
        passed=document.status == "pass",
        timestamp_seconds=to_seconds(document.timestamp, json_path="$.timestamp"),
        duration_seconds=document.duration_seconds,
    )
