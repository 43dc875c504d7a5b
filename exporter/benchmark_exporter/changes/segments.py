"""Divides a series into segments of one level each.

Of all divisions it takes the one with the least sum of squared deviations from the segments' means
plus a penalty for each segment: optimal partitioning [1], with the pruning of PELT [2]. Segments
first begin at every second value, which takes a quarter of the time; each beginning is then moved
to the best value nearby.

1. B. Jackson et al., *An Algorithm for Optimal Partitioning of Data on an Interval*, IEEE Signal
   Processing Letters 12 (2005), 105-108.
2. R. Killick, P. Fearnhead, I. A. Eckley, *Optimal Detection of Changepoints with a Linear
   Computational Cost*, Journal of the American Statistical Association 107 (2012), 1590-1598.
"""

from collections.abc import Sequence
from itertools import accumulate, compress

STRIDE = 2
_REFINEMENTS = 2


def beginnings(values: Sequence[float], penalty: float) -> list[int]:
    """The indexes at which the second and later segments begin, in order.

    `values` are in units of their noise's deviation.
    """
    sums = [0.0, *accumulate(values)]
    ends = list(range(len(values), 0, -STRIDE))[::-1]
    return _refined(_coarse(sums, ends, penalty), sums)


def _coarse(sums: Sequence[float], ends: Sequence[int], penalty: float) -> list[int]:
    """The best beginnings among `ends`, of which the last is the end of the series.

    What is minimised leaves the sum of the values' squares out, which every division has.
    """
    previous: dict[int, int] = {}
    # Where the last segment may begin: the cost up to there, the sum up to there, the index.
    costs, before, starts = [-penalty], [0.0], [0]
    for end in ends:
        total = sums[end]
        whole = [
            cost - (total - first) * (total - first) / (end - start)
            for cost, first, start in zip(costs, before, starts, strict=True)
        ]
        best = min(whole)
        previous[end] = starts[whole.index(best)]
        best += penalty
        kept = [cost <= best for cost in whole]
        if not all(kept):
            costs, before = list(compress(costs, kept)), list(compress(before, kept))
            starts = list(compress(starts, kept))
        costs.append(best)
        before.append(total)
        starts.append(end)
    found, at = [], previous[ends[-1]] if ends else 0
    while at > 0:
        found.append(at)
        at = previous[at]
    return found[::-1]


def _refined(found: Sequence[int], sums: Sequence[float]) -> list[int]:
    """Each beginning moved by up to STRIDE to where its two segments fit best."""
    bounds = [0, *found, len(sums) - 1]
    for _ in range(_REFINEMENTS):
        for index in range(1, len(bounds) - 1):
            start, at, end = bounds[index - 1 : index + 2]
            nearby = range(max(start + 1, at - STRIDE), min(end, at + STRIDE + 1))
            bounds[index] = max(nearby, key=lambda cut: _fit(sums, start, cut, end))
    return bounds[1:-1]


def _fit(sums: Sequence[float], start: int, cut: int, end: int) -> float:
    """How well two segments fit: what their means take from the sum of squares."""
    left, right = sums[cut] - sums[start], sums[end] - sums[cut]
    return left * left / (cut - start) + right * right / (end - cut)
