"""Units and direction, once for all formats: seconds, bytes, per second and ratio, and whether lower or higher is better."""

from dataclasses import dataclass

from benchmark_exporter.model import Better

_SECONDS = {"s": 1.0, "sec": 1.0, "second": 1.0, "seconds": 1.0, "ms": 1e-3, "millisecond": 1e-3, "milliseconds": 1e-3}
_SECONDS |= {"us": 1e-6, "µs": 1e-6, "μs": 1e-6, "microsecond": 1e-6, "microseconds": 1e-6}
_SECONDS |= {"ns": 1e-9, "nanosecond": 1e-9, "nanoseconds": 1e-9, "ps": 1e-12, "min": 60.0, "h": 3600.0}
# By their case, since Mb are bits.
_BYTES = {"B": 1.0, "byte": 1.0, "bytes": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30}
_PARTS = {"%": 0.01, "percent": 0.01, "ratio": 1.0}
# What one measurement is of: `ns/op` is a time, `B/op` a size.
_PER_WHAT = {"op", "ops", "iter", "iteration", "call", "run", "request", "req", "invocation"}
_PER_SECOND = {"rps", "qps", "hz", "per_second", "fps"}


@dataclass(frozen=True, slots=True)
class Quantity:
    """`factor` brings a value to `unit`; the unit is one of model.BASE_UNITS, or else the tool's own word with factor 1."""

    unit: str
    factor: float
    better: Better | None


def quantity(unit: str) -> Quantity:
    """What values of a tool's unit are, as `ns`, `ms/op`, `ops/us`, `MB/s`, `KiB` or `%`."""
    top, slash, bottom = (part.strip() for part in unit.partition("/"))
    if slash and bottom.lower() in _SECONDS:
        return Quantity("per_second", _BYTES.get(top, 1.0) / _SECONDS[bottom.lower()], "higher")
    text = top if bottom.lower() in _PER_WHAT else unit.strip()
    if text in _BYTES:
        return Quantity("bytes", _BYTES[text], "lower")
    text = text.lower()
    if text in _SECONDS:
        return Quantity("seconds", _SECONDS[text], "lower")
    if text in _PER_SECOND:
        return Quantity("per_second", 1.0, "higher")
    if text in _PARTS:
        return Quantity("ratio", _PARTS[text], None)
    return Quantity(unit.strip(), 1.0, None)
