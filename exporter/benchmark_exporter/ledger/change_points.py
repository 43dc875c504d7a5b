"""Change points as the ledger keeps them: where the level of a series changed."""

import msgspec

from benchmark_exporter.model import Scope


class ChangePoint(msgspec.Struct, frozen=True):
    """The level of a series changed with a run, the first one after the change.

    `run` is its row in the ledger, `at_seconds` its time since 1970; `previous_…` is the last run
    before the change, so the commit that caused it comes after `previous_commit_hash` and is at
    the latest `commit_hash`. Levels are medians of the runs near it in the series' unit, and
    `ratio` is by how much the level changed, 0.2 for 20 % up; None if the level was not positive.
    `p_value` is how probable such a difference is by chance. `worse` says whether it is a
    regression or an improvement. `reported_seconds` is when the judge first reported it as a
    warning or as critical, None if it did not. `found_seconds` is when the change was found.
    `alarm_commit` is set while the series' newest verdict is a regression that began with this
    change: the commit of the last run before it that was not one. `newest` is the last one of
    its series.
    """

    scope: Scope
    name: str
    unit: str
    run: int
    run_id: str
    commit_hash: str
    at_seconds: float
    previous_run: int
    previous_run_id: str
    previous_commit_hash: str
    previous_seconds: float
    value_before: float
    value_after: float
    ratio: float | None
    p_value: float
    worse: bool
    reported_seconds: float | None
    found_seconds: float
    alarm_commit: str | None = None
    newest: bool = False


class DueRow(msgspec.Struct, frozen=True):
    """A series that is to be searched; `regressed` if its runs had a regression."""

    regressed: bool


class CollectedRow(msgspec.Struct, frozen=True):
    """The series of the runs up to this row were collected."""

    through_run: int
