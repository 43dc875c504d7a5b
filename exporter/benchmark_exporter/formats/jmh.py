"""JMH: unit and direction from `scoreUnit`; `rawData` are samples, one an iteration.

Only in mode `sample` are `scorePercentiles` percentiles of single calls. In the others they are of iterations' means, which is no
latency, so they are not taken.
"""

from typing import Annotated, Literal

import msgspec

from benchmark_exporter.formats.fields import Name, Number, Text, objects_with
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Result, Run, Statistics

NAME = "jmh"


class MetricPart(msgspec.Struct, frozen=True, rename="camel"):
    score: Number
    score_unit: Text
    score_percentiles: dict[str, Number | Literal["NaN"]] = {}
    raw_data: list[list[Number]] = []


class BenchmarkPart(msgspec.Struct, frozen=True, rename="camel"):
    benchmark: Name
    mode: Name
    primary_metric: MetricPart
    params: dict[str, Text] = {}


def matches(document: object) -> bool:
    return isinstance(document, list) and objects_with(("benchmark", "mode", "primaryMetric"), document)


def parse(raw: object, origin: Origin) -> Run:
    document = msgspec.convert(raw, Annotated[list[BenchmarkPart], msgspec.Meta(min_length=1)])
    seconds = origin.seconds()
    results = tuple(_result(part) for part in document)
    return Run(format=NAME, run_id=origin.run_id(seconds, results), timestamp_seconds=seconds, results=results, comparisons=())


def _result(part: BenchmarkPart) -> Result:
    metric, params = part.primary_metric, ",".join(f"{name}={value}" for name, value in sorted(part.params.items()))
    measured = quantity(metric.score_unit)
    benchmark = f"{part.benchmark}({params})" if params else part.benchmark
    samples = [value * measured.factor for fork in metric.raw_data for value in fork]
    if samples and part.mode != "sample":
        return from_samples(benchmark, part.mode, samples, unit=measured.unit, better=measured.better)
    statistics = _of_calls(metric, measured) if part.mode == "sample" else Statistics(mean=metric.score * measured.factor)
    return Result(benchmark, part.mode, statistics, unit=measured.unit, better=measured.better)


def _of_calls(metric: MetricPart, measured: Quantity) -> Statistics:
    def percentile(name: str) -> float | None:
        value = metric.score_percentiles.get(name)
        return value * measured.factor if isinstance(value, float) else None

    return Statistics(
        p50=percentile("50.0"),
        p95=percentile("95.0"),
        p99=percentile("99.0"),
        mean=metric.score * measured.factor,
        min=percentile("0.0"),
        max=percentile("100.0"),
    )
