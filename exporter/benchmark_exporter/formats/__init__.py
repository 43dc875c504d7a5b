"""Documents of benchmark tools to the model.

A format is a module with `NAME`, `matches(document)` (is this object mine, judged by its keys alone) and `parse(document)`. It is
recognised by content, never by file name. To add one, write the module and append it to FORMATS.
"""

import json
import math
from typing import Protocol

import msgspec

from benchmark_exporter.formats import bench_guard, perf_guard, perf_suite, pipeline
from benchmark_exporter.model import Document, Rejected

JsonObject = dict[str, object]
KEYS_SHOWN, KEY_CHARACTERS_SHOWN = 8, 30


class Format(Protocol):
    """What a format module offers."""

    NAME: str

    def matches(self, document: JsonObject, /) -> bool: ...

    def parse(self, document: JsonObject, /) -> Document: ...


# perf_guard before perf_suite: it writes the same document with a verdict in it.
FORMATS: tuple[Format, ...] = (perf_guard, perf_suite, bench_guard, pipeline)


def parse(data: bytes) -> Document:
    """The run or pipeline run in a document's bytes. Where a key stands twice in an object, the last one counts.

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
                raise _invalid(error) from error
    known = ", ".join(candidate.NAME for candidate in FORMATS)
    keys = ", ".join(key[:KEY_CHARACTERS_SHOWN] for key in sorted(document)[:KEYS_SHOWN])
    raise Rejected("unknown_format", f"none of {known} has the keys {keys or '(none)'}")


def _decode(data: bytes) -> object:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise Rejected("truncated", "the file ends in the middle of a character") from error
        raise Rejected("not_utf8", f"{error.reason} at byte {error.start}") from error
    try:
        return msgspec.json.decode(data)
    except RecursionError as error:
        raise Rejected("malformed_json", "nested too deeply") from error
    except msgspec.DecodeError as error:
        raise _why_not_json(text, len(data), error) from error


def _why_not_json(text: str, size_bytes: int, error: msgspec.DecodeError) -> Rejected:
    try:
        # Python reads some of what is no JSON, as its writers write it; then the place of that can be told.
        lenient = json.loads(text)
    except (ValueError, RecursionError):
        if isinstance(error, msgspec.ValidationError):
            return _invalid(error)
        message = str(error)
        if "truncated" in message or message.endswith(f"(byte {size_bytes})"):
            return Rejected("truncated", "the file ends before its JSON does")
        return Rejected("malformed_json", message)
    return _unwritable(lenient) or Rejected("malformed_json", str(error))


def _unwritable(document: object) -> Rejected | None:
    """The first value, in the document's order, that JSON has no word for."""
    # Its own stack: a document may be nested deeper than Python's calls may be.
    stack = [("$", document)]
    while stack:
        place, value = stack.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return Rejected("not_finite", f"{value} is not a number that a result can have", place=place)
        if isinstance(value, str) and not _is_utf8(value):
            return Rejected("malformed_json", "half of a surrogate pair is no character", place=place)
        if isinstance(value, dict):
            if not all(map(_is_utf8, value)):
                return Rejected("malformed_json", "a key has half of a surrogate pair, which is no character", place=place)
            stack.extend((f"{place}.{key}", item) for key, item in reversed(value.items()))
        elif isinstance(value, list):
            stack.extend((f"{place}[{index}]", item) for index, item in reversed(list(enumerate(value))))
    return None


def _is_utf8(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _invalid(error: msgspec.ValidationError) -> Rejected:
    detail, _, place = str(error).partition(" - at ")
    return Rejected("invalid_value", detail, place=place.replace("`", "") or "$")


def _kind(value: object) -> str:
    return {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")
