"""The smallest change that a benchmark's noise lets us report, and what would make it smaller.

The deviation of runs has two parts: between runs (the machine's state, memory layout, other load),
and the sampling error of each run's own value, whose variance falls with the number of its samples.
Only the second part can be bought with more samples. Sampling errors of runs are independent, so
what the deviations of three and of six runs together exceed independent runs by is between them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from math import ceil, dist, isfinite, pi, sqrt

import msgspec

from benchmark_exporter.judge.reference import Reference, Scale

# What people aim at, and what is reported: not 4.37 %.
_ROUND_RATIOS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
# More samples are worth mentioning if they make the change at least so much smaller. At most five
# times as many are considered, since a run takes as many times longer.
_WORTH, _MOST_TIMES = 0.85, 5.0
# Where less of the variance than this is sampling error, more samples cannot be worth it.
_LEAST_SHARE = 0.2
# The spread of one run's samples is too inexact: that of so many runs counts.
_SPREADS = 15
# Runs further away count as if they were so many deviations away, so that a few do not decide.
_CLIPPED_DEVIATIONS = 3.0
# How much of the variance of independent normal runs the mean of the better two of three has, and
# the median of six: from the moments of order statistics (Sarhan and Greenberg 1962, Contributions
# to Order Statistics, table 10C.1).
_KEPT_BY_THREE, _KEPT_BY_SIX = 0.390, 0.215

# The squared noise that is sampling error, and that between runs.
_Parts = tuple[float, float]


class Detectability(msgspec.Struct, frozen=True):
    """Smallest changes that would be reported if they last, as ratios: 0.03 is 3 %.

    `ratio` is the present one, None where the reference is 0. `quiet_ratio` is what the noise alone
    would allow, whatever the limits. `reachable_ratio` is what `reachable_samples` in each run
    would give; None where more samples do not help, or where nothing is known of the samples.
    """

    ratio: float | None
    quiet_ratio: float | None
    reachable_ratio: float | None = None
    reachable_samples: int | None = None


def added_spread(
    cv_ratios: tuple[float, ...], cv_ratio: float | None, samples: int | None
) -> tuple[float, ...]:
    """The coefficients of variation of the newest runs, with that of one more run if it has any."""
    if cv_ratio is None or samples is None or samples < 2 or not isfinite(cv_ratio):
        return cv_ratios
    return (*cv_ratios[1 - _SPREADS :], round(abs(cv_ratio), 6))


def detectability(
    known: Reference, scale: Scale, cv_ratios: Sequence[float], samples: int | None
) -> Detectability:
    """What can be seen against a reference.

    `cv_ratios` are those of the newest runs' own samples; `samples` is how many the newest run has.
    """
    present = min(known.three, known.six)
    ratio = scale.ratio(present, known.level)
    quiet_distance = min(known.noise[1], known.six_noise)
    quiet = scale.ratio(quiet_distance, known.level)
    if not cv_ratios or samples is None or samples < 2 or quiet_distance < _WORTH * known.small:
        return Detectability(ratio, quiet)
    error = sampling_error(cv_ratios, samples)
    sampling = (error if scale.logarithmic else error * abs(known.level)) ** 2
    if sampling <= _LEAST_SHARE * known.deviation**2:
        return Detectability(ratio, quiet)
    three, six = _parts(known, sampling)
    reached = _detectable(known, three, six, _MOST_TIMES)
    if reached > _WORTH * present:
        return Detectability(ratio, quiet)
    target = scale.ratio(reached, known.level)
    if target is not None and reached > known.small:  # else the limit itself is the target
        above = bisect_left(_ROUND_RATIOS, target)
        target = _ROUND_RATIOS[above] if above < len(_ROUND_RATIOS) else None
        reached = present if target is None else scale.distance(target, known.level, 0.0)
    if target is None or reached > _WORTH * present:
        return Detectability(ratio, quiet)
    times = _times_needed(known, three, six, reached)
    return Detectability(ratio, quiet, target, max(ceil(samples * times), 1))


def sampling_error(cv_ratios: Sequence[float], samples: int) -> float:
    """The standard error of a run's median as a ratio, from several runs with so many samples each.

    The median of their coefficients of variation, without its bias where there are few samples (the
    median of chi squared after Wilson and Hilferty 1931); and the variance of a normal
    distribution's median, which is pi / 2 of that of the mean for many samples and equal to it for
    one.
    """
    typical = sorted(cv_ratios)[len(cv_ratios) // 2]
    bias = (1 - 2 / (9 * (samples - 1))) ** 3
    return typical * sqrt(pi / 2 / (samples + pi / 2 - 1) / bias)


def _parts(known: Reference, sampling: float) -> tuple[_Parts, _Parts]:
    """The parts of the noise of three runs and of six, from the variance of a run's own error."""
    between = max(_variance(known) - sampling, 0.0)
    (three, six), noise = known.quantiles, known.noise[1]
    return (
        _parts_of(three**2, noise**2, _KEPT_BY_THREE, sampling, between),
        _parts_of(six**2, known.six_noise**2, _KEPT_BY_SIX, sampling, between),
    )


def _parts_of(scale: float, noise: float, kept: float, sampling: float, between: float) -> _Parts:
    """Noise between runs is at least that of independent runs, at most that of equal ones."""
    own = scale * kept * sampling
    return own, min(max(noise - own, scale * kept * between), scale * between)


def _variance(known: Reference) -> float:
    """Of one run: of the reference's runs, clipped, which is more exact than the MAD."""
    runs: Sequence[float] = known.runs
    most = _CLIPPED_DEVIATIONS * known.deviation
    inner = runs[bisect_left(runs, known.level - most) : bisect_right(runs, known.level + most)]
    squares = dist(inner, [known.level] * len(inner)) ** 2 + (len(runs) - len(inner)) * most**2
    return squares / (len(runs) - 1) if len(runs) > 1 else 0.0


def _detectable(known: Reference, three: _Parts, six: _Parts, times: float) -> float:
    """The distance that is detectable with so many times as many samples."""
    return min(
        max(known.tolerance, sqrt(three[0] / times + three[1])),
        max(known.small, sqrt(six[0] / times + six[1])),
    )


def _times_needed(known: Reference, three: _Parts, six: _Parts, distance: float) -> float:
    """How many times as many samples make a distance detectable that some number does."""
    possible = []
    for limit, (sampling, between) in ((known.tolerance, three), (known.small, six)):
        if limit <= distance and between < distance**2:
            possible.append(sampling / (distance**2 - between))
    return min(possible)
