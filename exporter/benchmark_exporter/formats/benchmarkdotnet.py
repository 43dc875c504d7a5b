"""BenchmarkDotNet: its full, brief and compressed JSON, in nanoseconds.

The full one has the samples (`OriginalValues`), the brief one statistics of them. Allocated bytes
and the metrics of its diagnosers have their own units and directions.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import Count, LongName, NonNegative, Number, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import coefficient_of_variation, from_samples
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import Failure, Machine, Result, Run, Statistics

NAME = "benchmarkdotnet"

_TO_SECONDS = 1e-9
_ALLOCATED = "Allocated Memory"
_REMEDY = "give each job an id of its own"
# `BenchmarkDotNet.Samples.Intro-20260301-120000`, in local time.
_TITLE_TIME = re.compile(r"-(\d{8}-\d{6})$")
# `Intro.Sleep: Job-AHQGPQ(Runtime=.NET 8.0, Toolchain=net8.0) [N=10]`: what tells jobs apart.
_JOB = re.compile(r": (?P<id>[^\s(:]+)(?:\((?P<what>.*?)\))?(?: \[.*\])?$")
_SYSTEMS = ("Windows", "macOS", "FreeBSD")


class PercentilesPart(msgspec.Struct, frozen=True, rename="pascal"):
    p95: NonNegative | None = None


class StatisticsPart(msgspec.Struct, frozen=True, rename="pascal"):
    original_values: list[NonNegative] = []
    n: Count | None = None
    min: NonNegative | None = None
    median: NonNegative | None = None
    mean: NonNegative | None = None
    max: NonNegative | None = None
    standard_deviation: NonNegative | None = None
    percentiles: PercentilesPart = PercentilesPart()


class MemoryPart(msgspec.Struct, frozen=True, rename="pascal"):
    bytes_allocated_per_operation: NonNegative | None = None


class DescriptorPart(msgspec.Struct, frozen=True, rename="pascal"):
    id: LongName
    unit: str = ""
    the_greater_the_better: bool = False


class MetricPart(msgspec.Struct, frozen=True, rename="pascal"):
    descriptor: DescriptorPart
    value: Number | None = None


class BenchmarkPart(msgspec.Struct, frozen=True, rename="pascal"):
    """Without statistics, nothing was measured: the benchmark has failed."""

    method: str = "benchmark"
    namespace: str | None = None
    type: str | None = None
    parameters: str | None = None
    full_name: str | None = None
    display_info: str | None = None
    statistics: StatisticsPart | None = None
    memory: MemoryPart | None = None
    metrics: list[MetricPart] | None = None

    @property
    def name(self) -> str:
        """Versions before 0.10 write only the parts of the full name."""
        if self.full_name:
            return self.full_name
        parts = (self.namespace, self.type, self.method)
        name = ".".join(part for part in parts if part) or "benchmark"
        return f"{name}({self.parameters})" if self.parameters else name

    @property
    def job(self) -> str:
        """What the job sets, or else its id; empty for the default job."""
        found = _JOB.search(self.display_info or "")
        if found is None or found["id"] == "DefaultJob":
            return ""
        return found["what"] or found["id"]


class LazyPart(msgspec.Struct, frozen=True, rename="pascal"):
    """A text as versions before 0.11 write it."""

    value: str = ""


class HostPart(msgspec.Struct, frozen=True, rename="pascal"):
    os_version: str | LazyPart | None = None
    processor_name: str | LazyPart | None = None
    processor_count: Count | None = None
    logical_core_count: Count | None = None
    architecture: str = ""


class BenchmarkDotNetDocument(msgspec.Struct, frozen=True, rename="pascal"):
    benchmarks: Annotated[list[BenchmarkPart], msgspec.Meta(min_length=1)]
    title: str = ""
    host_environment_info: HostPart = HostPart()


def matches(document: object) -> bool:
    return (
        isinstance(document, dict)
        and "HostEnvironmentInfo" in document
        and objects_with(("Method",), document.get("Benchmarks"))
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, BenchmarkDotNetDocument)
    stated = _names(document.benchmarks)
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    results, failures = list[Result](), list[Failure]()
    for name, part in zip(names, document.benchmarks, strict=True):
        found = list(_results(name, part))
        results += found
        if not found:
            failures.append(Failure(name, "it has no statistics: it failed"))
    return run_of(
        NAME,
        origin,
        results,
        failures,
        seconds=_seconds(document.title, origin),
        machine=_machine(document.host_environment_info),
        notes=(*notes, *note_of_numbered(stated, names, _REMEDY)),
    )


def _names(parts: Sequence[BenchmarkPart]) -> list[str]:
    """The full names, with the job where more than one job ran a benchmark."""
    count = Counter(part.name for part in parts)
    return [
        f"{part.name}({part.job})" if count[part.name] > 1 and part.job else part.name
        for part in parts
    ]


def _results(name: str, part: BenchmarkPart) -> Iterator[Result]:
    found = part.statistics
    if found is None:
        return
    if found.original_values:
        yield from_samples(name, "", [value * _TO_SECONDS for value in found.original_values])
    elif found.mean is not None or found.median is not None:
        mean, deviation = _seconds_of(found.mean), _seconds_of(found.standard_deviation)
        statistics = Statistics(
            p50=_seconds_of(found.median),
            p95=_seconds_of(found.percentiles.p95),
            mean=mean,
            min=_seconds_of(found.min),
            max=_seconds_of(found.max),
            stddev=deviation,
        )
        yield Result(name, "", statistics, found.n, coefficient_of_variation(deviation, mean))
    else:
        return
    memory = part.memory or MemoryPart()
    allocated = memory.bytes_allocated_per_operation
    if allocated is not None:
        yield Result(name, "allocated", Statistics(mean=allocated), unit="bytes", better="lower")
    metrics = {each.descriptor.id: each for each in part.metrics or ()}
    for metric, each in metrics.items():
        if each.value is None or (metric == _ALLOCATED and allocated is not None):
            continue
        measured = quantity(each.descriptor.unit)
        yield Result(
            name,
            metric,
            Statistics(mean=each.value * measured.factor),
            unit=measured.unit,
            better="higher" if each.descriptor.the_greater_the_better else "lower",
        )


def _seconds_of(nanoseconds: float | None) -> float | None:
    return None if nanoseconds is None else nanoseconds * _TO_SECONDS


def _seconds(title: str, origin: Origin) -> float | None:
    found = _TITLE_TIME.search(title)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[1], "%Y%m%d-%H%M%S")  # noqa: DTZ007  # the zone is the exporter's setting
    except ValueError:
        return None
    return origin.to_seconds(moment, json_path="$.Title")


def _machine(host: HostPart) -> Machine | None:
    system, model = _text(host.os_version), _text(host.processor_name)
    named = next((name for name in _SYSTEMS if name in system), "Linux")
    architecture = host.architecture.split()
    machine = Machine(
        named if system else "",
        architecture[0][:1024] if architecture and not architecture[0].endswith("-bit") else "",
        model[:1024],
        host.logical_core_count or host.processor_count,
    )
    return machine if machine != Machine() else None


def _text(value: str | LazyPart | None) -> str:
    return value.value if isinstance(value, LazyPart) else value or ""
