"""Whether the results of a run moved together: by how much, which of them, and which did not.

A slower machine moves nearly all results by about the same ratio. Shared code moves some of them
and leaves the others where they were. Which of the two explains the newest runs better is decided
by the likelihood of a mixture: a share of the results moved by a common ratio, the others did not
(McLachlan and Peel 2000, Finite Mixture Models, chapters 1 to 3; fitted by the algorithm of
Dempster, Laird and Rubin 1977, J. R. Stat. Soc. B 39, 1). A few results may be anywhere, so that
one of them decides nothing (Tukey 1960, A survey of sampling from contaminated distributions).

Pure. All distances are logarithms of ratios to the level of a series, positive for worse.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import accumulate
from math import exp, expm1, hypot, log, log1p, pi, sqrt
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from benchmark_exporter.judge.reference import (
    Scale,
    deviation_of,
    in_order,
    make_reference,
    median,
)
from benchmark_exporter.judge.rule import bad_runs, long_change, state_of
from benchmark_exporter.judge.state import (
    GAP,
    LONG,
    SHORT,
    Better,
    JudgeLimits,
    SeriesState,
    Verdict,
)

# How far the results of a slower machine are from their common ratio, as a share of it: programs
# that wait for memory and programs that compute differ.
_SPREAD = 0.2
# Half of the common ratio more or less is no change of a result's own, and the noise is taken to be
# larger by this factor: what is common is itself an estimate.
_OWN, _CAUTION = 0.5, 1.5
# A few results, anywhere within a factor of e**2 either way.
_STRAY_DENSITY = 0.01 / 4
# The deviation of medians of three and of six runs, of one run's, for independent runs.
_OF_MEDIANS = {SHORT: 0.67, LONG: 0.51}
# No level is known better than this: a machine that is 0.5 % slower is not worth a message.
_LEAST_DEVIATION = 0.005
# 90 % of a normal distribution is below this many deviations; a second mode is a wide tail.
_TAIL, _TAIL_DEVIATIONS = 0.9, 1.2816
# By how much a common move has to be the better explanation than none: the difference of the
# logarithms of likelihoods that 4.5 deviations make.
_EVIDENCE = 10.0
# And than that only some moved: by so much for each result, and no more than this.
_MARGIN_EACH, _MARGIN = 0.1, 1.0
# Shares that may have moved instead of nearly all, as parts of what nearly all are.
_PARTS = (0.25, 0.5, 0.75, 0.95)
# The fit ends when it moves by no more than this. Of very many results, so many are fitted.
_STEPS, _CLOSE, _MOST_FITTED = 12, 1e-4, 400
# Medians of six runs show all of a move when they have this share of what medians of three have.
_LASTS = 0.9
_SQRT_2PI = sqrt(2 * pi)


class Movement(msgspec.Struct, frozen=True):
    """How far the newest runs of a result are from its level, the median of `known`.

    `known` are the runs that it is compared with, and `newest` the newest six, both oldest first.
    `deviations` is how far the median of the newest 3 or 6 may be from the level by chance.
    """

    name: str
    known: list[float]
    newest: tuple[float, ...]
    deviations: Mapping[int, float]

    def of(self, runs: int) -> float:
        """How far the median of the newest 3 or 6 runs is from the level."""
        return median(sorted(self.newest[-runs:]))


class Shift(msgspec.Struct, frozen=True):
    """Results that moved together.

    `distance` is by how much: the logarithm of a ratio, positive for worse. `moved` are the names
    of those that did. `in_shift` says of each of the newest six runs whether it was there, oldest
    first. `active` says that the newest ones were; else the environment has come back since.
    """

    distance: float
    moved: frozenset[str]
    in_shift: tuple[bool, ...]
    active: bool

    @property
    def ratio(self) -> float:
        """By how much they became worse, as a share; negative for better."""
        return expm1(self.distance)


def movement(
    name: str, verdict: Verdict, after: SeriesState, *, better: Better, limits: JudgeLimits
) -> Movement | None:
    """How far the newest runs of a result are from its level; None if that has no logarithm.

    `after` is the state that the run left. Compared with is the level of the last runs, also where
    the verdict is by a pinned baseline: a machine changes from one run to the next.
    """
    rolling, alarm = verdict.rolling, after.alarm
    if rolling is None:
        return None
    gap = 0 if alarm is not None else min(GAP, len(after.values) - limits.least_runs)
    known = after.values[: len(after.values) - gap][-limits.window_runs :]
    newest = (*after.values[-LONG:], *(alarm.values if alarm is not None else ()))[-LONG:]
    if len(known) < LONG or min(rolling, *known, *newest) <= 0:
        return None
    scale = Scale(1.0 if better == "lower" else -1.0, logarithmic=True)
    level = scale.bad(rolling)
    runs = scale.all_bad(known)
    return Movement(
        name,
        runs,
        tuple(bad - level for bad in scale.all_bad(newest)),
        {count: _deviation(runs, count) for count in (SHORT, LONG)},
    )


def find_shift(movements: Sequence[Movement], limits: JudgeLimits, *, share: float) -> Shift | None:
    """What moved nearly all results by about the same ratio; None if nothing did.

    `share` is the least share of the results that moved. Three runs in a row show it, or two if it
    is so large that two runs of a result may be a regression.
    """
    distance, moved = _common(movements, share, log1p(limits.small_ratio))
    if not moved:
        return None
    side = 1.0 if distance > 0 else -1.0
    count = min(len(one.newest) for one in movements)
    there = tuple(
        side * median(sorted(one.newest[-back] for one in movements)) >= abs(distance) / 2
        for back in range(count, 0, -1)
    )
    needed = 2 if abs(distance) > log1p(limits.large_ratio) / 2 else SHORT
    return Shift(distance, moved, there, active=all(there[-needed:]))


def is_explained(one: Movement, shift: Shift, limits: JudgeLimits, *, critical: bool) -> bool:
    """Whether a result is worse only because all are: relative to them it is no regression.

    The rule is the judge's own, on the newest runs without what they have in common. Its limits
    are wider, since a machine moves results by not quite the same ratio.
    """
    if shift.distance < 0:
        return False
    own = expm1(_OWN * shift.distance)
    wider = {
        name: (1 + getattr(limits, name)) * (1 + own) - 1
        for name in ("small_ratio", "tolerance_ratio", "large_ratio")
    }
    limits = replace(limits, noise_factor=_CAUTION * limits.noise_factor, **wider)
    known = make_reference(in_order(one.known), Scale(1.0, logarithmic=True), limits, 0.0)
    there = shift.in_shift[-len(one.newest) :]
    common = [shift.distance * each for each in (False,) * (len(one.newest) - len(there)) + there]
    bad = [known.level + each - less for each, less in zip(one.newest, common, strict=True)]
    long = long_change(bad, known)
    if bad_runs(bad, known, long):
        return False
    return critical or state_of(bad, known, long) != "warning"


def _common(
    movements: Sequence[Movement], share: float, least: float
) -> tuple[float, frozenset[str]]:
    """By how much nearly all results moved, and which did; no names if nearly all did not.

    By medians of six runs where these have moved as much as those of three, which know less.
    """
    ours, of_six = (
        [(one.of(runs), one.deviations[runs]) for one in movements] for runs in (SHORT, LONG)
    )
    middle = _weighted_median(ours)
    if abs(middle) < least / 2:
        return 0.0, frozenset()
    if _weighted_median(of_six) / middle > _LASTS:
        ours = of_six
    side = 1.0 if middle > 0 else -1.0
    sided = [(side * distance, chance) for distance, chance in ours]
    nearly_all = 1 - (1 - share) / 5
    some = sided[:: len(sided) // _MOST_FITTED + 1]
    distance, likelihood = _fit(some, nearly_all, abs(middle))
    weights = _weigh(sided, nearly_all, distance).weights
    if distance < least or sum(weights) < share * len(sided):
        return 0.0, frozenset()
    if likelihood - _weigh(some, 0.0, 0.0).likelihood < _EVIDENCE:
        return 0.0, frozenset()
    ordered = sorted(distance for distance, _ in some)
    margin = min(_MARGIN_EACH * len(some), _MARGIN)
    for part in _PARTS:
        start = ordered[int((1 - part * share / 2) * len(ordered))]
        if _fit(some, part * share, start)[1] + margin > likelihood:
            return 0.0, frozenset()
    names = (one.name for one, weight in zip(movements, weights, strict=True) if weight > 0.5)
    return side * distance, frozenset(names)


def _fit(ours: Sequence[tuple[float, float]], share: float, distance: float) -> tuple[float, float]:
    """The distance by which a share of the results moved that explains all of them best.

    With the logarithm of its likelihood. `distance` is where to begin.
    """
    for _ in range(_STEPS):
        likelihood, _, better = _weigh(ours, share, distance)
        close, distance = abs(better - distance) < _CLOSE, better
        if close:
            break
    return distance, likelihood


class _Weighed(NamedTuple):
    likelihood: float  # its logarithm
    weights: list[float]  # how likely each result is one that moved
    distance: float  # by which those moved


def _weigh(ours: Sequence[tuple[float, float]], share: float, distance: float) -> _Weighed:
    """How well it explains the results that a share of them moved by a distance."""
    likelihood, weights, weighted, total = 0.0, [], 0.0, 0.0
    for at, chance in ours:
        wide = hypot(chance, _SPREAD * distance)
        moved = share * _density(at - distance, wide)
        density = moved + (1 - share) * _density(at, chance) + _STRAY_DENSITY
        likelihood += log(density)
        weights.append(moved / density)
        weighted += weights[-1] * at / wide**2
        total += weights[-1] / wide**2
    return _Weighed(likelihood, weights, max(weighted / total, 0.0) if total else distance)


def _density(distance: float, deviation: float) -> float:
    """That of a normal distribution."""
    return exp(-((distance / deviation) ** 2) / 2) / (deviation * _SQRT_2PI)


def _deviation(runs: Sequence[float], count: int) -> float:
    """How far the median of so many runs in a row may be from the level by chance.

    By the median absolute deviation, and by the tails, which a second mode makes wide.
    """
    first, last = (count - 1) // 2, count // 2
    windows = (sorted(runs[at : at + count]) for at in range(0, len(runs) - count + 1, count // 2))
    ordered, single = sorted((each[first] + each[last]) / 2 for each in windows), sorted(runs)
    middle, end = median(ordered), len(ordered) - 1
    tails = ordered[round(_TAIL * end)] - middle, middle - ordered[round((1 - _TAIL) * end)]
    return max(
        deviation_of(ordered, middle),
        max(tails) / _TAIL_DEVIATIONS,
        _OF_MEDIANS[count] * deviation_of(single, median(single)),
        _LEAST_DEVIATION,
    )


def _weighted_median(ours: Sequence[tuple[float, float]]) -> float:
    """Of distances; the more exact ones count more."""
    ordered = sorted(ours)
    sums = list(accumulate(1 / chance for _, chance in ordered))
    return ordered[bisect_left(sums, sums[-1] / 2)][0]
