"""JMH: unit and direction come from `scoreUnit`; `rawData` are samples, one per iteration.

A benchmark that several threads run is another one, and has JMH's own option in its name: `-t 4`.

Only in mode `sample` are `scorePercentiles` percentiles of single calls. In the other modes they
are percentiles of the iterations' means, which are not latencies, so they are ignored.

Those of the `secondaryMetrics` that share the primary metric's unit are of its kind: members of a
group, auxiliary counters. The others belong to a profiler (`-prof gc`): lower is better for a time,
a size or the number of collections; an allocation rate is neither good nor bad.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

from benchmark_exporter.formats.fields import Count, Name, Number, Text, objects_with
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Failure, Result, Run, Statistics

NAME = "jmh"

# JMH writes numbers that JSON lacks as strings.
NonFinite = Literal["NaN", "+INF", "-INF"]
# Mode `sample` repeats its percentiles as metrics: `p0.50`, `read:p0.50` for a member of a group,
# and up to 1.34 `read:read·p0.50`.
_PERCENTILE = re.compile(r"(.*[:·])?p[01]\.\d+")
_COLLECTIONS = Quantity("counts", 1.0, "lower")


class MetricPart(msgspec.Struct, frozen=True, rename="camel"):
    score: Number | NonFinite
    score_unit: Text
    score_percentiles: dict[str, Number | NonFinite] = {}
    raw_data: list[list[Number | NonFinite]] = []


class BenchmarkPart(msgspec.Struct, frozen=True, rename="camel"):
    benchmark: Name
    mode: Name
    primary_metric: MetricPart
    secondary_metrics: dict[str, MetricPart] = {}
    params: dict[str, Text] = {}
    threads: Count = 1

    @property
    def name(self) -> str:
        return self.name_without_threads + (f" -t {self.threads}" if self.threads != 1 else "")

    @property
    def name_without_threads(self) -> str:
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
        former_names={part.name: part.name_without_threads for part in document},
    )


def _results(part: BenchmarkPart) -> Iterator[Result]:
    primary = part.primary_metric
    yield from _result(part, part.mode, primary, quantity(primary.score_unit))
    for label, metric in part.secondary_metrics.items():
        name = label.lstrip("·")  # up to 1.34, it precedes the names of a profiler's metrics
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
    """The score only: for some of these it is the sum over the iterations, not their mean."""
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
