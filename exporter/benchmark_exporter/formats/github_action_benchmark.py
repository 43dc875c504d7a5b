"""github-action-benchmark's customSmallerIsBetter and customBiggerIsBetter.

An array of name, unit and value. Which of the two it is appears in the workflow, not in the
document. Where the unit gives no direction either, a sidecar can (`better`).
"""

import re
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from benchmark_exporter.formats.fields import LongName, Number, objects_with
from benchmark_exporter.formats.naming import note_of_numbered, numbered
from benchmark_exporter.formats.non_json_numbers import is_non_json_number
from benchmark_exporter.formats.origin import Origin
from benchmark_exporter.formats.plausible import convert
from benchmark_exporter.formats.units import Quantity, quantity
from benchmark_exporter.model import Better, Result, Run, Statistics

NAME = "github_action_benchmark"

_REMEDY = "give each a name of its own"
# Of bytes that are there to be used more is better, though less is of bytes in general.
_FREE = re.compile(r"\b(?:free|available|unused|headroom|remaining)\b", re.IGNORECASE)


class EntryPart(msgspec.Struct, frozen=True):
    """The action also accepts a string as the value, and an entry without a unit."""

    name: LongName
    value: Number | str | None = None
    unit: str | None = None


def matches(document: object) -> bool:
    return isinstance(document, list) and objects_with(("name", "unit", "value"), document)


def parse(raw: object, origin: Origin) -> Run:
    entries, notes = convert(raw, list[EntryPart])
    seconds = origin.seconds()
    numbers = [_number(entry.value) for entry in entries]
    stated = [entry.name for entry in entries]
    names = numbered(stated) if len(set(stated)) < len(stated) else stated
    better = origin.sidecar.better
    quantities = [quantity(entry.unit or "") for entry in entries]
    is_bigger = better is None and _is_bigger(quantities)
    results = tuple(
        _result(name, number, _directed(entry, measured, better, is_bigger=is_bigger))
        for entry, name, number, measured in zip(entries, names, numbers, quantities, strict=True)
        if number is not None
    )
    missing = [entry.name for entry, number in zip(entries, numbers, strict=True) if number is None]
    return Run(
        format=NAME,
        run_id=origin.run_id(seconds, results),
        timestamp_seconds=seconds,
        results=results,
        comparisons=(),
        notes=(
            *notes,
            *(f"{name} has no value that is a number" for name in missing[:1]),
            *note_of_numbered(stated, names, _REMEDY),
        ),
    )


def _is_bigger(quantities: Sequence[Quantity]) -> bool:
    """Whether the document is a customBiggerIsBetter one, as far as its units say.

    The action has one direction for a whole document, so a rate says it for the others, unless
    there is a time.
    """
    units = {measured.unit for measured in quantities}
    return "per_second" in units and "seconds" not in units


def _directed(
    entry: EntryPart, measured: Quantity, better: Better | None, *, is_bigger: bool
) -> Quantity:
    """The quantity with the direction that the sidecar states, or else what is free or bigger."""
    if better is None and (
        (measured.unit == "bytes" and _FREE.search(entry.name.replace("_", " ")))
        or (measured.better is None and is_bigger)
    ):
        better = "higher"
    return measured if better is None else replace(measured, better=better)


def _result(name: str, number: float, measured: Quantity) -> Result:
    value = Statistics(mean=number * measured.factor)
    return Result(name, "", value, unit=measured.unit, better=measured.better)


def _number(value: float | str | None) -> float | None:
    """The value; None if there is none, or none that a result can have."""
    if value is None or (isinstance(value, str) and is_non_json_number(value.strip())):
        return None
    try:
        return msgspec.convert(value, Number, strict=False)
    except msgspec.ValidationError:
        return None
