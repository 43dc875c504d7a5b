"""The second perf_suite: its comprehensive, module, comparison and regression-test documents.

Values are in microseconds, times are local and have no zone. An entry has either statistics or an
error; the latter means that the benchmark failed. A memory delta is in units of 2^20 bytes, as the
tool's own bytes per operation show.
"""

from collections.abc import Iterator, Mapping

import msgspec

from benchmark_exporter.formats.fields import (
    Count,
    LongName,
    NonNegative,
    Number,
    keys,
)
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.model import Failure, Rejected, Result, Run, Statistics

NAME = "bench_suite"
_INCOMPLETE = "has neither an error nor a mean_us"


class EntryPart(msgspec.Struct, frozen=True):
    function: LongName | None = None
    error: str | None = None
    iterations: Count | None = None
    mean_us: NonNegative | None = None
    median_us: NonNegative | None = None
    p95_us: NonNegative | None = None
    p99_us: NonNegative | None = None
    min_us: NonNegative | None = None
    max_us: NonNegative | None = None
    std_us: NonNegative | None = None
    memory_delta_mb: Number | None = None
    coefficient_of_variation: NonNegative | None = None


class ImplementationsPart(msgspec.Struct, frozen=True):
    implementations: dict[LongName, EntryPart] = {}


class AnalysisPart(msgspec.Struct, frozen=True):
    regressions: list[object]


class BenchSuiteDocument(msgspec.Struct, frozen=True):
    timestamp: str
    core_benchmarks: dict[LongName, EntryPart] = {}
    implementation_comparisons: ImplementationsPart = ImplementationsPart()
    functions: dict[LongName, EntryPart] = {}
    implementations: dict[LongName, EntryPart] = {}
    current_results: dict[LongName, EntryPart] = {}
    regression_analysis: AnalysisPart | None = None


def matches(document: object) -> bool:
    found = keys(document)
    return "timestamp" in found and (
        "core_benchmarks" in found
        or {"module", "functions"} <= found
        or {"implementations", "summary"} <= found
        or "current_results" in found
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, BenchSuiteDocument)
    seconds, undated = origin.moment(document.timestamp, "$.timestamp")
    results: list[Result] = []
    failures: list[Failure] = []
    incomplete: list[str] = []
    for json_path, name, entry in _entries(document):
        if entry.error is not None:
            failures.append(Failure(name, entry.error))
        elif entry.mean_us is None:
            incomplete.append(json_path)
        else:
            results.extend(_results(name, entry))
    if incomplete and not (results or failures):
        raise Rejected("invalid_value", f"the entry {_INCOMPLETE}", json_path=incomplete[0])
    if document.regression_analysis is not None:
        found = float(len(document.regression_analysis.regressions))
        results.append(
            Result("regression_test", "regressions", Statistics(mean=found), unit="benchmarks")
        )
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results, failures),
        timestamp_seconds=seconds,
        results=tuple(results),
        comparisons=(),
        notes=(
            *notes,
            *undated,
            *(f"{path} {_INCOMPLETE}, and is left out" for path in incomplete[:1]),
        ),
        failures=tuple(failures),
    )


def _entries(document: BenchSuiteDocument) -> Iterator[tuple[str, str, EntryPart]]:
    """The JSON path of every entry, the name of its benchmark, and the entry."""
    compared = document.implementation_comparisons.implementations
    parts: Mapping[str, Mapping[str, EntryPart]] = {
        "core_benchmarks": document.core_benchmarks,
        "implementation_comparisons.implementations": compared,
        "functions": document.functions,
        "implementations": document.implementations,
        "current_results": document.current_results,
    }
    for part, entries in parts.items():
        for key, entry in entries.items():
            yield f"$.{part}.{key}", entry.function or key, entry


def _results(name: str, entry: EntryPart) -> Iterator[Result]:
    statistics = Statistics(
        p50=_seconds(entry.median_us),
        p95=_seconds(entry.p95_us),
        p99=_seconds(entry.p99_us),
        mean=_seconds(entry.mean_us),
        min=_seconds(entry.min_us),
        max=_seconds(entry.max_us),
        stddev=_seconds(entry.std_us),
    )
    yield Result(name, "", statistics, entry.iterations, entry.coefficient_of_variation)
    if entry.memory_delta_mb is not None:
        yield Result(
            name, "memory_delta", Statistics(mean=entry.memory_delta_mb * 2**20), unit="bytes"
        )


def _seconds(microseconds: float | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6
