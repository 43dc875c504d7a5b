"""mitata (`run({format: 'json'})`): statistics in nanoseconds; samples are not read.

A run of a benchmark with arguments has them in its name, and the group precedes it. Before 1.0, a
benchmark has its statistics itself.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import LongName, NonNegative, keys, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.model import Failure, Machine, Result, Run, Statistics

NAME = "mitata"

_TO_SECONDS = 1e-9
_REMEDY = "give each a name of its own"


class HeapPart(msgspec.Struct, frozen=True):
    avg: NonNegative | None = None


class StatsPart(msgspec.Struct, frozen=True):
    avg: NonNegative | None = None
    min: NonNegative | None = None
    max: NonNegative | None = None
    p50: NonNegative | None = None
    p99: NonNegative | None = None
    heap: HeapPart | None = None


class ErrorPart(msgspec.Struct, frozen=True):
    message: str = ""


class RunPart(msgspec.Struct, frozen=True):
    """A run of a benchmark, which has an error if it threw."""

    name: LongName = NAME
    stats: StatsPart | None = None
    error: ErrorPart | str | None = None


class BenchmarkPart(RunPart, frozen=True):
    group: int | str | None = None
    runs: list[RunPart] = []


class LayoutPart(msgspec.Struct, frozen=True):
    name: str | None = None


class CpuPart(msgspec.Struct, frozen=True):
    name: str | None = None


class ContextPart(msgspec.Struct, frozen=True):
    """`arch` is the architecture and the system: `x64-linux`."""

    arch: str | None = None
    cpu: CpuPart = CpuPart()


class MitataDocument(msgspec.Struct, frozen=True):
    benchmarks: Annotated[list[BenchmarkPart], msgspec.Meta(min_length=1)]
    layout: list[LayoutPart] = []
    context: ContextPart = ContextPart()
    cpu: str | None = None


def matches(document: object) -> bool:
    if not isinstance(document, dict) or "benchmarks" not in document:
        return False
    if {"layout", "context"} <= keys(document):
        return objects_with(("runs",), document["benchmarks"])
    return {"cpu", "runtime"} <= keys(document)


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, MitataDocument)
    parts = [
        (f"{group}/{run.name}" if group else run.name, run)
        for benchmark in document.benchmarks
        for group in (_group(benchmark, document.layout),)
        for run in benchmark.runs or (benchmark,)
    ]
    stated = [name for name, _ in parts]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    results, failures = list[Result](), list[Failure]()
    for name, (_, run) in zip(names, parts, strict=True):
        found = list(_results(name, run))
        results += found
        if not found:
            failures.append(Failure(name, _error(run)))
    return run_of(
        NAME,
        origin,
        results,
        failures,
        machine=_machine(document),
        notes=(*notes, *note_of_numbered(stated, names, _REMEDY)),
    )


def _group(benchmark: BenchmarkPart, layout: Sequence[LayoutPart]) -> str:
    """From 1.0 on, the group is an index into the layout."""
    group = benchmark.group
    if isinstance(group, str):
        return group
    is_known = group is not None and 0 <= group < len(layout)
    return (layout[group].name or "") if is_known and group is not None else ""


def _results(name: str, run: RunPart) -> Iterator[Result]:
    stats = run.stats
    if stats is None or run.error is not None or (stats.avg is None and stats.p50 is None):
        return
    values = (stats.p50, None, stats.p99, stats.avg, stats.min, stats.max)
    yield Result(
        name,
        "",
        Statistics(*(None if value is None else value * _TO_SECONDS for value in values)),
    )
    if stats.heap is not None and stats.heap.avg is not None:
        size = Statistics(mean=stats.heap.avg)
        yield Result(name, "heap", size, unit="bytes", better="lower")


def _error(run: RunPart) -> str:
    message = run.error.message if isinstance(run.error, ErrorPart) else run.error
    return message or "it has no result: it failed"


def _machine(document: MitataDocument) -> Machine | None:
    architecture, _, system = (document.context.arch or "").partition("-")
    model = document.context.cpu.name or document.cpu or ""
    machine = Machine(system[:1024], architecture[:1024], model[:1024])
    return machine if machine != Machine() else None
