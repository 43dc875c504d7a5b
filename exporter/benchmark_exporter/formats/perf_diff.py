"""perf_diff: a comparison of two runs, in milliseconds.

The times of the base belong to another run, so only the current ones and the change are read.
"""

from collections import Counter
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import (
    LongName,
    Name,
    NonNegative,
    Number,
    Text,
    as_commit,
    objects_with,
)
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.model import Better, Result, Run, Statistics

NAME = "perf_diff"
_REMEDY = "give each a name of its own"

# Always present, 0 if there are none, so that a regression that has gone does not stay on show.
_STATUSES: dict[str, Better | None] = {
    "regression": "lower",
    "improvement": "higher",
    "no_change": None,
}


class TimesPart(msgspec.Struct, frozen=True):
    p50_ms: NonNegative
    p95_ms: NonNegative


class DiffPart(msgspec.Struct, frozen=True):
    p50_percent: Number
    status: Name


class ComparisonPart(msgspec.Struct, frozen=True):
    benchmark: LongName
    current: TimesPart
    diff: DiffPart


class SummaryPart(msgspec.Struct, frozen=True):
    current_ref: Text = ""


class MetadataPart(msgspec.Struct, frozen=True):
    generated_at: str | None = None


class PerfDiffDocument(msgspec.Struct, frozen=True):
    comparisons: Annotated[list[ComparisonPart], msgspec.Meta(min_length=1)]
    summary: SummaryPart = SummaryPart()
    metadata: MetadataPart = MetadataPart()


def matches(document: object) -> bool:
    return isinstance(document, dict) and objects_with(
        ("benchmark", "current", "diff"), document.get("comparisons")
    )


def parse(raw: object, origin: Origin) -> Run:
    document, notes = convert(raw, PerfDiffDocument)
    generated_at = document.metadata.generated_at
    seconds, undated = (
        (origin.seconds(), ())
        if generated_at is None
        else origin.moment(generated_at, "$.metadata.generated_at")
    )
    stated = [part.benchmark for part in document.comparisons]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    counts = Counter(part.diff.status for part in document.comparisons)
    results = (
        *(
            result
            for name, part in zip(names, document.comparisons, strict=True)
            for result in _results(name, part)
        ),
        *(
            Result(
                NAME,
                status,
                Statistics(mean=float(counts[status])),
                unit="benchmarks",
                better=_STATUSES.get(status),
            )
            for status in dict.fromkeys((*_STATUSES, *counts))
        ),
    )
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        notes=(*notes, *undated, *note_of_numbered(stated, names, _REMEDY)),
        commit_hash=as_commit(document.summary.current_ref),
    )


def _results(name: str, part: ComparisonPart) -> tuple[Result, Result]:
    times = Statistics(p50=part.current.p50_ms / 1e3, p95=part.current.p95_ms / 1e3)
    return (
        Result(name, "", times),
        Result(
            name,
            "p50_change",
            Statistics(mean=part.diff.p50_percent / 100),
            unit="ratio",
            better="lower",
        ),
    )
