"""What the results of a run, or regressions with one cause, mean together.

Has the machine changed, or the code of many results? Pure; `judge/shift.py` has the statistics.
"""

from collections.abc import Callable, Sequence
from math import log
from statistics import median
from typing import Literal

import msgspec

from benchmark_exporter.judge import SeriesState, Verdict
from benchmark_exporter.judge.shift import Movement, Shift, find_shift, is_explained, movement
from benchmark_exporter.model import REGRESSED, Better
from benchmark_exporter.regression import Limits

_SPEED = ("seconds", "per_second")
# Sizes and shares are the same on a slower machine.
_NOT_SPEED = ("bytes", "ratio")


class RunResult(msgspec.Struct, frozen=True):
    """A result of a run with its verdict. `after` gives the state of its series after the run.

    None if that is not known.
    """

    name: str
    unit: str
    better: Better
    verdict: Verdict
    after: Callable[[], SeriesState | None]


class RunShift(msgspec.Struct, frozen=True):
    """Whether nearly all results of a run moved together.

    While a shift is `active`, `moved` are the results that moved with it, and `ratio` is by how
    much they are worse, negative for better. `judged` is how many results could have. `muted` are
    regressions that are one only because of the shift. There may be some in the run in which the
    environment is back, since they are judged by the runs before it, too.
    """

    active: bool = False
    ratio: float = 0.0
    moved: frozenset[str] = frozenset()
    judged: int = 0
    muted: frozenset[str] = frozenset()

    def explains(self, name: str, verdict: Verdict) -> bool:
        """Whether the shift is why a result of the run is where it is."""
        return name in (self.muted if verdict.state in REGRESSED else self.moved)


def find_run_shift(results: Sequence[RunResult], limits: Limits) -> RunShift | None:
    """Whether the results of a run moved together, by their newest runs.

    None if too few have a verdict to say so. Times and rates show a shift, and other quantities
    that vary from run to run; not sizes, shares and constants, which a machine does not change.
    """
    judged = [one for one in results if one.verdict.state != "insufficient_data"]
    if len(judged) < limits.shift_least_results:
        return None
    regressed = [one for one in judged if one.verdict.state in REGRESSED]
    if not regressed and abs(_middle(judged)) < limits.small_ratio / 2:
        return RunShift()
    ordered = sorted(judged, key=lambda one: one.name)
    movements = [each for one in ordered if (each := _movement(one, limits)) is not None]
    if len(movements) < limits.shift_least_results:
        return RunShift()
    shift = find_shift(movements, limits, share=limits.shift_share)
    if shift is None:
        return RunShift()
    muted = _explained(regressed, movements, shift, limits)
    if not shift.active:
        return RunShift(muted=muted)
    return RunShift(True, shift.ratio, shift.moved, len(movements), muted)


ExtentKind = Literal["some", "all"]


class Extent(msgspec.Struct, frozen=True):
    """How far regressions with one cause reach: so many results, of so many that ran with them.

    - `some`: the others did not move, so the code is the cause;
    - `all`: nearly all regressed, but they are too few, or their changes too unlike or uncertain,
      to be a shift, so that it may be the code or the machine.

    `ratio` is the median of by how much they are worse.
    """

    kind: ExtentKind
    regressed: int
    judged: int
    ratio: float


def extent(ratios: Sequence[float], judged: int, limits: Limits) -> Extent | None:
    """How far regressions with one cause reach; None if they are to be reported one by one.

    `ratios` are by how much they are worse, `judged` how many results ran with them.
    """
    count = len(ratios)
    if count > 1 and count >= limits.shift_share * judged:
        return Extent("all", count, judged, median(ratios))
    if count >= limits.shift_least_results:
        return Extent("some", count, judged, median(ratios))
    return None


def _explained(
    regressed: Sequence[RunResult],
    movements: Sequence[Movement],
    shift: Shift,
    limits: Limits,
) -> frozenset[str]:
    """The regressions that are one only because of a shift."""
    by_name = {each.name: each for each in movements}
    return frozenset(
        one.name
        for one in regressed
        if one.name in by_name
        and is_explained(by_name[one.name], shift, limits, critical=one.verdict.state == "critical")
    )


def _movement(one: RunResult, limits: Limits) -> Movement | None:
    after = one.after() if one.unit not in _NOT_SPEED else None
    if after is None:
        return None
    moved = movement(one.name, one.verdict, after, better=one.better, limits=limits)
    if moved is None or (one.unit not in _SPEED and min(moved.known) == max(moved.known)):
        return None
    return moved


def _middle(judged: Sequence[RunResult]) -> float:
    """By how much the middle result of this run alone is worse: the logarithm of a ratio."""
    moved = []
    for one in judged:
        value, rolling = one.verdict.value, one.verdict.rolling
        if rolling is not None and rolling > 0 and value > 0:
            moved.append((1 if one.better == "lower" else -1) * log(value / rolling))
    return median(moved) if moved else 0.0
