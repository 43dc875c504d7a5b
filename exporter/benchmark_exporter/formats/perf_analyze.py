"""perf_analyze: a benchmark's profile, with findings by severity and the top functions' shares."""

from collections import Counter

import msgspec

from benchmark_exporter.formats.fields import (
    Count,
    LongName,
    Name,
    NonNegative,
    Text,
    as_commit,
    keys,
)
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.model import Result, Run, Statistics

NAME = "perf_analyze"

# Always present, 0 if there are none, so that a finding that has gone does not stay on show.
_SEVERITIES = ("critical", "high", "medium", "low")
_FUNCTIONS = 10


class MetadataPart(msgspec.Struct, frozen=True):
    timestamp: str
    benchmark: LongName
    total_time_seconds: NonNegative | None = None
    iterations: Count | None = None
    current_ref: Text = ""


class FunctionPart(msgspec.Struct, frozen=True):
    function_name: LongName
    percentage_of_total: NonNegative


class IssuePart(msgspec.Struct, frozen=True):
    severity: Name


class PerfAnalyzeDocument(msgspec.Struct, frozen=True):
    metadata: MetadataPart
    top_functions: list[FunctionPart] = []
    performance_issues: list[IssuePart] = []


def matches(document: object) -> bool:
    return {"metadata", "top_functions", "performance_issues"} <= keys(document)


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, PerfAnalyzeDocument)
    metadata = document.metadata
    seconds, undated = origin.moment(metadata.timestamp, "$.metadata.timestamp")
    results = (*_profiled(metadata), *_findings(document), *_shares(document))
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        notes=(*notes, *undated),
        commit_hash=as_commit(metadata.current_ref),
    )


def _profiled(metadata: MetadataPart) -> list[Result]:
    """The time of one iteration under the profiler, which slows it down."""
    if metadata.total_time_seconds is None or not metadata.iterations:
        return []
    mean = metadata.total_time_seconds / metadata.iterations
    return [Result(metadata.benchmark, "profiled", Statistics(mean=mean), metadata.iterations)]


def _findings(document: PerfAnalyzeDocument) -> list[Result]:
    counts = Counter(issue.severity for issue in document.performance_issues)
    return [
        Result(
            document.metadata.benchmark,
            f"findings/{severity}",
            Statistics(mean=float(counts[severity])),
            unit="findings",
        )
        for severity in dict.fromkeys((*_SEVERITIES, *counts))
    ]


def _shares(document: PerfAnalyzeDocument) -> list[Result]:
    shares: dict[str, float] = {}
    for part in document.top_functions[:_FUNCTIONS]:
        # Two modules may have functions of the same name.
        shares[part.function_name] = (
            shares.get(part.function_name, 0.0) + part.percentage_of_total / 100
        )
    return [
        Result(
            document.metadata.benchmark,
            f"share/{name}",
            Statistics(mean=share),
            unit="ratio",
            better=None,
        )
        for name, share in shares.items()
    ]
