"""Finds the changes of a series' level.

A segmentation of the logarithms, clipped so that outliers count little, proposes where the level
changed. A change stands if the runs on its two sides differ by more than chance (rank test) and by
enough to matter; the weakest one that does not is taken back first, because that joins what its
neighbours are compared with. E-divisive as Otava does it [1] takes the same two steps.

The result is a function of the values alone: nothing is drawn at random.

1. Apache Otava, `otava/analysis.py`, after D. S. Matteson, N. A. James, *A Nonparametric Approach
   for Multiple Change Point Analysis of Multivariate Data*, Journal of the American Statistical
   Association 109 (2014), 334-345.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from benchmark_exporter.changes.levels import clipped, median
from benchmark_exporter.changes.rank_test import p_value
from benchmark_exporter.changes.segments import beginnings

# The newest runs of a series that are searched, and how many are needed at least.
MOST_RUNS, LEAST_RUNS = 500, 12
# Of a segment, the runs nearest to the change are compared: the level may have drifted before.
SIDE_RUNS = 40
MOST_P_VALUE = 1e-3
LEAST_RATIO = 0.02
# A segment costs this times the logarithm of the number of runs, in units of the noise's variance.
_PENALTY = 6.0
# Noise is taken to be at least this share of the values: a counter may repeat exactly.
_LEAST_NOISE = 0.002
# An alarm that the judge raised began at most so many runs before its first bad verdict, or as
# many after it that the search would place it there.
ALARM_BEFORE, ALARM_AFTER, _LEAST_BEFORE = 12, 2, 5


class Change(NamedTuple):
    """The level changed from `before` to `after` with the run at index `at`, the first after it.

    Levels are medians of the runs near it, in the unit of the values. `p_value` is how probable
    such a difference is by chance: small is certain.
    """

    at: int
    before: float
    after: float
    p_value: float

    @property
    def ratio(self) -> float | None:
        """By how much the level changed, as a share of it: 0.2 is 20 % up.

        None if it was not positive, so that a share means nothing.
        """
        ratio = self.after / self.before - 1 if self.before > 0 else math.inf
        return ratio if math.isfinite(ratio) else None


class Alarm(NamedTuple):
    """An open alarm: the index `at` of its first bad run, and whether values are larger since."""

    at: int
    upward: bool


def find_changes(values: Sequence[float], alarm: Alarm | None = None) -> list[Change]:
    """The changes of up to MOST_RUNS values, oldest first.

    If an `alarm` is open, the judge has confirmed that there is a change, so it is only to be
    placed: it is given where the runs around the alarm's first fit best, however few there are.
    """
    if len(values) < LEAST_RUNS:
        return []
    scaled, unit = _scaled(values)
    inliers, deviation = clipped(scaled, _LEAST_NOISE * unit or 1.0)
    penalty = _PENALTY * math.log(len(values))
    found = beginnings([value / deviation for value in inliers], penalty)
    kept = _confirmed(values, found)
    changes = _between(values, kept)
    if alarm is None or begin_of(changes, alarm) is not None:
        return changes
    return _between(values, sorted({*kept, *_placed(scaled, kept, alarm)}))


def _scaled(values: Sequence[float]) -> tuple[list[float], float]:
    """Logarithms, or shares of the largest value if there are none; and a typical value's size."""
    if min(values) > 0:
        return [math.log(value) for value in values], 1.0
    largest = max(map(abs, values)) or 1.0
    shares = [value / largest for value in values]
    return shares, median(list(map(abs, shares)))


def _between(values: Sequence[float], kept: Sequence[int]) -> list[Change]:
    bounds = [0, *kept, len(values)]
    return [_change(values, *bounds[number : number + 3]) for number in range(len(kept))]


def _change(values: Sequence[float], start: int, at: int, end: int) -> Change:
    earlier = values[max(start, at - SIDE_RUNS) : at]
    later = values[at : min(end, at + SIDE_RUNS)]
    return Change(at, median(earlier), median(later), p_value(earlier, later))


def _confirmed(values: Sequence[float], found: Sequence[int]) -> list[int]:
    """Those that stand, after the weakest ones were taken back one by one."""
    bounds = [0, *found, len(values)]
    changes = _between(values, found)
    while weak := [at for at, change in enumerate(changes) if not _stands(change)]:
        gone = max(weak, key=lambda at: (changes[at].p_value, -_size(changes[at])))
        del changes[gone], bounds[gone + 1]
        for at in (gone - 1, gone):  # its neighbours have one longer side each
            if 0 <= at < len(changes):
                changes[at] = _change(values, *bounds[at : at + 3])
    return bounds[1:-1]


def _stands(change: Change) -> bool:
    return change.p_value <= MOST_P_VALUE and _size(change) >= math.log1p(LEAST_RATIO)


def _size(change: Change) -> float:
    """The size of a change, up and down alike: the logarithm of the larger ratio."""
    if change.before > 0 and change.after > 0:
        return abs(math.log(change.after) - math.log(change.before))
    scale = max(abs(change.before), abs(change.after))
    return abs(change.after - change.before) / scale if scale else 0.0


def begin_of(changes: Sequence[Change], alarm: Alarm) -> Change | None:
    """The change that an alarm began with; None if it was not found."""
    first, last = alarm.at - ALARM_BEFORE, alarm.at + ALARM_AFTER
    near = [
        change
        for change in changes
        if first <= change.at <= last and (change.after > change.before) == alarm.upward
    ]
    return near[-1] if near else None


def _placed(scaled: Sequence[float], kept: Sequence[int], alarm: Alarm) -> list[int]:
    """Where the runs around an alarm's first are best divided in two, in the alarm's direction.

    By the least sum of absolute deviations from the medians, which one outlier hardly moves.
    """
    start = max([0, *(at for at in kept if at < alarm.at)])
    end = min([len(scaled), *(at for at in kept if at > alarm.at)])
    start, end = max(start, alarm.at - SIDE_RUNS), min(end, alarm.at + SIDE_RUNS)
    best: tuple[float, int] | None = None
    last = min(end - 1, alarm.at + ALARM_AFTER)
    for at in range(max(start + _LEAST_BEFORE, alarm.at - ALARM_BEFORE), last + 1):
        left, right = median(scaled[start:at]), median(scaled[at:end])
        if (right > left) != alarm.upward or left == right:
            continue
        off = math.fsum(abs(value - left) for value in scaled[start:at]) + math.fsum(
            abs(value - right) for value in scaled[at:end]
        )
        best = min(best or (off, at), (off, at))
    return [] if best is None else [best[1]]
