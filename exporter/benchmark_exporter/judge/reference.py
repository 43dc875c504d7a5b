"""What the newest runs of a series are compared with, and how far from it they may be by chance.

All is in "badness": the logarithm of the value, negated where higher is better, so that a ratio is
a distance. A series with values that are not positive has no ratios; its badness is the value
itself, and the ratios of the limits are then shares of the reference.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import exp, expm1, inf, isfinite, log, log1p, pi, sqrt
from typing import NamedTuple

import msgspec

from benchmark_exporter.judge.state import LONG, SHORT, Better, JudgeLimits, SeriesState

# The median absolute deviation times this estimates a normal distribution's standard deviation. It
# uses 37 % of the information that the standard deviation does, so it has 0.37 of the degrees of
# freedom (Rousseeuw and Croux 1993, Alternatives to the Median Absolute Deviation, J. Am. Stat.
# Assoc. 88, 1273).
DEVIATIONS_PER_MAD, _MAD_EFFICIENCY = 1.4826, 0.37
# A statistic of k runs, taken at each run, is worth about 1.5 n/k independent ones: the squared
# correlations of overlapping windows, which fall linearly, sum to 2k/3 (Bartlett 1946).
OVERLAP = 1.5
# Medians of six are taken at every second run, which says nearly as much as at each.
STRIDE = 2
# Runs within this many deviations of each other are in the same mode, which so many make.
_SAME_MODE, _LEAST_MODE_RUNS = 0.75, 3
# The standard error of a median over that of a mean, for a normal distribution.
MEDIAN_TO_MEAN_ERROR = sqrt(pi / 2)


class Scale(msgspec.Struct, frozen=True):
    """From values to badness and back."""

    sign: float
    logarithmic: bool

    def bad(self, value: float) -> float:
        return self.sign * (log(value) if self.logarithmic else value)

    def all_bad(self, values: Iterable[float]) -> list[float]:
        bad = list(map(log, values)) if self.logarithmic else list(values)
        return bad if self.sign > 0 else [-each for each in bad]

    def value(self, bad: float) -> float:
        """Within what a float can hold."""
        if self.logarithmic:
            return exp(min(max(self.sign * bad, -708.0), 709.0))
        return min(max(self.sign * bad, -1.7e308), 1.7e308)

    def distance(self, ratio: float, level: float, least_change: float) -> float:
        """How far from a level is what is worse by a ratio, and by no less than a change."""
        distance = log1p(ratio) if self.logarithmic else ratio * abs(level)
        if least_change:
            changed = self.value(level) + self.sign * least_change
            reached = changed > 0 or not self.logarithmic
            distance = max(distance, self.bad(changed) - level if reached else inf)
        return distance

    def distances(self, limits: JudgeLimits, level: float) -> tuple[float, float, float]:
        """How far from a level is what is worse by the small, the tolerated and the large ratio."""
        small, tolerance, large = limits.small_ratio, limits.tolerance_ratio, limits.large_ratio
        least = limits.least_change
        if self.logarithmic and not least:  # as nearly always
            return log1p(small), log1p(tolerance), log1p(large)
        return (
            self.distance(small, level, least),
            self.distance(tolerance, level, least),
            self.distance(large, level, least),
        )

    def ratio(self, distance: float, level: float) -> float | None:
        """A distance from a level as a ratio; None where the level is 0."""
        if self.logarithmic:
            return expm1(distance) if distance < 700 else None
        return finite(distance / abs(level)) if level else None

    def worsening(self, value: float, reference: float) -> float | None:
        return finite(self.sign * (value - reference) / abs(reference)) if reference else None


def make_scale(state: SeriesState, value: float, better: Better, pinned: float | None) -> Scale:
    """Logarithmic where all values have logarithms."""
    least = min(value, *state.values) if state.values else value
    for other in (pinned, state.unaccepted):
        least = least if other is None else min(least, other)
    if state.alarm is not None:
        least = min(least, state.alarm.reference, state.alarm.limit, *state.alarm.values)
    return Scale(1.0 if better == "lower" else -1.0, least > 0)


class Reference(msgspec.Struct, frozen=True):
    """What the newest runs are compared with; all in badness."""

    runs: list[float]  # in order
    level: float  # the median
    bias: float  # by how much the better two of three runs are worse than the level
    deviation: float  # of one run
    tail: float  # runs beyond it are in the worst `tail_share`
    noise: tuple[float, float]  # how far from the level one run and three may be by chance
    quantiles: tuple[float, float]  # so many deviations of three runs, and of six
    three: float  # how far from it three runs have to be, and six: beyond noise and tolerance
    six: float
    six_noise: float  # how far from the level six may be by chance
    tolerance: float  # limits' ratios as distances from the level
    small: float
    large: float
    mode_runs: float  # so many runs make a mode

    def has_been_at(self, bad: float) -> bool:
        """Whether the reference has a mode there, so that the level is not new."""
        near = max(_SAME_MODE * self.deviation, self.small)
        count = bisect_right(self.runs, bad + near) - bisect_left(self.runs, bad - near)
        return count >= self.mode_runs


class Ordered(NamedTuple):
    """Runs in badness, the better two of each three in a row, and medians of six; all in order."""

    runs: list[float]
    threes: list[float]
    sixes: list[float]


def in_order(runs: Sequence[float]) -> Ordered:
    """Runs in badness, which are given oldest first."""
    return Ordered(sorted(runs), sorted(better_twos(runs)), sorted(medians_of_six(runs)))


def make_reference(
    known: Ordered, scale: Scale, limits: JudgeLimits, error_ratio: float
) -> Reference:
    """Of runs in badness; `error_ratio` is how exact the value to be judged is."""
    ordered, threes, sixes = known
    count = len(ordered)
    level = median(ordered)
    bias = median(threes) - level
    one, three, six = _quantiles(limits.noise_factor, count)
    deviation = deviation_of(ordered, level)
    of_three, of_six = deviation_of(threes, level + bias), deviation_of(sixes, level)
    if error_ratio:
        error = error_ratio if scale.logarithmic else error_ratio * abs(level)
        deviation = max(deviation, error)
        of_three, of_six = max(of_three, error / sqrt(SHORT)), max(of_six, error / sqrt(LONG))
    noise, six_noise = three * of_three, six * of_six
    small, tolerance, large = scale.distances(limits, level)
    # Positional, since this is the most frequent of all calls but those in loops.
    return Reference(
        ordered,
        level,
        bias,
        deviation,
        ordered[min(int((1 - limits.tail_share) * count), count - 1)],
        (one * deviation, noise),
        (three, six),
        max(tolerance, noise),
        max(small, six_noise),
        six_noise,
        tolerance,
        small,
        large,
        max(_LEAST_MODE_RUNS, limits.mode_share * count),
    )


def standard_error(cv_ratio: float | None, samples: int | None) -> float:
    """Of a run's own median, as a ratio; 0 where the document does not say."""
    if cv_ratio is None or samples is None or samples < 2 or not isfinite(cv_ratio):
        return 0.0
    return MEDIAN_TO_MEAN_ERROR * abs(cv_ratio) / sqrt(samples)


