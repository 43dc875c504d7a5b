"""What paired measurements of two versions say: a change, its interval and a verdict. Pure.

A round runs base, head, head, base, so that a drift that is even within the round cancels. Its
difference is the mean logarithm of head's two values minus that of base's. Everything here works on
these differences, one number a round.

The verdict is by an exact test that flips signs (Fisher, The Design of Experiments, 1935, section
21): if the versions are alike, each difference could as well have had the other sign. It assumes no
normal distribution, and holds for few rounds. Its error is divided among all results of the suite
and all looks at it, so that a suite of equal versions has any wrong verdict in at most
SUITE_ERROR of all comparisons. The interval is by the bootstrap over rounds.
"""

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Outcome = Literal["worse", "better", "same", "undecided"]
Better = Literal["lower", "higher"]

SUITE_ERROR = 0.005
INTERVAL_COVERAGE = 0.99
RESAMPLES = 2_000
# Up to so many rounds all combinations of signs are counted, beyond it a sample of them.
EXACT_ROUNDS, SAMPLED_SIGNS = 14, 40_000


@dataclass(frozen=True, slots=True)
class Change:
    """How much larger head's values are than base's, as a ratio: 0.02 is 2 % larger.

    `low` and `high` are the ends of the interval. `worse_probability` is how often equal versions
    would give a difference at least as large in the worse direction, `better_probability` likewise.
    """

    ratio: float
    low: float
    high: float
    worse_probability: float
    better_probability: float


def difference(base: Sequence[float], head: Sequence[float]) -> float:
    """One round's difference of two sides' positive values, as a logarithm.

    Raises:
        ValueError: a value is not positive, so that it has no ratio to another.
    """
    if min(*base, *head) <= 0:
        raise ValueError("a value of 0 or less has no ratio to another one")
    return statistics.fmean(map(math.log, head)) - statistics.fmean(map(math.log, base))


def estimate(differences: Sequence[float], better: Better, seed: int) -> Change:
    """The change that the rounds' differences show; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311  # resampling, not a secret
    low, high = _interval(differences, chance)
    positive, negative = _tails(differences, chance)
    worse, improved = (positive, negative) if better == "lower" else (negative, positive)
    return Change(
        math.expm1(statistics.fmean(differences)),
        math.expm1(low),
        math.expm1(high),
        worse,
        improved,
    )


def outcome(change: Change, detect_ratio: float, error: float) -> Outcome:
    """What a change means, if `error` is the allowed probability of a wrong verdict on it.

    It is the same if the whole interval lies within `detect_ratio` of no change, and undecided if
    more rounds are needed.
    """
    if change.worse_probability <= error:
        return "worse"
    if change.better_probability <= error:
        return "better"
    if -detect_ratio < change.low and change.high < detect_ratio:
        return "same"
    return "undecided"


def error_of_look(look: int, results: int) -> float:
    """The allowed error of one result at the first, second, … look, counted from 0.

    Half of SUITE_ERROR is for the first look, a quarter for the second, and so on, each divided
    evenly among the results.
    """
    return SUITE_ERROR / 2.0 ** (look + 1) / results


def least_rounds(look: int, results: int) -> int:
    """How many rounds a verdict needs at least: fewer have too few combinations of signs."""
    return math.ceil(-math.log2(error_of_look(look, results)))


def planned_rounds(deviation: float, detect_ratio: float, look: int, results: int) -> int:
    """How many rounds find a change of `detect_ratio` in 95 of 100 comparisons.

    `deviation` is the standard deviation of a round's difference, as an A/A run shows it.
    """
    normal = statistics.NormalDist()
    distance = normal.inv_cdf(1 - error_of_look(look, results)) + normal.inv_cdf(0.95)
    rounds = math.ceil((distance * deviation / math.log1p(detect_ratio)) ** 2)
    # The few rounds of an A/A run know their deviation badly, and a test that must estimate it
    # needs more than one that knows it (Guenther, The American Statistician 35, 1981).
    return max(least_rounds(look, results), rounds + math.ceil(distance**2 / 4))


def _interval(differences: Sequence[float], chance: random.Random) -> tuple[float, float]:
    """The bootstrap's interval of the mean, widened for few rounds.

    The percentiles of n values are too narrow by about √((n-1)/n); Hesterberg (The American
    Statistician 69, 2015) gives the correction.
    """
    count = len(differences)
    mean = statistics.fmean(differences)
    means = sorted(statistics.fmean(chance.choices(differences, k=count)) for _ in range(RESAMPLES))
    tail = (1 - INTERVAL_COVERAGE) / 2
    stretch = math.sqrt(count / (count - 1)) if count > 1 else math.inf
    low, high = means[int(tail * RESAMPLES)], means[math.ceil((1 - tail) * RESAMPLES) - 1]
    return mean + (low - mean) * stretch, mean + (high - mean) * stretch


def _tails(differences: Sequence[float], chance: random.Random) -> tuple[float, float]:
    """How often random signs give a sum at least as large, and at least as small."""
    total = math.fsum(differences)
    slack = 1e-12 * math.fsum(map(abs, differences))
    if len(differences) <= EXACT_ROUNDS:
        sums = [0.0]
        for each in map(abs, differences):
            sums = [one + sign for one in sums for sign in (each, -each)]
        added = 0
    else:
        sizes = [abs(each) for each in differences]
        whole = math.fsum(sizes)
        sums = []
        for _ in range(SAMPLED_SIGNS):
            bits = chance.getrandbits(len(sizes))
            flipped = 0.0
            for size in sizes:
                if bits & 1:
                    flipped += size
                bits >>= 1
            sums.append(whole - 2 * flipped)
        added = 1  # what was seen counts as one of them, or a probability could be 0
    count = len(sums) + added
    larger = sum(1 for each in sums if each >= total - slack) + added
    smaller = sum(1 for each in sums if each <= total + slack) + added
    return larger / count, smaller / count
