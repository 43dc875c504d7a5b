"""The level of a series without its outliers, and the noise around it."""

import math
from bisect import bisect_left, insort
from collections.abc import Sequence
from itertools import pairwise

# A value is compared with the median of the 11 runs around it, so a change that lasts for 6 runs
# is not an outlier; and it is clipped at so many deviations from that median.
HALF_WINDOW, CLIPPED_DEVIATIONS = 5, 3.0
# The standard deviation of normal noise over its median absolute deviation.
_NORMAL = 1.4826
# Noise is measured between neighbouring blocks of so many runs, so that noise which lasts for
# several runs counts as what it is; of few blocks, changes would be half.
_BLOCKS, _LEAST_BLOCKS = (1, 2, 4), 16


def median(values: Sequence[float]) -> float:
    """The median of at least one value."""
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return ordered[middle - 1] / 2 + ordered[middle] / 2  # their sum may be too large


def clipped(values: Sequence[float], least_deviation: float) -> tuple[list[float], float]:
    """Values without outliers, and the deviation of their noise.

    The deviation is at least `least_deviation`, in the unit of the values.
    """
    around = _running_median(values)
    gaps = [abs(value - middle) for value, middle in zip(values, around, strict=True)]
    deviation = max(_NORMAL * median(gaps), least_deviation)
    most = CLIPPED_DEVIATIONS * deviation
    inliers = [
        min(max(value, middle - most), middle + most)
        for value, middle in zip(values, around, strict=True)
    ]
    return inliers, max(deviation, *(_between_blocks(inliers, runs) for runs in _BLOCKS))


def _running_median(values: Sequence[float]) -> list[float]:
    """The median around each value; near the ends, of the values that are there."""
    window, medians = sorted(values[:HALF_WINDOW]), []
    for index in range(len(values)):
        if index + HALF_WINDOW < len(values):
            insort(window, values[index + HALF_WINDOW])
        if index > HALF_WINDOW:
            del window[bisect_left(window, values[index - HALF_WINDOW - 1])]
        middle = len(window) // 2
        odd = len(window) % 2
        medians.append(window[middle] if odd else (window[middle - 1] + window[middle]) / 2)
    return medians


def _between_blocks(values: Sequence[float], runs: int) -> float:
    """The deviation of one value, by the differences of the means of blocks of `runs` values."""
    starts = range(0, len(values) - runs + 1, runs)
    means = [math.fsum(values[start : start + runs]) / runs for start in starts]
    if len(means) < _LEAST_BLOCKS:
        return 0.0
    gaps = [abs(after - before) for before, after in pairwise(means)]
    return _NORMAL * median(gaps) * math.sqrt(runs / 2)
