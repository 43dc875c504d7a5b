"""Google Benchmark.

Repetitions are samples, each the mean of its iterations; aggregates are the tool's statistics of
them. It writes a bare NaN where a statistic does not exist, such as the cv of zeros only. The
executable is part of the context, not of names, so two executables may well have equal names.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from benchmark_exporter.formats.fields import Count, Name, Number, Text, keys, read_moment
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.model import Better, Failure, Machine, Result, Run, Statistics

NAME = "google_benchmark"
READS_NAN = True

_TO_SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1.0}
# Version 1.4 and earlier mark the aggregates of repetitions only by the end of their names.
_AGGREGATES = ("mean", "median", "stddev", "cv")
# What an entry measures: field, variant (wall time is the benchmark itself), unit, direction.
_QUANTITIES: tuple[tuple[str, str, str, Better], ...] = (
    ("real_time", "", "seconds", "lower"),
    ("cpu_time", "cpu", "seconds", "lower"),
    ("bytes_per_second", "bytes_per_second", "per_second", "higher"),
    ("items_per_second", "items_per_second", "per_second", "higher"),
)


class EntryPart(msgspec.Struct, frozen=True):
    name: Name
    run_name: Name | None = None
    run_type: Literal["iteration", "aggregate"] | None = None
    aggregate_name: Text = ""
    real_time: Number | None = None
    cpu_time: Number | None = None
    time_unit: Literal["ns", "us", "ms", "s"] = "ns"
    bytes_per_second: Number | None = None
    items_per_second: Number | None = None
    error_occurred: bool = False
    error_message: str = ""
    skipped: bool = False


class ContextPart(msgspec.Struct, frozen=True):
    date: Text
    num_cpus: Count
    executable: Text = ""


class GoogleBenchmarkDocument(msgspec.Struct, frozen=True):
    context: ContextPart
    benchmarks: Annotated[list[EntryPart], msgspec.Meta(min_length=1)]


def matches(document: object) -> bool:
    return (
        isinstance(document, dict)
        and "benchmarks" in document
        and {"date", "num_cpus"} <= keys(document.get("context"))
    )


def parse(raw: object, origin: Origin) -> Run:
    document = msgspec.convert(_without_nan(raw), GoogleBenchmarkDocument)
    seconds = origin.to_seconds(
        read_moment(document.context.date, json_path="$.context.date"), json_path="$.context.date"
    )
    groups: dict[str, list[EntryPart]] = {}
    for entry in _with_run_types(document.benchmarks):
        if not entry.skipped:
            groups.setdefault(entry.run_name or entry.name, []).append(entry)
    failures = tuple(
        Failure(name, next(entry.error_message for entry in entries if entry.error_occurred))
        for name, entries in groups.items()
        if any(entry.error_occurred for entry in entries)
    )
    failed = {failure.benchmark for failure in failures}
    results = tuple(
        result
        for name, entries in groups.items()
        if name not in failed
        for result in _results(name, entries)
    )
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results, failures),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        failures=failures,
        machine=Machine(cpu_count=document.context.num_cpus),
        executable=_program(document.context.executable),
    )


def _program(path: str) -> str:
    """The name of an executable, alike on all systems and in all build folders."""
    return path.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")


def _without_nan(document: object) -> object:
    """The document with null in place of NaN and Infinity in its entries."""
    if not isinstance(document, dict) or not isinstance(document["benchmarks"], list):
        return document
    return document | {"benchmarks": [_finite(entry) for entry in document["benchmarks"]]}


def _finite(entry: object) -> object:
    if not isinstance(entry, dict):
        return entry
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in entry.items()
    }


def _with_run_types(entries: Sequence[EntryPart]) -> Iterator[EntryPart]:
    """The entries, with `run_type` filled in for those of old versions.

    Those name an aggregate after the repetitions and the statistic, as in `BM_Copy_mean`.
    """
    names = {entry.name for entry in entries}
    for entry in entries:
        run_name, _, aggregate = entry.name.rpartition("_")
        others = {run_name, f"{run_name}_mean", f"{run_name}_stddev"} - {entry.name}
        if entry.run_type is None and aggregate in _AGGREGATES and names & others:
            yield msgspec.structs.replace(
                entry, run_name=run_name, run_type="aggregate", aggregate_name=aggregate
            )
        else:
            yield entry


def _results(name: str, entries: Sequence[EntryPart]) -> Iterator[Result]:
    repetitions = [entry for entry in entries if entry.run_type != "aggregate"]
    aggregates = {entry.aggregate_name: entry for entry in entries if entry.run_type == "aggregate"}
    for field, variant, unit, better in _QUANTITIES:
        samples = [value for entry in repetitions if (value := _value(entry, field)) is not None]
        if samples:
            yield from_samples(name, variant, samples, unit=unit, better=better)
        elif statistics := _statistics(aggregates, field):
            yield Result(name, variant, statistics, unit=unit, better=better)


def _statistics(aggregates: Mapping[str, EntryPart], field: str) -> Statistics | None:
    values = {
        name: _value(aggregates[name], field)
        for name in ("median", "mean", "stddev")
        if name in aggregates
    }
    if not any(value is not None for value in values.values()):
        return None
    return Statistics(
        p50=values.get("median"), mean=values.get("mean"), stddev=values.get("stddev")
    )


def _value(entry: EntryPart, field: str) -> float | None:
    value: float | None = getattr(entry, field)
    if value is None:
        return None
    return value * _TO_SECONDS[entry.time_unit] if field in ("real_time", "cpu_time") else value
