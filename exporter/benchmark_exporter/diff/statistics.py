"""What values of two groups of runs say: a change, its interval and a verdict. Pure.

The runs are not paired, as those of `compare` are. So the exact test exchanges runs between the
groups (Fisher, 1935, and Pitman, Supplement to the Journal of the Royal Statistical Society 4,
1937): if the groups are alike, each division of the runs into two such groups is as likely. The
interval is by the bootstrap within each group. Where there are too few runs for the test, the noise
of the series decides, if that is known, by the normal distribution.
"""

import math
import random
import statistics
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations
from operator import itemgetter

from benchmark_exporter.compare.statistics import INTERVAL_COVERAGE, RESAMPLES, Better, Change

EXACT_DIVISIONS, SAMPLED_DIVISIONS = 20_000, 40_000


def can_decide(base: int, head: int, error: float) -> bool:
    """Whether so many runs have enough divisions for a verdict with this error."""
    divisions = math.comb(base + head, base)
    counted = divisions if divisions <= EXACT_DIVISIONS else SAMPLED_DIVISIONS + 1
    return min(base, head) > 1 and counted * error >= 1


def by_runs(base: Sequence[float], head: Sequence[float], better: Better, seed: int) -> Change:
    """The change between two groups of at least two positive values; the same for a seed."""
    old, new = [math.log(value) for value in base], [math.log(value) for value in head]
    chance = random.Random(seed)  # noqa: S311  # resampling, not a secret
    shift = statistics.fmean(new) - statistics.fmean(old)
    tails = _tails(old, new, chance)
    low, high = _interval(old, new, shift, chance)
    return _change(shift, low, high, tails, better)


def by_noise(
    base: Sequence[float], head: Sequence[float], deviation: float, better: Better
) -> Change:
    """The same where one run differs from the next by a standard deviation (of logarithms)."""
    shift = _shift(base, head)
    spread = deviation * math.sqrt(1 / len(base) + 1 / len(head))
    if not spread:
        tails = (0.0 if shift > 0 else 1.0, 0.0 if shift < 0 else 1.0)
        return _change(shift, shift, shift, tails, better)
    normal = statistics.NormalDist(0.0, spread)
    reach = normal.inv_cdf((1 + INTERVAL_COVERAGE) / 2)
    tails = normal.cdf(-shift), normal.cdf(shift)
    return _change(shift, shift - reach, shift + reach, tails, better)


def ratio_of(base: Sequence[float], head: Sequence[float]) -> float:
    """How much larger head is, as a ratio, where nothing is known of the noise."""
    return math.expm1(_shift(base, head))


def _shift(base: Sequence[float], head: Sequence[float]) -> float:
    return statistics.fmean(map(math.log, head)) - statistics.fmean(map(math.log, base))


def _change(
    shift: float, low: float, high: float, tails: tuple[float, float], better: Better
) -> Change:
    larger, smaller = tails
    worse, improved = (larger, smaller) if better == "lower" else (smaller, larger)
    return Change(math.expm1(shift), math.expm1(low), math.expm1(high), worse, improved)


def _interval(
    old: Sequence[float], new: Sequence[float], shift: float, chance: random.Random
) -> tuple[float, float]:
    """The bootstrap's interval, widened for few runs as in `compare.statistics`."""

    def resampled(values: Sequence[float]) -> float:
        count = len(values)
        mean = statistics.fmean(values)
        drawn = statistics.fmean(chance.choices(values, k=count))
        return (drawn - mean) * math.sqrt(count / (count - 1))

    shifts = sorted(resampled(new) - resampled(old) for _ in range(RESAMPLES))
    tail = (1 - INTERVAL_COVERAGE) / 2
    return (
        shift + shifts[int(tail * RESAMPLES)],
        shift + shifts[math.ceil((1 - tail) * RESAMPLES) - 1],
    )


def _tails(
    old: Sequence[float], new: Sequence[float], chance: random.Random
) -> tuple[float, float]:
    """How often a random division has a head at least as large, and at least as small."""
    everything = [*old, *new]
    total = sum(new)
    slack = 1e-12 * sum(map(abs, everything))
    draws, is_sample = _divisions(len(everything), len(new), chance.getrandbits(32))
    sums = [sum(draw(everything)) for draw in draws]
    added = int(is_sample)  # what was seen counts as one of them, or a probability could be 0
    larger = sum(1 for each in sums if each >= total - slack) + added
    smaller = sum(1 for each in sums if each <= total + slack) + added
    return larger / (len(sums) + added), smaller / (len(sums) + added)


@lru_cache(maxsize=1)
def _divisions(
    total: int, count: int, seed: int
) -> tuple[Sequence[Callable[[Sequence[float]], Sequence[float]]], bool]:
    """What takes `count` of `total` values, in all ways or a sample of them; and if it is one.

    A suite's results have the same numbers of runs mostly, so they share it.
    """
    everything = range(total)
    if math.comb(total, count) <= EXACT_DIVISIONS:
        return [itemgetter(*drawn) for drawn in combinations(everything, count)], False
    chance = random.Random(seed)  # noqa: S311  # resampling, not a secret
    return [itemgetter(*chance.sample(everything, count)) for _ in range(SAMPLED_DIVISIONS)], True


def forget_divisions() -> None:
    """Frees what a diff has computed once for all its results, some megabytes."""
    _divisions.cache_clear()
