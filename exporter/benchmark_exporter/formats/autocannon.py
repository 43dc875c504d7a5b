"""autocannon (`-j`): latency in milliseconds, and each second's requests and bytes.

The benchmark is the title, or else the URL.
"""

import msgspec

from benchmark_exporter.formats.fields import Count, NonNegative, keys
from benchmark_exporter.formats.load_reports import benchmark_of, per_second, report
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.model import Result, Run, Statistics

NAME = "autocannon"


class HistogramPart(msgspec.Struct, frozen=True):
    mean: NonNegative | None = None
    average: NonNegative | None = None
    stddev: NonNegative | None = None
    min: NonNegative | None = None
    max: NonNegative | None = None
    p50: NonNegative | None = None
    p95: NonNegative | None = None
    p99: NonNegative | None = None
    total_count: Count | None = msgspec.field(default=None, name="totalCount")

    def statistics(self, factor: float = 1.0) -> Statistics:
        mean = self.average if self.mean is None else self.mean
        ranks: tuple[float | None, ...] = (self.p50, self.p95, self.p99)
        if mean:  # percentiles are of whole numbers: 0 is less than one millisecond
            ranks = tuple(rank or None for rank in ranks)
        values = (*ranks, mean, self.min, self.max, self.stddev)
        return Statistics(*(None if value is None else value * factor for value in values))


class AutocannonDocument(msgspec.Struct, frozen=True):
    latency: HistogramPart
    requests: HistogramPart
    throughput: HistogramPart
    title: str | None = None
    url: str | None = None
    start: str = ""
    duration: NonNegative | None = None
    errors: NonNegative = 0
    timeouts: NonNegative = 0
    mismatches: NonNegative = 0
    non2xx: NonNegative = 0
    resets: NonNegative = 0


def matches(document: object) -> bool:
    return {"latency", "requests", "throughput", "non2xx"} <= keys(document)


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, AutocannonDocument)
    name = benchmark_of(origin, document.title or document.url or NAME)
    latency = document.latency
    results = (
        Result(name, "", latency.statistics(1e-3), latency.total_count),
        per_second(name, "requests", document.requests.statistics()),
        per_second(name, "throughput", document.throughput.statistics()),
    )
    seconds: float | None = None
    undated: tuple[str, ...] = ()
    if document.start:
        seconds, undated = origin.moment(document.start, "start")
    # A timeout is counted among the errors as well.
    failed = {
        "errors": document.errors - document.timeouts,
        "timeouts": document.timeouts,
        "responses other than 2xx": document.non2xx,
        "responses with another body": document.mismatches,
        "resets": document.resets,
    }
    return report(
        NAME,
        name,
        origin,
        [each for each in results if each.statistics != Statistics()],
        failed,
        answered=latency.total_count,
        seconds=seconds,
        duration_seconds=document.duration,
        notes=(*notes, *undated),
    )
