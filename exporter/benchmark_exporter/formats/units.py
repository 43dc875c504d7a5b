"""The units of all formats: their base unit, and whether lower or higher is better.

Base units are seconds, bytes, per second and ratio.
"""

import re

import msgspec

from benchmark_exporter.model import Better

_SECONDS = (
    dict.fromkeys(("ps",), 1e-12)
    | dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), 1e-9)
    | dict.fromkeys(("us", "µs", "μs", "usec", "microsecond", "microseconds"), 1e-6)
    | dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), 1e-3)
    | dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0)
    | dict.fromkeys(("min", "minute", "minutes"), 60.0)
    | dict.fromkeys(("h", "hour", "hours"), 3600.0)
)
# These are case-sensitive, because Mb are bits.
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
# What one measurement covers: `ns/op` is a time, `B/op` a size.
_PER_WHAT = {"op", "ops", "iter", "iteration", "call", "run", "request", "req", "invocation"}
_PER_SECOND = {"rps", "qps", "hz", "per_second", "fps"}
# What is counted per second, perhaps after a letter for a power of 1000: `Mops/s`, `M items/s`.
_COUNTED = re.compile(r"(?P<power>[kKMGT]?) ?(?P<what>[a-z]{2,}|1|)")
_POWERS = {"": 1.0, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


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
    top, slash, bottom = (part.strip() for part in unit.partition("/"))
    if slash and bottom.lower() in _SECONDS:
        return _per_second(unit.strip(), top, _SECONDS[bottom.lower()])
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


def _per_second(unit: str, what: str, seconds: float) -> Quantity:
    factor = _bytes(what)
    if factor is None:
        counted = _COUNTED.fullmatch(what)
        if counted is None or what in _SECONDS:  # bits, for example: unknown what is counted
            return Quantity(unit, 1.0, "higher")
        factor = _POWERS[counted["power"]]
    return Quantity("per_second", factor / seconds, "higher")


def _bytes(text: str) -> float | None:
    return _BYTES.get(text, _BYTE_WORDS.get(text.lower()))
