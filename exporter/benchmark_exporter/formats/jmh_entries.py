"""JMH's entries, and what those of one name are: pooled, or numbered.

Several `Runner` calls, merged files and `-f` in a loop give entries of one name. Where the virtual
machine, its arguments and the unit agree they are one measurement, as several forks are.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.fields import Count, LongName, Number
from benchmark_exporter.formats.naming import note_of_numbered, note_of_pooled, numbered

_REMEDY = "write them into files of their own, with a sidecar that states what differs"
_PERCENTILES = ("0.0", "50.0", "95.0", "99.0", "100.0")

# JMH writes numbers that JSON lacks as strings.
NonFinite = Literal["NaN", "+INF", "-INF"]
# Of each iteration of each fork, pairs of a value and how often it was measured.
Histogram = list[list[list[tuple[Number, Count]]]]


class MetricPart(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Mode `sample` has the values of `raw_data` in a histogram."""

    score: Number | NonFinite = "NaN"
    score_unit: str
    score_percentiles: dict[str, Number | NonFinite] = {}
    raw_data: list[list[Number | NonFinite]] = []
    raw_data_histogram: Histogram = []


class BenchmarkPart(msgspec.Struct, frozen=True, rename="camel"):
    """The virtual machine and its arguments tell entries of one name apart."""

    benchmark: LongName
    mode: LongName
    primary_metric: MetricPart
    secondary_metrics: dict[str, MetricPart] = {}
    params: dict[str, str] | None = None
    threads: Count = 1
    jvm: str = ""
    jdk_version: str = ""
    vm_name: str = ""
    vm_version: str = ""
    jvm_args: list[str] | None = None

    @property
    def name(self) -> str:
        return self.name_without_threads + (f" -t {self.threads}" if self.threads != 1 else "")

    @property
    def name_without_threads(self) -> str:
        params = ",".join(f"{name}={value}" for name, value in sorted((self.params or {}).items()))
        return f"{self.benchmark}({params})" if params else self.benchmark


def distinct(
    parts: Sequence[BenchmarkPart],
) -> tuple[Sequence[tuple[str, BenchmarkPart]], Sequence[str]]:
    """Each benchmark with a name of its own, and notes: the same one again adds its iterations.

    It is the same one if the virtual machine, its arguments and the unit are. Another is numbered.
    """
    names = [part.name for part in parts]
    if len({*zip(names, [part.mode for part in parts], strict=True)}) == len(parts):
        return list(zip(names, parts, strict=True)), ()
    groups: dict[tuple[str, str, tuple[object, ...]], list[BenchmarkPart]] = {}
    for index, (name, part) in enumerate(zip(names, parts, strict=True)):
        groups.setdefault((name, part.mode, _settings(part, index)), []).append(part)
    entries = [f"{name}/{mode}" for name, mode, _ in groups]
    # By name and mode, but it is the benchmark that gets the number.
    numbers = numbered(entries)
    named = [
        (name + number[len(entry) :], _pooled(group))
        for (name, _, _), entry, number, group in zip(
            groups, entries, numbers, groups.values(), strict=True
        )
    ]
    again = [
        entry
        for entry, group in zip(entries, groups.values(), strict=True)
        for _ in group
        if len(group) > 1
    ]
    return named, [*note_of_pooled(again), *note_of_numbered(entries, numbers, _REMEDY)]


def _settings(part: BenchmarkPart, index: int) -> tuple[object, ...]:
    """What else entries have to agree in to be the same measurement.

    Scores without the iterations or calls that they are of cannot be pooled.
    """
    metric = part.primary_metric
    if not (metric.raw_data_histogram if part.mode == "sample" else metric.raw_data):
        return (index,)
    machine = (part.jvm, part.jdk_version, part.vm_name, part.vm_version)
    return (*machine, *(part.jvm_args or ()), metric.score_unit)


def _pooled(parts: Sequence[BenchmarkPart]) -> BenchmarkPart:
    if len(parts) == 1:
        return parts[0]
    metrics = [part.secondary_metrics for part in parts]
    labels = [label for label in metrics[0] if all(label in each for each in metrics)]
    return replace(
        parts[0],
        primary_metric=_pooled_metric([part.primary_metric for part in parts]),
        secondary_metrics={
            label: _pooled_metric([each[label] for each in metrics]) for label in labels
        },
    )


def _pooled_metric(metrics: Sequence[MetricPart]) -> MetricPart:
    """The mean of the scores, and the iterations and calls of all."""
    scores = [each.score for each in metrics if isinstance(each.score, float)]
    histogram = [fork for each in metrics for fork in each.raw_data_histogram]
    return replace(
        metrics[0],
        score=math.fsum(scores) / len(scores) if scores else metrics[0].score,
        score_percentiles=_percentiles(histogram),
        raw_data=[fork for each in metrics for fork in each.raw_data],
        raw_data_histogram=histogram,
    )


def _percentiles(histogram: Histogram) -> dict[str, Number | NonFinite]:
    """Percentiles of a histogram as JMH computes them: at rank p (n + 1), between two values."""
    counts: Counter[float] = Counter()
    for fork in histogram:
        for iteration in fork:
            for value, count in iteration:
                counts[value] += count
    values = sorted(value for value, count in counts.items() if count)
    if not values:
        return {}
    ends = list(accumulate(counts[value] for value in values))

    def percentile(percent: float) -> float:
        rank = min(max(percent * (ends[-1] + 1) / 100, 1.0), float(ends[-1]))
        whole = math.floor(rank)
        below = values[bisect_right(ends, whole - 1)]
        above = values[min(bisect_right(ends, whole), len(values) - 1)]
        return below + (rank - whole) * (above - below)

    return {name: percentile(float(name)) for name in _PERCENTILES}
