"""Bytes to a JSON value, or why they are not one: incomplete, malformed, or not finite."""

import json
import math
import re
from collections.abc import Iterable, Iterator

import msgspec

from benchmark_exporter.model import Rejected

# Numbers that are not JSON, and the first letters of one at the end of the file.
_NON_JSON_NUMBER = re.compile(rb"NaN|Infinity")
_INCOMPLETE_NON_JSON_NUMBER = re.compile(rb"\b(?:N|Na|I|In|Inf|Infi|Infin|Infini|Infinit)\Z")


def decode(data: bytes) -> tuple[object, Rejected | None]:
    """The JSON value of a document, and its first flaw that Python's decoder tolerates, if any.

    The flaw is a number such as NaN (`not_finite`), or anything else that JSON does not allow but
    some writers write (`malformed_json`).

    Raises:
        Rejected: the bytes are not JSON at all. `truncated` means that they end early.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise Rejected("truncated", "the file ends in the middle of a character") from error
        raise Rejected("not_utf8", f"{error.reason} at byte {error.start}") from error
    try:
        return msgspec.json.decode(data), None
    except RecursionError as error:
        raise Rejected("malformed_json", "nested too deeply") from error
    except msgspec.DecodeError as error:
        try:
            # Python accepts some of what is not JSON, so that the flaw's JSON path can be given.
            lenient = json.loads(text)
        except (ValueError, RecursionError):
            raise _why_not_json(error, data) from error
        return lenient, _first_flaw(lenient) or Rejected("malformed_json", str(error))


def invalid_value(error: msgspec.ValidationError) -> Rejected:
    """The rejection for what msgspec found wrong in a document, with its JSON path."""
    # The last " - at " is msgspec's own; what precedes it may quote the document.
    detail, found, json_path = str(error).rpartition(" - at ")
    return Rejected(
        "invalid_value",
        detail if found else json_path,
        json_path=json_path.replace("`", "") if found else "$",
    )


def _why_not_json(error: msgspec.DecodeError, data: bytes) -> Rejected:
    if isinstance(error, msgspec.ValidationError):
        return invalid_value(error)
    message, end = str(error), len(data)
    if _NON_JSON_NUMBER.search(data) or _INCOMPLETE_NON_JSON_NUMBER.search(data):
        # What follows such a number decides: the file may still end early.
        plain = _INCOMPLETE_NON_JSON_NUMBER.sub(
            b"", _NON_JSON_NUMBER.sub(lambda found: b"0".ljust(len(found[0])), data)
        )
        try:
            msgspec.json.decode(plain)
        except (msgspec.DecodeError, RecursionError) as second:
            message, end = str(second), len(plain)
    if "truncated" in message or message.endswith(f"(byte {end})"):
        return Rejected("truncated", "the file ends before its JSON does")
    return Rejected("malformed_json", message)


def _first_flaw(document: object) -> Rejected | None:
    """The first string that is not valid Unicode, or else the first number that is not finite."""
    number: Rejected | None = None
    # A stack of its own, since a document may be nested deeper than Python's calls may be.
    # JSON paths are rendered only where they are needed.
    levels: list[Iterator[tuple[object, object]]] = [iter([("$", document)])]
    steps: list[object] = []  # that led to the last level
    while levels:
        for step, value in levels[-1]:
            if isinstance(value, float):
                if number is None and not math.isfinite(value):
                    number = Rejected(
                        "not_finite",
                        f"{value} is not a number a result can have",
                        json_path=_json_path([*steps, step]),
                    )
            elif isinstance(value, str) and not _is_utf8(value):
                return Rejected(
                    "malformed_json",
                    "a string contains half of a surrogate pair, which is not a character",
                    json_path=_json_path([*steps, step]),
                )
            elif isinstance(value, dict | list):
                steps.append(step)
                if isinstance(value, dict) and not all(map(_is_utf8, value)):
                    return Rejected(
                        "malformed_json",
                        "a key contains half of a surrogate pair, which is not a character",
                        json_path=_json_path(steps),
                    )
                levels.append(iter(value.items() if isinstance(value, dict) else enumerate(value)))
                break
        else:
            levels.pop()
            del steps[-1:]
    return number


def _json_path(steps: Iterable[object]) -> str:
    return "".join(
        f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps
    ).removeprefix(".")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
