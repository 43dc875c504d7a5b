"""Our own format, `strataregula.result/1`, for tools that have raw samples.

docs/result.schema.json is generated from these classes.
"""

from typing import Annotated, Literal

import msgspec

from benchmark_exporter.formats.fields import (
    MachinePart,
    Name,
    NonNegative,
    Number,
    Text,
    Timestamp,
    to_seconds,
)
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import Better, Failure, Rejected, Result, Run

NAME = "result"
SCHEMA = "strataregula.result/1"

Unit = Literal[
    "seconds", "milliseconds", "microseconds", "nanoseconds", "bytes", "per_second", "ratio"
]


class Measurement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One quantity of a benchmark, with all its samples; a single value is one sample."""

    benchmark: Annotated[
        Name, msgspec.Meta(description="what was measured, the same from run to run")
    ]
    samples: Annotated[
        list[Number],
        msgspec.Meta(min_length=1, description="in the order in which they were taken"),
    ]
    variant: Annotated[
        Text, msgspec.Meta(description="which implementation, or which quantity of the benchmark")
    ] = ""
    unit: Unit = "seconds"
    better: Annotated[
        Better | None,
        msgspec.Meta(description="by default, the unit decides; a ratio has no direction"),
    ] = None


class FailedBenchmark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark that ended in an error instead of samples."""

    benchmark: Name
    error: str


class ResultDocument(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One run of a suite of benchmarks."""

    schema: Literal["strataregula.result/1"]
    timestamp: Annotated[
        Timestamp, msgspec.Meta(description="when the run began, with its time zone")
    ]
    results: list[Measurement]
    failures: list[FailedBenchmark] = []
    project: Name | None = None
    environment: Annotated[
        Name | None, msgspec.Meta(description="the kind of machine, such as github-hosted")
    ] = None
    commit: Text | None = None
    branch: Text | None = None
    base_branch: Annotated[
        Text | None, msgspec.Meta(description="the branch that `branch` will be merged into")
    ] = None
    run_id: Annotated[
        Name | None, msgspec.Meta(description="distinguishes the run from others of its project")
    ] = None
    duration_seconds: Annotated[
        NonNegative | None, msgspec.Meta(description="wall time of the whole run")
    ] = None
    machine: MachinePart | None = None


def matches(document: object) -> bool:
    return isinstance(document, dict) and document.get("schema") == SCHEMA


def parse(raw: object, origin: Origin) -> Run:
    document = msgspec.convert(raw, ResultDocument)
    if not document.results and not document.failures:
        raise Rejected(
            "invalid_value",
            "the document holds neither results nor failures",
            json_path="$.results",
        )
    seconds = to_seconds(document.timestamp, json_path="$.timestamp")
    results = tuple(_result(part) for part in document.results)
    failures = tuple(Failure(part.benchmark, part.error) for part in document.failures)
    return Run(
        format=NAME,
        run_id=document.run_id or origin.run_id(seconds, results, failures),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        project=document.project,
        environment=document.environment,
        commit_hash=document.commit or "",
        branch=document.branch or "",
        base_branch=document.base_branch or "",
        suite_duration_seconds=document.duration_seconds,
        failures=failures,
        machine=document.machine.to_machine() if document.machine else None,
    )


def _result(part: Measurement) -> Result:
    measured = quantity(part.unit)
    samples = [value * measured.factor for value in part.samples]
    return from_samples(
        part.benchmark,
        part.variant,
        samples,
        unit=measured.unit,
        better=part.better or measured.better,
    )
