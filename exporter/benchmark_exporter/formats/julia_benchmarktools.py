"""BenchmarkTools of Julia (`BenchmarkTools.save`): trials, or estimates of them.

Names are the keys of the groups. A trial's times are samples, in nanoseconds; memory is in bytes.
`PkgBenchmark.writeresults` writes an object with such a document in a string, and with the commit
and the local time.
"""

from collections.abc import Iterator, Sequence

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.fields import LongName, NonNegative, as_commit, keys
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.model import Failure, Rejected, Result, Run, Statistics

NAME = "julia_benchmarktools"

_TO_SECONDS = 1e-9
_REMEDY = "save each value into a file of its own"
_GROUP, _TRIAL, _ESTIMATE = "BenchmarkGroup", "Trial", "TrialEstimate"
_MOST_GROUPS = 100_000


class TrialPart(msgspec.Struct, frozen=True):
    """The times, or of an estimate the time, with what one evaluation allocates."""

    times: list[NonNegative] = []
    time: NonNegative | None = None
    memory: NonNegative | None = None
    allocs: NonNegative | None = None


class GroupPart(msgspec.Struct, frozen=True):
    data: dict[LongName, tuple[str, object]]


class PackageDocument(msgspec.Struct, frozen=True):
    """What PkgBenchmark writes. The commit is `dirty` where files had changed."""

    benchmarkgroup: str
    commit: str = ""
    date: str = ""


def matches(document: object) -> bool:
    """Versions and values, which are pairs of a type and its fields; or PkgBenchmark's object."""
    if isinstance(document, dict):
        return {"benchmarkgroup", "benchmarkconfig", "julia_commit"} <= keys(document)
    return _is_saved(document)


def _is_saved(document: object) -> bool:
    return (
        isinstance(document, list)
        and len(document) == 2
        and isinstance(document[0], dict)
        and "BenchmarkTools" in document[0]
        and isinstance(document[1], list)
    )


def parse(raw: object, origin: Origin) -> Run:
    if isinstance(raw, dict):
        return _of_package(raw, origin)
    results, failures, notes = _read(raw)
    return run_of(NAME, origin, results, failures, notes=notes)


def _of_package(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, PackageDocument)
    try:
        saved = msgspec.json.decode(document.benchmarkgroup)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        raise Rejected("invalid_value", str(error), json_path="$.benchmarkgroup") from error
    if not _is_saved(saved):
        raise Rejected(
            "invalid_value", "not what BenchmarkTools saves", json_path="$.benchmarkgroup"
        )
    results, failures, more = _read(saved)
    seconds: float | None = None
    undated: tuple[str, ...] = ()
    if document.date:
        seconds, undated = origin.moment(document.date, "date")
    return run_of(
        NAME,
        origin,
        results,
        failures,
        seconds=seconds,
        commit=as_commit(document.commit),
        notes=(*notes, *undated, *more),
    )


def _read(raw: object) -> tuple[list[Result], list[Failure], Sequence[str]]:
    """Results, failures and notes of what BenchmarkTools saved."""
    values = raw[1] if isinstance(raw, list) else None
    pairs, notes = convert(values, list[tuple[str, object]])
    results, failures = list[Result](), list[Failure]()
    # A stack of its own, since groups may be nested deeper than calls may be.
    ahead = [("", pair) for pair in reversed(pairs)]
    groups = 0
    while ahead:
        name, (kind, fields) = ahead.pop()
        kind = kind.rpartition(".")[2]
        if kind == _GROUP:
            groups += 1
            if groups > _MOST_GROUPS:
                raise Rejected("invalid_value", f"more than {_MOST_GROUPS} groups")
            group, more = convert(fields, GroupPart)
            ahead += [
                (f"{name}/{key}" if name else key, pair)
                for key, pair in reversed(group.data.items())
            ]
        elif kind in (_TRIAL, _ESTIMATE):
            part, more = convert(fields, TrialPart)
            found = list(_results(name or "benchmark", part))
            results += found
            if not found:
                failures.append(Failure(name or "benchmark", "it has no times"))
        else:
            more = (f"{name or 'the document'} is a {kind[:40]}, which is not read",)
        notes = (*notes, *more)
    stated = [*(each.benchmark for each in results if not each.variant)]
    if len(set(stated)) < len(stated):
        results, numbers = _numbered(results)
        notes = (*notes, *numbers)
    return results, failures, notes[:10]


def _numbered(results: Sequence[Result]) -> tuple[list[Result], Sequence[str]]:
    """The results with names of their own, where `save` was given several values."""
    stated = [each.benchmark for each in results if not each.variant]
    names = numbered(stated)
    found, index = list[Result](), -1
    for each in results:  # what a benchmark allocates follows its time
        index += not each.variant
        found.append(replace(each, benchmark=names[index]))
    return found, tuple(note_of_numbered(stated, names, _REMEDY))


def _results(name: str, part: TrialPart) -> Iterator[Result]:
    if part.times:
        yield from_samples(name, "", [time * _TO_SECONDS for time in part.times])
    elif part.time is not None:
        yield Result(name, "", Statistics(mean=part.time * _TO_SECONDS))
    else:
        return
    for variant, value, unit in (
        ("memory", part.memory, "bytes"),
        ("allocs", part.allocs, "allocs"),
    ):
        if value is not None:
            yield Result(name, variant, Statistics(mean=value), unit=unit, better="lower")
