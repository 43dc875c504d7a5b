"""Values of another type than a format has: each costs itself or its entry, not the whole document.

A number of another type costs itself. Anything else of another type, and what lacks something that
it needs, costs the entry of an array or object that it belongs to: what it measured is not known.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

# Further ones say that the document is in another format after all.
MOST_FLAWS = 30
MOST_NUMBERS = 1000  # that are written as strings
PATHS_SHOWN = 3
_INTEGER = re.compile(r"Expected `int\b")
_NUMBER = re.compile(r"Expected `(?:float|int)\b")
# Where a number or one of some words is expected, as JMH writes NaN.
_MAY_BE_NUMBER = re.compile(r"Expected `(?:float|int)\b|Invalid enum value")
_STEP = re.compile(r"\.([^.\[\]`]+)|\[(\d+|\.\.\.)\]")
_ANY_KEY = "..."
# Numbers that say what was measured, without which an entry is another one.
_IDENTIFYING = {"threads", "family_index", "per_family_instance_index"}


def convert_flawed(document: object, type_: type[T]) -> tuple[T, tuple[str, ...]]:
    """The document as a type, and a note on what was left out, if anything was.

    A number that is written as a string is read. The document is changed.

    Raises:
        msgspec.ValidationError: what is wrong costs the whole document.
    """
    cuts = _Cuts()
    first: msgspec.ValidationError | None = None
    for _ in range(MOST_NUMBERS):
        try:
            converted = msgspec.convert(document, type_)
        except msgspec.ValidationError as error:
            first = first or error
            if not _corrected(document, error, type_, cuts) or len(cuts.paths) > MOST_FLAWS:
                raise first from None
        else:
            return converted, tuple(cuts.notes())
    assert first is not None  # noqa: S101  # each of the attempts failed
    raise first


class _Cuts:
    """What was cut, by its JSON path in the whole document."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self._of_array: dict[str, list[int]] = {}

    def add(self, steps: Sequence[str | int]) -> None:
        path = "$"
        for number, step in enumerate(steps, 1):
            if isinstance(step, str):
                path += f".{step}"
                continue
            before = self._of_array.setdefault(path, [])
            index = step
            for each in sorted(before):
                index += each <= index
            if number == len(steps):
                before.append(index)
            path += f"[{index}]"
        self.paths.append(path)

    def notes(self) -> Iterator[str]:
        if self.paths:
            more = len(self.paths) - PATHS_SHOWN
            also = f" and {more} more" if more > 0 else ""
            shown = ", ".join(self.paths[:PATHS_SHOWN])
            yield f"not as its format has it, and left out: {shown}{also}"


def _corrected(
    document: object, error: msgspec.ValidationError, type_: object, cuts: _Cuts
) -> bool:
    """Reads or cuts what an error names in the document; whether there was something to do."""
    detail, _, where = str(error).rpartition(" - at ")
    in_keys = where.startswith("`key`")
    steps: list[str | int] = [
        name or (index if index == _ANY_KEY else int(index))
        for name, index in _STEP.findall(where.rpartition("`$")[2])
    ]
    if in_keys:
        steps.append(_ANY_KEY)
    named = _named(document, steps, error, type_)
    if named is None:
        return False
    of_entry = [
        depth
        for depth, (step, generic) in enumerate(zip(named, steps, strict=True), 1)
        if isinstance(step, int) or generic == _ANY_KEY
    ]
    is_number = _NUMBER.match(detail) is not None and bool(named)
    if (
        named
        and _MAY_BE_NUMBER.match(detail)
        and (number := _number(_at(document, named), detail)) is not None
    ):
        _at(document, named[:-1])[named[-1]] = number
        return True
    is_value = is_number and named[-1] not in _IDENTIFYING
    end = len(named) if is_value or not of_entry else of_entry[-1]
    if not end:
        return False
    _remove(document, named[:end])
    cuts.add(named[:end])
    return True


def _number(value: object, detail: str) -> float | None:
    """The number that a string is, whole where one is expected; None if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    if _INTEGER.match(detail):
        return int(number) if number.is_integer() else None
    return number


def _named(
    document: object, steps: Sequence[str | int], error: msgspec.ValidationError, type_: object
) -> list[str | int] | None:
    """The steps with the keys that msgspec does not name; None if they cannot be found."""
    named: list[str | int] = []
    for step in steps:
        if step == _ANY_KEY:
            container = _at(document, named)
            if not isinstance(container, dict) or not container:
                return None
            named.append(_key_at_fault(document, container, error, type_))
        else:
            named.append(step)
    return named if _is_there(document, named[:-1]) else None


def _key_at_fault(
    document: object, container: dict[str, Any], error: msgspec.ValidationError, type_: object
) -> str:
    """The key of an object that has an error, by halves: the one that has it has it alone."""
    items = list(container.items())
    some = items
    while len(some) > 1:
        half = some[: len(some) // 2]
        container.clear()
        container.update(half)
        some = half if _error_of(document, type_) == str(error) else some[len(half) :]
    container.clear()
    container.update(items)
    return some[0][0]


def _is_there(document: object, steps: Sequence[str | int]) -> bool:
    try:
        _at(document, steps)
    except (KeyError, IndexError, TypeError):
        return False
    return True


def _error_of(document: object, type_: object) -> str | None:
    try:
        msgspec.convert(document, type_)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _at(document: object, steps: Sequence[str | int]) -> Any:
    value: Any = document
    for step in steps:
        value = value[step]
    return value


def _remove(document: object, steps: Sequence[str | int]) -> None:
    del _at(document, steps[:-1])[steps[-1]]
