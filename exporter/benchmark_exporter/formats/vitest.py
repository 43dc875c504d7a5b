"""vitest bench (`--outputJson`): milliseconds. Names are the file, its groups and the benchmark.

Before 1.0, vitest wrote it by `--reporter=json --outputFile`, as arrays by group and without files.
"""

from collections.abc import Iterator, Sequence

import msgspec

from benchmark_exporter.formats.fields import Count, LongName, NonNegative, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import coefficient_of_variation, from_samples
from benchmark_exporter.model import Failure, Result, Run, Statistics

NAME = "vitest"

_TO_SECONDS = 1e-3
_REMEDY = "give each a name of its own"


class BenchmarkPart(msgspec.Struct, frozen=True, rename="camel"):
    """One that threw has no numbers. `samples` are empty unless vitest is asked for them."""

    name: LongName
    samples: list[NonNegative] = []
    sample_count: Count | None = None
    mean: NonNegative | None = None
    median: NonNegative | None = None
    min: NonNegative | None = None
    max: NonNegative | None = None
    sd: NonNegative | None = None
    p99: NonNegative | None = None


class GroupPart(msgspec.Struct, frozen=True, rename="camel"):
    full_name: str
    benchmarks: list[BenchmarkPart]


class FilePart(msgspec.Struct, frozen=True):
    groups: list[GroupPart]


class VitestDocument(msgspec.Struct, frozen=True):
    files: list[FilePart]


class EarlierDocument(msgspec.Struct, frozen=True, rename="camel"):
    """What vitest before 1.0 wrote: benchmarks by the name of their group."""

    test_results: dict[str, list[BenchmarkPart]]


def matches(document: object) -> bool:
    return isinstance(document, dict) and (
        objects_with(("filepath", "groups"), document.get("files")) or _is_earlier(document)
    )


def _is_earlier(document: dict[str, object]) -> bool:
    groups = document.get("testResults")
    return isinstance(groups, dict) and any(
        objects_with(("name", "rank", "rme"), group) for group in groups.values()
    )


def parse(raw: object, origin: Origin) -> Run:
    parts, notes = _benchmarks(raw)
    stated = [name for name, _ in parts]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    results, failures = list[Result](), list[Failure]()
    for name, (_, part) in zip(names, parts, strict=True):
        found = list(_result(name, part))
        results += found
        if not found:
            failures.append(Failure(name, "it has no result: it failed"))
    return run_of(
        NAME,
        origin,
        results,
        failures,
        notes=(*notes, *note_of_numbered(stated, names, _REMEDY)),
    )


def _benchmarks(raw: object) -> tuple[list[tuple[str, BenchmarkPart]], Sequence[str]]:
    """The benchmarks with their whole names, and notes on what was left out."""
    if isinstance(raw, dict) and "files" not in raw:
        earlier, notes = convert(raw, EarlierDocument)
        return [
            (f"{group} > {part.name}" if group else part.name, part)
            for group, found in earlier.test_results.items()
            for part in found
        ], notes
    document, notes = convert(raw, VitestDocument)
    return [
        (f"{group.full_name} > {part.name}", part)
        for file in document.files
        for group in file.groups
        for part in group.benchmarks
    ], notes


def _result(name: str, part: BenchmarkPart) -> Iterator[Result]:
    if part.samples:
        yield from_samples(name, "", [value * _TO_SECONDS for value in part.samples])
        return
    if part.mean is None and part.median is None:
        return
    values = (part.median, None, part.p99, part.mean, part.min, part.max, part.sd)
    statistics = Statistics(*(None if value is None else value * _TO_SECONDS for value in values))
    cv_ratio = coefficient_of_variation(statistics.stddev, statistics.mean)
    yield Result(name, "", statistics, part.sample_count, cv_ratio)
