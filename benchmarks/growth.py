"""Whether a measure of a process grows more than its data explains, for benchmarks.soak.

What is left of each value after the allowance for its data is fitted by Theil and
Sen's line: its slope is the median of the slopes of all pairs of points, so that up to 29 % of the
points may be anything (P. K. Sen, Estimates of the regression coefficient based on Kendall's tau,
JASA 63, 1968). A process' memory rises in steps and falls back at times, which a fit of squares
would follow.

What a process needs once (code, caches that have a limit) comes in its first minutes. So the points
of a warm-up are left out, and a series that is then too short has no slope.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    """A value at a time, and how much of each kind of data there was then, by name."""

    seconds: float
    value: float
    data: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Needs:
    """What a measure needs for each unit of some data, up to a limit of them if there is one."""

    each: float
    limit: float = math.inf


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a measure may grow by: with its data, and altogether whatever happens.

    `total` is what comes and goes with the load at the moment: the highest single need of it.
    """

    total: float
    needs: Mapping[str, Needs] = field(default_factory=dict)

    def explains(self, point: Point) -> float:
        """Return how much of a point's value its data explains."""
        return sum(
            need.each * min(need.limit, point.data.get(name, 0))
            for name, need in self.needs.items()
        )


@dataclass(frozen=True, slots=True)
class Growth:
    """How a measure grew after the warm-up, without what its data explains, and what it may."""

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
