"""pyperf: the values of all worker processes are samples, with the unit in the metadata.

A process that only calibrated or warmed up has none. Metadata that all benchmarks of a suite share
is at the top of the document.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import Number, as_commit, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import Failure, Machine, Result, Run

NAME = "pyperf"

_UNITS = {"second": "s", "byte": "B"}
_UNNAMED = "pyperf"
_REMEDY = "give each a name of its own"
_ARCHITECTURE = re.compile(
    r"-(x86_64|amd64|AMD64|i[3-6]86|aarch64|arm64|ARM64|armv\w+|ppc64le|s390x|riscv64)\b"
)

Metadata = dict[str, object]


class RunPart(msgspec.Struct, frozen=True):
    """A worker process. Before pyperf 1.0, `values` are `samples`."""

    metadata: Metadata = {}
    values: list[Number] = []
    samples: list[Number] = []


class BenchmarkPart(msgspec.Struct, frozen=True):
    runs: list[RunPart]
    metadata: Metadata = {}
    common_metadata: Metadata = {}


class PyperfDocument(msgspec.Struct, frozen=True):
    benchmarks: Annotated[list[BenchmarkPart], msgspec.Meta(min_length=1)]
    metadata: Metadata = {}


def matches(document: object) -> bool:
    return (
        isinstance(document, dict)
        and "version" in document
        and objects_with(("runs",), document.get("benchmarks"))
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, PyperfDocument)
    parts = [
        (document.metadata | part.common_metadata | part.metadata, part.runs)
        for part in document.benchmarks
    ]
    stated = [_text(metadata, "name") or _UNNAMED for metadata, _ in parts]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    results, failures = list[Result](), list[Failure]()
    for name, (metadata, runs) in zip(names, parts, strict=True):
        values = [value for run in runs for value in (*run.values, *run.samples)]
        if not values:
            failures.append(Failure(name, "none of its processes measured anything"))
            continue
        unit = _text(metadata, "unit")
        measured = quantity(_UNITS.get(unit, unit) or "s")
        scaled = [value * measured.factor for value in values]
        results.append(from_samples(name, "", scaled, unit=measured.unit, better=measured.better))
    metadata, _ = parts[0]
    seconds, undated = _seconds(parts, origin)
    return run_of(
        NAME,
        origin,
        results,
        failures,
        seconds=seconds,
        duration_seconds=sum(_durations(parts)) or None,
        commit=as_commit(_text(metadata, "commit_id")),
        branch=_text(metadata, "commit_branch")[:1024],
        machine=_machine(metadata),
        notes=(*notes, *undated, *note_of_numbered(stated, names, _REMEDY)),
    )


def _seconds(
    parts: Sequence[tuple[Metadata, list[RunPart]]], origin: Origin
) -> tuple[float | None, tuple[str, ...]]:
    """When the first process began; the dates are local times."""
    for metadata, runs in parts:
        for where in (*(run.metadata for run in runs), metadata):
            if date := _text(where, "date"):
                return origin.moment(date, "benchmarks[0].runs[0].metadata.date")
    return None, ()


def _durations(parts: Sequence[tuple[Metadata, list[RunPart]]]) -> Iterator[float]:
    for metadata, runs in parts:
        for where in (metadata, *(run.metadata for run in runs)):
            seconds = where.get("duration")
            if isinstance(seconds, int | float) and 0 <= seconds <= 1e9:
                yield seconds


def _machine(metadata: Metadata) -> Machine | None:
    platform, cpus = _text(metadata, "platform"), metadata.get("cpu_count")
    # After the system's release, which may end in an architecture too: `6.1.0-18-amd64-x86_64`.
    architectures = _ARCHITECTURE.findall(platform)
    machine = Machine(
        platform.partition("-")[0][:1024],
        architectures[-1] if architectures else "",
        _text(metadata, "cpu_model_name")[:1024],
        int(cpus) if isinstance(cpus, int | float) and 0 < cpus < 1e6 else None,
    )
    return machine if machine != Machine() else None


def _text(metadata: Mapping[str, object], key: str) -> str:
    value = metadata.get(key)
    return value if isinstance(value, str) else ""