@lru_cache(maxsize=1024)
def _quantiles(normal: float, count: int) -> tuple[float, float, float]:
    """Those of one run, of three and of six, compared with so many runs."""
    return (
        students(normal, count),
        students(normal, OVERLAP * count / SHORT),
        students(normal, OVERLAP * count / LONG),
    )


def students(normal: float, count: float) -> float:
    """The quantile of Student's t that `normal` is of a normal distribution.

    After Cornish and Fisher (Abramowitz and Stegun 1964, 26.7.5), the first two terms.
    """
    freedom = _MAD_EFFICIENCY * max(count - 1, 1.0)
    return normal + (normal**3 + normal) / (4 * freedom)


def deviation_of(ordered: Sequence[float], middle: float) -> float:
    """The standard deviation about the middle, by the median absolute deviation.

    Of values in order, those that are nearest to the middle are next to each other: half of them
    are found by bisection, without putting their distances in order.
    """
    half = len(ordered) // 2
    first, end, twice = 0, len(ordered) - half, 2 * middle
    while first < end:
        start = (first + end) // 2
        if ordered[start] + ordered[start + half] < twice:
            first = start + 1
        else:
            end = start
    above = ordered[first + half] - middle if first + half < len(ordered) else inf
    below = middle - ordered[first - 1] if first else inf
    return DEVIATIONS_PER_MAD * min(above, below)


def better_twos(runs: Sequence[float]) -> list[float]:
    """The mean of the better two of each three runs in a row: one bad run does not move it."""
    return [
        (a + b if c >= a and c >= b else b + c if a >= b else a + c) / 2
        for a, b, c in zip(runs, runs[1:], runs[2:], strict=False)
    ]


def better_two(a: float, b: float, c: float) -> float:
    """The mean of the better two of three runs, as in `better_twos`."""
    return (a + b if c >= a and c >= b else b + c if a >= b else a + c) / 2


def medians_of_six(runs: Sequence[float]) -> list[float]:
    """The median of the newest six runs, and of six that end at every second run before."""
    if len(runs) < LONG:  # within an alarm, a young series may have so few
        return [median(sorted(runs))]
    ends = range(len(runs), LONG - 1, -STRIDE)
    windows = [sorted(runs[end - LONG : end]) for end in ends]
    return [(window[2] + window[3]) / 2 for window in windows]


def median_of_six(runs: Sequence[float]) -> float:
    ordered = sorted(runs)
    return (ordered[2] + ordered[3]) / 2


def median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def finite(number: float) -> float | None:
    return number if isfinite(number) else None
