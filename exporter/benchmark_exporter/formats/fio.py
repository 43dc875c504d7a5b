"""fio (`--output-format=json` or `json+`): of each job and direction, latency, IOPS and bandwidth.

A job that ended with an error has failed. Before fio 3, latencies are microseconds and the
bandwidth KiB per second. Lines that fio prints before its JSON are passed over.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import Count, NonNegative, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.text_results import Printed
from benchmark_exporter.model import Better, Failure, Result, Run, Statistics

NAME = "fio"

_REMEDY = "give each job a name of its own, or report them as one with group_reporting"
_DIRECTIONS = ("read", "write", "trim")
_HIGHER: Better = "higher"
_LATEST_SECONDS = 253_402_300_799


class LatencyPart(msgspec.Struct, frozen=True):
    min: NonNegative | None = None
    max: NonNegative | None = None
    mean: NonNegative | None = None
    stddev: NonNegative | None = None
    percentile: dict[str, NonNegative | None] = {}


class DirectionPart(msgspec.Struct, frozen=True):
    total_ios: Count = 0
    iops: NonNegative | None = None
    bw_bytes: NonNegative | None = None
    bw: NonNegative | None = None
    clat_ns: LatencyPart | None = None
    clat: LatencyPart | None = None


class JobPart(msgspec.Struct, frozen=True):
    """Of jobs that `group_reporting` reports as one, only the first has a name."""

    jobname: str | None = None
    groupid: int = 0
    error: int = 0
    read: DirectionPart = DirectionPart()
    write: DirectionPart = DirectionPart()
    trim: DirectionPart = DirectionPart()


class FioDocument(msgspec.Struct, frozen=True):
    jobs: Annotated[list[JobPart], msgspec.Meta(min_length=1)]
    timestamp: NonNegative | None = None
    timestamp_ms: NonNegative | None = None
    time: str = ""


def matches(document: object) -> bool:
    if isinstance(document, Printed):
        return '"fio version"' in document.text
    return (
        isinstance(document, dict)
        and "fio version" in document
        and objects_with(("jobname",), document.get("jobs"))
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(_without_lines(raw) if isinstance(raw, Printed) else raw, FioDocument)
    stated = [job.jobname or f"group {job.groupid}" for job in document.jobs]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    named: Sequence[tuple[str, JobPart]] = list(zip(names, document.jobs, strict=True))
    return run_of(
        NAME,
        origin,
        [result for name, job in named if not job.error for result in _results(name, job)],
        [Failure(name, f"error {job.error}") for name, job in named if job.error],
        seconds=_seconds(document),
        notes=(*notes, *note_of_numbered(stated, names, _REMEDY)),
    )


def _without_lines(printed: Printed) -> object:
    """The JSON after what fio says of its jobs.

    Raises:
        Rejected: there is none, or it ends early.
    """
    start = printed.text.find("\n{")
    if start < 0:
        raise printed.rejected
    try:
        document, _ = json.JSONDecoder().raw_decode(printed.text, start + 1)
    except (ValueError, RecursionError) as error:
        raise printed.rejected from error
    return document


def _seconds(document: FioDocument) -> float | None:
    if document.timestamp_ms is not None:
        found = document.timestamp_ms / 1e3
    elif document.timestamp is not None:
        found = document.timestamp
    else:
        return None
    return found if found <= _LATEST_SECONDS else None


def _results(name: str, job: JobPart) -> Iterator[Result]:
    for direction in _DIRECTIONS:
        part: DirectionPart = getattr(job, direction)
        if not part.total_ios:
            continue
        if part.clat_ns is not None:
            yield from _latency(name, direction, part, part.clat_ns, 1e-9)
        elif part.clat is not None:
            yield from _latency(name, direction, part, part.clat, 1e-6)
        bandwidth = part.bw_bytes if part.bw_bytes is not None else part.bw and part.bw * 1024
        for variant, value in (("iops", part.iops), ("bandwidth", bandwidth)):
            if value is not None:
                statistics, of = Statistics(mean=value), f"{direction}/{variant}"
                yield Result(name, of, statistics, unit="per_second", better=_HIGHER)


def _latency(
    name: str, direction: str, part: DirectionPart, found: LatencyPart, factor: float
) -> Iterator[Result]:
    ranks = {key.rstrip("0").rstrip("."): value for key, value in found.percentile.items()}
    values = (
        *(ranks.get(rank) for rank in ("50", "95", "99")),
        *(found.mean, found.min, found.max, found.stddev),
    )
    statistics = Statistics(*(None if value is None else value * factor for value in values))
    if statistics != Statistics():
        yield Result(name, direction, statistics, part.total_ios)
