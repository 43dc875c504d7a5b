"""The units of all formats: their base unit, and whether lower or higher is better.

Base units are seconds, bytes, per second and ratio.
"""

import re
from functools import lru_cache

import msgspec

from benchmark_exporter.formats.naming import shortened
from benchmark_exporter.model import Better

_SECONDS = (
    dict.fromkeys(("ps", "psec", "picosecond", "picoseconds"), 1e-12)
    | dict.fromkeys(("ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"), 1e-9)
    | dict.fromkeys(("us", "µs", "μs", "usec", "usecs", "micros"), 1e-6)
    | dict.fromkeys(("µsec", "μsec", "microsecond", "microseconds"), 1e-6)
    | dict.fromkeys(("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"), 1e-3)
    | dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0)
    | dict.fromkeys(("min", "mins", "minute", "minutes"), 60.0)
    | dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0)
    | dict.fromkeys(("d", "day", "days"), 86_400.0)
)
# The B is case-sensitive, because Mb are bits.
_BYTES = re.compile(r"(?P<power>[kKmMgGtTpP]?)(?P<binary>i?)B")
_BYTE_WORDS = re.compile(
    r"(?P<prefix>|kilo|mega|giga|tera|peta|kibi|mebi|gibi|tebi|pebi)bytes?", re.IGNORECASE
)
# Bits, or bytes with a small b: either is a size, of which less is better.
_BITS = re.compile(r"[kmgtp]?i?(?:b|bits?)")
_PARTS = {"%": 0.01, "percent": 0.01, "percentage": 0.01, "pct": 0.01, "ratio": 1.0}
# `rps`, `Kqps`, `IOPS`: a letter for a power of 1000, and what is counted, per second or minute.
_COUNTED_PER_SECOND = re.compile(
    r"(?P<power>[kmgt]?)(?:(?:r|q|t|f|i|e|p|op|io|msg|req|tx|pkt)ps|hz)|per_second"
)
_COUNTED_PER_MINUTE = re.compile(r"(?P<power>[kmgt]?)(?:r|q|t|op)pm|per_minute")
_BYTES_PER_SECOND = re.compile(r"(?P<size>[kKmMgGtTpP]?i?B)ps")
# How much is counted is not known: these keep the tool's own word.
_HIGHER = re.compile(r"[kmgtp]?i?(?:bps|bits?ps|flops?)")
# What is counted per second, perhaps after a letter for a power of 1000: `Mops/s`, `M items/s`.
_COUNTED = re.compile(r"(?P<power>[kKMGT]?) ?(?P<what>[a-z]{2,}(?:[ _-][a-z]+)*|1|)")
_POWERS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12, "p": 1e15}
_BINARY_POWERS = {"": 1.0, "k": 2.0**10, "m": 2.0**20, "g": 2.0**30, "t": 2.0**40, "p": 2.0**50}
# What is counted per operation, of which less is better: Go's allocs/op, perf's counters.
_COSTS = {
    *("alloc", "allocs", "allocations", "cycles", "instructions", "faults", "page-faults"),
    *("misses", "cache-misses", "branch-misses", "context-switches", "syscalls"),
}
# A longer unit is a text, which nothing is known of.
_MAX_CHARACTERS = 100


class Quantity(msgspec.Struct, frozen=True):
    """How values of a tool's unit are stored.

    `factor` converts a value to `unit`, which is one of model.BASE_UNITS, or else the tool's own
    word with factor 1.
    """

    unit: str
    factor: float
    better: Better | None


def quantity(unit: str) -> Quantity:
    """The quantity for a tool's unit, such as `ns`, `ms/op`, `ops/us`, `MB/s`, `KiB` or `%`."""
    return _quantity(unit) if len(unit) <= _MAX_CHARACTERS else Quantity(shortened(unit), 1.0, None)


@lru_cache(maxsize=256)
def _quantity(unit: str) -> Quantity:
    unit = unit.strip()
    top, slash, bottom = (part.strip() for part in unit.partition("/" if "/" in unit else " per "))
    if slash and bottom.lower() in _SECONDS:
        return _per_second(unit, top, _SECONDS[bottom.lower()])
    # What one measurement covers does not matter: `ns/op` is a time, `B/op` a size.
    text = top if bottom else unit
    lowered = text.lower()
    if (size := _bytes(text)) is not None:
        return Quantity("bytes", size, "lower")
    if lowered in _SECONDS:
        return Quantity("seconds", _SECONDS[lowered], "lower")
    if text is top and bottom:
        return Quantity(unit, 1.0, "lower" if lowered in _COSTS else None)
    if rate := _rate(text):
        return Quantity("per_second", rate, "higher")
    if lowered in _PARTS:
        return Quantity("ratio", _PARTS[lowered], None)
    if _HIGHER.fullmatch(lowered):
        return Quantity(unit, 1.0, "higher")
    is_cost = lowered in _COSTS or _BITS.fullmatch(lowered)
    return Quantity(unit, 1.0, "lower" if is_cost else None)


def _per_second(unit: str, what: str, seconds: float) -> Quantity:
    factor = _bytes(what)
    if factor is None:
        counted = _COUNTED.fullmatch(what)
        if (
            counted is None or what in _SECONDS or _BITS.fullmatch(what.lower())
        ):  # bits, for example: unknown what is counted
            return Quantity(unit, 1.0, "higher")
        factor = _POWERS[counted["power"].lower()]
    return Quantity("per_second", factor / seconds, "higher")


def _rate(text: str) -> float | None:
    """What one of an abbreviation such as `tps` is, per second."""
    if found := _BYTES_PER_SECOND.fullmatch(text):
        return _bytes(found["size"])
    lowered = text.lower()
    for pattern, seconds in ((_COUNTED_PER_SECOND, 1.0), (_COUNTED_PER_MINUTE, 60.0)):
        if found := pattern.fullmatch(lowered):
            return _POWERS[found["power"] or ""] / seconds
    return None


def _bytes(text: str) -> float | None:
    if found := _BYTES.fullmatch(text):
        powers = _BINARY_POWERS if found["binary"] else _POWERS
        return powers[found["power"].lower()]
    if found := _BYTE_WORDS.fullmatch(text):
        prefix = found["prefix"].lower()
        powers = _BINARY_POWERS if prefix.endswith("bi") else _POWERS
        return powers[prefix[:1]]
    return None
