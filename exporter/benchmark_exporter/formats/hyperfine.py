"""hyperfine: seconds, one sample per run of the command.

There are two layouts: before 2.0 a command's times; from 2.0 on (`schema_version` 2) its
measurements, each with its unit, and when the run began.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import (
    LongName,
    NonNegative,
    Number,
    Timestamp,
    keys,
    objects_with,
    to_seconds,
)
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.several_documents import joined_by
from benchmark_exporter.formats.statistics import coefficient_of_variation, from_samples
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import Failure, Result, Run, Statistics

NAME = "hyperfine"
GROWS = True  # given several commands, it rewrites its file after each one

# The variants for the quantities of 2.0 that earlier versions had too, so that a series goes on
# across versions. The CPU time is left out: it is the sum of two others.
_VARIANTS = {
    "time_wall_clock": "",
    "time_user": "user",
    "time_system": "system",
    "memory_peak_resident": "memory",
}
_LEFT_OUT = {"time_cpu"}
_EXIT_CODE = "exit_code"
_REMEDY = "give each a name of its own with --command-name (-n)"


class Value(msgspec.Struct, frozen=True):
    value: str


class CommandPart(msgspec.Struct, frozen=True, kw_only=True):
    """`parameters` are the values of a parameter scan; 1.10 and earlier had one, `parameter`."""

    command: LongName
    parameters: dict[str, str | Value] = {}
    parameter: str | None = None


class TimesPart(CommandPart, frozen=True, kw_only=True):
    """`exit_codes` (from 1.12 on) has null for a run that a signal ended."""

    mean: NonNegative | None = None
    median: NonNegative | None = None
    min: NonNegative | None = None
    max: NonNegative | None = None
    stddev: NonNegative | None = None
    user: NonNegative | None = None
    system: NonNegative | None = None
    times: list[NonNegative] | None = None
    exit_codes: list[int | None] | None = None
    memory_usage_byte: list[NonNegative] | None = None


class TimesDocument(msgspec.Struct, frozen=True):
    results: Annotated[list[TimesPart], msgspec.Meta(min_length=1)]


class Measured(msgspec.Struct, frozen=True):
    value: Number
    unit: str


class MeasurementsPart(CommandPart, frozen=True, kw_only=True):
    """Of what has no unit in a measurement, only its exit code is read."""

    measurements: Annotated[
        list[dict[str, Measured | float | str | bool | list[object] | None]],
        msgspec.Meta(min_length=1),
    ]


class MetadataPart(msgspec.Struct, frozen=True):
    start_time: Timestamp | None = None


class MeasurementsDocument(msgspec.Struct, frozen=True):
    results: Annotated[list[MeasurementsPart], msgspec.Meta(min_length=1)]
    metadata: MetadataPart = MetadataPart()


def matches(document: object) -> bool:
    """Keys that others have added do not matter."""
    if not isinstance(document, dict):
        return False
    results = document.get("results")
    return objects_with(("command", "mean"), results) or (
        "schema_version" in document and objects_with(("command", "measurements"), results)
    )


def join(documents: Sequence[object]) -> object:
    """Several documents as one."""
    return joined_by("results", documents)


def parse(raw: object, origin: Origin) -> Run:
    seconds, parts, notes = _parts(raw, origin)
    stated = _names(parts)
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    results, failures = list[Result](), list[Failure]()
    for name, part in zip(names, parts, strict=True):
        if _has_failed(part):
            failures.append(Failure(name, _error(part)))
        else:
            results += _results(name, part)
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results, failures),
        timestamp_seconds=seconds,
        results=tuple(results),
        comparisons=(),
        failures=tuple(failures),
        notes=(*notes, *note_of_numbered(stated, names, _REMEDY)),
    )


def _parts(
    raw: object, origin: Origin
) -> tuple[float, Sequence[TimesPart | MeasurementsPart], Sequence[str]]:
    """When the run was, its commands, and notes on what was left out of them."""
    seconds = origin.seconds()
    if "schema_version" not in keys(raw) or not objects_with(
        ("command", "measurements"), raw["results"] if isinstance(raw, dict) else None
    ):
        of_times, notes = convert(raw, TimesDocument, least=0)
        return seconds, of_times.results, notes
    document, notes = convert(raw, MeasurementsDocument)
    if document.metadata.start_time is not None:
        seconds = to_seconds(document.metadata.start_time, json_path="$.metadata.start_time")
    return seconds, document.results, notes


def _has_failed(part: TimesPart | MeasurementsPart) -> bool:
    if isinstance(part, TimesPart):
        codes = part.exit_codes
        return codes is not None and codes.count(0) < len(codes)
    return any(each.get(_EXIT_CODE, 0) != 0 for each in part.measurements)


def _error(part: TimesPart | MeasurementsPart) -> str:
    """What the command ended with, if not with success each time: then its times say nothing.

    They tell one failure from another, since the file may be read again with more commands.
    """
    codes: Sequence[object]
    if isinstance(part, TimesPart):
        codes, seconds = part.exit_codes or (), part.mean
    else:
        codes = [each[_EXIT_CODE] for each in part.measurements if _EXIT_CODE in each]
        seconds = _mean_seconds(part)
    failed = [code for code in codes if code != 0]
    kinds = ", ".join(
        f"exit code {code:.0f}" if isinstance(code, int | float) else "a signal"
        for code in dict.fromkeys(map(_printable, failed))
    )
    after = "" if seconds is None else f", after {seconds:.12g} s on average"
    return f"{len(failed)} of {len(codes)} runs ended with {kinds}{after}"


def _mean_seconds(part: MeasurementsPart) -> float:
    times = [each.get("time_wall_clock") for each in part.measurements]
    return math.fsum(time.value for time in times if isinstance(time, Measured)) / len(times)


def _printable(code: object) -> object:
    return code if isinstance(code, int | float) else None


def _names(parts: Sequence[CommandPart]) -> list[str]:
    """The commands, with their parameters where the command alone is not unique.

    Parameters that the command does not show are always added, because the others of a scan may not
    be in the document yet.
    """
    count = Counter(part.command for part in parts)
    return [
        part.command
        if count[part.command] == 1 and _shows_parameters(part)
        else f"{part.command}{_parameters(part)}"
        for part in parts
    ]


def _shows_parameters(part: CommandPart) -> bool:
    return all(value in part.command for value in (*_values(part).values(), part.parameter or ""))


def _parameters(part: CommandPart) -> str:
    values = _values(part)
    if not values:
        return "" if part.parameter is None else f"({part.parameter})"
    return f"({','.join(f'{name}={value}' for name, value in sorted(values.items()))})"


def _values(part: CommandPart) -> Mapping[str, str]:
    return {
        name: value.value if isinstance(value, Value) else value
        for name, value in part.parameters.items()
    }


def _results(name: str, part: TimesPart | MeasurementsPart) -> Iterator[Result]:
    if isinstance(part, TimesPart):
        return _of_times(name, part)
    return _of_measurements(name, part)


def _of_times(name: str, part: TimesPart) -> Iterator[Result]:
    if part.times:
        yield from_samples(name, "", part.times)
    elif part.mean is not None or part.median is not None:
        statistics = Statistics(
            p50=part.median, mean=part.mean, min=part.min, max=part.max, stddev=part.stddev
        )
        yield Result(
            name, "", statistics, cv_ratio=coefficient_of_variation(part.stddev, part.mean)
        )
    for variant, mean in (("user", part.user), ("system", part.system)):
        if mean is not None:
            yield Result(name, variant, Statistics(mean=mean))
    if part.memory_usage_byte:
        yield from_samples(name, "memory", part.memory_usage_byte, unit="bytes")


def _of_measurements(name: str, part: MeasurementsPart) -> Iterator[Result]:
    samples: dict[str, dict[str, list[float]]] = {}
    for measurement in part.measurements:
        for metric, value in measurement.items():
            if isinstance(value, Measured) and metric not in _LEFT_OUT:
                units = samples.setdefault(_VARIANTS.get(metric, metric), {})
                units.setdefault(value.unit, []).append(value.value)
    for variant, units in samples.items():
        # Of a few values in another unit, it is not known what they are.
        unit, values = max(units.items(), key=lambda each: len(each[1]))
        measured = quantity(unit)
        yield from_samples(
            name,
            variant,
            [value * measured.factor for value in values],
            unit=measured.unit,
            better=measured.better,
        )
