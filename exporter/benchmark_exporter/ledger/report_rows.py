"""The rows of what was reported and shown; see `reports` and `delivery`."""

import msgspec


class ReportRow(msgspec.Struct, frozen=True):
    """A confirmed regression, and whether it was reported.

    `alarm` is the run that first confirmed it, `run` the newest one that was worse
    itself. The rank is that of the newest one, which may have been good among worse ones. `merged`
    counts it and those before it that it took the place of. `ended_commit` is the commit of the run
    that ended it; None while it lasts. Times are in seconds since 1970.
    """

    alarm: int
    run: int
    rank_seconds: float
    confirmed_seconds: float
    reported: bool = False
    merged: int = 1
    ended_commit: str | None = None
    ended_seconds: float | None = None


class ScraperRow(msgspec.Struct, frozen=True):
    """When a Prometheus was last seen, at most an hour ago if it still scrapes."""

    seen_seconds: float


class HoldRow(msgspec.Struct, frozen=True):
    """Up to which birth the counters of a part have been shown with their values."""

    released_seconds: float
