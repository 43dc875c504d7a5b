"""Judges a run's results against their history, in the transaction that records the run.

A run that arrives after a newer run of its series was judged is recorded but not judged: it cannot
change the present state, and runs that came after it must not judge it.
"""

from collections.abc import Sequence

from benchmark_exporter.counters import REGRESSIONS_CONFIRMED, REGRESSIONS_SUPPRESSED
from benchmark_exporter.ledger import Rank, Series, SeriesKey, Transaction, after, is_newer
from benchmark_exporter.model import REGRESSED, Run, Scope, Verdict
from benchmark_exporter.regression import History, Limits, is_environment_shift, judge_result


def judge_run(
    transaction: Transaction,
    row: int,
    run: Run,
    scope: Scope,
    rank: Rank,
    limits: Limits,
    now: float,
) -> None:
    """Judges the results of the new run in `row`, and keeps what the next run is judged by.

    A regression that moved with an environment shift is recorded but not counted, since the code
    did not cause it.
    `now` is in seconds since 1970.
    """
    ledger, where = transaction.verdicts, scope.key
    judged = []
    for result in run.results:
        key = SeriesKey(*where, result.name, result.unit)
        series = ledger.series(key)
        if is_newer(rank, series.rank_seconds):
            history = History(series.window, series.previous, series.unconfirmed)
            verdict = judge_result(result, history, series.pinned, limits)
            if verdict is not None:
                judged.append((key, series, verdict, history.after(verdict, limits)))
    if not judged:
        return
    shifted = is_environment_shift([verdict for _, _, verdict, _ in judged], limits)
    # In a shift to the better, what got worse did not move with it.
    worse = shifted and _more_are_worse([verdict for _, _, verdict, _ in judged])
    for key, series, verdict, history in judged:
        moved = worse and verdict.state in REGRESSED
        ledger.record(row, key.name, verdict, series.passed_commit)
        ledger.show(row, key, rank, shifted=moved)
        passed_commit = series.passed_commit if verdict.state in REGRESSED else run.commit_hash
        ledger.keep(
            key,
            Series(
                history.window,
                history.previous,
                history.unconfirmed,
                series.pinned,
                passed_commit,
                after(rank, series.rank_seconds),
            ),
        )
        confirmed = verdict.state == "critical" and not moved
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
        ledger.record_shift(
            row, scope, rank.seconds, shifted=shifted, lasting_runs=limits.least_runs
        )


def _more_are_worse(verdicts: Sequence[Verdict]) -> bool:
    worse = sum(verdict.state in REGRESSED for verdict in verdicts)
    return worse >= sum(verdict.state == "improved" for verdict in verdicts)


def compare_run(transaction: Transaction, row: int, run: Run, scope: Scope, limits: Limits) -> None:
    """Judges the results of a run against the series of another branch, which it leaves as it is.

    The verdicts are recorded with the run. They are not shown or counted.
    """
    ledger = transaction.verdicts
    for result in run.results:
        series = ledger.series(SeriesKey.of(scope, result))
        verdict = judge_result(result, History(series.window), series.pinned, limits)
        if verdict is not None:
            ledger.record(row, result.name, verdict, series.passed_commit)
