"""What a comment is made of: the results of a comparison, or of a gate.

Both are JSON documents that may come from the job of a fork, so nothing in them is trusted: texts
and numbers are checked against these types, and only then rendered.
"""

import math
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from benchmark_exporter.wording import printable

MAX_BYTES = 8 * 1024 * 1024
STANDARD_INPUT = "-"

Text = Annotated[str, Meta(max_length=2_000)]
Number = Annotated[float, Meta(ge=-1e300, le=1e300)]
Count = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Outcome = Literal["worse", "better", "same", "undecided"]
Kind = Literal["history", "comparison"]
MAX_RESULTS = 20_000


class ReportError(Exception):
    """The document cannot be used; the message names it, the JSON path, and why."""


class Change(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One result, before and after. Values are in `unit`, ratios are plain: 0.02 is 2 %.

    `ratio` is how much larger the new value is, `low` and `high` are the ends of its interval.
    `outcome` is None without a verdict, and `detail` says more about it. `project` and the fields
    after it are where the exporter keeps the history; `benchmark` is the name there, if another.
    """

    name: Text
    unit: Text
    new: Number
    old: Number | None = None
    ratio: Number | None = None
    low: Number | None = None
    high: Number | None = None
    noise_ratio: Number | None = None
    outcome: Outcome | None = None
    detail: Text = ""
    project: Text = ""
    environment: Text = ""
    machine_class: Text = ""
    branch: Text = ""
    benchmark: Text = ""


class Failure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A benchmark that ended in an error."""

    benchmark: Text
    error: Text


class Moved(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many results of a run moved together by `ratio`, above 0 for worse."""

    results: Count
    judged: Count
    ratio: Number


class Report(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is reported about a change. `against` is the branch that it is compared with.

    `passed` is whether the gate passed, None without one. `missing` are results that could not be
    compared. `rounds` are those of a comparison.
    """

    kind: Kind
    changes: Annotated[Sequence[Change], Meta(max_length=MAX_RESULTS)]
    against: Text = ""
    commit: Text = ""
    passed: bool | None = None
    failures: Annotated[Sequence[Failure], Meta(max_length=MAX_RESULTS)] = ()
    missing: Annotated[Sequence[Text], Meta(max_length=MAX_RESULTS)] = ()
    moved: Moved | None = None
    rounds: Count = 0


class _Quantity(msgspec.Struct, frozen=True):
    name: Text
    unit: Text


class _Ratio(msgspec.Struct, frozen=True):
    ratio: Number
    low: Number
    high: Number


class _Compared(msgspec.Struct, frozen=True):
    quantity: _Quantity
    base: Number
    head: Number
    change: _Ratio
    noise_ratio: Number | None
    outcome: Outcome | None
    note: Text = ""


class _Comparison(msgspec.Struct, frozen=True):
    """The JSON of `compare`, as far as it is shown; it may have more in a later version."""

    results: Annotated[Sequence[_Compared], Meta(max_length=MAX_RESULTS)]
    rounds: Count
    missing: Annotated[Sequence[Text], Meta(max_length=MAX_RESULTS)] = ()


def read_report(source: str) -> Report:
    """The report in a file, or on standard input for `-`.

    Raises:
        ReportError: it cannot be read, is too large, or is neither a comparison nor a gate's.
    """
    name = "standard input" if source == STANDARD_INPUT else printable(source)
    try:
        data = _read(source)
    except OSError as error:
        raise ReportError(f"{name}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise ReportError(f"{name}: is larger than {MAX_BYTES:,} bytes")
    try:
        return parse_report(data)
    except ReportError as error:
        raise ReportError(f"{name}: {error}") from error


def parse_report(data: bytes) -> Report:
    """The report of a document's bytes.

    Raises:
        ReportError: it is neither the JSON of `compare` nor that of `check --gate --report`.
    """
    try:
        document = msgspec.json.decode(data)
        if isinstance(document, dict) and "kind" in document:
            return msgspec.convert(document, Report)
        if isinstance(document, dict) and "rounds" in document:
            return _of_comparison(msgspec.convert(document, _Comparison))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ReportError(str(error)) from error
    raise ReportError(
        "is neither what `compare --format json` nor what `check --gate --report` writes"
    )


def to_json(report: Report) -> bytes:
    """The report as `parse_report` reads it."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def finite(value: float | None) -> float | None:
    """A number that a report may have; None for one that it may not, such as infinity."""
    return value if value is not None and math.isfinite(value) and abs(value) <= 1e300 else None


def _of_comparison(comparison: _Comparison) -> Report:
    changes = [
        Change(
            name=each.quantity.name,
            unit=each.quantity.unit,
            old=each.base,
            new=each.head,
            ratio=each.change.ratio,
            low=each.change.low,
            high=each.change.high,
            noise_ratio=each.noise_ratio,
            outcome=each.outcome,
            detail=each.note or ("" if each.outcome else "no known direction"),
        )
        for each in comparison.results
    ]
    return Report("comparison", changes, missing=comparison.missing, rounds=comparison.rounds)


def _read(source: str) -> bytes:
    """Up to one byte more than is allowed, and of a regular file alone."""
    if source == STANDARD_INPUT:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    # Another's artifact may hold a link to a file of this machine, or a pipe that never ends.
    descriptor = os.open(Path(source), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(0, "it is not a regular file")
        return file.read(MAX_BYTES + 1)
