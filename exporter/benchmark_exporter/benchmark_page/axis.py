"""The scales of charts: where values and times are, and what stands at them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benchmark_exporter.wording import with_unit

# Values that differ by more than this factor are shown on a logarithmic scale: otherwise one of
# them flattens all others.
LOGARITHMIC_FROM = 8.0
# What stays free above and below the values, as a share of their span.
_MARGIN = 0.06
# Values that differ by less than this share are shown as one.
_LEAST_SPAN = 1e-9
_DAY = 86_400.0
# How large the units are that `with_unit` scales to.
_SCALED = {
    "seconds": {"s": 1.0, "ms": 1e-3, "µs": 1e-6, "ns": 1e-9},
    "bytes": {"GB": 1e9, "MB": 1e6, "kB": 1e3, "B": 1.0},
}


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from `low` to `high`, logarithmic or not."""

    low: float
    high: float
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """How far along the axis a value is: 0 for the lowest, 1 for the highest."""
        if self.high <= self.low:
            return 0.5
        if self.logarithmic:
            low, high = math.log(self.low), math.log(self.high)
            share = (math.log(max(value, self.low)) - low) / (high - low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, share))


def axis_of(values: Sequence[float]) -> Axis:
    """The axis on which all the values fit, with some room around them."""
    low, high = min(values), max(values)
    if low > 0 and high / low > LOGARITHMIC_FROM:
        return Axis(low / 1.2, high * 1.2, logarithmic=True)
    if high - low <= _LEAST_SPAN * max(abs(low), abs(high)):
        room = abs(high) * 0.05 or 1.0
        return Axis(low - room, high + room) if low else Axis(0.0, room)
    room = (high - low) * _MARGIN
    return Axis(low - room if low < 0 or low - room > 0 else 0.0, high + room)


def ticks(axis: Axis, most: int = 5) -> Sequence[float]:
    """Round values on an axis, at least two."""
    if axis.logarithmic:
        return _logarithmic_ticks(axis, most)
    step = _round_step((axis.high - axis.low) / most)
    first, last = math.ceil(axis.low / step), math.floor(axis.high / step)
    return [number * step for number in range(first, last + 1)]


def tick_labels(axis: Axis, values: Sequence[float], unit: str) -> Sequence[str]:
    """The values of ticks with their unit, as many digits of them as tell them apart.

    0.0005 and 0.001 seconds are 0.5 ms and 1.0 ms.
    """
    if axis.logarithmic:
        return [with_unit(value, unit) for value in values]
    largest = max(map(abs, values), default=0.0)
    name = with_unit(largest, unit).partition(" ")[2]
    size = _SCALED.get(unit, {}).get(name, 1.0)
    scaled = [value / size for value in values]
    if not 1e-6 < largest / size < 1e12 and largest:
        return [f"{each:.12g} {name}".rstrip() for each in scaled]
    digits = 0
    while digits < 15 and any(
        abs(each - round(each, digits)) > 1e-9 * abs(each) for each in scaled
    ):
        digits += 1
    return [f"{each:,.{digits}f} {name}".rstrip() for each in scaled]


def time_labels(begin: float, end: float, count: int) -> Sequence[tuple[float, str]]:
    """Equally spaced times (UTC), each with its share of the span."""
    span = end - begin
    if span <= 0:
        return [(0.5, _moment(begin, 0.0))]
    shares = [number / (count - 1) for number in range(count)]
    return [(share, _moment(begin + share * span, span)) for share in shares]


def _moment(seconds: float, span: float) -> str:
    moment = datetime.fromtimestamp(seconds, UTC)
    if span == 0:
        return f"{moment:%Y-%m-%d %H:%M}"
    if span < 2 * _DAY:
        return f"{moment:%m-%d %H:%M}" if span >= 600 else f"{moment:%H:%M:%S}"
    return f"{moment:%Y-%m-%d}"


def _round_step(least: float) -> float:
    """The next larger of 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(each * power for each in (1, 2, 2.5, 5, 10) if each * power >= least * 0.999)


def _logarithmic_ticks(axis: Axis, most: int) -> Sequence[float]:
    low, high = math.floor(math.log10(axis.low)), math.ceil(math.log10(axis.high))
    step = max(1, math.ceil((high - low) / most))
    found = [10.0**power for power in range(low, high + 1, step)]
    if high - low <= 2:
        found = [each * factor for each in found for factor in (1, 2, 5)]
    return [each for each in found if axis.low <= each <= axis.high]
