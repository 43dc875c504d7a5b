"""vegeta (`vegeta report -type=json`): latencies in nanoseconds, and the throughput.

The report does not state its target; a sidecar's `benchmark` does. Before vegeta 12.6 it has no
throughput. With `-every`, a file has a report of all results so far for each interval.
"""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import Count, NonNegative, Number, keys, objects_with
from benchmark_exporter.formats.load_reports import benchmark_of, per_second, report
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.model import Rejected, Result, Run, Statistics

NAME = "vegeta"

_TO_SECONDS = 1e-9
_ZERO_TIME = "0001-01-01"  # what Go writes for no time


class LatenciesPart(msgspec.Struct, frozen=True):
    mean: NonNegative | None = None
    max: NonNegative | None = None
    min: NonNegative | None = None
    p50: NonNegative | None = msgspec.field(default=None, name="50th")
    p95: NonNegative | None = msgspec.field(default=None, name="95th")
    p99: NonNegative | None = msgspec.field(default=None, name="99th")


class VegetaDocument(msgspec.Struct, frozen=True):
    latencies: LatenciesPart
    earliest: str = ""
    duration: NonNegative | None = None
    requests: Count | None = None
    throughput: NonNegative | None = None
    success: Number | None = None
    status_codes: dict[Annotated[str, msgspec.Meta(max_length=20)], NonNegative] = {}
    errors: list[str] | None = None


def matches(document: object) -> bool:
    """Also what `vegeta encode` writes, to say that it is not read."""
    if isinstance(document, list):
        return objects_with(("attack", "seq", "latency"), document)
    return {"latencies", "status_codes", "bytes_in", "success"} <= keys(document)


def join(documents: Sequence[object]) -> object:
    """The last of the reports of one attack, as `report -every` writes them: each has all so far.

    Raises:
        Rejected: they are of several attacks.
    """
    starts = {str(each.get("earliest")) for each in documents if isinstance(each, dict)}
    if len(starts) > 1:
        raise Rejected(
            "invalid_value",
            f"reports of {len(starts)} attacks; write each into a file of its own",
        )
    return documents[-1]


def parse(raw: object, origin: Origin) -> Run:
    if isinstance(raw, list):
        raise Rejected(
            "unknown_format",
            "vegeta's single results (encode) are not read; vegeta report -type=json writes them "
            "as a report",
        )
    document, notes = convert(raw, VegetaDocument)
    name, found = benchmark_of(origin, NAME), document.latencies
    values = (found.p50, found.p95, found.p99, found.mean, found.min, found.max)
    latency = Statistics(*(None if value is None else value * _TO_SECONDS for value in values))
    results = (
        Result(name, "", latency, document.requests or None),
        per_second(name, "throughput", Statistics(mean=document.throughput)),
    )
    # A code of 0 is a request without a response; vegeta takes 200 to 399 for success.
    failed = {
        f"of status {status}" if status != "0" else "without a response": count
        for status, count in document.status_codes.items()
        if not status.startswith(("2", "3"))
    }
    requests, success = document.requests, document.success
    if requests != 0 and not any(failed.values()) and success is not None and success < 1:
        failed["of unknown status"] = (1 - success) * (requests or 1) or 1
    seconds: float | None = None
    undated: tuple[str, ...] = ()
    if document.earliest and not document.earliest.startswith(_ZERO_TIME):
        seconds, undated = origin.moment(document.earliest, "earliest")
    duration = document.duration
    return report(
        NAME,
        name,
        origin,
        [each for each in results if each.statistics != Statistics()],
        failed,
        answered=requests,
        seconds=seconds,
        duration_seconds=None if duration is None else duration * _TO_SECONDS,
        notes=(*notes, *undated),
    )
