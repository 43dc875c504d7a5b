"""Google Benchmark.

Repetitions are samples, each the mean of its iterations; aggregates are the tool's statistics of
them. It writes a bare NaN where a statistic does not exist, such as the cv of zeros only. The
executable is part of the context, not of names, so two executables may well have equal names.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Literal

import msgspec

from benchmark_exporter.formats.fields import Count, LongName, Number, keys
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.several_documents import joined_by
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.model import Better, Failure, Machine, Result, Run, Statistics

NAME = "google_benchmark"
# Its reporter writes the context first, and flushes after each benchmark.
BEGINS = re.compile(rb'\A[^ -~]*\s*\{\s*"context"\s*:')

_REMEDY = "give each a name of its own"
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
    """`family_index` and `per_family_instance_index` (from 1.6 on) tell two of one name apart."""

    name: LongName
    run_name: LongName | None = None
    run_type: Literal["iteration", "aggregate"] | None = None
    aggregate_name: str = ""
    family_index: int | None = None
    per_family_instance_index: int | None = None
    real_time: Number | None = None
    cpu_time: Number | None = None
    time_unit: Literal["ns", "us", "ms", "s"] = "ns"
    bytes_per_second: Number | None = None
    items_per_second: Number | None = None
    error_occurred: bool = False
    error_message: str = ""
    skipped: bool = False


class ContextPart(msgspec.Struct, frozen=True):
    date: str = ""
    num_cpus: Count | None = None
    executable: str = ""


class GoogleBenchmarkDocument(msgspec.Struct, frozen=True):
    context: ContextPart
    benchmarks: Annotated[list[EntryPart], msgspec.Meta(min_length=1)]


def matches(document: object) -> bool:
    return (
        isinstance(document, dict)
        and "benchmarks" in document
        and {"date", "num_cpus"} <= keys(document.get("context"))
    )


def join(documents: Sequence[object]) -> object:
    """Documents of several executables, or runs of one, as one document.

    Where more than one executable has a benchmark, its executable precedes the name.
    """
    names = [{_run_name(entry): "" for entry in _entries(document)} for document in documents]
    programs = [_program(_executable(document)) for document in documents]
    owners: dict[str, set[str]] = {}
    for program, found in zip(programs, names, strict=True):
        for name in found:
            owners.setdefault(name, set()).add(program)
    parts = [
        {"context": {}, "benchmarks": [_owned(entry, program, owners) for entry in entries]}
        for program, entries in zip(programs, map(_entries, documents), strict=True)
    ]
    whole = joined_by("benchmarks", parts)
    context = _context(documents[0])
    if len(set(programs)) > 1:
        context = {key: value for key, value in context.items() if key != "executable"}
    return whole | {"context": context} if isinstance(whole, dict) else whole


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, GoogleBenchmarkDocument)
    seconds, undated = origin.moment(document.context.date, "context.date")
    entries = [entry for entry in _with_run_types(document.benchmarks) if not entry.skipped]
    stated = [entry.run_name or entry.name for entry in entries]
    names = _distinct(stated, entries)
    groups: dict[str, list[EntryPart]] = {}
    for name, entry in zip(names, entries, strict=True):
        groups.setdefault(name, []).append(entry)
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
        notes=(*notes, *undated, *note_of_numbered(stated, names, _REMEDY)),
    )


def _distinct(stated: Sequence[str], entries: Sequence[EntryPart]) -> Sequence[str]:
    """The names, numbered where two benchmarks of the executable have the same."""
    if entries[-1:] and entries[-1].family_index is None:
        return stated
    kinds = [(entry.family_index, entry.per_family_instance_index) for entry in entries]
    return numbered(stated, kinds)


def _context(document: object) -> dict[object, object]:
    context = document.get("context") if isinstance(document, dict) else None
    return context if isinstance(context, dict) else {}


def _executable(document: object) -> str:
    executable = _context(document).get("executable")
    return executable if isinstance(executable, str) else ""


def _entries(document: object) -> list[object]:
    entries = document.get("benchmarks") if isinstance(document, dict) else None
    return entries if isinstance(entries, list) else []


def _run_name(entry: object) -> str:
    if not isinstance(entry, dict):
        return ""
    name = entry.get("run_name") or entry.get("name")
    return name if isinstance(name, str) else ""


def _owned(entry: object, program: str, owners: Mapping[str, set[str]]) -> object:
    name = _run_name(entry)
    if not program or not isinstance(entry, dict) or len(owners.get(name, ())) < 2:
        return entry
    return entry | {key: f"{program}/{entry[key]}" for key in ("name", "run_name") if key in entry}


def _program(path: str) -> str:
    """The name of an executable, alike on all systems and in all build folders."""
    return path.replace("\\", "/").rpartition("/")[2].removesuffix(".exe")


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
