"""hyperfine: seconds, one sample per run of the command.

There are two layouts: before 2.0 a command's times; from 2.0 on (`schema_version` 2) its
measurements, each with its unit, and when the run began.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec

from benchmark_exporter.formats.fields import (
    Name,
    NonNegative,
    Number,
    Text,
    Timestamp,
    keys,
    objects_with,
    to_seconds,
)
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.statistics import coefficient_of_variation, from_samples
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import Result, Run, Statistics

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


class Value(msgspec.Struct, frozen=True):
    value: Text


class CommandPart(msgspec.Struct, frozen=True, kw_only=True):
    """`parameters` are the values of a parameter scan; 1.10 and earlier had one, `parameter`."""

    command: Name
    parameters: dict[str, Text | Value] = {}
    parameter: Text | None = None


class TimesPart(CommandPart, frozen=True, kw_only=True):
    mean: NonNegative
    median: NonNegative | None = None
    min: NonNegative
    max: NonNegative
    stddev: NonNegative | None = None
    user: NonNegative | None = None
    system: NonNegative | None = None
    times: list[NonNegative] | None = None
    memory_usage_byte: list[NonNegative] | None = None


class TimesDocument(msgspec.Struct, frozen=True):
    results: Annotated[list[TimesPart], msgspec.Meta(min_length=1)]


class Measured(msgspec.Struct, frozen=True):
    value: Number
    unit: Text


class MeasurementsPart(CommandPart, frozen=True, kw_only=True):
    """A measurement's exit code, and whatever else in it has no unit, is ignored."""

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
    if not isinstance(document, dict):
        return False
    if keys(document) == {"results"}:
        return objects_with(("command", "mean"), document["results"])
    return "schema_version" in document and objects_with(
        ("command", "measurements"), document.get("results")
    )


def parse(raw: object, origin: Origin) -> Run:
    seconds = origin.seconds()
    if "schema_version" in keys(raw):
        document = msgspec.convert(raw, MeasurementsDocument)
        if document.metadata.start_time is not None:
            seconds = to_seconds(document.metadata.start_time, json_path="$.metadata.start_time")
        named = zip(_names(document.results), document.results, strict=True)
        results = tuple(result for name, part in named for result in _of_measurements(name, part))
    else:
        parts = msgspec.convert(raw, TimesDocument).results
        results = tuple(
            result
            for name, part in zip(_names(parts), parts, strict=True)
            for result in _of_times(name, part)
        )
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
    )


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


def _of_times(name: str, part: TimesPart) -> Iterator[Result]:
    if part.times:
        yield from_samples(name, "", part.times)
    else:
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
    samples: dict[tuple[str, str], list[float]] = {}
    for measurement in part.measurements:
        for metric, value in measurement.items():
            if isinstance(value, Measured) and metric not in _LEFT_OUT:
                samples.setdefault((metric, value.unit), []).append(value.value)
    for (metric, unit), values in samples.items():
        measured = quantity(unit)
        yield from_samples(
            name,
            _VARIANTS.get(metric, metric),
            [value * measured.factor for value in values],
            unit=measured.unit,
            better=measured.better,
        )
