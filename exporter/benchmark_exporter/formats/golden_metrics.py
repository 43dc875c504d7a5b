"""golden_capture's metrics: one flat object.

latency_ms is the mean: the tool computes throughput_rps as its reciprocal.
"""

import msgspec

from benchmark_exporter.formats.fields import Count, NonNegative, Seconds, keys
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.model import Result, Run, Statistics

NAME = "golden_metrics"
_BENCHMARK = "golden"


class MeasurementPart(msgspec.Struct, frozen=True):
    timestamp: Seconds | None = None
    iterations: Count | None = None


class GoldenMetricsDocument(msgspec.Struct, frozen=True):
    latency_ms: NonNegative
    p95_ms: NonNegative
    throughput_rps: NonNegative
    mem_bytes: NonNegative
    hit_ratio: NonNegative
    measurement_info: MeasurementPart = MeasurementPart()


def matches(document: object) -> bool:
    return {"latency_ms", "p95_ms", "throughput_rps"} <= keys(document)


def parse(raw: object, origin: Origin) -> Run:
    document = msgspec.convert(raw, GoldenMetricsDocument)
    info = document.measurement_info
    seconds = origin.seconds() if info.timestamp is None else info.timestamp
    times = Statistics(p95=document.p95_ms / 1e3, mean=document.latency_ms / 1e3)
    results = (
        Result(_BENCHMARK, "", times, info.iterations),
        Result(
            _BENCHMARK,
            "throughput",
            Statistics(mean=document.throughput_rps),
            unit="per_second",
            better="higher",
        ),
        Result(_BENCHMARK, "memory", Statistics(mean=document.mem_bytes), unit="bytes"),
        Result(
            _BENCHMARK, "hits", Statistics(mean=document.hit_ratio), unit="ratio", better="higher"
        ),
    )
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
    )
