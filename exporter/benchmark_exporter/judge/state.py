"""What judging goes by, what it says, and what it keeps of a series: plain, serialisable data."""

from itertools import pairwise
from math import inf
from typing import Literal

import msgspec

VerdictState = Literal["ok", "improved", "suspect", "warning", "critical", "insufficient_data"]
Better = Literal["lower", "higher"]

VERSION = 1  # of SeriesState

# The better two of the newest three runs are judged, and the median of the newest six: three bad
# runs in a row are rare where two are not, and six show a change that is half as large.
SHORT, LONG = 3, 6
# The newest runs are left out of the reference, so that a change does not hide itself.
GAP = 8
# A level holds when this many of the newest runs are beyond half of the change.
HOLDS, OF = 8, 10


class JudgeLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What to judge by. Raises ValueError where a limit contradicts another or itself."""

    window_runs: int = 60  # runs in the reference, without the newest 8
    least_runs: int = 8  # the reference needs this many, else the verdict is insufficient_data
    tolerance_ratio: float = 0.07  # 3 runs have to be worse by more than this to be critical
    small_ratio: float = 0.03  # 6 runs worse by more than this are a warning
    large_ratio: float = 0.3  # 2 runs worse by more than this may be critical without a third
    noise_factor: float = 2.4  # a change has to exceed this many standard deviations of the noise
    tail_share: float = 0.15  # runs that are evidence lie in this worst share of the reference
    mode_share: float = 0.1  # a level that this share of the reference had is known, not a change
    least_change: float = 0.0  # a change by no more than this is none; in the result's unit
    accept_after_runs: int | None = 30  # a worse level is taken as the level then; None: never
    accept_after_days: float = 7.0  # and not before

    @property
    def runs_before_verdict(self) -> int:
        """How many earlier runs the first verdict needs."""
        return self.least_runs + SHORT - 1

    def __post_init__(self) -> None:
        if self.least_runs < LONG:
            raise ValueError(f"least_runs ({self.least_runs}) must be at least {LONG}")
        if self.least_runs > self.window_runs:
            raise ValueError(
                f"least_runs ({self.least_runs}) must not exceed window_runs ({self.window_runs})"
            )
        ratios = ("small_ratio", "tolerance_ratio", "large_ratio")
        for name in (*ratios, "noise_factor", "least_change", "accept_after_days"):
            number = getattr(self, name)
            if not 0 <= number < inf:
                raise ValueError(f"{name} ({number:g}) must be 0 or a positive number")
        for less, more in pairwise(ratios):
            if getattr(self, less) > getattr(self, more):
                raise ValueError(
                    f"{less} ({getattr(self, less):g}) must not exceed "
                    f"{more} ({getattr(self, more):g})"
                )
        for name in ("tail_share", "mode_share"):
            share = getattr(self, name)
            if not 0 < share <= 1:
                raise ValueError(f"{name} ({share:g}) must be more than 0 and at most 1")
        if self.accept_after_runs is not None and self.accept_after_runs < HOLDS:
            raise ValueError(
                f"accept_after_runs ({self.accept_after_runs}) must be at least {HOLDS}, or null"
            )


class Alarm(msgspec.Struct, frozen=True):
    """An open critical alarm. `reference` and `limit` are in the result's unit."""

    reference: float
    limit: float
    began_seconds: float
    runs: int  # since the alarm began
    level_seconds: float  # when its newest step began
    level_runs: int  # since then
    values: tuple[float, ...]  # the newest of those


class SeriesState(msgspec.Struct, frozen=True):
    """What judging the next run needs to know. Serialisable; values are in the result's unit.

    `values` are the newest runs before the open alarm, oldest first, moved to the present level
    where it has changed. `unaccepted` is the reference of a regression that lasted so long that its
    level became the level, until somebody accepts it or it is fixed; `lapsed_pinned` is the pinned
    value that is not compared with meanwhile. `cv_ratios` are the coefficients of variation that
    the newest runs state of their own samples; they say what more samples would make detectable.
    """

    version: int = VERSION
    values: tuple[float, ...] = ()
    alarm: Alarm | None = None
    unaccepted: float | None = None
    lapsed_pinned: float | None = None
    cv_ratios: tuple[float, ...] = ()


class Verdict(msgspec.Struct, frozen=True):
    """What a run means against its series' history. Values in its unit; 0.2 is 20 % worse."""

    state: VerdictState
    value: float
    reference: float | None = None  # None: too few runs and nothing pinned
    limit: float | None = None  # what 3 runs have to exceed to be critical; None: too few runs
    worsening_ratio: float | None = None  # of this run; negative: better; None: a reference of 0
    noise_ratio: float | None = None  # how far from the reference 3 runs may be by chance
    detectable_ratio: float | None = None  # the smallest lasting change that would be reported
    run_count: int = 0  # runs in the reference
    suppressed: bool = False  # worse than the tolerance, but most likely by chance
    alarm_runs: int = 0  # since the alarm began, this one included; 0: none is open
    further: bool = False  # worse once more within an open alarm; true for the run that shows it
    accepted: bool = False  # the alarm's level became the level with this run
    unaccepted: float | None = None  # the reference before that, while nobody accepted the change
    rolling: float | None = None  # the median of the runs in the reference, whatever judged
    uncapped: VerdictState | None = None  # the state without the cap of its limits, if another
    limits: str = ""  # which entry of `limits` it was judged by; '': none, so the default
    quiet_ratio: float | None = None  # detectable_ratio, if the noise alone limited it
    reachable_ratio: float | None = None  # what more samples in each run would make it
    reachable_samples: int | None = None  # namely so many; None: more samples do not help
