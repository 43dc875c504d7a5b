"""oha (`--output-format json`, or `-j`): latency in seconds, and requests and bytes per second.

The report does not state its target; a sidecar's `benchmark` does.
"""

from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import NonNegative, Number, keys
from benchmark_exporter.formats.load_reports import benchmark_of, per_second, report
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.model import Result, Run, Statistics

NAME = "oha"

_DEADLINE = "aborted due to deadline"  # of `-z`: requests that were still under way at its end


class SummaryPart(msgspec.Struct, frozen=True, rename="camel"):
    success_rate: Number | None = None
    total: NonNegative | None = None
    slowest: NonNegative | None = None
    fastest: NonNegative | None = None
    average: NonNegative | None = None
    requests_per_sec: NonNegative | None = None
    size_per_sec: NonNegative | None = None


class OhaDocument(msgspec.Struct, frozen=True, rename="camel"):
    summary: SummaryPart
    latency_percentiles: dict[str, NonNegative | None] = {}
    status_code_distribution: dict[Annotated[str, msgspec.Meta(max_length=20)], NonNegative] = {}
    error_distribution: dict[str, NonNegative] = {}


def matches(document: object) -> bool:
    return isinstance(document, dict) and (
        {"successRate", "requestsPerSec"} <= keys(document.get("summary"))
        and "statusCodeDistribution" in document
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, OhaDocument)
    name, summary = benchmark_of(origin, NAME), document.summary
    percentiles = document.latency_percentiles
    latency = Statistics(
        p50=percentiles.get("p50"),
        p95=percentiles.get("p95"),
        p99=percentiles.get("p99"),
        mean=summary.average,
        min=summary.fastest,
        max=summary.slowest,
    )
    count = sum(document.status_code_distribution.values())
    results = (
        Result(name, "", latency, int(count) or None),
        per_second(name, "requests", Statistics(mean=summary.requests_per_sec)),
        per_second(name, "throughput", Statistics(mean=summary.size_per_sec)),
    )
    failed = {
        f"of status {status}": count
        for status, count in document.status_code_distribution.items()
        if not status.startswith(("1", "2", "3"))
    }
    failed |= {
        f"of {error[:100]!r}": count
        for error, count in document.error_distribution.items()
        if error != _DEADLINE
    }
    return report(
        NAME,
        name,
        origin,
        [each for each in results if each.statistics != Statistics()],
        failed,
        answered=count,
        duration_seconds=summary.total,
        notes=notes,
    )
