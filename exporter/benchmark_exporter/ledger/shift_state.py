"""What a state says of environment shifts."""

import msgspec

from benchmark_exporter.model import Scope


class NewestShift(msgspec.Struct, frozen=True):
    """Whether the newest run of a scope was an environment shift.

    Only runs with enough results to decide count. The rest is as in RunShiftRow; None without a
    shift, or for one of before this was stored.
    """

    scope: Scope
    shifted: bool
    ratio: float | None = None
    moved: int | None = None
    judged: int | None = None


class AcceptedShift(msgspec.Struct, frozen=True):
    """The last environment shift of a scope whose level became that of its results.

    `rank_seconds` is when the run was made with which it did, in seconds since 1970. See
    RunShiftRow for the rest.
    """

    scope: Scope
    rank_seconds: float
    ratio: float
    accepted: int
