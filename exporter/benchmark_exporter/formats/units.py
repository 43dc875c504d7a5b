"""Units and direction, once for all formats: seconds, bytes, per second and ratio, and whether lower or higher is better."""

import re

import msgspec

from benchmark_exporter.model import Better

_SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "secs": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
}
_SECONDS |= {
    "ms": 1e-3,
    "msec": 1e-3,
    "millisecond": 1e-3,
    "milliseconds": 1e-3,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
}
_SECONDS |= {
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "usec": 1e-6,
    "microsecond": 1e-6,
    "microseconds": 1e-6,
}
_SECONDS |= {"ns": 1e-9, "nsec": 1e-9, "nanosecond": 1e-9, "nanoseconds": 1e-9, "ps": 1e-12}
# By their case, since Mb are bits.
_BYTES = {
    "B": 1.0,
    "kB": 1e3,
    "KB": 1e3,
    "MB": 1e6,
    "GB": 1e9,
    "TB": 1e12,
    "KiB": 2.0**10,
    "MiB": 2.0**20,
    "GiB": 2.0**30,
    "TiB": 2.0**40,
}
_BYTE_WORDS = {"byte": 1.0, "bytes": 1.0, "kilobytes": 1e3, "megabytes": 1e6, "gigabytes": 1e9}
_PARTS = {"%": 0.01, "percent": 0.01, "ratio": 1.0}
# What one measurement is of: `ns/op` is a time, `B/op` a size.
_PER_WHAT = {"op", "ops", "iter", "iteration", "call", "run", "request", "req", "invocation"}
_PER_SECOND = {"rps", "qps", "hz", "per_second", "fps"}
# What is counted by the second; with a capital letter before it, which is a power of 1000: `Mops/s`, `M items/s`.
_COUNTED = re.compile(r"(?P<power>[kKMGT]?) ?(?P<what>[a-z]{2,}|1|)")
_POWERS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


class Quantity(msgspec.Struct, frozen=True):
    """`factor` brings a value to `unit`; the unit is one of model.BASE_UNITS, or else the tool's own word with factor 1."""

    unit: str
    factor: float
    better: Better | None


def quantity(unit: str) -> Quantity:
    """What values of a tool's unit are, as `ns`, `ms/op`, `ops/us`, `MB/s`, `KiB` or `%`."""
    top, slash, bottom = (part.strip() for part in unit.partition("/"))
    if slash and bottom.lower() in _SECONDS:
        return _by_the_second(unit.strip(), top, _SECONDS[bottom.lower()])
    text = top if bottom.lower() in _PER_WHAT else unit.strip()
    if (size := _bytes(text)) is not None:
        return Quantity("bytes", size, "lower")
    text = text.lower()
    if text in _SECONDS:
        return Quantity("seconds", _SECONDS[text], "lower")
    if text in _PER_SECOND:
        return Quantity("per_second", 1.0, "higher")
    if text in _PARTS:
        return Quantity("ratio", _PARTS[text], None)
    return Quantity(unit.strip(), 1.0, None)


def _by_the_second(unit: str, what: str, seconds: float) -> Quantity:
    factor = _bytes(what)
    if factor is None:
        counted = _COUNTED.fullmatch(what)
        if counted is None or what in _SECONDS:  # bits, say: a number of what is not known
            return Quantity(unit, 1.0, "higher")
        factor = _POWERS[counted["power"]]
    return Quantity("per_second", factor / seconds, "higher")


def _bytes(text: str) -> float | None:
    return _BYTES.get(text, _BYTE_WORDS.get(text.lower()))
