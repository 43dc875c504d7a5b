"""Reads the queries of the API, and says what is wrong with them."""

import base64
import binascii
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from benchmark_exporter.ledger.selection import RunSelection

T = TypeVar("T")
Query = Mapping[str, str]

# A text is as long at most, and a glob has so many `*`: what matching one costs grows with each.
MOST_CHARACTERS, MOST_STARS = 200, 4
FILTERS = ("benchmark", "project", "environment", "branch", "machine_class", "commit")
_GLOBS = ("benchmark", "branch", "machine_class")
TIMES = ("since", "until")
_LARGEST = 2**63 - 1


def refuse_unknown(query: Query, known: tuple[str, ...]) -> None:
    """Raises HTTPBadRequest for a parameter that is not known, twice there, or too long."""
    if unknown := sorted(set(query) - set(known)):
        raise bad(f"{unknown[0][:MOST_CHARACTERS]} is unknown; use {', '.join(known)}")
    for name in known:
        given = query.getall(name, []) if hasattr(query, "getall") else []
        if len(given) > 1:
            raise bad(f"{name} is given {len(given)} times")
    for name, text in query.items():
        if len(text) > MOST_CHARACTERS:
            raise bad(f"{name} is longer than {MOST_CHARACTERS} characters")
        if "\0" in text:
            raise bad(f"{name} has a character NUL")
        if name in _GLOBS and text.count("*") > MOST_STARS:
            raise bad(f"{name} has more than {MOST_STARS} *")


def selection_of(query: Query) -> RunSelection:
    """Which runs a query selects, as the options of `history` do."""
    return RunSelection(
        benchmark=query.get("benchmark"),
        environment=query.get("environment"),
        project=query.get("project"),
        commit_hash=query.get("commit"),
        branch=query.get("branch"),
        machine_class=query.get("machine_class"),
        since_seconds=time_of(query, "since", -math.inf),
        until_seconds=time_of(query, "until", math.inf),
    )


def number_of(query: Query, name: str, otherwise: int, most: int) -> int:
    """A number from 1 on."""
    text = query.get(name, str(otherwise))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
    if not 1 <= number <= most:
        raise bad(f"{name} must be a number from 1 to {most}")
    return number


def ratio_of(query: Query, name: str, otherwise: float) -> float:
    """A ratio above 0 and below 1."""
    try:
        ratio = float(query.get(name, otherwise))
    except ValueError:
        ratio = math.nan
    if not 0 < ratio < 1:
        raise bad(f"{name} must be a ratio above 0 and below 1, like 0.02")
    return ratio


def time_of(query: Query, name: str, otherwise: float) -> float:
    """A time in seconds since 1970."""
    if name not in query:
        return otherwise
    try:
        time: datetime | None = datetime.fromisoformat(query[name])
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        raise bad(f"{name} must be a time like 2026-03-01T12:00:00Z")
    return time.timestamp()


def cursor_of(query: Query, kind: type[T]) -> T | None:
    """Where a page begins, as `next_cursor` of the page before says; None for the first."""
    text = query.get("cursor")
    if text is None:
        return None
    try:
        # It has the numbers that SQLite can compare with its own.
        decoded = base64.urlsafe_b64decode(text.encode("ascii") + b"==")
        value = msgspec.json.decode(decoded, type=kind)
        _refuse_large(msgspec.to_builtins(value))
    except (UnicodeError, binascii.Error, msgspec.DecodeError, ValueError) as error:
        raise bad("cursor must be the next_cursor of an answer to the same query") from error
    return value


def cursor_to(place: object) -> str | None:
    """A place as a cursor."""
    if place is None:
        return None
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode("ascii").rstrip("=")


def bad(text: str) -> web.HTTPBadRequest:
    """An answer that says what is wrong with a query."""
    return web.HTTPBadRequest(text=f"{text}\n")


def _refuse_large(value: Any) -> None:
    if isinstance(value, list):
        for each in value:
            _refuse_large(each)
    elif isinstance(value, int) and abs(value) > _LARGEST:
        raise ValueError(value)
