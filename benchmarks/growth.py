"""Whether a measure of a process grows more than its data explains, for benchmarks.soak.

What is left of each value after the allowance for the files that are kept is fitted by Theil and
Sen's line: its slope is the median of the slopes of all pairs of points, so that up to 29 % of the
points may be anything (P. K. Sen, Estimates of the regression coefficient based on Kendall's tau,
JASA 63, 1968). A process' memory rises in steps and falls back at times, which a fit of squares
would follow.

What a process needs once (code, caches that have a limit) comes in its first minutes. So the points
of a warm-up are left out, and a series that is then too short has no slope.
"""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

# Of a process' time under steady load.
WARM_UP_SHARE = 1 / 3
# Less says nothing: an allocator's steps are minutes apart.
LEAST_SECONDS = 240.0
LEAST_POINTS = 12
# The pairs of so many points are compared; of more, an even choice.
MOST_POINTS = 300


@dataclass(frozen=True, slots=True)
class Point:
    """A value at a time, how many files were kept then, and how large the database was."""

    seconds: float
    value: float
    files: int
    database_bytes: float = 0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a measure may grow by: for each kept file, and altogether whatever happens.

    `total` is what comes and goes with the load at the moment: the highest single need of it.
    `cache_bytes` is the limit of a cache of the database, which grows with that until it is full.
    """

    each_file: float
    total: float
    cache_bytes: float = 0

    def explains(self, point: Point) -> float:
        """Return how much of a point's value its data explains."""
        return self.each_file * point.files + min(self.cache_bytes, point.database_bytes)


@dataclass(frozen=True, slots=True)
class Growth:
    """How a measure grew after the warm-up, without what its files explain, and what it may."""

    seconds: float
    growth: float
    allowed: float

    @property
    def is_leak(self) -> bool:
        """Whether it grew by more than it may."""
        return self.growth > self.allowed


def measure(points: Sequence[Point], allowance: Allowance) -> Growth | None:
    """Return the growth of one process under steady load; None if that was too short."""
    if not points:
        return None
    start, end = points[0].seconds, points[-1].seconds
    kept = [each for each in points if each.seconds >= start + (end - start) * WARM_UP_SHARE]
    seconds = kept[-1].seconds - kept[0].seconds
    if seconds < LEAST_SECONDS or len(kept) < LEAST_POINTS:
        return None
    step = -(-len(kept) // MOST_POINTS)
    left = [(each.seconds, each.value - allowance.explains(each)) for each in kept[::step]]
    slope = statistics.median(
        (later - earlier) / (then - now)
        for (now, earlier), (then, later) in combinations(left, 2)
        if then > now
    )
    return Growth(seconds, slope * seconds, allowance.total)
