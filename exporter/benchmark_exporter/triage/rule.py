"""What becomes of a regression's state, by its runs and by what people say of it; pure.

A regression is *open* from the run whose verdict is a warning or critical until one whose verdict
is not. What people say of it holds until it gets worse or ends; a later regression of the same
result is new.
"""

import math
from collections.abc import Mapping
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from benchmark_exporter.model import REGRESSED, VerdictState
from benchmark_exporter.texts.say import phrase

TriageState = Literal["new", "acknowledged", "expected", "fixing", "fixed", "noise"]
TRIAGE_STATES: tuple[TriageState, ...] = get_args(TriageState)
# While a regression is in one of these, its notification is not repeated.
MUTED: tuple[TriageState, ...] = ("acknowledged", "fixing", "fixed", "noise")
# What may be said of a regression that has ended.
AFTERWARDS: tuple[TriageState, ...] = ("fixed", "noise")
# What moves of itself, not a person.
ITSELF = "benchmark-exporter"

# A change has grown if it is this many times what was reported, and by this much more (0.05 is five
# percentage points), in two newest runs in a row.
GROWTH_FACTOR, GROWTH_LEAST_RATIO = 1.5, 0.05
# So many runs in a row refute that a regression is fixed: of those that are as bad as before, that
# is nearer to its level than to the one before it, and of those that are regressions at all. The
# first number is that of the judge, for whom one run may be chance; the second is for a fix that
# helps only a little, which a busy machine looks like for some runs.
REFUTING_AS_BAD, REFUTING_RUNS = 2, 5


class TriageRow(msgspec.Struct, frozen=True):
    """The newest regression of a result. Times are in seconds since 1970.

    `since_seconds`, `who`, `why` and `ticket` are those of the state. `began_commit` is that of the
    last good run before it. `critical` says that a verdict was, `step` how often the change has
    grown since it began, from `reported_ratio`, and `grown_run` is a run that shows it grown for
    the first time. `triaged` says that a person gave it a state, `noise` that it counts as noise.
    `until_seconds` is when an expected level is expected no longer, `expectation` what the ledger
    needs to know then. `said_commit` is the commit of the newest run when a person gave the state.
    Since it was said to be fixed, the newest `as_bad_runs` are as bad as before, `worse_runs` are
    regressions; `counted_run` is the last one of them.
    """

    state: TriageState
    since_seconds: float
    who: str
    why: str
    ticket: str
    began_seconds: float
    began_commit: str
    ended_seconds: float | None = None
    critical: bool = False
    step: int = 0
    reported_ratio: float | None = None
    grown_run: int | None = None
    triaged: bool = False
    noise: bool = False
    until_seconds: float | None = None
    expectation: str | None = None
    said_commit: str = ""
    as_bad_runs: int = 0
    worse_runs: int = 0
    counted_run: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.ended_seconds is None


class NewestRun(msgspec.Struct, frozen=True):
    """What the newest run of a result says of it; `run` is its row, made at `rank_seconds`.

    `commit_hash` is its commit, empty if it is unknown.
    """

    state: VerdictState
    worsening_ratio: float | None
    shifted: bool
    run: int
    rank_seconds: float
    passed_commit: str
    commit_hash: str

    @property
    def is_regression(self) -> bool:
        return self.state in REGRESSED


class Saying(msgspec.Struct, frozen=True):
    """What somebody says of a regression, and when (seconds since 1970)."""

    state: TriageState
    who: str
    at_seconds: float
    why: str = ""
    ticket: str = ""
    until_seconds: float | None = None


def follow(row: TriageRow | None, newest: NewestRun | None, now: float) -> TriageRow | None:
    """The row after the newest run has changed; the same one if that changes nothing.

    `newest` is None if the result has no verdict any longer. A regression that moved with an
    environment shift does not begin one, as it begins no alert.
    """
    if newest is None or not newest.is_regression:
        return _without_regression(row, now)
    if row is None or not row.is_open or row.state == "expected":
        if newest.shifted:
            return row
        return _begun(row, newest, now)
    return _gone_on(row, newest, now)


def passed_at_once(now: float) -> TriageRow:
    """The row of a regression that is notified although a later run has ended it already."""
    return TriageRow("new", now, ITSELF, "", "", now, "", ended_seconds=now, critical=True)


def say(row: TriageRow, saying: Saying, newest: NewestRun | None) -> TriageRow:
    """The row after a person has said something of its regression.

    Who says so has seen the newest run, and how much worse it is.
    """
    person = saying.state != "new"
    worsening_ratio = None if newest is None else newest.worsening_ratio
    return replace(
        row,
        state=saying.state,
        since_seconds=saying.at_seconds,
        who=saying.who,
        why=saying.why,
        ticket=saying.ticket or row.ticket,
        triaged=row.triaged or person,
        noise=saying.state == "noise",
        reported_ratio=_greater(row.reported_ratio, worsening_ratio),
        grown_run=None,
        said_commit="" if newest is None else newest.commit_hash,
        as_bad_runs=0,
        worse_runs=0,
        counted_run=None,
    )


