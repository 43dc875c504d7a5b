"""The smallest change that a benchmark's noise lets us report, and what would make it smaller.

The deviation of runs has two parts: between runs (the machine's state, memory layout, other load),
and the sampling error of each run's own value, whose variance falls with the number of its
samples. Only the second part can be bought with more samples. With `share` of the variance being
sampling error, m times as many samples leave 1 - share + share / m of the variance.
"""

from bisect import bisect_left
from math import ceil, inf, sqrt

import msgspec

from benchmark_exporter.judge.reference import Reference, Scale

# What people aim at, and what is told: not 4.37 %.
_ROUND_RATIOS = (0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
# More samples are worth mentioning if they make the change at least so much smaller, and if they
# are no more than so many times as many: a run takes as much longer.
_WORTH, _MOST_TIMES = 0.85, 10.0


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


def detectability(
    known: Reference, scale: Scale, error_ratio: float, samples: int | None
) -> Detectability:
    """What can be seen against a reference.

    `error_ratio` is the standard error of a run's value that its `samples` leave, 0 if unknown.
    """
    present = min(known.three, known.six)
    ratio = scale.ratio(present, known.level)
    quiet = scale.ratio(min(known.noise[1], known.six_noise), known.level)
    error = error_ratio if scale.logarithmic else error_ratio * abs(known.level)
    if not error or not samples or not known.deviation:
        return Detectability(ratio, quiet)
    share = min((error / known.deviation) ** 2, 1.0)
    reached = _distance(known, sqrt(1 - share + share / _MOST_TIMES))
    if reached > _WORTH * present:
        return Detectability(ratio, quiet)
    target = scale.ratio(reached, known.level)
    if reached > known.small:  # else the limit itself is the target
        above = bisect_left(_ROUND_RATIOS, target or inf)
        target = _ROUND_RATIOS[above] if above < len(_ROUND_RATIOS) else None
        reached = inf if target is None else scale.distance(target, known.level, 0.0)
    if target is None or reached > _WORTH * present:
        return Detectability(ratio, quiet)
    return Detectability(ratio, quiet, target, samples_needed(known, reached, share, samples))


def samples_needed(known: Reference, distance: float, share: float, samples: int) -> int | None:
    """How many samples in each run make a change of a distance detectable; None: no number does.

    `samples` is how many there are, and `share` how much of the runs' variance is their error.
    """
    factors = [
        distance / noise
        for limit, noise in ((known.tolerance, known.noise[1]), (known.small, known.six_noise))
        if limit <= distance and noise
    ]
    remaining = max(factors, default=0.0) ** 2 - (1 - share)
    return max(ceil(samples * share / remaining), 1) if remaining > 0 else None


def _distance(known: Reference, factor: float) -> float:
    """The distance that is detectable when the noise is a factor of the present one."""
    return min(
        max(known.tolerance, known.noise[1] * factor), max(known.small, known.six_noise * factor)
    )
