"""Whether a result gradually became worse, compared with what it was days before.

The judge's reference follows a slow change, so that each run of it is within the noise. Here the
median of the newest runs is compared with that of the runs 7 days before, and 30. What the judge
has reported is known, and is taken out first. Pure.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from math import inf, sqrt
from typing import NamedTuple

import msgspec

from benchmark_exporter.judge.reference import MEDIAN_TO_MEAN_ERROR, Scale, median
from benchmark_exporter.judge.state import LONG, SHORT, Better, VerdictState

DAY_SECONDS = 86400.0
# How far back the newest runs are compared, in days, by the names of the comparisons.
SPANS_DAYS = {"7d": 7.0, "30d": 30.0}
_LONGEST_DAYS = max(SPANS_DAYS.values())
# A median is taken of the runs of so many days, and of so many runs at least: as many as five days
# have at four a day.
LEAST_RUNS, WINDOW_DAYS = 20, 2.0
# A drift is more than so many standard deviations of what such medians differ by. By this factor
# false warnings are traded for a later one: docs/detection.md has the figures.
_NOISE_FACTOR = 3.5
# The quartiles moved by at least this share of the limit, too. The median alone also moves when a
# benchmark of two modes is in the slower one a little more often.
_QUARTILES = 0.75
# A drift has ended when what is left of it is at most this share of what it takes to begin.
_ENDS = 0.5
# A step that was reported is measured between so many runs before and after it. It began at most so
# many runs before the first run that reported it.
_STEP_RUNS, _REPORTED_AFTER = 8, {"warning": LONG, "critical": SHORT, "improved": SHORT}
# Reports within this distance belong to the same step.
_SAME_STEP_RUNS = 4
# Medians of the history are taken this often in each window.
_MEDIANS_PER_WINDOW = 8
# The median distance between two values of a normal distribution, in standard deviations.
_MEDIAN_DISTANCE = 0.6745 * sqrt(2)


class JudgedRun(NamedTuple):
    """A run of a series: when it was made (seconds), its value, and the judge's verdict."""

    at_seconds: float
    value: float
    state: VerdictState


class Drift(msgspec.Struct, frozen=True):
    """How much worse a result is than it was, and whether that is a drift.

    `ratios` are by the names of SPANS_DAYS, as far as there are runs to compare with: 0.1 is 10 %
    worse, without what the judge has reported. That of the longest span is over fewer days while
    the series has no runs that are so old. `drifting` are those beyond the limit.
    `compared_seconds` is when the last of the earliest runs was made that a drifting one compares
    with; without one, infinity.
    """

    ratios: Mapping[str, float]
    drifting: tuple[str, ...]
    compared_seconds: float = inf


def check_drift(
    runs: Sequence[JudgedRun],
    *,
    better: Better,
    ratio: float,
    least_change: float = 0.0,
    drifting: bool = False,
) -> Drift | None:
    """What the runs of a series show, oldest first; `drifting` if they did at the last check.

    `ratio` is the least change that is reported (0.05 is 5 %), `least_change` the same in the
    result's unit. None if there is no run, or a critical alarm is open, which decides first.
    """
    if not runs or runs[-1].state == "critical":
        return None
    scale = Scale(1.0 if better == "lower" else -1.0, min(run.value for run in runs) > 0)
    times, bad = _unreported(runs, scale)
    newest = _window(times, len(times))
    if newest is None:
        return Drift({}, ())
    now = sorted(bad[newest])
    noise = _NOISE_FACTOR * _noise(bad, len(now))
    ratios, beyond, compared = {}, [], inf
    for name, days in SPANS_DAYS.items():
        end = bisect_right(times, times[-1] - days * DAY_SECONDS)
        if days == _LONGEST_DAYS:  # the first runs, while there are none so old
            end = max(end, LEAST_RUNS, bisect_right(times, times[0] + WINDOW_DAYS * DAY_SECONDS))
        before = _window(times, min(end, newest.start))
        if before is None:
            continue
        then = sorted(bad[before])
        level = median(then)
        worse = median(now) - level
        changed = scale.ratio(worse, level)
        if changed is None:  # from a level of 0
            continue
        ratios[name] = changed
        limit = max(scale.distance(ratio, level, least_change), noise)
        if worse > _ENDS * limit if drifting else worse > limit and _are_apart(then, now, limit):
            beyond.append(name)
            compared = min(compared, times[before.stop - 1])
    return Drift(ratios, tuple(beyond), compared)


