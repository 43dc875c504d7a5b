"""Bytes to a JSON value, or why they are not one: incomplete, malformed, or not finite."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import TypeVar

import msgspec

from benchmark_exporter.formats.eight_bit import not_utf8
from benchmark_exporter.formats.non_json_numbers import nulled, quoted, respelled, zeroed
from benchmark_exporter.formats.several_documents import Several, several_documents
from benchmark_exporter.formats.text_results import Printed, with_hint
from benchmark_exporter.formats.unpacking import unpacked
from benchmark_exporter.model import Rejected

T = TypeVar("T")


def decode(data: bytes) -> tuple[object, bool]:
    """The JSON value of a document, and whether it is without numbers that are not finite.

    These are null in the value; `not_finite` says where the first of them is, and `with_nan` keeps
    them. The value is `Several` if there are several documents, and `Printed` if it is a text.

    Raises:
        Rejected: the bytes are not JSON. `truncated` means that they end early.
    """
    try:
        return msgspec.json.decode(data), True
    except RecursionError as error:
        raise Rejected("malformed_json", "nested too deeply") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        plain = unpacked(data)
        if plain is not data:
            return decode(plain)
        check_encoding(data)
        without = nulled(data)
        if without != data:
            try:
                return msgspec.json.decode(without), False
            except (msgspec.DecodeError, RecursionError):
                pass
        try:
            document = _lenient(data)
        except Rejected as rejected:
            if rejected.reason != "malformed_json" or data.lstrip()[:1] in (b"{", b"[", b'"'):
                raise with_hint(rejected, data) from None
            return Printed(data.decode().replace("\r\n", "\n"), rejected), True
        flaw = _first_flaw(document.documents if isinstance(document, Several) else document)
        if flaw is None and isinstance(document, Several):
            return document, True
        if flaw is None or flaw.reason != "not_finite":
            raise flaw or Rejected("malformed_json", str(error)) from error
        return _lenient(data, nulls=True), False


def with_nan(data: bytes) -> object:
    """The value of a document that `decode` has accepted, with NaN and Infinity in it."""
    return _lenient(unpacked(data))


def with_words(data: bytes, type_: type[T]) -> T | None:
    """A document that `decode` has accepted, with strings in place of NaN and Infinity.

    None if it has other numbers that JSON lacks as well.

    Raises:
        msgspec.ValidationError: it does not have the type.
    """
    try:
        return msgspec.json.decode(quoted(unpacked(data)), type=type_)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, RecursionError):
        return None


def not_finite(data: bytes) -> Rejected:
    """The rejection of a document that `decode` has accepted, for its first such number."""
    document = with_nan(data)
    flaw = _first_flaw(document.documents if isinstance(document, Several) else document)
    return flaw or Rejected("not_finite", "there is a number that is not finite")


def check_encoding(data: bytes) -> None:
    """Check that bytes are UTF-8.

    Raises:
        Rejected: they are not, or end in the middle of a character.
    """
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            raise Rejected("truncated", "the file ends in the middle of a character") from error
        raise not_utf8(data) from error


def _lenient(data: bytes, *, nulls: bool = False) -> object:
    """What Python's decoder makes of it, which accepts some of what is not JSON.

    With `nulls`, numbers that are not finite are null.

    Raises:
        Rejected: not even that.
    """
    rest = data
    for text in _spellings(data):
        try:
            if nulls:
                return json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
            return json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg == "Extra data":
                documents, left = several_documents(text)
                if documents is not None:
                    return documents
                rest = left.encode() or data
        except (ValueError, RecursionError):
            pass
    raise _why_not_json(rest)


def _spellings(data: bytes) -> Iterator[str]:
    """The text, and then with numbers that JSON lacks as Python spells them, if that differs."""
    text = data.decode()
    yield text
    other = respelled(data)
    if other != data:
        yield other.decode()


def invalid_value(error: msgspec.ValidationError) -> Rejected:
    """The rejection for what msgspec found wrong in a document, with its JSON path."""
    # The last " - at " is msgspec's own; what precedes it may quote the document.
    detail, found, json_path = str(error).rpartition(" - at ")
    return Rejected(
        "invalid_value",
        detail if found else json_path,
        json_path=json_path.replace("`", "") if found else "$",
    )


def _finite(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _why_not_json(data: bytes) -> Rejected:
    # Where there are numbers that JSON lacks, what follows them decides: it may end early.
    plain = zeroed(data)
    try:
        msgspec.json.decode(plain)
    except msgspec.ValidationError as error:
        return invalid_value(error)
    except msgspec.DecodeError as error:
        message = str(error)
        if "truncated" in message or message.endswith(f"(byte {len(plain)})"):
            return Rejected("truncated", "the file ends before its JSON does")
        return Rejected("malformed_json", message)
    except RecursionError:
        return Rejected("malformed_json", "nested too deeply")
    return Rejected("malformed_json", "a number or a string is not one of JSON")


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
