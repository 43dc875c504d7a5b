"""The test of Mann and Whitney: whether two samples have the same distribution."""

import math
from collections.abc import Sequence


def p_value(first: Sequence[float], second: Sequence[float]) -> float:
    """How probable it is that two samples of one distribution differ as much as these, two-sided.

    Only ranks count, so no outlier does. By the normal approximation with a correction for ties
    and for continuity: H. B. Mann, D. R. Whitney, *On a Test of Whether one of Two Random
    Variables is Stochastically Larger than the Other*, Annals of Mathematical Statistics 18 (1947),
    50-60. 1 if all values are equal.
    """
    ordered = sorted([(value, 1) for value in first] + [(value, 0) for value in second])
    count = len(ordered)
    ranks, ties, at = 0.0, 0, 0
    while at < count:
        value, of_first, end = ordered[at][0], 0, at
        while end < count and ordered[end][0] == value:
            of_first += ordered[end][1]
            end += 1
        ranks += of_first * (at + 1 + end) / 2
        ties += (end - at) ** 3 - (end - at)
        at = end
    pairs = len(first) * len(second)
    variance = pairs / 12 * (count + 1 - ties / (count * (count - 1)))
    if variance <= 0:
        return 1.0
    away = abs(ranks - len(first) * (len(first) + 1) / 2 - pairs / 2) - 0.5
    return math.erfc(max(away, 0.0) / math.sqrt(2 * variance))
