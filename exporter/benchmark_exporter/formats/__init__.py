"""Documents of benchmark tools to the model.

A format is a module with `NAME`, `matches(document)` (is this object mine, judged by its keys alone) and `parse(document)`. It is
recognised by content, never by file name. To add one, write the module and append it to FORMATS.
"""

import json
import math
from collections.abc import Callable, Iterator
from typing import Protocol

import msgspec

from benchmark_exporter.formats import bench_guard, perf_guard, perf_suite, pipeline
from benchmark_exporter.model import Document, Rejected

JsonObject = dict[str, object]


class Format(Protocol):
    """What a format module offers."""

    NAME: str
    matches: Callable[[JsonObject], bool]
    parse: Callable[[JsonObject], Document]


# perf_guard before perf_suite: it writes the same document with a verdict in it.
FORMATS: tuple[Format, ...] = (perf_guard, perf_suite, bench_guard, pipeline)


def parse(data: bytes) -> Document:
    """The run or pipeline run in a document's bytes.

    Raises:
        Rejected: with the reason, the JSON path and what was wrong there. `truncated` means the bytes end early,
            so that a file still being written can be told from a bad one.
    """
    document = _decode(data)
    if not isinstance(document, dict):
        raise Rejected("unknown_format", f"a result document is a JSON object, this is {_kind(document)}")
    for candidate in FORMATS:
        if candidate.matches(document):
            try:
                return candidate.parse(document)
            except msgspec.ValidationError as error:
                detail, _, place = str(error).partition(" - at ")
                raise Rejected("invalid_value", detail, place=place.strip("`") or "$") from error
    known = ", ".join(candidate.NAME for candidate in FORMATS)
    raise Rejected("unknown_format", f"none of {known} has the keys {', '.join(sorted(document)[:8]) or '(none)'}")


def _decode(data: bytes) -> object:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise Rejected("truncated", "the file ends in the middle of a character") from error
        raise Rejected("not_utf8", f"{error.reason} at byte {error.start}") from error
    try:
        return msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _why_not_json(text, error) from error


def _why_not_json(text: str, error: Exception) -> Rejected:
    if isinstance(error, RecursionError):
        return Rejected("malformed_json", "nested too deeply")
    if "truncated" in str(error) or not text.strip():
        return Rejected("truncated", "the file ends before its JSON does")
    try:
        # Python's writers put bare NaN and Infinity where JSON has no word for them: name the place.
        lenient = json.loads(text)
    except (ValueError, RecursionError):
        return Rejected("malformed_json", str(error))
    for place, value in _numbers(lenient, "$"):
        if not math.isfinite(value):
            return Rejected("not_finite", f"{value} is not a number a result can have", place=place)
    return Rejected("malformed_json", str(error))


def _numbers(value: object, place: str) -> Iterator[tuple[str, float]]:
    if isinstance(value, float):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _numbers(item, f"{place}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _numbers(item, f"{place}[{index}]")


def _kind(value: object) -> str:
    return {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
