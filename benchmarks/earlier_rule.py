"""The rule by which the exporter judged until its fourth state, kept as a peer to measure against.

A run worse than the median of the last 50 by more than the tolerance and the noise is a hit: a
warning, and critical when one of the two runs before was a hit of about the same size, after a
critical run, or at once when it is a catastrophe. A regression stays out of the window.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks.online import CRITICAL, OK, WARNING

TOLERANCE_RATIO, WINDOW_RUNS, LEAST_RUNS = 0.1, 50, 8
NOISE_FACTOR, WORST_RUN_FACTOR, OUTLIER_SHARE, AGREEMENT_SHARE = 2.2, 1.25, 0.06, 0.4
CRITICAL_WORSENING_RATIO, CRITICAL_NOISE_FACTOR = 2.0, 3.0
DEVIATIONS_PER_MAD, MAD_EFFICIENCY = 1.4826, 0.37


class History(NamedTuple):
    """The window, the level of the run before, and the value of a warning that is in doubt."""

    window: tuple[float, ...] = ()
    previous: int = OK
    unconfirmed: float | None = None


class EarlierRule:
    """Lower is better; values are positive."""

    name = "hits over the median of 50 runs"

    def start(self) -> History:
        return History()

    def step(self, history: History, value: float) -> tuple[int, History]:
        level = self._level(history, value)
        doubt = () if history.unconfirmed is None else (history.unconfirmed,)
        window, unconfirmed = history.window, None
        if level == WARNING:
            window, unconfirmed = (*window, *doubt), value
        elif level == OK and history.previous == WARNING:
            window, unconfirmed = (*window, value), history.unconfirmed
        elif level == OK:
            window = (*window, *doubt, value)
        return level, History(window[-WINDOW_RUNS:], level, unconfirmed)

    def _level(self, history: History, value: float) -> int:
        if len(history.window) < LEAST_RUNS:
            return OK
        ordered = sorted(history.window)
        reference = _median(ordered)
        noise = _noise(ordered, reference)
        margin, worse = max(TOLERANCE_RATIO * reference, noise), value - reference
        if worse <= margin:
            return OK
        before = None if history.unconfirmed is None else history.unconfirmed - reference
        confirmed = before is not None and min(before, worse) >= AGREEMENT_SHARE * max(
            before, worse
        )
        catastrophe = max(CRITICAL_WORSENING_RATIO * reference, CRITICAL_NOISE_FACTOR * noise)
        if confirmed or worse > catastrophe or history.previous == CRITICAL:
            return CRITICAL
        return WARNING


def _noise(ordered: Sequence[float], reference: float) -> float:
    count = len(ordered)
    deviation = DEVIATIONS_PER_MAD * _median(sorted([abs(each - reference) for each in ordered]))
    freedom = MAD_EFFICIENCY * max(count - 1, 1)
    factor = NOISE_FACTOR + (NOISE_FACTOR**3 + NOISE_FACTOR) / (4 * freedom)
    normal = factor * deviation * math.hypot(1.0, math.sqrt(math.pi / 2 / count))
    usual_worst = ordered[count - 1 - math.floor(OUTLIER_SHARE * count)] - reference
    return max(normal, WORST_RUN_FACTOR * usual_worst)


def _median(ordered: Sequence[float]) -> float:
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
