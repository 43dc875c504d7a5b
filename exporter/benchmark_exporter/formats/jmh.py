"""JMH: unit and direction from `scoreUnit`; `rawData` are samples, one an iteration.

Only in mode `sample` are `scorePercentiles` percentiles of single calls. In the others they are of iterations' means, which is no
latency, so they are not taken.

Of `secondaryMetrics`, those in the unit of the primary one are of its kind: members of a group, auxiliary counters. The others are a
profiler's (`-prof gc`): a time, a size or the number of collections had better be low, a rate of allocation is neither good nor bad.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from benchmark_exporter.formats.fields import Name, Number, Text, objects_with
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Failure, Result, Run, Statistics

NAME = "jmh"


# What JSON has no number for is a text here.
NoNumber = Literal["NaN", "+INF", "-INF"]
# Mode `sample` gives its percentiles as metrics too: `p0.50`, of a group's member `read:p0.50`, until 1.34 `read:read·p0.50`.
_PERCENTILE = re.compile(r"(.*[:·])?p[01]\.\d+")
_COLLECTIONS = Quantity("counts", 1.0, "lower")


class MetricPart(msgspec.Struct, frozen=True, rename="camel"):
    score: Number | NoNumber
    score_unit: Text
    score_percentiles: dict[str, Number | NoNumber] = {}
    raw_data: list[list[Number | NoNumber]] = []


class BenchmarkPart(msgspec.Struct, frozen=True, rename="camel"):
    benchmark: Name
    mode: Name
    primary_metric: MetricPart
    secondary_metrics: dict[str, MetricPart] = {}
    params: dict[str, Text] = {}

    @property
    def name(self) -> str:
        params = ",".join(f"{name}={value}" for name, value in sorted(self.params.items()))
        return f"{self.benchmark}({params})" if params else self.benchmark


def matches(document: object) -> bool:
    return isinstance(document, list) and objects_with(
        ("benchmark", "mode", "primaryMetric"), document
    )


def parse(raw: object, origin: Origin) -> Run:
    document = msgspec.convert(raw, Annotated[list[BenchmarkPart], msgspec.Meta(min_length=1)])
    seconds = origin.seconds()
    results = tuple(result for part in document for result in _results(part))
    measured = {result.benchmark for result in results}
    failures = tuple(
        Failure(part.name, f"its score is {part.primary_metric.score}")
        for part in document
        if part.name not in measured
    )
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results, failures),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        failures=failures,
    )


def _results(part: BenchmarkPart) -> Iterator[Result]:
    primary = part.primary_metric
    yield from _result(part, part.mode, primary, quantity(primary.score_unit))
    for label, metric in part.secondary_metrics.items():
        name = label.lstrip("·")  # which stands before a profiler's until 1.34
        variant = f"{part.mode}/{name}"
        if _PERCENTILE.fullmatch(name):
            continue
        if metric.score_unit == primary.score_unit:
            yield from _result(part, variant, metric, quantity(metric.score_unit))
        else:
            yield from _of_profiler(
                part,
                variant,
                metric,
                _COLLECTIONS if name == "gc.count" else quantity(metric.score_unit),
            )


def _result(
    part: BenchmarkPart, variant: str, metric: MetricPart, measured: Quantity
) -> Iterator[Result]:
    if not isinstance(metric.score, float):
        return
    samples = [
        value * measured.factor
        for fork in metric.raw_data
        for value in fork
        if isinstance(value, float)
    ]
    if samples and part.mode != "sample":
        yield from_samples(part.name, variant, samples, unit=measured.unit, better=measured.better)
        return
    mean = metric.score * measured.factor
    statistics = (
        _of_calls(metric, measured, mean) if part.mode == "sample" else Statistics(mean=mean)
    )
    yield Result(part.name, variant, statistics, unit=measured.unit, better=measured.better)


def _of_profiler(
    part: BenchmarkPart, variant: str, metric: MetricPart, measured: Quantity
) -> Iterator[Result]:
    """The score alone: of some of them it is the sum over the iterations, and not their mean."""
    if isinstance(metric.score, float) and measured.better == "lower":
        value = Statistics(mean=metric.score * measured.factor)
        yield Result(part.name, variant, value, unit=measured.unit, better="lower")


def _of_calls(metric: MetricPart, measured: Quantity, mean: float) -> Statistics:
    def percentile(name: str) -> float | None:
        value = metric.score_percentiles.get(name)
        return value * measured.factor if isinstance(value, float) else None

    return Statistics(
        p50=percentile("50.0"),
        p95=percentile("95.0"),
        p99=percentile("99.0"),
        mean=mean,
        min=percentile("0.0"),
        max=percentile("100.0"),
    )