def _unreported(runs: Sequence[JudgedRun], scale: Scale) -> tuple[list[float], list[float]]:
    """The runs' times and badness without what the judge has reported, and without its alarms.

    The runs before a reported step are moved by it, as the judge moves its window. An improvement
    is such a step, so that a gradual loss of it is a drift.
    """
    bad = scale.all_bad([run.value for run in runs])
    moved, first = list(bad), 0
    for start, end in _reports(runs):
        began = start - _REPORTED_AFTER[runs[start].state] + 1
        before = bad[max(first, began - _STEP_RUNS) : max(first, began)]
        if not before:  # nothing is known of the level before it
            first = max(first, began)
            continue
        step = _step(runs, bad, _median(before), start, end)
        for run in range(first, began):
            moved[run] += step
    kept = [run for run in range(first, len(runs)) if runs[run].state != "critical"]
    return [runs[run].at_seconds for run in kept], [moved[run] for run in kept]


def _reports(runs: Sequence[JudgedRun]) -> Iterator[tuple[int, int]]:
    """The first and the last run of each step that the judge has reported."""
    start = end = -1
    for number, run in enumerate(runs):
        if run.state not in _REPORTED_AFTER:
            continue
        if start >= 0:
            same = (run.state == "improved") == (runs[start].state == "improved")
            if same and number - end <= _SAME_STEP_RUNS:
                end = number
                continue
            yield start, end
        start = end = number
    if start >= 0:
        yield start, end


def _step(
    runs: Sequence[JudgedRun], bad: Sequence[float], level: float, start: int, end: int
) -> float:
    """By how much a reported step has changed a level; 0 if the level is back.

    A step that is no alarm is measured next to where it began, and without the trend there: the
    judge's reference lags behind a drift, so that it reports parts of it as small steps.
    """
    states = {run.state for run in runs[start : end + 1]}
    after = bad[end + 1 : end + 1 + _STEP_RUNS] or bad[max(start, end + 1 - _STEP_RUNS) : end + 1]
    lasting = _median(after) - level
    if "critical" in states:
        return max(lasting, 0.0)
    at_once = _median(bad[start : start + _STEP_RUNS]) - level
    if "improved" in states:
        return min(max(lasting, at_once), 0.0)
    return max(min(lasting, at_once) - _trend(bad, start, at_once), 0.0)


def _trend(bad: Sequence[float], start: int, change: float) -> float:
    """How much of a change at a run a drift explains that went on before and after it.

    By the medians next to those between which the change is.
    """
    began = start - _REPORTED_AFTER["warning"] + 1
    slopes = []
    for first in (began - 2 * _STEP_RUNS, start):
        if first >= 0 and first + 2 * _STEP_RUNS <= len(bad):
            middle, last = first + _STEP_RUNS, first + 2 * _STEP_RUNS
            rise = _median(bad[middle:last]) - _median(bad[first:middle])
            slopes.append(rise / _STEP_RUNS)
    if not slopes:
        return 0.0
    distance = start - began + _STEP_RUNS
    return min(max(distance * sum(slopes) / len(slopes), 0.0), max(change, 0.0))


def _noise(bad: Sequence[float], count: int) -> float:
    """The standard deviation of the difference of two medians of `count` runs, by chance.

    That of medians of the history that are one window apart, so that noise which lasts for several
    runs counts. It is taken about their median, since a drift moves all of them by as much. While
    there are few, it is no less than what the distances of neighbouring runs give, which a drift
    hardly widens (J. von Neumann et al. 1941, The Mean Square Successive Difference, Ann. Math.
    Stat. 12, 153).
    """
    distances = sorted(abs(after - before) for before, after in pairwise(bad))
    of_run = median(distances) / _MEDIAN_DISTANCE
    alone = MEDIAN_TO_MEAN_ERROR * of_run * sqrt(2 / count)
    stride = max(1, count // _MEDIANS_PER_WINDOW)
    medians = [_median(bad[end - count : end]) for end in range(len(bad), count - 1, -stride)]
    apart = -(-count // stride)
    differences = [after - before for after, before in zip(medians, medians[apart:], strict=False)]
    if not differences:
        return alone
    middle = _median(differences)
    squares = sum((each - middle) ** 2 for each in differences)
    return max(alone, sqrt(squares / len(differences)))


def _are_apart(then: Sequence[float], now: Sequence[float], limit: float) -> bool:
    """Whether both quartiles became worse, too; of values in order."""
    return all(
        after - before > _QUARTILES * limit
        for before, after in zip(_quartiles(then), _quartiles(now), strict=True)
    )


def _quartiles(ordered: Sequence[float]) -> tuple[float, float]:
    count = len(ordered)
    return ordered[count // 4], ordered[3 * count // 4]


def _window(times: Sequence[float], end: int) -> slice | None:
    """The runs before the one of number `end` that a median is taken of; None: too few."""
    if end < LEAST_RUNS:
        return None
    first = bisect_left(times, times[end - 1] - WINDOW_DAYS * DAY_SECONDS, 0, end)
    return slice(min(first, end - LEAST_RUNS), end)


def _median(values: Sequence[float]) -> float:
    return median(sorted(values))
