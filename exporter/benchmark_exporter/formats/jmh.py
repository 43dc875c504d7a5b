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

from benchmark_exporter.formats.fields import objects_with
from benchmark_exporter.formats.jmh_entries import BenchmarkPart, MetricPart, distinct
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Failure, Result, Run, Statistics

NAME = "jmh"

# Mode `sample` repeats its percentiles as metrics: `p0.50`, `read:p0.50` for a member of a group,
# and up to 1.34 `read:read·p0.50`.
_PERCENTILE = re.compile(r"(.*[:·])?p[01]\.\d+")
_COLLECTIONS = Quantity("counts", 1.0, "lower")


def matches(document: object) -> bool:
    return isinstance(document, list) and objects_with(
        ("benchmark", "mode", "primaryMetric"), document
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, list[BenchmarkPart])
    seconds = origin.seconds()
    named, repeated = distinct(document)
    results = tuple(result for name, part in named for result in _results(name, part))
    measured = {result.benchmark for result in results}
    failures = tuple(
        Failure(name, f"its score is {part.primary_metric.score}")
        for name, part in named
        if name not in measured
    )
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results, failures),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        failures=failures,
        former_names={name: part.name_without_threads for name, part in named if " #" not in name},
        notes=(*notes, *repeated),
    )


def _results(benchmark: str, part: BenchmarkPart) -> Iterator[Result]:
    primary, mode = part.primary_metric, part.mode
    yield from _result(benchmark, mode, mode, primary)
    for label, metric in part.secondary_metrics.items():
        name = label.lstrip("·")  # up to 1.34, it precedes the names of a profiler's metrics
        variant = f"{mode}/{name}"
        if _PERCENTILE.fullmatch(name):
            continue
        if metric.score_unit == primary.score_unit:
            yield from _result(benchmark, mode, variant, metric)
        else:
            yield from _of_profiler(
                benchmark,
                variant,
                metric,
                _COLLECTIONS if name == "gc.count" else quantity(metric.score_unit),
            )


def _result(benchmark: str, mode: str, variant: str, metric: MetricPart) -> Iterator[Result]:
    if not isinstance(metric.score, float):
        return
    measured = quantity(metric.score_unit)
    samples = [
        value * measured.factor
        for fork in metric.raw_data
        for value in fork
        if isinstance(value, float)
    ]
    if samples and mode != "sample":
        yield from_samples(benchmark, variant, samples, unit=measured.unit, better=measured.better)
        return
    mean = metric.score * measured.factor
    statistics = _of_calls(metric, measured, mean) if mode == "sample" else Statistics(mean=mean)
    yield Result(
        benchmark,
        variant,
        statistics,
        _calls(metric),
        unit=measured.unit,
        better=measured.better,
    )


def _calls(metric: MetricPart) -> int | None:
    """How many calls were measured; None where the document does not say so."""
    counts = (
        count for fork in metric.raw_data_histogram for iteration in fork for _, count in iteration
    )
    return sum(counts) or None


def _of_profiler(
    benchmark: str, variant: str, metric: MetricPart, measured: Quantity
) -> Iterator[Result]:
    """The score only: for some of these it is the sum over the iterations, not their mean."""
    if isinstance(metric.score, float) and measured.better == "lower":
        value = Statistics(mean=metric.score * measured.factor)
        yield Result(benchmark, variant, value, unit=measured.unit, better="lower")


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