def expectation_ended(row: TriageRow, now: float, why: str) -> TriageRow:
    """The row when its level is expected no longer. A regression beyond that level goes on."""
    kept = replace(row, until_seconds=None, expectation=None)
    if row.state != "expected" or not row.is_open:
        return kept
    return replace(kept, ended_seconds=now, since_seconds=now, who=ITSELF, why=why)


def _begun(row: TriageRow | None, newest: NewestRun, now: float) -> TriageRow:
    expected = row is not None and row.is_open
    return TriageRow(
        state="new",
        since_seconds=now,
        who=ITSELF,
        why="worse than the expected level" if expected else "",
        ticket="",
        began_seconds=now,
        began_commit=newest.passed_commit,
        critical=newest.state == "critical",
        reported_ratio=newest.worsening_ratio,
        until_seconds=None if row is None else row.until_seconds,
        expectation=None if row is None else row.expectation,
    )


def _without_regression(row: TriageRow | None, now: float) -> TriageRow | None:
    """Its end, unless there is none to end or it is at an expected level."""
    if row is None or not row.is_open or row.state == "expected":
        return row
    if row.until_seconds is not None:
        why = "back at the expected level"
        return replace(row, state="expected", since_seconds=now, who=ITSELF, why=why, step=0)
    return replace(row, ended_seconds=now)


def _gone_on(row: TriageRow, newest: NewestRun, now: float) -> TriageRow:
    if newest.state == "critical" and not row.critical:
        raised = replace(
            row,
            critical=True,
            reported_ratio=_greater(row.reported_ratio, newest.worsening_ratio),
            grown_run=None,
        )
        return _notified_again(raised, "became critical", now)
    if _has_grown(row, newest):
        if row.grown_run is None:
            return replace(row, grown_run=newest.run)
        if row.grown_run != newest.run:
            grown = replace(
                row, step=row.step + 1, reported_ratio=newest.worsening_ratio, grown_run=None
            )
            return _notified_again(grown, "became worse", now)
    elif row.grown_run is not None:
        row = replace(row, grown_run=None)
    return _refuted(row, newest, now) if row.state == "fixed" else row


def _refuted(row: TriageRow, newest: NewestRun, now: float) -> TriageRow:
    """The row of what was said to be fixed, after a run that is a regression still.

    A run that was made before that was said does not count, and neither does another one of the
    commit that was the newest then: it may be older than the fix.
    """
    of_that_commit = bool(newest.commit_hash) and newest.commit_hash == row.said_commit
    if newest.rank_seconds <= row.since_seconds or of_that_commit or newest.run == row.counted_run:
        return row
    as_bad = row.as_bad_runs + 1 if _is_as_bad(row, newest) else 0
    counted = replace(
        row, as_bad_runs=as_bad, worse_runs=row.worse_runs + 1, counted_run=newest.run
    )
    if as_bad >= REFUTING_AS_BAD or counted.worse_runs >= REFUTING_RUNS:
        runs = as_bad if as_bad >= REFUTING_AS_BAD else counted.worse_runs
        why = f"is still worse in {runs} runs after it was said to be fixed"
        return _notified_again(counted, why, now)
    return counted


def _is_as_bad(row: TriageRow, newest: NewestRun) -> bool:
    """Whether the run is nearer to the level that was reported than to the one before it."""
    reported, now = row.reported_ratio, newest.worsening_ratio
    if reported is None or now is None:
        return True
    return math.log1p(now) >= math.log1p(reported) / 2


def _notified_again(row: TriageRow, why: str, now: float) -> TriageRow:
    if row.state not in MUTED:
        return row
    return replace(row, state="new", since_seconds=now, who=ITSELF, why=why)


def _has_grown(row: TriageRow, newest: NewestRun) -> bool:
    reported, now = row.reported_ratio, newest.worsening_ratio
    if reported is None or now is None:
        return False
    return now >= max(reported * GROWTH_FACTOR, reported + GROWTH_LEAST_RATIO)


def _greater(one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return max(known, default=None)


# What each state means, for help and pages.
MEANINGS: Mapping[TriageState, str] = {
    "new": phrase("nobody has said anything of it"),
    "acknowledged": phrase("somebody has seen it"),
    "expected": phrase("its level is accepted until a date"),
    "fixing": phrase("somebody works on it"),
    "fixed": phrase("the fix is in; later runs have to show it"),
    "noise": phrase("it is not real"),
}
