"""Values that no benchmark has. Each costs itself, and not the rest of its document."""

import math
from collections.abc import Iterator
from typing import NamedTuple, TypeVar

import msgspec

from benchmark_exporter.formats.flaws import convert_flawed
from benchmark_exporter.formats.non_json_numbers import is_non_json_number
from benchmark_exporter.model import Rejected

MOST = 1e15  # of any number in a document, in its own unit
MOST_LEVELS = 200
PATHS_SHOWN = 3
# A benchmark may well be called nan.
_NAMES = {"name", "run_name", "command", "benchmark", "fullname"}

T = TypeVar("T")


class _Left(NamedTuple):
    """Which values are left out, and the JSON paths of those that are."""

    least: float
    with_words: bool
    paths: list[str]


def convert(raw: object, type_: type[T], *, least: float = -MOST) -> tuple[T, tuple[str, ...]]:
    """The document as a type, and notes on what was left out.

    Left out are numbers that are not finite, below `least` or above 1e15: keys of objects with
    them, and entries of arrays. So are nulls, which `decode` leaves for numbers that JSON lacks,
    and what is of another type, see `flaws`. A document without them costs nothing more.

    Raises:
        msgspec.ValidationError: it does not have the type, for a reason that costs all of it.
        Rejected: it is nested too deeply.
    """
    try:
        return msgspec.convert(raw, type_), ()
    except msgspec.ValidationError:
        for with_words in (False, True):
            left = _Left(least, with_words, [])
            plausible = _without(raw, "$", left)
            try:
                return msgspec.convert(plausible, type_), tuple(_notes(left.paths))
            except msgspec.ValidationError:
                continue
        flawless, notes = convert_flawed(plausible, type_)
        return flawless, (*_notes(left.paths), *notes)


def _notes(paths: list[str]) -> Iterator[str]:
    if paths:
        more = len(paths) - PATHS_SHOWN
        also = f" and {more} more" if more > 0 else ""
        yield f"implausible, and left out: {', '.join(paths[:PATHS_SHOWN])}{also}"


def _without(value: object, path: str, left: _Left, level: int = 0) -> object:
    """Recursive: up to two calls a level.

    Raises:
        Rejected: there are too many levels, of which msgspec decodes more.
    """
    if level > MOST_LEVELS:
        raise Rejected("malformed_json", "nested too deeply")
    if isinstance(value, dict):
        return {
            key: _without(item, f"{path}.{key}", left, level + 1)
            for key, item in value.items()
            if not _is_left_out(item, path, key, left)
        }
    if isinstance(value, list):
        return [
            _without(item, f"{path}[{index}]", left, level + 1)
            for index, item in enumerate(value)
            if not _is_left_out(item, path, index, left)
        ]
    return value


def _is_left_out(value: object, path: str, step: object, left: _Left) -> bool:
    if value is None:
        return True
    if isinstance(value, float):
        sound = math.isfinite(value) and left.least <= value <= MOST
    elif isinstance(value, int) and not isinstance(value, bool):
        sound = left.least <= value <= MOST
    elif isinstance(value, str) and left.with_words and step not in _NAMES:
        sound = not is_non_json_number(value)
    else:
        return False
    if not sound:
        left.paths.append(f"{path}[{step}]" if isinstance(step, int) else f"{path}.{step}")
    return not sound
