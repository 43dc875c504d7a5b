"""Judges a run's results against their history, in the transaction that records the run.

A run that arrives after a newer run of its series was judged is recorded but not judged: it cannot
change the present state, and runs that came after it must not judge it.
"""

from collections.abc import Sequence

from benchmark_exporter.counters import REGRESSIONS_CONFIRMED, REGRESSIONS_SUPPRESSED
from benchmark_exporter.judge import SeriesState, judge, of_another_line
from benchmark_exporter.ledger import Rank, Series, SeriesKey, Transaction, after, is_newer
from benchmark_exporter.model import REGRESSED, Result, Run, Scope, Verdict
from benchmark_exporter.regression import Limits, is_environment_shift, typical


def judge_run(
    transaction: Transaction,
    row: int,
    run: Run,
    scope: Scope,
    rank: Rank,
    limits: Limits,
    now: float,
) -> Sequence[str]:
    """Judges the results of the new run in `row`, and keeps what the next run is judged by.

    A regression that moved with an environment shift is recorded but not counted, since the code
    did not cause it. `now` is in seconds since 1970. Returns the names of results whose worse level
    became their level with this run, without anybody having accepted it.
    """
    ledger, where = transaction.verdicts, scope.key
    judged = _judge_results(transaction, run, scope, rank, limits)
    if not judged:
        return ()
    shifted = is_environment_shift([verdict for _, _, verdict, _ in judged], limits)
    # In a shift to the better, what got worse did not move with it.
    worse = shifted and _more_are_worse([verdict for _, _, verdict, _ in judged])
    for key, series, verdict, state in judged:
        moved = worse and verdict.state in REGRESSED
        ledger.record(row, key.name, verdict, series.passed_commit)
        ledger.show(row, key, rank, shifted=moved)
        passed_commit = run.commit_hash if _is_good(verdict) else series.passed_commit
        rank_seconds = after(rank, series.rank_seconds)
        kept = Series(pinned=series.pinned, passed_commit=passed_commit, rank_seconds=rank_seconds)
        ledger.keep_state(key, kept, state)
        confirmed = verdict.state == "critical" and not moved
        transaction.reports.follow(
            row, key, verdict, run.commit_hash, rank.seconds, now, confirmed=confirmed
        )
        labels = (*where, key.name)
        transaction.count(REGRESSIONS_CONFIRMED.name, labels, now, by=int(confirmed))
        transaction.count(REGRESSIONS_SUPPRESSED.name, labels, now, by=int(verdict.suppressed))
        if confirmed:
            transaction.count_commit(
                scope, key.name, "critical", run.commit_hash, run.timestamp_seconds, now
            )
    # A run of a few benchmarks says nothing about the machine, so it leaves the shift as it was.
    judgeable = sum(verdict.state != "insufficient_data" for _, _, verdict, _ in judged)
    if judgeable >= limits.shift_least_results:
        ledger.record_shift(row, scope, rank.seconds, limits, shifted=shifted)
    return [key.name for key, _, verdict, _ in judged if verdict.accepted]


def compare_run(
    transaction: Transaction, row: int, run: Run, scope: Scope, rank: Rank, limits: Limits
) -> None:
    """Judges the results of a run against the series of another branch, which it leaves as it is.

    The verdicts are recorded with the run. They are not shown or counted.
    """
    ledger = transaction.verdicts
    for result in run.results:
        key = SeriesKey.of(scope, result)
        series = ledger.series(key)
        judged = _judge(transaction, result, key, series, rank, limits, goes_on=False)
        if judged is not None:
            ledger.record(row, result.name, judged[0], series.passed_commit)


def _judge_results(
    transaction: Transaction, run: Run, scope: Scope, rank: Rank, limits: Limits
) -> list[tuple[SeriesKey, Series, Verdict, SeriesState]]:
    """Each result that can be judged: its series as it was, the verdict, and the next state."""
    ledger, judged, where = transaction.verdicts, [], scope.key
    for result in run.results:
        key = SeriesKey(*where, result.name, result.unit)
        series = ledger.series(key)
        if is_newer(rank, series.rank_seconds):
            one = _judge(transaction, result, key, series, rank, limits, goes_on=True)
            if one is not None:
                judged.append((key, series, *one))
    return judged


def _judge(
    transaction: Transaction,
    result: Result,
    key: SeriesKey,
    series: Series,
    rank: Rank,
    limits: Limits,
    *,
    goes_on: bool,
) -> tuple[Verdict, SeriesState] | None:
    """None for a result without a value or a direction.

    Only a run that goes on with the series can confirm what its newest runs showed.
    """
    value, better = typical(result), result.better
    if value is None or better is None:
        return None
    state = transaction.verdicts.state(key, series, better, limits)
    return judge(
        state if goes_on else of_another_line(state, limits),
        value,
        rank.seconds,
        better=better,
        limits=limits,
        pinned=series.pinned,
        cv_ratio=result.cv_ratio,
        samples=result.sample_count,
    )


def _more_are_worse(verdicts: Sequence[Verdict]) -> bool:
    worse = sum(verdict.state in REGRESSED for verdict in verdicts)
    return worse >= sum(verdict.state == "improved" for verdict in verdicts)


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
