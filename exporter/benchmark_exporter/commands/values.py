"""The types of options' values: what is made of their text, and what is wrong with it otherwise."""

import math
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit

import click

T = TypeVar("T")

PATH = click.Path(path_type=Path)
_AGO = re.compile(r"(\d+)([mhdw])")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smh])")
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_UNITS = {
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


class Parsed(click.ParamType[T, Any], Generic[T]):
    """A value that a function makes of a text; the function raises ValueError for a wrong one."""

    def __init__(self, name: str, parse: Callable[[str], T]) -> None:
        self.name = name
        self._parse = parse

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> T:
        """The value of a text, or a default, which click passes too, as it is."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]  # a default is a T
        try:
            return self._parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def parse_moment(text: str, now_seconds: float) -> float:
    """The time, in seconds since 1970, of `7d` (ago), `2026-11-01` or `2026-11-01T12:00+09:00`.

    A time without a zone is in UTC.

    Raises:
        ValueError: the text is none of these.
    """
    ago = _AGO.fullmatch(text)
    try:
        if ago is not None:
            return now_seconds - (int(ago[1]) * _UNITS[ago[2]]).total_seconds()
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is not a time like 7d, 12h, 2026-11-01 or 2026-11-01T12:00+09:00"
        ) from error
    return (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()


def parse_deadline(text: str, now_seconds: float) -> float:
    """The time, in seconds since 1970, of `14d` (from now), or of a date as in `parse_moment`.

    Raises:
        ValueError: the text is none of these, or not in the future.
    """
    ahead = _AGO.fullmatch(text)
    try:
        if ahead is not None:
            at = now_seconds + (int(ahead[1]) * _UNITS[ahead[2]]).total_seconds()
        else:
            at = parse_moment(text, now_seconds)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{text!r} is not a time like 14d, 12h or 2026-12-01") from error
    if at <= now_seconds:
        raise ValueError(f"{text!r} is not in the future; give a time like 14d, 12h or 2026-12-01")
    return at


def _address(text: str) -> tuple[str, int]:
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdecimal() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not HOST:PORT, like 127.0.0.1:8000")
    return host.strip("[]"), int(port)


def _address_or_off(text: str) -> tuple[str, int] | None:
    # click takes None for a value that is missing, so `off` has one of its own.
    return ("", 0) if text == "off" else _address(text)


def _url(text: str, schemes: tuple[str, ...], example: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in schemes or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is not an address like {example}")
    return text


def _http_url(text: str) -> str:
    return _url(text, ("http", "https"), "http://monitoring.example:8000")


def _urls(text: str) -> tuple[str, ...]:
    urls = [_http_url(url.strip()).rstrip("/") for url in text.split(",")]
    return tuple(dict.fromkeys(urls))


def parse_duration(text: str) -> float:
    """A number of seconds, 0 or more.

    Raises:
        ValueError: the text is not one.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError(f"{text!r} is not a number of seconds")
    return seconds


def _timeout(text: str) -> float:
    seconds = parse_duration(text)
    if not seconds:
        raise ValueError(f"{text!r} is not a number of seconds above 0")
    return seconds


def parse_span(text: str) -> float:
    """The seconds of `90s`, `10m` or `2h`.

    Raises:
        ValueError: the text is none of these, or no time at all.
    """
    match = _SPAN.fullmatch(text)
    if match is None or not (seconds := float(match[1]) * _SECONDS[match[2]]):
        raise ValueError(f"{text!r} is not a time like 90s, 10m or 2h")
    return seconds


def parse_share(text: str) -> float:
    """The ratio of a percentage: `2%` is 0.02.

    Raises:
        ValueError: the text is not a percentage above 0 and below 100.
    """
    try:
        ratio = float(text.removesuffix("%")) / 100 if text.endswith("%") else math.nan
    except ValueError:
        ratio = math.nan
    if not 0 < ratio < 1:
        raise ValueError(f"{text!r} is not a share like 2%")
    return ratio


# (host, port); OFF stands for `off`.
ADDRESS = Parsed("address", _address)
OFF = ("", 0)
ADDRESS_OR_OFF = Parsed("address", _address_or_off)
URL = Parsed("url", _http_url)
# Addresses without a trailing slash.
URLS = Parsed("url", _urls)
PROMETHEUS_URL = Parsed("url", lambda text: _url(text, ("http", "https"), "http://127.0.0.1:9090"))
STREAM_URL = Parsed(
    "url",
    lambda text: _url(text, ("ws", "wss"), "ws://localhost:8765").removesuffix("/stream"),
)
MOMENT = Parsed("time", lambda text: parse_moment(text, time.time()))
FUTURE = Parsed("time", lambda text: parse_deadline(text, time.time()))
TIMEOUT = Parsed("seconds", _timeout)
DURATION = Parsed("seconds", parse_duration)
SPAN = Parsed("time", parse_span)
RATIO = Parsed("share", parse_share)
