"""perf_diff's input, base or current (`bench_results.json`): statistics per benchmark, in ms."""

from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import (
    Count,
    LongName,
    NonNegative,
    Text,
    objects_with,
)
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import coefficient_of_variation
from benchmark_exporter.model import Result, Run, Statistics

NAME = "bench_results"


class BenchmarkPart(msgspec.Struct, frozen=True):
    p50_ms: NonNegative
    p95_ms: NonNegative
    mean_ms: NonNegative | None = None
    std_ms: NonNegative | None = None
    iterations: Count | None = None


class MetadataPart(msgspec.Struct, frozen=True):
    timestamp: str
    commit_hash: Text = ""


class BenchResultsDocument(msgspec.Struct, frozen=True):
    metadata: MetadataPart
    benchmarks: Annotated[dict[LongName, BenchmarkPart], msgspec.Meta(min_length=1)]


def matches(document: object) -> bool:
    return (
        isinstance(document, dict)
        and "metadata" in document
        and objects_with(("p50_ms", "p95_ms"), document.get("benchmarks"))
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, BenchResultsDocument)
    seconds, undated = origin.moment(document.metadata.timestamp, "$.metadata.timestamp")
    results = tuple(_result(name, part) for name, part in document.benchmarks.items())
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        notes=(*notes, *undated),
        commit_hash=document.metadata.commit_hash,
    )


def _result(name: str, part: BenchmarkPart) -> Result:
    mean = None if part.mean_ms is None else part.mean_ms / 1e3
    deviation = None if part.std_ms is None else part.std_ms / 1e3
    statistics = Statistics(
        p50=part.p50_ms / 1e3, p95=part.p95_ms / 1e3, mean=mean, stddev=deviation
    )
    return Result(name, "", statistics, part.iterations, coefficient_of_variation(deviation, mean))
