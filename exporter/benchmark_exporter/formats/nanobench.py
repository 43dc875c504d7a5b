"""nanobench (its JSON template): each epoch is a sample, in seconds for one of its units.

The title precedes the name, unless it is nanobench's own, and the size of `complexityN` follows it.
Counters of the processor are read where the system gave any.
"""

from collections.abc import Iterator

import msgspec

from benchmark_exporter.formats.fields import LongName, NonNegative, Number, Positive, objects_with
from benchmark_exporter.formats.made import run_of
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.statistics import from_samples
from benchmark_exporter.model import Failure, Result, Run, Statistics

NAME = "nanobench"

_OWN_TITLE = "benchmark"
_REMEDY = "give each a name of its own"
_COUNTERS = (
    *("instructions", "cpucycles", "branchinstructions", "branchmisses"),
    *("pagefaults", "contextswitches"),
)


class EpochPart(msgspec.Struct, frozen=True):
    elapsed: NonNegative | None = None
    instructions: NonNegative | None = None
    cpucycles: NonNegative | None = None
    branchinstructions: NonNegative | None = None
    branchmisses: NonNegative | None = None
    pagefaults: NonNegative | None = None
    contextswitches: NonNegative | None = None


class ResultPart(
    msgspec.Struct, frozen=True, rename={"median": "median(elapsed)", "n": "complexityN"}
):
    """Values are of an iteration, which measures `batch` units."""

    name: LongName
    median: NonNegative | None = None
    title: str = ""
    batch: Positive = 1.0
    n: Number = -1
    measurements: list[EpochPart] = []


class NanobenchDocument(msgspec.Struct, frozen=True):
    results: list[ResultPart]


def matches(document: object) -> bool:
    return isinstance(document, dict) and objects_with(
        ("name", "median(elapsed)"), document.get("results")
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, NanobenchDocument)
    stated = [_name(part) for part in document.results]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    results, failures = list[Result](), list[Failure]()
    for name, part in zip(names, document.results, strict=True):
        found = list(_results(name, part))
        results += found
        if not found:
            failures.append(Failure(name, "it has no result"))
    return run_of(
        NAME,
        origin,
        results,
        failures,
        notes=(*notes, *note_of_numbered(stated, names, _REMEDY)),
    )


def _name(part: ResultPart) -> str:
    title = "" if part.title in ("", _OWN_TITLE) else f"{part.title}/"
    return f"{title}{part.name}{f'(N={part.n:.15g})' if part.n > 0 else ''}"


def _results(name: str, part: ResultPart) -> Iterator[Result]:
    samples = [
        epoch.elapsed / part.batch for epoch in part.measurements if epoch.elapsed is not None
    ]
    if samples:
        yield from_samples(name, "", samples)
    elif part.median is not None:
        yield Result(name, "", Statistics(p50=part.median / part.batch))
    else:
        return
    for counter in _COUNTERS:
        counts: list[float] = [
            count / part.batch
            for epoch in part.measurements
            if (count := getattr(epoch, counter)) is not None
        ]
        if any(counts):
            yield from_samples(name, counter, counts, unit=counter, better="lower")
