"""What follows from one run of a series for the next, and what was known before any of its runs."""

from collections.abc import Sequence

from benchmark_exporter.judge import SeriesState, Window, judge, of_another_line
from benchmark_exporter.judge.levels import accept_shift
from benchmark_exporter.ledger import (
    BEGINNING,
    END,
    JudgedRun,
    Place,
    SeriesKey,
    Standing,
    Transaction,
    digest_of,
    encode_state,
)
from benchmark_exporter.limits import ResultLimits
from benchmark_exporter.model import REGRESSED, Better, Result, Verdict
from benchmark_exporter.regression import typical

# Where the standing is not known exactly, it is made of this many runs: twice those that a state
# has, so that the first half is what the second half is judged by.
_REPLAYED_RUNS = 140
_ALL = -1


class Known:
    """What a run of a series is judged by; not `exact` if what came before is no longer known.

    A run that is judged by what is not exact changes nothing but its own verdict. `window` makes
    judging faster, if there is one.
    """

    __slots__ = ("exact", "pinned", "standing", "window")

    def __init__(
        self,
        standing: Standing,
        pinned: float | None,
        window: Window | None = None,
        *,
        exact: bool = True,
    ) -> None:
        self.standing = standing
        self.pinned = pinned
        self.window = window
        self.exact = exact


def judge_result(
    known: Known, result: Result, at_seconds: float, limits: ResultLimits, *, goes_on: bool = True
) -> tuple[Verdict, SeriesState] | None:
    """The verdict on a result and the state after it; None without a value or a direction.

    Only a run that goes on with the series can confirm what its newest runs showed.
    """
    value, better = typical(result), result.better
    if value is None or better is None:
        return None
    state = known.standing.state
    verdict, after = judge(
        state if goes_on else of_another_line(state, limits.judgement),
        value,
        at_seconds,
        better=better,
        limits=limits.judgement,
        pinned=known.pinned,
        cv_ratio=result.cv_ratio,
        samples=result.sample_count,
        window=known.window if goes_on else None,
    )
    return limits.applied(verdict), after


def standing_after(
    before: Standing,
    verdict: Verdict,
    state: SeriesState,
    result: Result,
    commit_hash: str,
    limits: ResultLimits,
    *,
    pinned: float | None,
    shifted: bool | None,
) -> Standing:
    """What the next run is judged by.

    A result that moved with a shift for `least_runs` runs in a row is at its level: that is how the
    machine is now. The last of these runs still counts as shifted, since it was compared with what
    was before. `shifted` is None for a run that does not say whether there is a shift.
    """
    runs = before.shifted_runs
    if shifted is not None:
        runs = runs + 1 if shifted else 0
    if runs >= limits.judgement.least_runs:
        if result.better is not None:
            state = accept_shift(
                state, runs, better=result.better, limits=limits.judgement, pinned=pinned
            )
        runs = 0
    return Standing(state, commit_hash if _is_good(verdict) else before.passed_commit, runs)


def known_before(
    transaction: Transaction,
    key: SeriesKey,
    better: Better | None,
    place: Place,
    limits: ResultLimits,
) -> Known:
    """What a new run of a series is judged by at its place."""
    ledger = transaction.verdicts
    series = ledger.series(key)
    if better is None:
        return Known(Standing(), series.pinned)
    if series.is_before(place):
        standing = ledger.standing(key, series, better, limits.judgement, limits.digest)
        return Known(standing, series.pinned, ledger.window(key))
    return replayed_before(transaction, key, better, place, limits)


def replayed_before(
    transaction: Transaction, key: SeriesKey, better: Better, place: Place, limits: ResultLimits
) -> Known:
    """The same by the runs before a place, whatever is kept for the next run of the series."""
    ledger = transaction.verdicts
    series = ledger.series(key)
    ledger.standing(key, series, better, limits.judgement, limits.digest)  # which may settle it
    places, settled = ledger.places, ledger.settled(key)
    if settled is not None and settled.covers(place):
        earlier = places.last(key, place, _REPLAYED_RUNS)
        return Known(
            _after(Standing(), earlier, settled.pinned, limits), settled.pinned, exact=False
        )
    since = BEGINNING.rank_seconds if settled is None else settled.rank_seconds
    found = places.checkpoint(key, place, since)
    if found is not None and (settled is None or not settled.covers(found[0])):
        base, standing = found
    elif settled is not None and (stored := Standing.of_row(settled)) is not None:
        base, standing = settled.place, stored
    else:
        return _from_the_first(transaction, key, place, series.pinned, limits)
    between = places.first(key, base, place, _ALL)
    after = _after(standing, between, series.pinned, limits)
    return Known(after, series.pinned, ledger.window(key))


def _from_the_first(
    transaction: Transaction,
    key: SeriesKey,
    place: Place,
    pinned: float | None,
    limits: ResultLimits,
) -> Known:
    """What all runs before a place give. It is exact if none of them is pruned.

    The first run that there is was the first one if judging it by nothing gives what it gave.
    """
    places = transaction.verdicts.places
    earlier = places.first(key, BEGINNING, place, _ALL)
    first = earlier[:1] or places.first(key, place, END, 1)
    exact = True
    for run in first:
        standing = _after(Standing(), [run], pinned, limits)
        exact = run.judged.row.standing_digest == digest_of(standing, encode_state(standing.state))
    window = transaction.verdicts.window(key)
    return Known(_after(Standing(), earlier, pinned, limits), pinned, window, exact=exact)


def _after(
    standing: Standing, runs: Sequence[JudgedRun], pinned: float | None, limits: ResultLimits
) -> Standing:
    window = Window()
    for each in runs:
        result, row = each.judged.result, each.judged.row
        at_seconds = each.run.rank_seconds
        judged = judge_result(Known(standing, pinned, window), result, at_seconds, limits)
        if judged is not None:
            commit = each.run.commit_hash
            standing = standing_after(
                standing, *judged, result, commit, limits, pinned=pinned, shifted=row.shifted
            )
    return standing


def _is_good(verdict: Verdict) -> bool:
    """Whether the run is one to go back to when a later one is a regression.

    The first runs of a regression are not known to be any, so one that is nearer to the limit than
    to the reference does not count.
    """
    if verdict.state in (*REGRESSED, "suspect"):
        return False
    if verdict.reference is None or verdict.limit is None:
        return True
    return abs(verdict.value - verdict.reference) <= abs(verdict.value - verdict.limit)
