"""github-action-benchmark's customSmallerIsBetter and customBiggerIsBetter.

An array of name, unit and value. Which of the two it is appears in the workflow, not in the
document. Where the unit gives no direction either, a sidecar can (`better`).
"""

from typing import Annotated

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.fields import Name, Number, Text, objects_with
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.units import quantity
from benchmark_exporter.model import Rejected, Result, Run, Statistics

NAME = "github_action_benchmark"


class EntryPart(msgspec.Struct, frozen=True):
    """The action also accepts a string as the value, and an entry without a unit."""

    name: Name
    value: Number | Text
    unit: Text = ""


def matches(document: object) -> bool:
    return isinstance(document, list) and objects_with(("name", "unit", "value"), document)


def parse(raw: object, origin: Origin) -> Run:
    document = msgspec.convert(raw, Annotated[list[EntryPart], msgspec.Meta(min_length=1)])
    seconds = origin.seconds()
    results = tuple(
        _result(entry, origin, f"$[{index}].value") for index, entry in enumerate(document)
    )
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
    )


def _result(entry: EntryPart, origin: Origin, json_path: str) -> Result:
    measured = quantity(entry.unit)
    if origin.sidecar.better is not None:
        measured = replace(measured, better=origin.sidecar.better)
    value = Statistics(mean=_number(entry.value, json_path) * measured.factor)
    return Result(entry.name, "", value, unit=measured.unit, better=measured.better)


def _number(value: float | str, json_path: str) -> float:
    try:
        return msgspec.convert(value, Number, strict=False)
    except msgspec.ValidationError as error:
        raise Rejected(
            "invalid_value", f"{value!r} is not a number a result can have", json_path=json_path
        ) from error
